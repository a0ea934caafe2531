//! How the show follows the document, and the window the show.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use egui::Context;
use lumawire_core::{Edit, Facts, Graph, GraphNode, ParamValue, Plan};
use lumawire_runtime::control::midi::MidiEvent;
use lumawire_runtime::control::{Event, Notice};
use lumawire_runtime::live::{OutputEvent, OutputFigures};

use super::Editor;
use super::disk::Disk;
use crate::command::Command;
use crate::cx::spec_of;
use crate::document::Document;
use crate::inspector::learn::Learning as _;
use crate::preview::output::viewport_id;
use crate::session::{Happened, Session, Setup, Sound, learnt};

/// At most so often a show that broke down is begun anew.
const REVIVAL: Duration = Duration::from_secs(10);

/// What every parameter is set to, by node and parameter.
pub(super) type Values = BTreeMap<(String, String), ParamValue>;

/// What of a show an edit reaches without a new plan.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Touched {
    /// Node and parameter.
    params: BTreeSet<(String, String)>,
    /// Bindings, presets or cues.
    has_score: bool,
}

impl Touched {
    pub fn by(edit: &Edit) -> Self {
        let mut touched = Self::default();
        touched.add(edit);
        touched
    }

    /// What undo and redo changed; the score with it, as they do not tell.
    pub fn between(before: &Values, after: &Values) -> Self {
        let keys = before.keys().chain(after.keys());
        let changed = keys.filter(|key| before.get(*key) != after.get(*key));
        Self { params: changed.cloned().collect(), has_score: true }
    }

    fn add(&mut self, edit: &Edit) {
        match edit {
            Edit::SetParam { node, param, .. } => {
                self.params.insert((node.clone(), param.clone()));
            }
            Edit::SetBinding { .. }
            | Edit::SetPreset { .. }
            | Edit::SetCues { .. }
            | Edit::RenameNode { .. } => self.has_score = true,
            Edit::Batch(edits) => edits.iter().for_each(|edit| self.add(edit)),
            _ => {}
        }
    }
}

pub(super) fn values_of(graph: &Graph) -> Values {
    let of_node = |(id, node): (&str, &GraphNode)| {
        let id = id.to_owned();
        let params = node.params.clone().into_iter();
        params.map(move |(param, value)| ((id.clone(), param), value)).collect::<Vec<_>>()
    };
    graph.nodes().flat_map(of_node).collect()
}

/// Whether a node of the patch runs in this plan.
fn runs(plan: &Plan, document: &Document, node: &str) -> bool {
    let kind = document.graph().node(node).map(|node| node.kind.as_str());
    plan.steps.iter().any(|step| step.id == node && Some(step.spec.kind) == kind)
}

impl Editor {
    /// Lets the show follow what was changed in the patch and needs no new plan. A parameter that
    /// somebody steers is then what the person set: whoever came last counts.
    pub(super) fn follow(&mut self, touched: &Touched) {
        let Some(session) = &self.session else { return };
        if touched.has_score {
            let score = (self.kit.score)(self.document.graph(), self.document.base_dir());
            session.set_score(score);
        }
        let Some(remote) = session.remote() else { return };
        let plan = session.board().and_then(|board| board.plan());
        for (node, id) in &touched.params {
            let spec = spec_of(&self.document, node);
            let param = spec.and_then(|s| s.params.iter().find(|p| p.id == id));
            let Some(param) = param.filter(|param| param.is_steerable()) else { continue };
            let set = self.document.graph().node(node).and_then(|node| node.params.get(id));
            let value = set.cloned().unwrap_or_else(|| param.default_value());
            remote.send(Event::Set { target: format!("{node}.{id}"), value });
            if !plan.as_deref().is_some_and(|plan| runs(plan, &self.document, node)) {
                // It is being prepared, by the value of before.
                self.late.insert((node.clone(), id.clone()));
            }
        }
    }

