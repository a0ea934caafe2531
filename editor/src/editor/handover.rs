//! The show of the patch that was open before goes on until that of the open one has a picture.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lumawire_core::plan::{Plan, Step};
use lumawire_core::{ParamValue, Role};
use lumawire_runtime::control::Event;

use super::Editor;
use crate::command::Action;
use crate::cx::spec_of;
use crate::document::Document;
use crate::preview::output::Feed;
use crate::session::{Happened, Session};
use crate::transport::master::output_node;

/// The master controls of an output node, which stay as they are from patch to patch.
const CONTROLS: [&str; 3] = ["blackout", "freeze", "level"];
/// A show that runs so long without a picture is heard all the same: its output may be what is wrong.
const PATIENCE: Duration = Duration::from_secs(5);

/// The show of the patch before, which is seen and heard still.
pub(super) struct Leaving {
    pub session: Session,
    /// Its output node, and what its patch says of the master controls; none for one that it lacks.
    sink: Option<String>,
    patch: [Option<f64>; 3],
    /// How they were steered when the next show was told last.
    told: [Option<f64>; 3],
    /// When the next show was first seen to run.
    runs_since: Option<Instant>,
}

impl Leaving {
    fn new(session: Session, document: &Document) -> Self {
        let plan = session.board().and_then(|board| board.plan());
        let sink = plan.as_deref().and_then(sink_of).map(|step| step.id.clone());
        let says = |control: &str| {
            let node = sink.as_deref()?;
            let spec = spec_of(document, node)?;
            let param = spec.params.get(spec.param(control)?)?;
            param.resolve(document.graph().node(node)?.params.get(control)).as_f64()
        };
        let patch = CONTROLS.map(says);
        Self { session, sink, patch, told: [None; 3], runs_since: None }
    }

    fn reading(&self, control: &str) -> Option<f64> {
        self.session.board()?.reading(self.sink.as_deref()?, control)?.base
    }

    /// How the controls are steered, where they are not as the patch says.
    fn steered(&self) -> [Option<f64>; 3] {
        std::array::from_fn(|i| {
            let (now, patch) = (self.reading(CONTROLS[i])?, self.patch[i]?);
            ((now - patch).abs() > 1e-6).then_some(now)
        })
    }

    /// What has the next show begin as this one is steered.
    pub fn opening(&mut self, plan: &Plan) -> Vec<Event> {
        (self.told, self.runs_since) = (self.steered(), None);
        let Some(sink) = sink_of(plan) else { return Vec::new() };
        let steered = CONTROLS.iter().zip(self.told);
        steered.filter_map(|(control, v)| Some(set(&sink.id, control, v?))).collect()
    }

    /// Tells the next show how this one is steered by now.
    fn tell(&mut self, next: &Session, document: &Document) {
        let (before, now) = (self.told, self.steered());
        self.told = now;
        let Some(sink) = output_node(document) else { return };
        let Some(remote) = next.remote().filter(|_| before != now) else { return };
        for (i, control) in CONTROLS.iter().enumerate().filter(|(i, _)| before[*i] != now[*i]) {
            remote.send(match now[i] {
                Some(v) => set(&sink, control, v),
                None => Event::Free { target: format!("{sink}.{control}") },
            });
        }
    }

    /// Does what is asked of the master controls of the open patch. A switch is turned over, for those
    /// who ask see that of the next show.
    fn steer(&self, event: &Event, sink: &str) {
        let target = match event {
            Event::Set { target, .. } | Event::Free { target } => target,
            _ => return,
        };
        let control = target.split_once('.').filter(|(node, _)| *node == sink);
        let control = control.map(|(_, control)| control).filter(|c| CONTROLS.contains(c));
        let (Some(control), Some(own)) = (control, &self.sink) else { return };
        let event = match event {
            Event::Set { value: ParamValue::Bool(_), .. } => self.toggled(own, control),
            Event::Set { value, .. } => {
                Event::Set { target: format!("{own}.{control}"), value: value.clone() }
            }
            _ => Event::Free { target: format!("{own}.{control}") },
        };
        self.session.remote().iter().for_each(|remote| remote.send(event.clone()));
    }

    fn toggled(&self, sink: &str, control: &str) -> Event {
        let is_on = self.reading(control).is_some_and(|v| v > 0.5);
        set(sink, control, if is_on { 0.0 } else { 1.0 })
    }

