//! What is done with a message, wherever it came from.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use crossbeam_channel::Sender;
use lumawire_core::control::BindingMode;
use lumawire_core::{Domain, ParamValue};
use rosc::{OscMessage, OscPacket, OscType};

use super::Show;
use super::packet::{self, When};
use super::schedule::{MAX_WAIT, Schedule};
use super::space::{Action, Alias, Space, Touch};
use super::value::{self, Said};
use crate::control::{Board, Event, Remote};

/// Unknown addresses that are told, each once.
const MAX_TOLD: usize = 32;
/// What the messages of one packet, or one message that waited, may do: patterns reach many addresses,
/// and a packet has room for thousands of messages.
const MAX_ACTIONS: usize = 4_096;
/// How long what was sent counts as what a parameter is, until the board shows it.
const FRESH: Duration = Duration::from_millis(200);

/// What is asked of the sound's playback.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TransportCommand {
    /// Goes on.
    Play,
    /// Stops where it is.
    Pause,
    /// Goes to so many seconds from the beginning.
    Seek(f64),
}

/// What became of messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages that were read.
    pub num_messages: u64,
    /// Packets that are no OSC.
    pub num_malformed: u64,
    /// Messages to addresses that there are not.
    pub num_unknown: u64,
    /// Messages whose arguments the address does not take, that found no room to wait, or that with
    /// their packet asked for too much.
    pub num_refused: u64,
    /// Messages whose time was over when they came, or so far off that the sender must have
    /// another clock. They counted at once.
    pub num_late: u64,
    /// Messages of nodes that could not be sent as fast as they came.
    pub num_unsent: u64,
}

#[derive(Debug, Default)]
struct Counters {
    messages: AtomicU64,
    malformed: AtomicU64,
    unknown: AtomicU64,
    refused: AtomicU64,
    late: AtomicU64,
}

type Transport = Box<dyn Fn(TransportCommand) + Send + Sync>;

/// Hears packets, from any thread.
pub(super) struct Ear {
    space: ArcSwap<Space>,
    remote: Remote,
    pub board: Arc<Board>,
    transport: Option<Transport>,
    schedule: Mutex<Schedule>,
    counters: Counters,
    told: Mutex<BTreeSet<String>>,
    notes: Sender<String>,
    /// How often all values were asked for.
    num_refreshes: AtomicU64,
    last_sender: Mutex<Option<SocketAddr>>,
}

/// What a sender gets back.
pub(super) type Reply<'a> = &'a mut dyn FnMut(&OscPacket);

impl Ear {
    pub fn new(show: Show, transport: Option<Transport>, notes: Sender<String>) -> Self {
        let space = Space::new(show.plan, show.score, transport.is_some());
        let ear = Self {
            space: ArcSwap::from_pointee(space),
            remote: show.remote,
            board: show.board,
            transport,
            schedule: Mutex::default(),
            counters: Counters::default(),
            told: Mutex::default(),
            notes,
            num_refreshes: AtomicU64::new(0),
            last_sender: Mutex::default(),
        };
        ear.tell_faults();
        ear
    }

    /// The space that counts now.
    pub fn space(&self) -> Arc<Space> {
        self.space.load_full()
    }

    /// Takes up the plan and the score that the board shows, if they are others.
    pub fn follow(&self) {
        let old = self.space.load();
        let plan = self.board.plan().unwrap_or_else(|| old.plan.clone());
        let score = self.board.score().unwrap_or_else(|| old.score.clone());
        if Arc::ptr_eq(&plan, &old.plan) && Arc::ptr_eq(&score, &old.score) {
            return;
        }
        self.space.store(Arc::new(Space::new(plan, score, self.transport.is_some())));
        self.tell_faults();
    }

    fn tell_faults(&self) {
        for fault in &self.space.load().faults {
            self.tell_once(|| fault.clone());
        }
    }

