//! OSC in and out, and OSCQuery.
//!
//! ```text
//! UDP ──Listener──┐                      ┌──▶ feedback to controllers
//! WebSocket ──────┴─▶ Ear ──▶ Remote     Carrier ──▶ UDP
//!                      │                 ▲   ▲
//! HTTP ──▶ Query ──▶ Space ◀── Board ────┘   └── Outbox ◀── output.osc
//! ```
//!
//! A [`Space`] knows what each address does; it is made anew when the plan or the score changes.
//! Whatever strangers send is bounded, and counted where it makes no sense; none of it stops the
//! show.

mod announce;
mod carrier;
mod ear;
mod feedback;
mod listener;
mod packet;
mod pattern;
mod query;
mod schedule;
mod space;
mod value;

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::Receiver;
use lumawire_core::control::Score;
use lumawire_core::outbox::Outbox;
use lumawire_core::plan::Plan;

use super::{Board, Remote};
use announce::Announcement;
use ear::Ear;

pub use ear::{Counts, TransportCommand};
pub use space::Space;

/// What is told that somebody should read; what nobody reads is dropped.
const MAX_NOTES: usize = 64;

/// Where OSC comes in.
#[derive(Debug, Clone)]
pub struct Listen {
    /// Address of the network interface: loopback keeps other machines out.
    pub ip: IpAddr,
    /// UDP port of OSC.
    pub port: u16,
    /// TCP port of OSCQuery, if it is to be served.
    pub query_port: Option<u16>,
}

/// Who hears how the parameters change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A program at an address of its own.
    Fixed(SocketAddr),
    /// Whoever sent last: at the port that it sent from, or at this one.
    LastSender(Option<u16>),
}

/// How a show speaks OSC.
#[derive(Default)]
pub struct Settings {
    /// What other programs see as its name.
    pub name: String,
    /// Whether OSCQuery is announced by mDNS, on the network that it is open to.
    pub is_announced: bool,
    /// Who hears how the parameters change.
    pub feedback: Vec<Destination>,
    /// What plays, pauses and seeks the sound; without it there are no addresses for that.
    pub transport: Option<Box<dyn Fn(TransportCommand) + Send + Sync>>,
}

/// The ports of a show, open but not yet listened to.
#[derive(Debug)]
pub struct Ports {
    udp: Option<UdpSocket>,
    query: Option<TcpListener>,
}

impl Ports {
    /// Opens what `listen` asks for. The error names the port.
    pub fn open(listen: Option<&Listen>) -> io::Result<Self> {
        let Some(listen) = listen else { return Ok(Self { udp: None, query: None }) };
        let failed = |what: &str, port: u16| {
            let at = SocketAddr::new(listen.ip, port);
            let what = what.to_owned();
            move |error: io::Error| io::Error::new(error.kind(), format!("{what} {at}: {error}"))
        };
        let udp = UdpSocket::bind((listen.ip, listen.port)).map_err(failed("UDP", listen.port))?;
        let query = listen.query_port.map(|port| {
            TcpListener::bind((listen.ip, port)).map_err(failed("OSCQuery, TCP", port))
        });
        Ok(Self { udp: Some(udp), query: query.transpose()? })
    }

    /// Where OSC comes in.
    pub fn osc(&self) -> Option<SocketAddr> {
        self.udp.as_ref().and_then(|udp| udp.local_addr().ok())
    }

    /// Where OSCQuery is served.
    pub fn query(&self) -> Option<SocketAddr> {
        self.query.as_ref().and_then(|query| query.local_addr().ok())
    }
}

/// The show that is steered.
pub struct Show {
    /// What runs at first.
    pub plan: Arc<Plan>,
    /// Its bindings, presets and cues.
    pub score: Arc<Score>,
    /// What sends events to it.
    pub remote: Remote,
    /// What shows its parameters, and later plans and scores.
    pub board: Arc<Board>,
}

/// OSC of a running show; dropping it ends that.
pub struct Osc {
    ear: Arc<Ear>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    notes: Receiver<String>,
    outbox: Arc<Outbox>,
    _announcement: Option<Announcement>,
}

impl Osc {
    /// Listens at `ports`, and carries what nodes put into `outbox`.
    pub fn start(
        ports: Ports,
        settings: Settings,
        show: Show,
        outbox: Arc<Outbox>,
    ) -> io::Result<Self> {
        let (tell, notes) = crossbeam_channel::bounded(MAX_NOTES);
        let stop = Arc::new(AtomicBool::new(false));
        let (osc, query) = (ports.osc(), ports.query());
        let ear = Arc::new(Ear::new(show, settings.transport, tell.clone()));
        // What is already running ends with it if another cannot be started.
        let mut all = Self {
            ear: ear.clone(),
            stop: stop.clone(),
            threads: Vec::new(),
            notes,
            outbox: outbox.clone(),
            _announcement: None,
        };
        // Feedback comes from the port that controllers know.
        let out = ports.udp.as_ref().map(UdpSocket::try_clone).transpose()?;
        all.threads.push(carrier::start(&ear, settings.feedback, out, outbox, &stop)?);
        if let Some(udp) = ports.udp {
            all.threads.push(listener::start(udp, &ear, &stop)?);
        }
        if let (Some(listener), Some(osc)) = (ports.query, osc) {
            all.threads.push(query::start(listener, osc, &settings.name, &ear, &stop)?);
        }
        if let (Some(osc), Some(query), true) = (osc, query, settings.is_announced) {
            match Announcement::new(&settings.name, osc, query) {
                Ok(announcement) => all._announcement = Some(announcement),
                Err(error) => {
                    let _ = tell.try_send(format!("OSCQuery is not announced: {error}"));
                }
            }
        }
        Ok(all)
    }

    /// What became of the messages so far.
    pub fn counts(&self) -> Counts {
        Counts { num_unsent: self.outbox.num_lost(), ..self.ear.counts() }
    }

    /// What somebody should know, such as the first message to an address that there is not.
    pub fn notes(&self) -> Receiver<String> {
        self.notes.clone()
    }
}

impl Drop for Osc {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}