    /// Sets what was set before the show had its node.
    fn catch_up(&mut self) {
        if self.late.is_empty() {
            return;
        }
        let plan = self.session.as_ref().and_then(Session::board).and_then(|board| board.plan());
        let Some(plan) = plan else { return };
        let graph = self.document.graph();
        let late = std::mem::take(&mut self.late).into_iter();
        let late = late.filter(|(node, _)| graph.node(node).is_some());
        let (params, late) = late.partition(|(node, _)| runs(&plan, &self.document, node));
        self.late = late;
        self.follow(&Touched { params, has_score: false });
    }

    /// Takes up files that were changed on the disk.
    pub(super) fn look_at_disk(&mut self, ctx: &Context) {
        let disk = self.disk.get_or_insert_with(|| Disk::new(ctx));
        disk.follow(&self.document);
        if disk.has_changed() {
            self.document.reread();
        }
    }

    /// Hands a new plan to the show, or starts one.
    pub(super) fn run_plan(&mut self) {
        let Some(plan) = self.document.take_plan() else { return };
        let fits = |s: &&Session| s.rate_hz() == plan.clock.sample_rate_hz;
        if let Some(session) = self.session.as_ref().filter(fits) {
            session.submit_at(plan, self.document.base_dir().to_owned());
            return;
        }
        self.leave(None);
        // There is one that hears a device.
        let (sound, opening) = match &mut self.leaving {
            Some(leaving) => (Sound::Silence, leaving.opening(&plan)),
            None => (self.sound.clone(), Vec::new()),
        };
        let score = (self.kit.score)(self.document.graph(), self.document.base_dir());
        let setup = Setup {
            plan,
            score,
            opening,
            base_dir: self.document.base_dir().to_owned(),
            sound,
            size_px: None,
            silent: self.is_silent,
        };
        match Session::start(&self.kit, setup) {
            Ok(session) => self.session = Some(session),
            Err(error) => self.tell(error),
        }
        (self.wakes, self.is_down) = (false, false);
        self.watched.clear();
        self.failures.clear();
        self.late.clear();
        self.begin_handover();
    }

    /// Begins a show anew that broke down, now or after a while.
    fn revive(&mut self) {
        let is_early = self.revived.is_some_and(|at| at.elapsed() < REVIVAL);
        if self.is_down && !is_early {
            (self.is_down, self.revived) = (false, Some(Instant::now()));
            self.document.compile();
        }
    }

    /// Lets those steer the show who may.
    pub(super) fn open_outside(&mut self) {
        let Some(session) = &mut self.session else { return };
        if let Err(error) = session.set_outside(&self.outside) {
            self.tell(error);
        }
    }

    fn teach(&mut self) {
        let Some(target) = self.lesson.take_new() else { return };
        let told = match &self.session {
            Some(session) => session.learn(target),
            None => Err("nothing plays, so that no MIDI is heard".into()),
        };
        if let Err(error) = told {
            self.lesson.cancel();
            self.tell(error);
        }
    }

    fn take_midi(&mut self, event: MidiEvent) {
        match event {
            MidiEvent::Opened(name) => self.tell(format!("MIDI: {name} is heard")),
            MidiEvent::Lost(name) => self.tell(format!("MIDI: {name} is gone")),
            MidiEvent::Refused(name, why) => self.tell(format!("MIDI: {name}: {why}")),
            MidiEvent::Learnt(target, midi) => {
                self.lesson.cancel();
                let (graph, registry) = (self.document.graph(), self.document.registry());
                if let Some(edit) = learnt(graph, registry, &target, midi) {
                    self.commands.push(Command::edit(edit, format!("bind {target}")));
                }
            }
        }
    }

    /// Says which outputs are to be looked at, where that changed.
    pub(super) fn watch(&mut self) {
        let solo = self.panels.output.soloed();
        let watched = self.panels.canvas.watched().iter().chain(solo);
        if !watched.clone().eq(&self.watched) {
            self.watched = watched.cloned().collect();
            if let Some(session) = &self.session {
                session.watch(self.watched.clone());
            }
        }
    }

    /// Has the show wake the window at every picture.
    pub(super) fn wake(&mut self, ctx: &Context) {
        if self.is_down {
            ctx.request_repaint_after(REVIVAL);
        }
        if let Some(session) = self.session.as_ref().filter(|_| !self.wakes) {
            let (ctx, num_pictures) = (ctx.clone(), self.num_pictures.clone());
            session.on_picture(move || {
                num_pictures.fetch_add(1, Ordering::Relaxed);
                ctx.request_repaint();
                ctx.request_repaint_of(viewport_id());
            });
            self.wakes = true;
        }
    }

