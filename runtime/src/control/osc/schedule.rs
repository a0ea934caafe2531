//! Messages that wait for their time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use rosc::{OscMessage, OscType};

/// Messages that may wait.
const MAX_WAITING: usize = 4_096;
/// Bytes of all messages that wait.
const MAX_BYTES: usize = 8 << 20;
/// How long a message may wait. A sender that asks for more has another clock: some programs count
/// time tags from their own start.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(3_600);

/// A message and who sent it.
#[derive(Debug)]
struct Waiting {
    due: Instant,
    /// Of two for the same moment, the one that came first goes first.
    num: u64,
    message: OscMessage,
    from: IpAddr,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        (self.due, self.num) == (other.due, other.num)
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.num).cmp(&(other.due, other.num))
    }
}

/// What bundles asked for later.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    waiting: BinaryHeap<Reverse<Waiting>>,
    num: u64,
    num_bytes: usize,
}

impl Schedule {
    /// Keeps a message until `due`; returns whether there was room.
    pub fn put(&mut self, due: Instant, message: OscMessage, from: IpAddr) -> bool {
        let len = size_of_message(&message);
        let has_room = self.waiting.len() < MAX_WAITING && self.num_bytes + len <= MAX_BYTES;
        if has_room {
            self.num += 1;
            self.num_bytes += len;
            self.waiting.push(Reverse(Waiting { due, num: self.num, message, from }));
        }
        has_room
    }

    /// The next message that is due by `now`.
    pub fn take(&mut self, now: Instant) -> Option<(OscMessage, IpAddr)> {
        let Reverse(first) = self.waiting.peek()?;
        if first.due > now {
            return None;
        }
        let Reverse(Waiting { message, from, .. }) = self.waiting.pop()?;
        self.num_bytes = self.num_bytes.saturating_sub(size_of_message(&message));
        Some((message, from))
    }

    /// How long until the next is due.
    pub fn wait(&self, now: Instant) -> Option<Duration> {
        self.waiting.peek().map(|Reverse(first)| first.due.saturating_duration_since(now))
    }
}

/// Memory of a message, nearly.
fn size_of_message(message: &OscMessage) -> usize {
    size_of::<Waiting>() + message.addr.len() + size_of_args(&message.args)
}

/// As deep as a packet may nest.
fn size_of_args(args: &[OscType]) -> usize {
    let own = |arg: &OscType| match arg {
        OscType::String(text) => text.len(),
        OscType::Blob(bytes) => bytes.len(),
        OscType::Array(array) => size_of_args(&array.content),
        _ => 0,
    };
    args.iter().map(|arg| size_of::<OscType>() + own(arg)).sum()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use rosc::OscArray;

    use super::*;

    #[test]
    fn messages_come_in_order_of_their_time_and_no_more_than_fit() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let put = |schedule: &mut Schedule, ms: u64, addr: &str| {
            schedule.put(now + Duration::from_millis(ms), addr.into(), ip)
        };
        for (ms, addr) in [(20, "/c"), (10, "/a"), (10, "/b"), (30, "/d")] {
            assert!(put(&mut schedule, ms, addr));
        }
        assert_eq!(schedule.wait(now), Some(Duration::from_millis(10)));
        let mut taken = Vec::new();
        while let Some((message, _)) = schedule.take(now + Duration::from_millis(20)) {
            taken.push(message.addr);
        }
        assert_eq!(taken, ["/a", "/b", "/c"]);
        let room = (0..MAX_WAITING + 3).filter(|_| put(&mut schedule, 40, "/e")).count();
        assert_eq!(room, MAX_WAITING - 1);
    }

    #[test]
    fn what_is_in_arrays_takes_room_too() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        let blob = OscType::Blob(vec![0; MAX_BYTES / 4]);
        let inner = OscType::Array(OscArray { content: vec![blob] });
        let arg = OscType::Array(OscArray { content: vec![inner] });
        let message = OscMessage { addr: "/a".into(), args: vec![arg] };
        let put = || schedule.put(now, message.clone(), IpAddr::V4(Ipv4Addr::LOCALHOST));
        assert_eq!(std::iter::repeat_with(put).take_while(|has_room| *has_room).count(), 3);
    }
}
