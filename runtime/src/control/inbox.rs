//! From whoever steers to the engine, without either waiting for the other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lumawire_core::control::Score;

use super::Event;

/// Events that may wait. Those that set one parameter again and again count once.
const MAX_WAITING: usize = 65_536;

/// Sends events to a show; clones send to the same.
#[derive(Debug, Clone, Default)]
pub struct Remote {
    mail: Arc<Mutex<Mail>>,
}

/// What became of the events that were sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InboxCounts {
    /// Sent in all.
    pub num_sent: u64,
    /// Replaced by a later value before the engine saw them.
    pub num_replaced: u64,
    /// Lost, because too many waited.
    pub num_lost: u64,
}

#[derive(Debug, Default)]
struct Mail {
    events: Vec<Event>,
    /// Where the waiting value of a target stands, since the last event that sets none: values may
    /// be replaced, but not moved past something that depends on their order.
    latest: HashMap<String, usize>,
    score: Option<Arc<Score>>,
    counts: InboxCounts,
}

impl Remote {
    /// Sends an event. The engine takes it before its next block.
    pub fn send(&self, event: Event) {
        self.lock().put(event);
    }

    /// Sends events in turn, which the engine takes together.
    pub fn send_all(&self, events: impl IntoIterator<Item = Event>) {
        let mut mail = self.lock();
        events.into_iter().for_each(|event| mail.put(event));
    }

    /// Gives the show the presets and cues of a changed patch.
    pub fn set_score(&self, score: Arc<Score>) {
        self.lock().score = Some(score);
    }

    /// What became of the events so far.
    pub fn counts(&self) -> InboxCounts {
        self.lock().counts
    }

    /// The engine's side: takes what waits into `events`, which must be empty, unless somebody is
    /// just sending; then it is taken the next time.
    pub(super) fn take(&self, events: &mut Vec<Event>) -> Option<Arc<Score>> {
        let mut mail = match self.mail.try_lock() {
            Ok(mail) => mail,
            Err(std::sync::TryLockError::Poisoned(error)) => error.into_inner(),
            Err(std::sync::TryLockError::WouldBlock) => return None,
        };
        std::mem::swap(&mut mail.events, events);
        mail.latest.clear();
        mail.score.take()
    }

    fn lock(&self) -> MutexGuard<'_, Mail> {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mail {
    fn put(&mut self, event: Event) {
        self.counts.num_sent += 1;
        let waiting = match &event {
            Event::Set { target, .. } | Event::Free { target } => self.latest.get(target).copied(),
            _ => None,
        };
        if let Some(slot) = waiting.and_then(|i| self.events.get_mut(i))
            && !is_release(slot, &event)
        {
            *slot = event;
            self.counts.num_replaced += 1;
            return;
        }
        if let (Some(Event::Press { target, hits }), Event::Press { target: again, hits: more }) =
            (self.events.last_mut(), &event)
            && target == again
        {
            *hits = hits.saturating_add(*more);
            return;
        }
        if self.events.len() >= MAX_WAITING {
            self.counts.num_lost += 1;
            return;
        }
        match &event {
            Event::Set { target, .. } | Event::Free { target } => {
                self.latest.insert(target.clone(), self.events.len());
            }
            _ => self.latest.clear(),
        }
        self.events.push(event);
    }
}

/// Whether a value goes back to 0 that is waiting to be another: however short it was, a button was
/// pressed.
fn is_release(waiting: &Event, event: &Event) -> bool {
    let (Event::Set { value: before, .. }, Event::Set { value, .. }) = (waiting, event) else {
        return false;
    };
    value.as_f64() == Some(0.0) && before.as_f64().is_some_and(|v| v != 0.0)
}

#[cfg(test)]
mod tests {
    use lumawire_core::ParamValue;

    use super::*;

    fn set(target: &str, v: f64) -> Event {
        Event::Set { target: target.into(), value: ParamValue::Float(v) }
    }

    fn press(target: &str, hits: u32) -> Event {
        Event::Press { target: target.into(), hits }
    }

    fn taken(remote: &Remote) -> Vec<Event> {
        let mut events = Vec::new();
        assert!(remote.take(&mut events).is_none());
        events
    }

    #[test]
    fn the_last_value_of_a_target_counts() {
        let remote = Remote::default();
        remote.send_all([set("a.x", 1.0), set("b.x", 2.0), set("a.x", 3.0)]);
        assert_eq!(taken(&remote), [set("a.x", 3.0), set("b.x", 2.0)]);
        remote.send(set("a.x", 4.0));
        assert_eq!(taken(&remote), [set("a.x", 4.0)]);
        let counts = InboxCounts { num_sent: 4, num_replaced: 1, num_lost: 0 };
        assert_eq!(remote.counts(), counts);
    }

    #[test]
    fn nothing_moves_past_a_press() {
        let remote = Remote::default();
        remote.send_all([set("a.x", 1.0), press("a.go", 1), set("a.x", 2.0), press("a.go", 2)]);
        remote.send(press("a.go", 3));
        let expected = [set("a.x", 1.0), press("a.go", 1), set("a.x", 2.0), press("a.go", 5)];
        assert_eq!(taken(&remote), expected);
    }

    #[test]
    fn a_short_press_is_a_press() {
        let remote = Remote::default();
        remote.send_all([set("a.x", 0.5), set("a.x", 1.0), set("a.x", 0.0), set("a.x", -0.0)]);
        assert_eq!(taken(&remote), [set("a.x", 1.0), set("a.x", 0.0)]);
    }

    #[test]
    fn what_waits_is_bounded() {
        let remote = Remote::default();
        for i in 0..MAX_WAITING + 10 {
            remote.send(set(&format!("n{i}.x"), 0.0));
        }
        assert_eq!(remote.counts().num_lost, 10);
        assert_eq!(taken(&remote).len(), MAX_WAITING);
    }
}