    /// How often somebody has asked for all values.
    pub fn num_refreshes(&self) -> u64 {
        self.num_refreshes.load(Ordering::Relaxed)
    }

    /// Who sent the last packet over UDP.
    pub fn last_sender(&self) -> Option<SocketAddr> {
        *lock(&self.last_sender)
    }

    pub fn set_last_sender(&self, from: SocketAddr) {
        *lock(&self.last_sender) = Some(from);
    }

    pub fn counts(&self) -> Counts {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            num_messages: get(&self.counters.messages),
            num_malformed: get(&self.counters.malformed),
            num_unknown: get(&self.counters.unknown),
            num_refused: get(&self.counters.refused),
            num_late: get(&self.counters.late),
            num_unsent: 0,
        }
    }

    /// Hears a packet that came `from` somewhere at `now`.
    pub fn hear(&self, bytes: &[u8], from: IpAddr, now: Instant, reply: Reply<'_>) {
        let mut num_left = MAX_ACTIONS;
        let is_sound = packet::read(bytes, |message, when| {
            match when {
                When::Now => {}
                When::In(wait) if wait <= MAX_WAIT => {
                    if !lock(&self.schedule).put(now + wait, message, from) {
                        count(&self.counters.messages);
                        count(&self.counters.refused);
                    }
                    return;
                }
                When::In(_) | When::Late(_) => count(&self.counters.late),
            }
            self.act(&message, from, now, &mut num_left, &mut *reply);
        });
        if !is_sound {
            count(&self.counters.malformed);
        }
    }

    /// Does what bundles have asked for by `now`; returns how long until there is more to do.
    pub fn do_what_is_due(&self, now: Instant) -> Option<Duration> {
        loop {
            // Bound first, so that the lock is free while the message is heard.
            let next = lock(&self.schedule).take(now);
            let Some((message, from)) = next else { break };
            self.act(&message, from, now, &mut { MAX_ACTIONS }, &mut |_| ());
        }
        lock(&self.schedule).wait(now)
    }

    fn act(
        &self,
        message: &OscMessage,
        from: IpAddr,
        now: Instant,
        num_left: &mut usize,
        reply: Reply<'_>,
    ) {
        count(&self.counters.messages);
        if *num_left == 0 {
            return count(&self.counters.refused);
        }
        let space = self.space.load();
        let mut heard = Heard { ear: self, space: &space, args: &message.args, from, now, reply };
        let mut is_taken = true;
        let is_known = space.find(&message.addr).for_each(|action| {
            is_taken &= *num_left > 0 && heard.act(action);
            *num_left = num_left.saturating_sub(1);
        });
        if !is_known {
            count(&self.counters.unknown);
            self.tell_once(|| {
                let shown = message.addr.chars().take(80).flat_map(char::escape_debug);
                let shown: String = shown.collect();
                format!("OSC: there is no address `{shown}` in this show")
            });
        } else if !is_taken {
            count(&self.counters.refused);
        }
    }

    fn tell_once(&self, note: impl FnOnce() -> String) {
        let mut told = lock(&self.told);
        if told.len() < MAX_TOLD {
            let note = note();
            if told.insert(note.clone()) {
                let _ = self.notes.try_send(note);
            }
        }
    }
}

/// A message in hand.
struct Heard<'a, 'r> {
    ear: &'a Ear,
    space: &'a Space,
    args: &'a [OscType],
    from: IpAddr,
    now: Instant,
    reply: Reply<'r>,
}

