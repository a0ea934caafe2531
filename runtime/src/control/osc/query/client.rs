//! A client that stays: values as they change, news of the address space, and OSC from it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rosc::{OscMessage, OscPacket, OscType, encoder};
use serde_json::{Value as Json, json};
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

use super::tree::is_published;
use super::values::Values;
use crate::control::osc::ear::Ear;
use crate::control::osc::listener::is_timeout;
use crate::control::osc::space::Space;

/// Time between two looks at what has changed.
const PERIOD: Duration = Duration::from_millis(33);
/// Length of a message from the client, in bytes: a datagram's.
const MAX_LEN: usize = 65_536;
/// Addresses that one client listens to.
const MAX_HEARD: usize = 4_096;
/// Addresses that are told one by one when they come or go; of more, only that there are.
const MAX_TOLD: usize = 32;

/// Serves a client whose handshake is done; `rest` had already come after it.
pub(super) fn serve(
    stream: TcpStream,
    rest: Vec<u8>,
    ear: &Ear,
    stop: &AtomicBool,
) -> io::Result<()> {
    let from = stream.peer_addr().map_or(Ipv4Addr::LOCALHOST.into(), |peer| peer.ip());
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_LEN))
        .max_frame_size(Some(MAX_LEN))
        .max_write_buffer_size(1 << 20);
    let socket = WebSocket::from_partially_read(stream, rest, Role::Server, Some(config));
    let space = ear.space();
    let mut client =
        Client { socket, from, ear, space, values: Values::default(), heard: BTreeMap::new() };
    client.run(stop)
}

struct Client<'a> {
    socket: WebSocket<TcpStream>,
    from: IpAddr,
    ear: &'a Ear,
    space: Arc<Space>,
    values: Values,
    /// Addresses that it listens to, and what it was told of them last.
    heard: BTreeMap<String, Option<OscType>>,
}

impl Client<'_> {
    fn run(&mut self, stop: &AtomicBool) -> io::Result<()> {
        let mut next = Instant::now();
        while !stop.load(Ordering::Relaxed) {
            match self.socket.read() {
                Ok(Message::Text(text)) => self.command(&text),
                Ok(Message::Binary(bytes)) => self.hear(&bytes)?,
                Ok(Message::Close(_)) | Err(Error::ConnectionClosed) => return Ok(()),
                Ok(_) => {}
                Err(Error::Io(error)) if is_timeout(&error) => {}
                Err(error) => return Err(io::Error::other(error)),
            }
            let now = Instant::now();
            if now >= next {
                next = now + PERIOD;
                self.tell_changes()?;
            }
        }
        let _ = self.socket.close(None);
        let _ = self.socket.flush();
        Ok(())
    }

    fn command(&mut self, text: &str) {
        let Ok(json) = serde_json::from_str::<Json>(text) else { return };
        let (Some(command), Some(path)) = (json["COMMAND"].as_str(), json["DATA"].as_str()) else {
            return;
        };
        match command {
            "LISTEN" if self.heard.len() < MAX_HEARD && self.space.method(path).is_some() => {
                self.heard.insert(path.to_owned(), None);
            }
            "IGNORE" => {
                self.heard.remove(path);
            }
            _ => {}
        }
    }

    fn hear(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut replies = Vec::new();
        let mut reply = |packet: &OscPacket| replies.extend(encoder::encode(packet));
        self.ear.hear(bytes, self.from, Instant::now(), &mut reply);
        replies.into_iter().try_for_each(|bytes| self.send(Message::binary(bytes)))
    }

    fn send(&mut self, message: Message) -> io::Result<()> {
        self.socket.send(message).map_err(io::Error::other)
    }

    fn tell_changes(&mut self) -> io::Result<()> {
        let space = self.ear.space();
        if !Arc::ptr_eq(&space, &self.space) {
            let old = std::mem::replace(&mut self.space, space.clone());
            for (command, path) in news(&old, &space) {
                let text = json!({ "COMMAND": command, "DATA": path }).to_string();
                self.send(Message::text(text))?;
            }
            self.heard.retain(|path, _| space.method(path).is_some());
        }
        if self.heard.is_empty() {
            return Ok(());
        }
        self.values.update(&self.ear.board);
        let mut changed = Vec::new();
        for (path, told) in &mut self.heard {
            let value = space.method(path).and_then(|method| self.values.of(&space, method));
            if let Some(value) = value
                && told.as_ref() != Some(&value)
            {
                *told = Some(value.clone());
                changed.push(OscMessage { addr: path.clone(), args: vec![value] });
            }
        }
        for message in changed {
            let bytes = encoder::encode(&OscPacket::Message(message)).map_err(io::Error::other)?;
            self.send(Message::binary(bytes))?;
        }
        Ok(())
    }
}

/// What is to be told of a changed address space.
fn news(old: &Space, new: &Space) -> Vec<(&'static str, String)> {
    let addresses = |space: &Space| -> BTreeSet<String> {
        let published = space.methods.iter().filter(|method| is_published(method));
        published.map(|method| method.address.clone()).collect()
    };
    let (before, after) = (addresses(old), addresses(new));
    let removed = before.difference(&after).map(|path| ("PATH_REMOVED", path.clone()));
    let added = after.difference(&before).map(|path| ("PATH_ADDED", path.clone()));
    let mut news: Vec<_> = removed.chain(added).take(MAX_TOLD + 1).collect();
    if news.len() > MAX_TOLD {
        news.clear();
    }
    // Clients that know this message alone read everything again.
    if before != after || news.is_empty() {
        news.push(("PATH_CHANGED", "/".into()));
    }
    news
}
