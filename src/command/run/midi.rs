//! What steers a show from outside by MIDI and Ableton Link.

use std::path::Path;
use std::sync::Arc;

use crossbeam_channel::Sender;
use lumawire_core::control::{Binding, Midi, Score};
use lumawire_core::graph::Edit;
use lumawire_core::patch;
use lumawire_core::plan::Plan;
use lumawire_runtime::control::Desk;
use lumawire_runtime::control::midi::{
    MidiEvent, MidiKeeper, NOTES_KIND, Ports, Session, SystemPorts, stable_name,
};
use lumawire_runtime::control::sync::{Conductor, DEFAULT_ADDRESS, Link, LinkTold, TEMPO_KIND};

use super::status::Event;
use super::{cannot_start, tell};
use crate::cli::RunArgs;
use crate::error::CommandError;
use crate::settings::Settings;

/// A `--midi` that opens nothing.
const NO_MIDI: &str = "none";

/// Hands on what a changed patch is bound to.
pub type ScoreListener = Box<dyn Fn(&Arc<Score>) + Send>;

/// MIDI and Link, as long as it is kept.
pub struct Steering {
    conductor: Conductor,
    midi: Option<MidiKeeper>,
    _link: Option<Link>,
}

impl Steering {
    /// Opens what the command line and the settings name. A machine without MIDI is told of, where
    /// the patch needs it, and is no fault.
    pub fn start(
        args: &RunArgs,
        desk: &Desk,
        score: &Arc<Score>,
        plan: &Plan,
        events: &Sender<Event>,
    ) -> Result<Self, CommandError> {
        for target in &args.learn {
            check_target(plan, target)?;
        }
        let conductor = Conductor::new(desk.remote(), desk.board());
        let link = args.link.as_ref().map(|address| {
            let address = address.clone().unwrap_or_else(|| DEFAULT_ADDRESS.to_owned());
            let events = events.clone();
            Link::start(address, conductor.clone(), move |news| {
                tell(&events, Event::Note(link_note(&news)));
            })
        });
        let link = link.transpose().map_err(cannot_start)?;
        let midi = open_midi(args, desk, score, plan, events, conductor.clone())?;
        Ok(Self { conductor, midi, _link: link })
    }

    /// What taps the tempo.
    pub fn tapper(&self) -> impl Fn() + use<> {
        let conductor = self.conductor.clone();
        move || conductor.tap()
    }

    /// Who wants to know of a changed patch.
    pub fn listeners(&self) -> Vec<ScoreListener> {
        self.midi.iter().map(|midi| Box::new(midi.scores()) as ScoreListener).collect()
    }
}

fn open_midi(
    args: &RunArgs,
    desk: &Desk,
    score: &Arc<Score>,
    plan: &Plan,
    events: &Sender<Event>,
    conductor: Conductor,
) -> Result<Option<MidiKeeper>, CommandError> {
    if args.midi.iter().any(|name| name == NO_MIDI) {
        return Ok(None);
    }
    let mut ports = match SystemPorts::open() {
        Ok(ports) => ports,
        Err(reason) if !args.learn.is_empty() => {
            return Err(CommandError::Usage(format!("--learn: there is no MIDI here: {reason}")));
        }
        Err(reason) => {
            if !args.midi.is_empty() || wants_midi(score, plan) {
                tell(events, Event::Note(format!("midi: {reason}; the show goes on without it")));
            }
            return Ok(None);
        }
    };
    let wanted = wanted(args, &mut ports)?;
    let heard = {
        let (events, patch) = (events.clone(), args.patch.clone());
        move |event| tell(&events, Event::Note(note(&patch, event)))
    };
    let (remote, board) = (desk.remote(), desk.board());
    let mut session = Session::new(Box::new(ports), wanted, remote, board, conductor, heard);
    session.set_score(score.clone());
    args.learn.iter().for_each(|target| session.learn(target.clone()));
    for target in &args.learn {
        tell(events, Event::Note(format!("midi: move the control that `{target}` is to follow")));
    }
    MidiKeeper::start(session).map(Some).map_err(cannot_start)
}

/// Whether a patch expects MIDI.
fn wants_midi(score: &Score, plan: &Plan) -> bool {
    score.bindings.values().any(|binding| binding.midi.is_some())
        || score.presets.values().any(|preset| preset.program.is_some())
        || plan.steps.iter().any(|step| [TEMPO_KIND, NOTES_KIND].contains(&step.spec.kind))
}

