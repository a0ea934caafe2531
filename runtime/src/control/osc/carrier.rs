//! The thread that sends: what nodes put into the outbox, and feedback.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Builder, JoinHandle};
use std::time::{Duration, Instant};

use lumawire_core::outbox::{Batch, Numbers, OutPort, Outbox};
use rosc::{OscMessage, OscPacket, OscType, encoder};

use super::Destination;
use super::ear::Ear;
use super::feedback::Feedback;

/// Time between two looks at the parameters.
const PERIOD: Duration = Duration::from_millis(33);
/// Hosts whose addresses are remembered.
const MAX_HOSTS: usize = 64;
/// How long a host that was not found is not asked for again.
const ASK_AGAIN: Duration = Duration::from_secs(10);
/// How long a datagram may wait to leave.
const SEND_PATIENCE: Duration = Duration::from_millis(20);

pub(super) fn start(
    ear: &Arc<Ear>,
    feedback: Vec<Destination>,
    own: Option<UdpSocket>,
    outbox: Arc<Outbox>,
    stop: &Arc<AtomicBool>,
) -> io::Result<JoinHandle<()>> {
    let (ear, stop, mail) = (ear.clone(), stop.clone(), outbox.clone());
    let carrier = Carrier {
        feedback: Feedback::new(&ear, feedback),
        ear,
        mail: Batch::default(),
        hosts: HashMap::new(),
        sockets: Sockets { own, others: Vec::new() },
    };
    let thread =
        Builder::new().name("lumawire-osc-out".into()).spawn(move || carrier.run(&mail, &stop))?;
    let woken = thread.thread().clone();
    outbox.on_message(move || woken.unpark());
    Ok(thread)
}

struct Carrier {
    ear: Arc<Ear>,
    feedback: Feedback,
    mail: Batch,
    /// Addresses of hosts, or when they were not found.
    hosts: HashMap<String, Result<IpAddr, Instant>>,
    sockets: Sockets,
}

impl Carrier {
    fn run(mut self, outbox: &Outbox, stop: &AtomicBool) {
        let mut next = Instant::now();
        while !stop.load(Ordering::Relaxed) {
            outbox.take(&mut self.mail);
            self.carry();
            let now = Instant::now();
            if now >= next {
                next = now + PERIOD;
                self.ear.follow();
                let sockets = &mut self.sockets;
                self.feedback.tell(&self.ear, now, |to, packet| sockets.send(to, packet));
            }
            thread::park_timeout(next.saturating_duration_since(Instant::now()));
        }
    }

    fn carry(&mut self) {
        for (to, numbers) in self.mail.iter() {
            let Some(ip) = address_of(&mut self.hosts, to) else { continue };
            let args = match numbers {
                Numbers::Whole(n) => vec![OscType::Int(n)],
                Numbers::Real(reals) => reals.iter().map(|v| OscType::Float(*v)).collect(),
            };
            let message = OscMessage { addr: to.address().to_owned(), args };
            self.sockets.send(SocketAddr::new(ip, to.port()), &OscPacket::Message(message));
        }
    }
}

/// The address of a host, asked for once.
fn address_of(
    hosts: &mut HashMap<String, Result<IpAddr, Instant>>,
    to: &OutPort,
) -> Option<IpAddr> {
    match hosts.get(to.host()) {
        Some(Ok(ip)) => return Some(*ip),
        Some(Err(asked)) if asked.elapsed() < ASK_AGAIN => return None,
        _ => {}
    }
    let found = (to.host(), to.port()).to_socket_addrs().ok();
    // Of both kinds the older: that is what programs listen to.
    let found: Vec<IpAddr> = found.into_iter().flatten().map(|address| address.ip()).collect();
    let ip = found.iter().find(|ip| ip.is_ipv4()).or(found.first()).copied();
    if hosts.len() >= MAX_HOSTS {
        hosts.clear();
    }
    hosts.insert(to.host().to_owned(), ip.ok_or_else(Instant::now));
    if ip.is_none() {
        tracing::warn!("OSC: there is no host `{}`", to.host());
    }
    ip
}

/// What datagrams leave by.
struct Sockets {
    /// The one that listens, so that answers come from the port that controllers know.
    own: Option<UdpSocket>,
    /// Where that one does not reach: opened when they are needed.
    others: Vec<UdpSocket>,
}

impl Sockets {
    /// Sends a packet; what does not leave at once is lost, as on any network.
    fn send(&mut self, to: SocketAddr, packet: &OscPacket) {
        let Ok(bytes) = encoder::encode(packet) else { return };
        if let Some(socket) = self.find(to) {
            let _ = socket.send_to(&bytes, to);
        }
    }

    fn find(&mut self, to: SocketAddr) -> Option<&UdpSocket> {
        if self.own.as_ref().is_some_and(|own| reaches(own, to)) {
            return self.own.as_ref();
        }
        if let Some(i) = self.others.iter().position(|socket| reaches(socket, to)) {
            return self.others.get(i);
        }
        let from: IpAddr = match (to, to.ip().is_loopback()) {
            (SocketAddr::V4(_), true) => Ipv4Addr::LOCALHOST.into(),
            (SocketAddr::V4(_), false) => Ipv4Addr::UNSPECIFIED.into(),
            (SocketAddr::V6(_), true) => Ipv6Addr::LOCALHOST.into(),
            (SocketAddr::V6(_), false) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((from, 0)).ok()?;
        socket.set_write_timeout(Some(SEND_PATIENCE)).ok()?;
        self.others.push(socket);
        self.others.last()
    }
}

/// Whether what leaves by `socket` can arrive at `to`.
fn reaches(socket: &UdpSocket, to: SocketAddr) -> bool {
    socket.local_addr().is_ok_and(|own| {
        own.is_ipv4() == to.is_ipv4() && own.ip().is_loopback() == to.ip().is_loopback()
    }) || socket
        .local_addr()
        .is_ok_and(|own| own.is_ipv4() == to.is_ipv4() && own.ip().is_unspecified())
}
