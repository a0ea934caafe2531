//! The devices that are open, and what passes between them and a show.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use lumawire_core::control::{Midi, Score};

use super::feedback::Feedback;
use super::learn::Learner;
use super::mapper::{Mapper, Port};
use super::message::Message;
use super::ports::{In, Out, PortInfo, Ports, stable_name};
use crate::control::sync::{Conductor, MidiClock};
use crate::control::{Board, Remote};

/// Messages that may wait; what comes when they are full is lost.
const MAX_WAITING: usize = 8_192;
/// The longest message that counts.
const MAX_BYTES: usize = 3;
/// ALSA's loop gives back what it is sent: it is heard, but shown nothing.
const LOOP: &str = "Midi Through";

/// What happened to devices.
#[derive(Debug, Clone, PartialEq)]
pub enum MidiEvent {
    /// A device is heard.
    Opened(String),
    /// A device is gone; it is taken up again when it returns.
    Lost(String),
    /// A device cannot be opened, for this reason.
    Refused(String, String),
    /// A control was moved for a target.
    Learnt(String, Midi),
}

/// A message as it came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Raw {
    port: u32,
    /// When it came, and the device's own time.
    at: Instant,
    stamp: Duration,
    bytes: [u8; MAX_BYTES],
    len: usize,
}

struct Device {
    port: Port,
    clock: MidiClock,
    _input: Box<dyn In>,
    output: Option<(PortInfo, Box<dyn Out>, Feedback)>,
}

/// Everything that is known of MIDI while a show runs. The thread around it only waits.
pub struct Session {
    ports: Box<dyn Ports>,
    /// Parts of names of the devices that are wanted; all where there is none.
    wanted: Vec<String>,
    remote: Remote,
    board: Arc<Board>,
    conductor: Conductor,
    mapper: Mapper,
    devices: BTreeMap<String, Device>,
    refused: BTreeSet<String>,
    next_port: u32,
    waiting: (Sender<Raw>, Receiver<Raw>),
    begun: Instant,
    learner: Learner,
    /// Targets that wait for a control, the next first.
    to_learn: Vec<String>,
    tell: Box<dyn FnMut(MidiEvent) + Send>,
}

impl Session {
    /// A session with no device yet: [`scan`](Self::scan) looks for them.
    pub fn new(
        ports: Box<dyn Ports>,
        wanted: Vec<String>,
        remote: Remote,
        board: Arc<Board>,
        conductor: Conductor,
        tell: impl FnMut(MidiEvent) + Send + 'static,
    ) -> Self {
        Self {
            ports,
            wanted,
            remote,
            board,
            conductor,
            mapper: Mapper::default(),
            devices: BTreeMap::new(),
            refused: BTreeSet::new(),
            next_port: 0,
            waiting: bounded(MAX_WAITING),
            begun: Instant::now(),
            learner: Learner::default(),
            to_learn: Vec::new(),
            tell: Box::new(tell),
        }
    }

    /// Takes the bindings and presets of a patch.
    pub fn set_score(&mut self, score: Arc<Score>) {
        self.mapper.set_score(score);
    }

    /// Binds the next control that moves to `target`; several targets take their turn.
    pub fn learn(&mut self, target: String) {
        if self.to_learn.is_empty() {
            self.learner = Learner::default();
        }
        self.to_learn.push(target);
    }

    /// What waits to be taken with [`take`](Self::take).
    pub(super) fn waiting(&self) -> Receiver<Raw> {
        self.waiting.1.clone()
    }

    /// Looks which devices came and went, and opens those that are wanted.
    pub fn scan(&mut self) {
        let Ok(inputs) = self.ports.inputs() else { return };
        let gone: Vec<String> =
            self.devices.keys().filter(|id| inputs.iter().all(|i| i.id != **id)).cloned().collect();
        for id in gone {
            self.close(&id);
        }
        self.refused.retain(|id| inputs.iter().any(|i| i.id == *id));
        for input in &inputs {
            let is_new = !self.devices.contains_key(&input.id) && !self.refused.contains(&input.id);
            if is_new && self.is_wanted(&input.name) {
                self.open(input);
            }
        }
        self.match_outputs();
    }

