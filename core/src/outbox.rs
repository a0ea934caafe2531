//! What nodes tell other programs: numbers by address, which the runtime carries to the network.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use thiserror::Error;

/// Messages that may wait to be carried.
pub const MAX_MESSAGES: usize = 4_096;
/// Numbers in all messages that wait.
pub const MAX_NUMBERS: usize = 1 << 18;
/// Numbers in one message: what fits into a datagram, type tags included.
pub const MAX_MESSAGE_LEN: usize = 12_000;
/// Looks at a queue that is just being emptied, which takes as long as a swap of two pointers.
const MAX_LOOKS: usize = 64;

/// A host that a patch may send to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// Name or address.
    pub host: String,
    /// Its port; all of them where there is none.
    pub port: Option<u16>,
}

/// Where messages go. Only [`Outbox::port`] makes one, and it looks whether that is allowed.
#[derive(Debug, PartialEq, Eq)]
pub struct OutPort {
    host: String,
    port: u16,
    address: String,
}

impl OutPort {
    /// Name or address of the host.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// UDP port of the host.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// OSC address of the messages.
    pub fn address(&self) -> &str {
        &self.address
    }
}

/// Why a patch may not send there.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refused {
    /// Other machines are reached only if whoever starts the show says so.
    #[error(
        "this run may not send to {0}: a patch reaches programs of this machine alone; to allow it, \
         start with --osc-send {0}"
    )]
    Host(String),
    /// No address of OSC.
    #[error(
        "`{0}` is no OSC address: it must begin with `/`, have printable ASCII between its slashes, \
         and none of the characters space # * , ? [ ] {{ }}"
    )]
    Address(String),
}

/// What a message holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Numbers<'a> {
    /// One whole number.
    Whole(i32),
    /// Real numbers.
    Real(&'a [f32]),
}

/// Messages on their way from the nodes to the network. Nodes put them in without waiting; what
/// nobody carries is dropped and counted.
pub struct Outbox {
    allowed: Vec<Allowed>,
    waiting: Mutex<Batch>,
    wake: OnceLock<Box<dyn Fn() + Send + Sync>>,
    num_lost: AtomicU64,
}

/// Messages that were taken out together. Its memory is used again.
#[derive(Debug)]
pub struct Batch {
    messages: Vec<Message>,
    numbers: Vec<f32>,
}

#[derive(Debug)]
struct Message {
    to: Arc<OutPort>,
    whole: Option<i32>,
    from: usize,
    len: usize,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            messages: Vec::with_capacity(MAX_MESSAGES),
            numbers: Vec::with_capacity(MAX_NUMBERS),
        }
    }
}

impl Batch {
    /// The messages, in the order in which they were sent.
    pub fn iter(&self) -> impl Iterator<Item = (&OutPort, Numbers<'_>)> {
        self.messages.iter().map(|message| {
            let numbers = match message.whole {
                Some(n) => Numbers::Whole(n),
                None => {
                    let range = message.from..message.from + message.len;
                    Numbers::Real(self.numbers.get(range).unwrap_or_default())
                }
            };
            (&*message.to, numbers)
        })
    }

    /// Forgets the messages and keeps the memory.
    pub fn clear(&mut self) {
        self.messages.clear();
        self.numbers.clear();
    }

    fn put(&mut self, to: &Arc<OutPort>, numbers: Numbers<'_>) -> bool {
        let (whole, reals) = match numbers {
            Numbers::Whole(n) => (Some(n), &[][..]),
            Numbers::Real(reals) => (None, reals),
        };
        let fits = self.messages.len() < MAX_MESSAGES
            && reals.len() <= MAX_MESSAGE_LEN
            && self.numbers.len() + reals.len() <= MAX_NUMBERS;
        if fits {
            let (from, len) = (self.numbers.len(), reals.len());
            self.numbers.extend_from_slice(reals);
            self.messages.push(Message { to: to.clone(), whole, from, len });
        }
        fits
    }
}

impl Outbox {
    /// An outbox of a run whose patch may send to this machine, and to what is `allowed`.
    pub fn new(allowed: Vec<Allowed>) -> Self {
        Self {
            allowed,
            waiting: Mutex::default(),
            wake: OnceLock::new(),
            num_lost: AtomicU64::new(0),
        }
    }

    /// Calls `wake` whenever something was put in; it must not wait. Only the first call counts.
    pub fn on_message(&self, wake: impl Fn() + Send + Sync + 'static) {
        let _ = self.wake.set(Box::new(wake));
    }