impl Heard<'_, '_> {
    /// Returns whether the arguments made sense.
    fn act(&mut self, action: &Action) -> bool {
        match action {
            Action::Set(place) if self.args.is_empty() => self.answer(*place, false),
            Action::SetNormal(place) if self.args.is_empty() => self.answer(*place, true),
            Action::Set(place) => self.set(*place, 0, |param, said| said.value_of(param)),
            Action::SetNormal(place) => self.set(*place, 0, |param, said| param.at(said.as_f64()?)),
            Action::Alias(alias) => self.alias(alias),
            Action::Press(place) => self.when_pressed(|heard| {
                heard.target(*place, |target| Event::Press { target, hits: 1 });
            }),
            Action::Free(place) => {
                self.when_pressed(|heard| heard.target(*place, |target| Event::Free { target }))
            }
            Action::RecallThis(name) => self.recall_this(name),
            Action::Recall => {
                let Some(preset) = self.name() else { return false };
                let secs = value::said(self.args, 1).and_then(|said| said.as_f64());
                self.send(Event::Recall { preset, morph_secs: secs.filter(|s| is_time(*s)) })
            }
            Action::Store => {
                let Some(preset) = self.name() else { return false };
                self.send(Event::Store { preset })
            }
            Action::CueThis(name) => {
                let name = name.clone();
                self.when_pressed(|heard| {
                    heard.send(Event::Cue { name });
                })
            }
            Action::Cue => {
                let Some(name) = self.name() else { return false };
                self.send(Event::Cue { name })
            }
            Action::StepCue(by) => self.when_pressed(|heard| {
                heard.send(Event::StepCue { by: *by });
            }),
            Action::CurrentCue => {
                let name = self.ear.board.cue().unwrap_or_default();
                self.tell(format!("{}/cue/current", super::space::ROOT), OscType::String(name))
            }
            Action::Refresh => self.when_pressed(|heard| {
                heard.ear.num_refreshes.fetch_add(1, Ordering::Relaxed);
            }),
            Action::Play => self.when_pressed(|heard| heard.transport(TransportCommand::Play)),
            Action::Pause => self.when_pressed(|heard| heard.transport(TransportCommand::Pause)),
            Action::Seek => match self.said(0).and_then(|said| said.as_f64()) {
                Some(secs) if is_time(secs) => {
                    self.transport(TransportCommand::Seek(secs));
                    true
                }
                _ => false,
            },
        }
    }

    fn said(&self, argument: usize) -> Option<Said> {
        value::said(self.args, argument)
    }

    /// The text that a message brings.
    fn name(&self) -> Option<String> {
        match self.said(0)? {
            Said::Value(ParamValue::Text(name)) => Some(name),
            _ => None,
        }
    }

    fn send(&self, event: Event) -> bool {
        self.ear.remote.send(event);
        true
    }

    fn transport(&self, command: TransportCommand) {
        if let Some(transport) = &self.ear.transport {
            transport(command);
        }
    }

    /// Calls `act` if a button goes down; when it goes up nothing happens.
    fn when_pressed(&mut self, act: impl FnOnce(&mut Self)) -> bool {
        let Some(said) = self.said(0) else { return false };
        if said.is_press() {
            act(self);
        }
        true
    }

    fn target(&self, place: usize, event: impl FnOnce(String) -> Event) {
        if let Some(place) = self.space.places.get(place) {
            self.send(event(place.target.clone()));
        }
    }

    fn set(
        &self,
        place: usize,
        argument: usize,
        value: impl FnOnce(&lumawire_core::Param, &Said) -> Option<ParamValue>,
    ) -> bool {
        let Some(said) = self.said(argument) else { return false };
        let Some(param) = self.space.places.get(place).map(|p| p.param) else { return false };
        match value(param, &said).and_then(|value| param.take(&value)) {
            Some(value) => self.bind(place, value),
            None => false,
        }
    }

    fn bind(&self, i: usize, value: ParamValue) -> bool {
        let Some(place) = self.space.places.get(i) else { return false };
        if let Some(v) = value.as_f64() {
            self.space.set_touch(i, Touch { when: self.now, from: self.from, value: v });
        }
        self.send(Event::Set { target: place.target.clone(), value })
    }