    /// Takes what happened in the show.
    pub(super) fn hear_session(&mut self) {
        self.teach();
        self.hear_leaving();
        self.hand_over();
        self.revive();
        self.catch_up();
        let Some(session) = &self.session else { return };
        session.read(&mut self.readings);
        self.panels.bar.facts = Facts::of(&self.kit.services).all();
        for happened in session.happened() {
            self.take(happened);
        }
    }

    pub(super) fn take(&mut self, happened: Happened) {
        match happened {
            Happened::Node(report) => match report.error {
                Some(error) => drop(self.failures.insert(report.node, error)),
                None => drop(self.failures.remove(&report.node)),
            },
            Happened::Notice(notice) => self.heed(notice),
            Happened::Audio(event) => self.panels.bar.hear(&event),
            Happened::Unheard(why) => {
                // Without its music a patch still shows its picture.
                let heard = self.session.as_ref().map(Session::sound).unwrap_or_default();
                self.panels.transport.set_sound(heard.clone());
                self.sound = heard;
                self.tell(why);
            }
            Happened::Recording(OutputEvent::Began(name)) => {
                self.tell(format!("records to {name}"))
            }
            Happened::Recording(OutputEvent::Failed { name, error, .. }) => {
                self.tell(format!("recording {name}: {error}"));
            }
            Happened::Recorded(figures) => {
                let OutputFigures { name, num_frames, num_dropped, .. } = figures;
                self.tell(format!("recorded {name}: {num_frames} frames, {num_dropped} dropped"));
            }
            Happened::Midi(event) => self.take_midi(event),
            Happened::Osc(text) => self.tell(text),
            Happened::Ended(why) => {
                self.tell(format!("the show ended: {why}"));
                (self.session, self.is_down) = (None, true);
            }
        }
    }

    fn heed(&mut self, notice: Notice) {
        match notice {
            Notice::Keep(target, value) => {
                if let Some((node, param)) = target.split_once('.') {
                    let (node, param) = (node.to_owned(), param.to_owned());
                    // A node that is gone keeps nothing.
                    let _ = self.document.keep(Edit::SetParam { node, param, value: Some(value) });
                }
            }
            Notice::Stored(name, preset) => {
                let preset = serde_json::to_value(preset).ok();
                // A person asked for it, so that a person can take it back.
                let label = format!("store preset {name}");
                self.edit(Edit::SetPreset { name, preset }, label, None);
            }
            Notice::Cue(_) => {}
            Notice::Unknown(name) => self.tell(format!("there is no preset or cue “{name}”")),
            Notice::Full(name) => {
                self.tell(format!("“{name}” is not stored: there are too many presets"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_touches_what_the_show_must_follow() {
        let set =
            |param: &str| Edit::SetParam { node: "a".into(), param: param.into(), value: None };
        let binding = Edit::SetBinding { target: "a.x".into(), binding: None };
        let touched =
            Touched::by(&Edit::Batch(vec![set("x"), Edit::Batch(vec![set("y"), binding])]));
        let params = [("a".into(), "x".into()), ("a".into(), "y".into())].into();
        assert_eq!(touched, Touched { params, has_score: true });
        assert_eq!(Touched::by(&Edit::SetSeed(3)), Touched::default());
    }

    #[test]
    fn undo_touches_what_differs() {
        let value = |id: &str, v: f64| (("a".to_owned(), id.to_owned()), ParamValue::Float(v));
        let before: Values = [value("same", 1.0), value("moved", 1.0), value("gone", 1.0)].into();
        let after: Values = [value("same", 1.0), value("moved", 2.0), value("new", 1.0)].into();
        let touched = Touched::between(&before, &after);
        let ids: Vec<&str> = touched.params.iter().map(|(_, id)| id.as_str()).collect();
        assert_eq!(ids, ["gone", "moved", "new"]);
    }
}