    /// The port for messages to `address` of `host`, if the patch may send there.
    pub fn port(&self, host: &str, port: u16, address: &str) -> Result<Arc<OutPort>, Refused> {
        if !is_address(address) {
            return Err(Refused::Address(address.to_owned()));
        }
        let is_allowed = |allowed: &Allowed| {
            allowed.host.eq_ignore_ascii_case(host) && allowed.port.is_none_or(|p| p == port)
        };
        if !is_this_machine(host) && !self.allowed.iter().any(is_allowed) {
            return Err(Refused::Host(format!("{host}:{port}")));
        }
        Ok(Arc::new(OutPort { host: host.to_owned(), port, address: address.to_owned() }))
    }

    /// Puts a message in; one that does not fit is dropped and counted.
    pub fn send(&self, to: &Arc<OutPort>, numbers: Numbers<'_>) {
        let mut is_in = false;
        for _ in 0..MAX_LOOKS {
            if let Ok(mut waiting) = self.waiting.try_lock() {
                is_in = waiting.put(to, numbers);
                break;
            }
            std::hint::spin_loop();
        }
        if !is_in {
            self.num_lost.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(wake) = self.wake.get() {
            wake();
        }
    }

    /// Takes everything out into `batch`, whose messages are forgotten.
    pub fn take(&self, batch: &mut Batch) {
        batch.clear();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut *waiting, batch);
    }

    /// Messages that were dropped.
    pub fn num_lost(&self) -> u64 {
        self.num_lost.load(Ordering::Relaxed)
    }
}

/// Whether `host` is the machine on which this runs, told by its name or address alone.
pub fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether `text` is an address of OSC 1.0, and no pattern.
pub fn is_address(text: &str) -> bool {
    let Some(parts) = text.strip_prefix('/') else { return false };
    let is_sound = |c: char| c.is_ascii_graphic() && !"#*,?[]{}".contains(c);
    text.len() <= 255 && parts.split('/').all(|part| !part.is_empty() && part.chars().all(is_sound))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_reaches_this_machine_and_what_was_allowed() {
        let outbox = Outbox::new(vec![
            Allowed { host: "10.0.0.5".into(), port: Some(9_000) },
            Allowed { host: "desk.local".into(), port: None },
        ]);
        for (host, port) in [
            ("127.0.0.1", 7),
            ("LocalHost", 7),
            ("::1", 7),
            ("127.9.9.9", 7),
            ("10.0.0.5", 9_000),
            ("Desk.local", 1),
        ] {
            assert!(outbox.port(host, port, "/a").is_ok(), "{host}");
        }
        for (host, port) in
            [("10.0.0.5", 9_001), ("10.0.0.6", 9_000), ("127.0.0.1.evil.org", 7), ("0.0.0.0", 7)]
        {
            assert_eq!(
                outbox.port(host, port, "/a"),
                Err(Refused::Host(format!("{host}:{port}"))),
                "{host}"
            );
        }
        for address in ["", "a", "/", "/a//b", "/a b", "/a*", "/ä", "/a/"] {
            assert_eq!(
                outbox.port("localhost", 7, address),
                Err(Refused::Address(address.to_owned()))
            );
        }
    }

    #[test]
    fn messages_come_out_in_their_order_and_are_bounded() {
        let outbox = Outbox::new(Vec::new());
        let port = outbox.port("127.0.0.1", 7, "/a").unwrap();
        outbox.send(&port, Numbers::Real(&[1.0, 2.0]));
        outbox.send(&port, Numbers::Whole(3));
        let mut batch = Batch::default();
        outbox.take(&mut batch);
        let taken: Vec<_> = batch.iter().map(|(to, numbers)| (to.address(), numbers)).collect();
        assert_eq!(taken, [("/a", Numbers::Real(&[1.0, 2.0])), ("/a", Numbers::Whole(3))]);
        for _ in 0..MAX_MESSAGES + 5 {
            outbox.send(&port, Numbers::Whole(0));
        }
        outbox.send(&port, Numbers::Real(&vec![0.0; MAX_MESSAGE_LEN + 1]));
        assert_eq!(outbox.num_lost(), 6);
        outbox.take(&mut batch);
        assert_eq!(batch.iter().count(), MAX_MESSAGES);
        let memory = (batch.messages.capacity(), batch.numbers.capacity());
        assert_eq!(memory, (MAX_MESSAGES, MAX_NUMBERS), "it never grows");
    }
}