/// Parts of names of the devices to open: what the command line says, else what was chosen last;
/// all where there is none. A choice that is there is remembered.
fn wanted(args: &RunArgs, ports: &mut SystemPorts) -> Result<Vec<String>, CommandError> {
    let path = Settings::path();
    let mut settings = path.as_deref().map(Settings::load).transpose()?.unwrap_or_default();
    if args.midi.is_empty() {
        return Ok(settings.midi.inputs);
    }
    let names: Vec<String> =
        ports.inputs().unwrap_or_default().into_iter().map(|p| p.name).collect();
    let is_there =
        |part: &String| names.iter().any(|name| name.to_lowercase().contains(&part.to_lowercase()));
    if settings.midi.inputs != args.midi && args.midi.iter().all(is_there) {
        settings.midi.inputs.clone_from(&args.midi);
        path.as_deref().map(|path| settings.save(path)).transpose()?;
    }
    Ok(args.midi.clone())
}

fn check_target(plan: &Plan, target: &str) -> Result<(), CommandError> {
    let step = target.split_once('.').and_then(|(node, param)| {
        let step = plan.steps.iter().find(|step| step.id == node)?;
        step.spec.params.get(step.spec.param(param)?)
    });
    match step {
        Some(param) if param.is_steerable() => Ok(()),
        Some(_) => Err(CommandError::Usage(format!("--learn: `{target}` cannot be steered"))),
        None => Err(CommandError::Usage(format!(
            "--learn: `{target}` is no parameter that runs in this patch; write it as node.param"
        ))),
    }
}

fn link_note(news: &LinkTold) -> String {
    match news {
        LinkTold::Connected { num_peers } => format!("link: Carabiner, {num_peers} peer(s)"),
        LinkTold::Absent(reason) => format!("link: no Carabiner at {reason}; it is looked for"),
    }
}

fn note(patch: &Path, event: MidiEvent) -> String {
    match event {
        MidiEvent::Opened(name) => format!("midi: {}", stable_name(&name)),
        MidiEvent::Lost(name) => {
            format!("midi: {} is gone; it is taken up again when it returns", stable_name(&name))
        }
        MidiEvent::Refused(name, reason) => {
            format!("midi: {} cannot be opened: {reason}", stable_name(&name))
        }
        MidiEvent::Learnt(target, midi) => match write_binding(patch, &target, midi) {
            Ok(binding) => format!("midi: `{target}` follows {binding}"),
            Err(error) => format!("midi: `{target}` was not bound: {error}"),
        },
    }
}

/// Binds a parameter to a control, in the patch's file; gives the binding as it stands there.
fn write_binding(path: &Path, target: &str, midi: Midi) -> Result<String, CommandError> {
    let registry = lumawire_nodes::registry();
    let _writing = super::reload::writing();
    let mut graph = patch::load(path)?.graph;
    let old = graph.bindings().get(target);
    let binding = Binding::learnt(old, registry.param_of(&graph, target), midi);
    let json = serde_json::to_value(&binding).map_err(|e| CommandError::Usage(e.to_string()))?;
    let text = json.to_string();
    let edit = Edit::SetBinding { target: target.to_owned(), binding: Some(json) };
    graph.apply(edit, &registry).map_err(|e| CommandError::Usage(e.to_string()))?;
    patch::save(path, &graph, &registry)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use lumawire_core::control::{BindingMode, MidiSource};

    use super::*;

    const PATCH: &str = r#"{ "format": "lumawire-patch", "version": 1,
        "nodes": { "button_1": { "kind": "source.button@1" }, "fader_1": { "kind": "source.fader@1" } },
        "bindings": { "fader_1.value": { "osc": "/a", "range": [0.5, 1] } } }"#;

    #[test]
    fn what_is_learnt_stands_in_the_patch() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.lumawire");
        std::fs::write(&path, PATCH).unwrap();
        let midi = |source| Midi { device: Some("nano".into()), channel: Some(2), source };
        let told =
            note(&path, MidiEvent::Learnt("button_1.presses".into(), midi(MidiSource::Note(36))));
        assert!(told.contains(r#""note":36"#) && told.contains("press"), "{told}");
        note(&path, MidiEvent::Learnt("fader_1.value".into(), midi(MidiSource::Cc(7))));
        let (score, faults) = Score::of(&patch::load(&path).unwrap().graph);
        assert_eq!(faults, []);
        let button = &score.bindings["button_1.presses"];
        assert_eq!(
            (button.mode, &button.midi),
            (BindingMode::Press, &Some(midi(MidiSource::Note(36))))
        );
        let fader = &score.bindings["fader_1.value"];
        // What was set by hand stays.
        assert_eq!((fader.osc.as_deref(), fader.range), (Some("/a"), Some([0.5, 1.0])));
        assert_eq!(fader.midi, Some(midi(MidiSource::Cc(7))));
    }

    #[test]
    fn a_patch_that_is_gone_is_told_of() {
        let midi = Midi { device: None, channel: None, source: MidiSource::Cc(7) };
        let told = note(Path::new("/none/such"), MidiEvent::Learnt("a.b".into(), midi));
        assert!(told.contains("not bound"), "{told}");
    }
}
