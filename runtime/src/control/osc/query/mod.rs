//! OSCQuery: the addresses, their ranges and values, by HTTP and WebSocket.
//!
//! After the OSCQuery Proposal by Vidvox (<https://github.com/Vidvox/OSCQueryProposal>). One thread
//! a connection, and no more than so many.

mod client;
mod http;
mod tree;
mod values;

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Builder, JoinHandle};
use std::time::Duration;

use super::ear::Ear;
use tree::Host;

/// Connections at once.
const MAX_CLIENTS: usize = 32;
/// Time between two looks for connections.
const LOOK: Duration = Duration::from_millis(20);

/// Serves at `listener` until it is stopped.
pub(super) fn start(
    listener: TcpListener,
    osc: SocketAddr,
    name: &str,
    ear: &Arc<Ear>,
    stop: &Arc<AtomicBool>,
) -> io::Result<JoinHandle<()>> {
    listener.set_nonblocking(true)?;
    let host = Host { name: name.to_owned(), osc, query: listener.local_addr()? };
    let (ear, stop, host) = (ear.clone(), stop.clone(), Arc::new(host));
    Builder::new()
        .name("lumawire-oscquery".into())
        .spawn(move || serve(&listener, &host, &ear, &stop))
}

fn serve(listener: &TcpListener, host: &Arc<Host>, ear: &Arc<Ear>, stop: &Arc<AtomicBool>) {
    let mut clients: Vec<JoinHandle<()>> = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        clients.retain(|client| !client.is_finished());
        match listener.accept() {
            // Whoever is one too many is turned away.
            Ok((stream, _)) if clients.len() < MAX_CLIENTS => {
                clients.extend(attend(stream, host.clone(), ear.clone(), stop.clone()));
            }
            Ok(_) => {}
            Err(_) => thread::sleep(LOOK),
        }
    }
    for client in clients {
        let _ = client.join();
    }
}

fn attend(
    stream: TcpStream,
    host: Arc<Host>,
    ear: Arc<Ear>,
    stop: Arc<AtomicBool>,
) -> Option<JoinHandle<()>> {
    let talk = move || {
        // A connection that breaks off is the client's affair.
        let _ = http::talk(stream, &host, &ear, &stop);
    };
    Builder::new().name("lumawire-oscquery-client".into()).spawn(talk).ok()
}
