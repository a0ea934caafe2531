//! OSC of a show: what the command line says about it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use lumawire_core::Services;
use lumawire_core::outbox::{Allowed, Outbox};
use lumawire_runtime::Engine;
use lumawire_runtime::control::Desk;
use lumawire_runtime::control::osc::{
    Destination, Listen, Osc, Ports, Settings, Show, TransportCommand,
};
use lumawire_runtime::live::Deck;

use super::cannot_start;
use crate::cli::OscArgs;
use crate::error::CommandError;

/// The ports of a show that has not begun.
pub struct Opened {
    ports: Ports,
    settings: Settings,
    outbox: Arc<Outbox>,
}

impl Opened {
    /// Opens the ports that are asked for, and lends the nodes an outbox.
    pub fn new(args: &OscArgs, patch: &Path, services: &Services) -> Result<Self, CommandError> {
        let feedback = feedback(args)?;
        let outbox = outbox(args)?;
        let ports = Ports::open(listen(args).as_ref())
            .map_err(|source| CommandError::Io { what: "opening a port for OSC".into(), source })?;
        if let Some(osc) = ports.osc() {
            eprintln!("OSC: UDP {osc}");
        }
        if let Some(query) = ports.query() {
            eprintln!("OSCQuery: http://{query}");
        }
        services.insert(outbox.clone());
        let stem = patch.file_stem().unwrap_or_default().to_string_lossy();
        let settings = Settings {
            name: format!("Lumawire {stem}"),
            is_announced: true,
            feedback,
            transport: None,
        };
        Ok(Self { ports, settings, outbox })
    }

    /// Begins to hear and to send, now that there is something to steer.
    /// `deck` has the sound file's controls, once it plays; there is none where no file does.
    pub fn start(
        mut self,
        engine: &Engine,
        desk: &Desk,
        deck: Option<&Arc<OnceLock<Deck>>>,
    ) -> Result<Osc, CommandError> {
        self.settings.transport = deck.cloned().map(|deck| {
            let command = move |command| {
                let Some(deck) = deck.get() else { return };
                match command {
                    TransportCommand::Play => deck.set_paused(false),
                    TransportCommand::Pause => deck.set_paused(true),
                    TransportCommand::Seek(secs) => deck.seek(secs),
                }
            };
            Box::new(command) as Box<dyn Fn(TransportCommand) + Send + Sync>
        });
        let show = Show {
            plan: engine.plan().clone(),
            score: desk.score(),
            remote: desk.remote(),
            board: desk.board(),
        };
        Osc::start(self.ports, self.settings, show, self.outbox).map_err(cannot_start)
    }
}

/// Where OSC comes in, if it is to.
pub fn listen(args: &OscArgs) -> Option<Listen> {
    let ip = match args.osc_bind {
        Some(ip) => ip,
        None if args.osc_open => Ipv4Addr::UNSPECIFIED.into(),
        None => Ipv4Addr::LOCALHOST.into(),
    };
    args.osc.map(|port| Listen { ip, port, query_port: args.osc_query })
}

/// Who hears how the parameters change.
pub fn feedback(args: &OscArgs) -> Result<Vec<Destination>, CommandError> {
    args.osc_feedback.iter().map(|text| destination(text)).collect()
}

/// What lets the nodes send to where they may.
pub fn outbox(args: &OscArgs) -> Result<Arc<Outbox>, CommandError> {
    let allowed: Result<_, _> = args.osc_send.iter().map(|text| allowed(text)).collect();
    Ok(Arc::new(Outbox::new(allowed?)))
}

fn destination(text: &str) -> Result<Destination, CommandError> {
    let wrong = || {
        let advice = "write it as host:port, sender or sender:port";
        CommandError::Usage(format!("--osc-feedback {text}: {advice}"))
    };
    match text.strip_prefix("sender") {
        Some("") => return Ok(Destination::LastSender(None)),
        Some(rest) => {
            let port = rest.strip_prefix(':').and_then(|port| port.parse().ok());
            return port.map(|port| Destination::LastSender(Some(port))).ok_or_else(wrong);
        }
        None => {}
    }
    let found: Vec<SocketAddr> = text.to_socket_addrs().map_err(|_| wrong())?.collect();
    let ipv4 = found.iter().find(|address| address.is_ipv4());
    ipv4.or(found.first()).copied().map(Destination::Fixed).ok_or_else(wrong)
}

fn allowed(text: &str) -> Result<Allowed, CommandError> {
    let wrong =
        || CommandError::Usage(format!("--osc-send {text}: write it as a host or as host:port"));
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok(Allowed { host: ip.to_string(), port: None });
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(Allowed { host: address.ip().to_string(), port: Some(address.port()) });
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port.parse().map_err(|_| wrong())?)),
        None => (text, None),
    };
    if host.is_empty() { Err(wrong()) } else { Ok(Allowed { host: host.to_owned(), port }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_programs_or_senders() {
        let fixed = Destination::Fixed("127.0.0.1:9001".parse().unwrap());
        assert_eq!(destination("127.0.0.1:9001").unwrap(), fixed);
        assert_eq!(destination("sender").unwrap(), Destination::LastSender(None));
        assert_eq!(destination("sender:9001").unwrap(), Destination::LastSender(Some(9_001)));
        for wrong in ["9001", "127.0.0.1", "sender:x", "senders", "127.0.0.1:99999"] {
            assert!(destination(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn hosts_are_allowed_with_or_without_a_port() {
        let host = |host: &str, port| Allowed { host: host.into(), port };
        assert_eq!(allowed("10.0.0.5").unwrap(), host("10.0.0.5", None));
        assert_eq!(allowed("10.0.0.5:9000").unwrap(), host("10.0.0.5", Some(9_000)));
        assert_eq!(allowed("desk.local:7").unwrap(), host("desk.local", Some(7)));
        assert_eq!(allowed("[fe80::1]:7").unwrap(), host("fe80::1", Some(7)));
        for wrong in ["", ":7", "desk:x"] {
            assert!(allowed(wrong).is_err(), "{wrong}");
        }
    }
}