    fn alias(&self, alias: &Alias) -> bool {
        // A message that brings fewer arguments leaves the others as they are.
        if alias.argument > 0 && value::said(self.args, alias.argument).is_none() {
            return !self.args.is_empty();
        }
        match alias.mode {
            BindingMode::Follow => {
                self.set(alias.place, alias.argument, |param, said| match alias.range {
                    Some([low, high]) => {
                        let x = said.as_f64()?.clamp(0.0, 1.0);
                        Some(ParamValue::Float(low + x * (high - low)))
                    }
                    None => said.value_of(param),
                })
            }
            BindingMode::Press => {
                let Some(said) = self.said(alias.argument) else { return false };
                if said.is_press() {
                    self.target(alias.place, |target| Event::Press { target, hits: 1 });
                }
                true
            }
            BindingMode::Toggle => {
                let Some(said) = self.said(alias.argument) else { return false };
                !said.is_press() || self.toggle(alias)
            }
            BindingMode::Relative => {
                let Some(step) = self.said(alias.argument).and_then(|said| said.as_f64()) else {
                    return false;
                };
                let span = alias.range.map_or(1.0, |[low, high]| high - low);
                self.move_by(alias, step * span)
            }
        }
    }

    /// Turns a switch over, or goes to the end of the range that is farther.
    fn toggle(&self, alias: &Alias) -> bool {
        let Some(place) = self.space.places.get(alias.place) else { return false };
        let Some(now) = self.now_at(alias.place) else { return false };
        let ends = alias.range.or_else(|| ends(&place.param.domain));
        let Some([low, high]) = ends else { return false };
        let v = if (now - high).abs() <= (now - low).abs() { low } else { high };
        match place.param.take(&ParamValue::Float(v)) {
            Some(value) => self.bind(alias.place, value),
            None => false,
        }
    }

    fn move_by(&self, alias: &Alias, step: f64) -> bool {
        let Some(place) = self.space.places.get(alias.place) else { return false };
        let Some(now) = self.now_at(alias.place) else { return false };
        let to = match alias.range {
            Some([low, high]) => (now + step).clamp(low.min(high), low.max(high)),
            None => now + step,
        };
        match place.param.take(&ParamValue::Float(to)) {
            Some(value) => self.bind(alias.place, value),
            None => false,
        }
    }

    /// What a parameter is, as far as is known here.
    fn now_at(&self, i: usize) -> Option<f64> {
        let place = self.space.places.get(i)?;
        let fresh = self.space.touch(i).filter(|t| self.now.duration_since(t.when) < FRESH);
        let shown = || {
            let (node, param) = place.target.split_once('.')?;
            self.ear.board.reading(node, param)?.base
        };
        fresh.map(|touch| touch.value).or_else(shown).or_else(|| place.patch_value.as_f64())
    }

    /// Tells the sender what a parameter is.
    fn answer(&mut self, i: usize, is_normal: bool) -> bool {
        let Some(place) = self.space.places.get(i) else { return false };
        let Some((address, _)) = place.told_at.first() else { return false };
        let now = self.now_at(i);
        let arg = if is_normal {
            let place_of = |v| place.param.place_of(&ParamValue::Float(v));
            now.and_then(place_of).map(|x| OscType::Float(x as f32))
        } else {
            let told = now.and_then(|v| value::told_number(place.param, v));
            told.or_else(|| value::told(place.param, &place.patch_value))
        };
        let address = if is_normal { format!("{address}/normal") } else { address.clone() };
        arg.is_some_and(|arg| self.tell(address, arg))
    }

    fn tell(&mut self, addr: String, arg: OscType) -> bool {
        (self.reply)(&OscPacket::Message(OscMessage { addr, args: vec![arg] }));
        true
    }

