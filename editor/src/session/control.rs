//! Who steers a show from outside: MIDI, OSC, and a tapped tempo.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use lumawire_core::control::{Binding, Midi, Score};
use lumawire_core::outbox::Outbox;
use lumawire_core::{Edit, Graph, Plan, Registry, Services};
use lumawire_runtime::control::midi::{
    Heard, In, MidiKeeper, Out, PortInfo, Ports, Session as Midis, SystemPorts,
};
use lumawire_runtime::control::osc::{
    self, Destination, Listen, Osc, Ports as OscPorts, TransportCommand,
};
use lumawire_runtime::control::sync::Conductor;
use lumawire_runtime::control::{Board, Desk, Remote};

use super::sound::SharedDeck;
use super::{Happened, cannot_start};

/// Events that may wait to be read.
const MAX_EVENTS: usize = 64;
/// How long a port is waited for that is busy, and how long between two trials.
const BUSY: Duration = Duration::from_millis(300);
const RETRY: Duration = Duration::from_millis(20);
/// What other programs see as its name.
const NAME: &str = "Lumawire";

/// Who may steer a show from outside.
#[derive(Debug, Clone, Default)]
pub struct Outside {
    /// MIDI devices, by parts of their names; all of them where there is none. `None` hears no MIDI.
    pub midi: Option<Vec<String>>,
    /// Where OSC comes in.
    pub osc: Option<Listen>,
    /// Who hears by OSC how the parameters change.
    pub feedback: Vec<Destination>,
}

/// What steers a session from outside.
pub(super) struct Control {
    conductor: Conductor,
    remote: Remote,
    board: Arc<Board>,
    outbox: Arc<Outbox>,
    plan: Arc<Plan>,
    midi: Option<MidiKeeper>,
    midi_fault: Fault,
    osc: Arc<Mutex<OscState>>,
    tell: Sender<Happened>,
    told: Receiver<Happened>,
}

/// OSC, once its port is open.
#[derive(Default)]
struct OscState {
    running: Option<Osc>,
    /// Where it comes in.
    at: Option<SocketAddr>,
    /// Counts what was asked for: the last counts.
    num_asked: u64,
}

/// OSC that is to begin.
struct Opening {
    listen: Option<Listen>,
    settings: osc::Settings,
    show: osc::Show,
    outbox: Arc<Outbox>,
    number: u64,
}

/// Why there is no MIDI.
type Fault = Arc<Mutex<Option<String>>>;

impl Control {
    /// Nobody steers yet; what nodes send by OSC goes out, to this machine alone unless the program
    /// has lent them an outbox that may do more.
    pub fn start(desk: &Desk, plan: &Plan, services: &Services) -> Result<Self, String> {
        let outbox = services.get_or_try_init(|| Ok::<_, String>(Outbox::new(Vec::new())))?;
        let (remote, board) = (desk.remote(), desk.board());
        let (tell, told) = bounded(MAX_EVENTS);
        let mut control = Self {
            conductor: Conductor::new(remote.clone(), board.clone()),
            remote,
            board,
            outbox,
            plan: Arc::new(plan.clone()),
            midi: None,
            midi_fault: Fault::default(),
            osc: Arc::default(),
            tell,
            told,
        };
        let outside = Outside::default();
        control.set_outside(&outside, &desk.score(), SharedDeck::default())?;
        Ok(control)
    }

    pub fn set_outside(
        &mut self,
        outside: &Outside,
        score: &Arc<Score>,
        deck: SharedDeck,
    ) -> Result<(), String> {
        // Neither keeps the other from being opened.
        let osc = self.open_osc(outside, score, deck);
        let wanted = outside.midi.clone();
        let midi = wanted.map(|wanted| self.open_midi(wanted, score)).transpose();
        end(self.midi.take());
        self.midi = midi.map_err(|error| cannot_start(&error))?;
        osc
    }

    fn open_midi(&self, wanted: Vec<String>, score: &Arc<Score>) -> std::io::Result<MidiKeeper> {
        let fault = self.midi_fault.clone();
        let ports = Box::new(LatePorts { ports: None, fault });
        let tell = self.tell.clone();
        let heard = move |event| put(&tell, Happened::Midi(event));
        let (remote, board) = (self.remote.clone(), self.board.clone());
        let mut midis = Midis::new(ports, wanted, remote, board, self.conductor.clone(), heard);
        midis.set_score(score.clone());
        MidiKeeper::start(midis)
    }

    fn open_osc(
        &self,
        outside: &Outside,
        score: &Arc<Score>,
        deck: SharedDeck,
    ) -> Result<(), String> {
        let command = move |command| {
            let deck = deck.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let Some(deck) = deck else { return };
            match command {
                TransportCommand::Play => deck.set_paused(false),
                TransportCommand::Pause => deck.set_paused(true),
                TransportCommand::Seek(secs) => deck.seek(secs),
            }
        };
        let settings = osc::Settings {
            name: NAME.into(),
            is_announced: true,
            feedback: outside.feedback.clone(),
            transport: Some(Box::new(command)),
        };
        let show = osc::Show {
            plan: self.board.plan().unwrap_or_else(|| self.plan.clone()),
            score: score.clone(),
            remote: self.remote.clone(),
            board: self.board.clone(),
        };
        let mut state = lock(&self.osc);
        state.num_asked += 1;
        // Its port may be asked for again.
        (state.running, state.at) = (None, None);
        let (listen, outbox) = (outside.osc.clone(), self.outbox.clone());
        let opening = Opening { listen, settings, show, outbox, number: state.num_asked };
        drop(state);
        match OscPorts::open(opening.listen.as_ref()) {
            Ok(ports) => opening.begin(ports, &self.osc),
            Err(_) => opening.retry(self.osc.clone(), self.tell.clone()),
        }
    }