    fn is_wanted(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        self.wanted.is_empty() || self.wanted.iter().any(|w| name.contains(&w.to_lowercase()))
    }

    fn open(&mut self, info: &PortInfo) {
        let (sender, port) = (self.waiting.0.clone(), self.next_port);
        let heard = move |stamp: Duration, bytes: &[u8]| {
            let mut raw = Raw { port, at: Instant::now(), stamp, bytes: [0; MAX_BYTES], len: 0 };
            let Some(place) = raw.bytes.get_mut(..bytes.len()) else { return };
            place.copy_from_slice(bytes);
            raw.len = bytes.len();
            // A full queue means that the thread hangs: nothing to wait for here.
            let _ = sender.try_send(raw);
        };
        match self.ports.open_input(info, Box::new(heard)) {
            Ok(input) => {
                self.next_port += 1;
                let port = Port { number: port, name: info.name.clone() };
                let device =
                    Device { port, clock: MidiClock::default(), _input: input, output: None };
                self.devices.insert(info.id.clone(), device);
                (self.tell)(MidiEvent::Opened(info.name.clone()));
            }
            Err(reason) => {
                self.refused.insert(info.id.clone());
                (self.tell)(MidiEvent::Refused(info.name.clone(), reason));
            }
        }
    }

    fn close(&mut self, id: &str) {
        let Some(device) = self.devices.remove(id) else { return };
        self.remote.send_all(self.mapper.forget(&device.port));
        (self.tell)(MidiEvent::Lost(device.port.name));
    }

    /// Gives each device the output of its name.
    fn match_outputs(&mut self) {
        let outputs = self.ports.outputs().unwrap_or_default();
        for device in self.devices.values_mut() {
            let name = stable_name(&device.port.name);
            let is_open = |(info, _, _): &(PortInfo, _, _)| outputs.contains(info);
            if name.starts_with(LOOP) || device.output.as_ref().is_some_and(is_open) {
                continue;
            }
            device.output = None;
            let same = outputs.iter().find(|output| stable_name(&output.name) == name);
            let Some(info) = same else { continue };
            if let Ok(output) = self.ports.open_output(info) {
                device.output = Some((info.clone(), output, Feedback::default()));
            }
        }
    }

    /// Takes all messages that wait.
    pub fn take_all(&mut self) {
        while let Ok(raw) = self.waiting.1.try_recv() {
            self.take(raw);
        }
    }

    pub(super) fn take(&mut self, raw: Raw) {
        let bytes = raw.bytes.get(..raw.len).unwrap_or_default();
        let Some(message) = Message::parse(bytes) else { return };
        let device = self.devices.values_mut().find(|device| device.port.number == raw.port);
        let Some(device) = device else { return };
        if let Some(news) = device.clock.hear(raw.stamp, &message) {
            self.conductor.tell(&device.port.name, raw.at, news);
        }
        let now = raw.at.saturating_duration_since(self.begun);
        if !self.to_learn.is_empty() {
            self.learner.take(&device.port, now, &message);
        }
        self.mapper.set_plan(self.board.plan());
        let board = &self.board;
        let events = self.mapper.take(&device.port, now, &message, &|target| base(board, target));
        self.remote.send_all(events);
    }

    /// Shows the devices what changed, and ends what was to be learnt by `now`.
    pub fn give_back(&mut self, now: Instant) {
        let now = now.saturating_duration_since(self.begun);
        self.mapper.set_plan(self.board.plan());
        let board = &self.board;
        let bound = self.mapper.bound();
        for device in self.devices.values_mut() {
            let Some((_, output, feedback)) = &mut device.output else { continue };
            let due = feedback.due(&device.port.name, now, bound, &|target| base(board, target));
            // One that cannot be reached is found gone at the next scan.
            let is_broken = due.iter().any(|bytes| output.send(bytes).is_err());
            if is_broken {
                device.output = None;
            }
        }
        if !self.to_learn.is_empty()
            && let Some(midi) = self.learner.result(now)
        {
            let target = self.to_learn.remove(0);
            (self.tell)(MidiEvent::Learnt(target, midi));
        }
    }
}

fn base(board: &Board, target: &str) -> Option<f64> {
    let (node, param) = target.split_once('.')?;
    board.reading(node, param)?.base
}