    /// A preset's own address: pressed, or with the seconds to take. A button that goes up, which
    /// sends 0, means nothing.
    fn recall_this(&self, name: &str) -> bool {
        let Some(said) = self.said(0) else { return false };
        let morph_secs = match said {
            Said::Value(ParamValue::Float(secs)) if is_time(secs) => Some(secs),
            Said::Value(ParamValue::Float(_)) => return false,
            _ => None,
        };
        if said.is_press() {
            self.send(Event::Recall { preset: name.to_owned(), morph_secs });
        }
        true
    }
}

/// Both ends of what a parameter without a range is toggled between.
fn ends(domain: &Domain) -> Option<[f64; 2]> {
    match domain {
        Domain::Bool { .. } => Some([0.0, 1.0]),
        Domain::Float { soft, .. } => Some([f64::from(soft.0), f64::from(soft.1)]),
        Domain::Int { soft, .. } => Some([soft.0 as f64, soft.1 as f64]),
        Domain::Choice { options, .. } => Some([0.0, options.len().saturating_sub(1) as f64]),
        Domain::Text { .. } | Domain::File { .. } => None,
    }
}

fn is_time(secs: f64) -> bool {
    secs.is_finite() && secs >= 0.0
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use rosc::encoder;

    use super::super::space::testing;
    use super::*;

    struct Rig {
        ear: Ear,
        /// When all messages come.
        now: Instant,
        remote: Remote,
        commands: crossbeam_channel::Receiver<TransportCommand>,
    }

    fn rig(bindings: &str) -> Rig {
        let space = testing::space(bindings, r#"{ "calm": {} }"#, "{}");
        let (remote, board) = (Remote::default(), Arc::default());
        let (plan, score) = (space.plan, space.score);
        let show = Show { plan, score, remote: remote.clone(), board };
        let (command, commands) = crossbeam_channel::unbounded();
        let transport = move |c| command.send(c).unwrap();
        let (notes, _) = crossbeam_channel::bounded(1);
        let ear = Ear::new(show, Some(Box::new(transport)), notes);
        Rig { ear, now: Instant::now(), remote, commands }
    }

    impl Rig {
        /// What a message asks of the show.
        fn events(&self, addr: &str, args: &[OscType]) -> Vec<Event> {
            let message = OscMessage { addr: addr.into(), args: args.to_vec() };
            let bytes = encoder::encode(&OscPacket::Message(message)).unwrap();
            self.ear.hear(&bytes, Ipv4Addr::LOCALHOST.into(), self.now, &mut |_| ());
            let mut events = Vec::new();
            assert!(self.remote.take(&mut events).is_none());
            events
        }

        fn num_refused(&self) -> u64 {
            self.ear.counts().num_refused
        }
    }

    fn set(target: &str, value: impl Into<ParamValue>) -> Event {
        Event::Set { target: target.into(), value: value.into() }
    }

    const DOWN: OscType = OscType::Float(1.0);
    const UP: OscType = OscType::Float(0.0);

    #[test]
    fn a_toggle_turns_over_at_every_press() {
        let rig = rig(r#"{ "a.on": { "osc": "/on", "mode": "toggle" },
                           "b.speed": { "osc": "/speed", "mode": "toggle", "range": [0.5, 3] } }"#);
        for expected in [true, false, true] {
            assert_eq!(rig.events("/on", &[DOWN]), [set("a.on", expected)]);
            assert_eq!(rig.events("/on", &[UP]), []);
        }
        for expected in [3.0, 0.5, 3.0] {
            assert_eq!(rig.events("/speed", &[]), [set("b.speed", expected)]);
        }
        assert_eq!(rig.num_refused(), 0);
    }

    #[test]
    fn steps_add_up_within_the_range() {
        let rig = rig(r#"{ "b.speed": { "osc": "/wheel", "mode": "relative", "range": [0, 2] },
                           "a.speed": { "osc": "/fine", "mode": "relative" } }"#);
        let wheel = |step: f32| rig.events("/wheel", &[OscType::Float(step)]);
        assert_eq!(wheel(0.25), [set("b.speed", 1.5)], "from the default, 1");
        assert_eq!(wheel(0.125), [set("b.speed", 1.75)]);
        assert_eq!(wheel(1.0), [set("b.speed", 2.0)]);
        assert_eq!(wheel(-0.5), [set("b.speed", 1.0)]);
        assert_eq!(rig.events("/fine", &[OscType::Int(1)]), [set("a.speed", 3.0)], "patch: 2");
    }

    #[test]
    fn buttons_count_when_they_go_down() {
        let rig = rig(r#"{ "a.count": { "osc": "/push", "mode": "press" } }"#);
        let press = |target: &str| Event::Press { target: target.into(), hits: 1 };
        for down in [&[][..], &[DOWN], &[OscType::Inf], &[OscType::Bool(true)], &["on".into()]] {
            assert_eq!(rig.events("/push", down), [press("a.count")], "{down:?}");
            assert_eq!(rig.events("/lumawire/b/count/press", down), [press("b.count")]);
        }
        for up in [UP, OscType::Int(0), OscType::Bool(false), "off".into()] {
            assert_eq!(rig.events("/push", &[up]), []);
        }
        assert_eq!(rig.num_refused(), 0);
    }

    #[test]
    fn arguments_of_one_message_move_several_parameters() {
        let rig =
            rig(r#"{ "a.speed": { "osc": "/xy", "range": [0, 4] }, "b.speed": { "osc": "/xy 2" },
                           "a.on": { "osc": "/xy 2" } }"#);
        let both = rig.events("/xy", &[OscType::Float(0.5), OscType::Float(2.5)]);
        let expected = [set("a.on", true), set("a.speed", 2.0), set("b.speed", 2.5)];
        assert_eq!(both, expected);
        assert_eq!(rig.events("/xy", &[OscType::Float(7.0)]), [set("a.speed", 4.0)]);
        assert_eq!(rig.num_refused(), 0);
    }

    #[test]
    fn presets_take_seconds_and_names() {
        let rig = rig("{}");
        let recall = |secs| [Event::Recall { preset: "calm".into(), morph_secs: secs }];
        let calm = "/lumawire/preset/calm";
        assert_eq!(rig.events(calm, &[OscType::Float(4.0)]), recall(Some(4.0)));
        assert_eq!(rig.events(calm, &[OscType::Bool(true)]), recall(None));
        assert_eq!(rig.events(calm, &[UP]), []);
        assert_eq!(rig.num_refused(), 0);
        assert_eq!(rig.events(calm, &[OscType::Float(-1.0)]), []);
        assert_eq!(rig.events(calm, &[OscType::Float(f32::INFINITY)]), []);
        assert_eq!(rig.num_refused(), 2);
        let by_name = ["calm".into(), OscType::Float(0.0)];
        assert_eq!(rig.events("/lumawire/preset/recall", &by_name), recall(Some(0.0)));
        let store = [Event::Store { preset: "new one".into() }];
        assert_eq!(rig.events("/lumawire/preset/store", &["new one".into()]), store);
        assert_eq!(rig.events("/lumawire/preset/store", &[]), []);
        assert_eq!(rig.num_refused(), 3);
    }

    #[test]
    fn playback_is_told_to_whoever_plays() {
        let rig = rig("{}");
        rig.events("/lumawire/transport/play", &[]);
        rig.events("/lumawire/transport/pause", &[UP]);
        rig.events("/lumawire/transport/pause", &[DOWN]);
        rig.events("/lumawire/transport/seek", &[OscType::Float(12.5)]);
        rig.events("/lumawire/transport/seek", &[OscType::Float(-1.0)]);
        let commands: Vec<_> = rig.commands.try_iter().collect();
        let expected =
            [TransportCommand::Play, TransportCommand::Pause, TransportCommand::Seek(12.5)];
        assert_eq!(commands, expected);
        assert_eq!(rig.num_refused(), 1);
    }
}