    pub fn osc_at(&self) -> Option<SocketAddr> {
        lock(&self.osc).at
    }

    /// Takes the bindings of a changed patch. OSC takes them from the board.
    pub fn set_score(&self, score: &Arc<Score>) {
        self.midi.iter().for_each(|midi| midi.scores()(score));
    }

    pub fn learn(&self, target: String) -> Result<(), String> {
        let Some(midi) = &self.midi else { return Err("MIDI is turned off".into()) };
        let fault = self.midi_fault.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match fault {
            Some(fault) => Err(format!("there is no MIDI here: {fault}")),
            None => {
                midi.learn(target);
                Ok(())
            }
        }
    }

    pub fn tap(&self) {
        self.conductor.tap();
    }

    /// What happened since the last call.
    pub fn events(&self) -> impl Iterator<Item = Happened> + '_ {
        let notes: Vec<String> = lock(&self.osc)
            .running
            .iter()
            .flat_map(|osc| osc.notes().try_iter().collect::<Vec<_>>())
            .collect();
        self.told.try_iter().chain(notes.into_iter().map(Happened::Osc))
    }

    /// Ends all; devices that are slow to close are not waited for.
    pub fn close(&mut self) {
        let mut state = lock(&self.osc);
        state.num_asked += 1;
        end((self.midi.take(), state.running.take()));
    }
}

impl Opening {
    fn begin(self, ports: OscPorts, state: &Mutex<OscState>) -> Result<(), String> {
        let mut state = lock(state);
        if state.num_asked == self.number {
            state.at = ports.osc();
            let started = Osc::start(ports, self.settings, self.show, self.outbox);
            state.running = Some(started.map_err(|error| cannot_start(&error))?);
        }
        Ok(())
    }

    /// Waits for a port that is busy, on a thread of its own: the show before may be ending.
    fn retry(self, state: Arc<Mutex<OscState>>, tell: Sender<Happened>) -> Result<(), String> {
        let open = move || {
            let began = Instant::now();
            let opened = loop {
                std::thread::sleep(RETRY);
                match OscPorts::open(self.listen.as_ref()) {
                    Err(_) if began.elapsed() < BUSY => {}
                    opened => break opened,
                }
            };
            let opened = opened.map_err(|error| format!("{error}; choose another port"));
            if let Err(why) = opened.and_then(|ports| self.begin(ports, &state)) {
                put(&tell, Happened::Osc(why));
            }
        };
        let thread = Builder::new().name("lumawire-osc-open".into());
        thread.spawn(open).map(drop).map_err(|error| cannot_start(&error))
    }
}

fn lock(osc: &Mutex<OscState>) -> MutexGuard<'_, OscState> {
    osc.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Drops on a thread of its own what may wait for a device.
fn end(gone: impl Send + 'static) {
    let ending = Builder::new().name("lumawire-control-end".into());
    if ending.spawn(move || drop(gone)).is_err() {
        tracing::warn!("what steered the show had to be ended in place");
    }
}

fn put(tell: &Sender<Happened>, happened: Happened) {
    if tell.try_send(happened).is_err() {
        tracing::warn!("nobody reads what happens to MIDI and OSC");
    }
}

/// The system's ports, opened by whoever looks first: that may wait for the system.
struct LatePorts {
    ports: Option<Result<SystemPorts, String>>,
    fault: Fault,
}

impl LatePorts {
    fn opened(&mut self) -> Result<&mut SystemPorts, String> {
        let fault = &self.fault;
        let ports = self.ports.get_or_insert_with(|| {
            let opened = SystemPorts::open();
            *fault.lock().unwrap_or_else(PoisonError::into_inner) = opened.as_ref().err().cloned();
            opened
        });
        ports.as_mut().map_err(|fault| fault.clone())
    }
}

impl Ports for LatePorts {
    fn inputs(&mut self) -> Result<Vec<PortInfo>, String> {
        self.opened()?.inputs()
    }

    fn outputs(&mut self) -> Result<Vec<PortInfo>, String> {
        self.opened()?.outputs()
    }

    fn open_input(&mut self, port: &PortInfo, heard: Heard) -> Result<Box<dyn In>, String> {
        self.opened()?.open_input(port, heard)
    }

    fn open_output(&mut self, port: &PortInfo) -> Result<Box<dyn Out>, String> {
        self.opened()?.open_output(port)
    }
}

/// The edit that binds a parameter to the MIDI control that was moved for it; what else the binding
/// says stays. A key counts up what is a count. `None` where the binding cannot be written.
pub fn learnt(graph: &Graph, registry: &Registry, target: &str, midi: Midi) -> Option<Edit> {
    let old = graph.bindings().get(target);
    let binding = Binding::learnt(old, registry.param_of(graph, target), midi);
    let json = serde_json::to_value(binding).ok()?;
    Some(Edit::SetBinding { target: target.to_owned(), binding: Some(json) })
}