    /// Whether `next` is to be seen and heard in its place.
    fn is_over(&mut self, next: &Session) -> bool {
        if next.has_picture() || !self.session.has_picture() {
            return true;
        }
        let runs = next.board().is_some_and(|board| board.plan().is_some());
        runs && self.runs_since.get_or_insert_with(Instant::now).elapsed() > PATIENCE
    }
}

/// The output node that is shown: the first by name with a master.
fn sink_of(plan: &Plan) -> Option<&Step> {
    let steps = plan.steps.iter().filter(|step| step.spec.role == Role::Sink);
    steps.filter(|step| step.spec.param("blackout").is_some()).min_by(|a, b| a.id.cmp(&b.id))
}

fn set(node: &str, control: &str, value: f64) -> Event {
    let value = match control {
        "level" => ParamValue::Float(value),
        _ => ParamValue::Bool(value > 0.5),
    };
    Event::Set { target: format!("{node}.{control}"), value }
}

impl Editor {
    /// Lets the show go on until another has a picture. `old` is what it shows, where that is no longer
    /// open.
    pub(super) fn leave(&mut self, old: Option<&Document>) {
        self.hand_over();
        let Some(session) = self.session.take() else { return };
        // Of one that waits behind another nobody has seen anything.
        if self.leaving.is_none() {
            let leaving = Leaving::new(session, old.unwrap_or(&self.document));
            self.panels.output.set_feed(Some(Arc::new(leaving.session.pictures_until(None))));
            self.leaving = Some(leaving);
        }
    }

    /// A show begins: it waits behind the one before.
    pub(super) fn begin_handover(&mut self) {
        let Some(leaving) = &self.leaving else {
            self.feed_output();
            return self.open_outside();
        };
        let pictures = leaving.session.pictures_until(self.session.as_ref());
        self.panels.output.set_feed(Some(Arc::new(pictures)));
        self.hand_over();
    }

    /// Goes over to the show of the open patch once it has a picture.
    pub(super) fn hand_over(&mut self) {
        let (Some(session), Some(leaving)) = (&mut self.session, &mut self.leaving) else { return };
        leaving.tell(session, &self.document);
        if !leaving.is_over(session) {
            return;
        }
        let Some(leaving) = self.leaving.take() else { return };
        if let Err(why) = session.succeed(leaving.session, &self.sound) {
            self.tell(why);
        }
        self.feed_output();
        self.panels.bar.forget_sound();
        self.open_outside();
    }

    /// Lets the output's window find the show's pictures by itself, also while the editor's window is
    /// hidden and is not drawn.
    fn feed_output(&mut self) {
        let pictures = self.session.as_ref().map(|session| session.pictures_until(None));
        self.panels.output.set_feed(pictures.map(|pictures| Arc::new(pictures) as Feed));
    }

    /// Takes what happened in the show before: what its patch would keep is lost with it.
    pub(super) fn hear_leaving(&mut self) {
        let happened = self.leaving.as_ref().map(|leaving| leaving.session.happened());
        for happened in happened.into_iter().flatten() {
            match happened {
                Happened::Audio(_) | Happened::Recording(_) | Happened::Recorded(_) => {
                    self.take(happened);
                }
                Happened::Unheard(why) | Happened::Osc(why) => self.tell(why),
                Happened::Ended(why) => {
                    self.tell(format!("the show ended: {why}"));
                    self.end_leaving();
                    return;
                }
                Happened::Node(_) | Happened::Notice(_) | Happened::Midi(_) => {}
            }
        }
    }

    /// The show before has ended by itself.
    fn end_leaving(&mut self) {
        let Some(leaving) = self.leaving.take() else { return };
        self.feed_output();
        let Some(session) = &mut self.session else { return };
        if let Err(why) = session.succeed(leaving.session, &self.sound) {
            self.tell(why);
        }
        self.open_outside();
    }

    /// Steers the show; the master controls act on what is seen.
    pub(super) fn send(&mut self, event: Event) {
        if let (Some(leaving), Some(sink)) = (&self.leaving, output_node(&self.document)) {
            leaving.steer(&event, &sink);
        }
        if let Some(remote) = self.session.as_ref().and_then(Session::remote) {
            remote.send(event);
        }
    }

    /// Turns blackout or freeze over on the show that is seen still; false where none is.
    pub(super) fn switch_leaving(&self, action: Action) -> bool {
        let control = match action {
            Action::Blackout => "blackout",
            Action::Freeze => "freeze",
            _ => return false,
        };
        let Some(leaving) = &self.leaving else { return false };
        let (Some(sink), Some(remote)) = (&leaving.sink, leaving.session.remote()) else {
            return false;
        };
        remote.send(leaving.toggled(sink, control));
        true
    }
}
