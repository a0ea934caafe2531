//! The transport: what is heard, where in it, and the output's master controls.

mod colour;
mod icon;
pub(crate) mod master;
mod meter;
mod overviews;
mod player;
mod source;
pub(crate) mod time;
mod timeline;
mod view;
pub mod wave;

use std::path::PathBuf;
use std::sync::Arc;

use egui::{Align, Layout, Rect, RichText, Sense, Ui, UiBuilder, pos2, vec2};
use lumawire_core::control::{Cues, Moment, Score, Tempo};
use lumawire_runtime::control::Event;
use lumawire_runtime::live::HealthCounts;
use serde::Deserialize;

use crate::command::{Action, Command};
use crate::cx::Cx;
use crate::document::Document;
use crate::session::{Session, Sound};
use crate::theme;
use icon::Icon;
use master::Master;
pub use master::Recording;
use meter::Meter;
use overviews::{Overviews, State};
use player::{Loop, Player};
use source::Source;
use timeline::{Scene, Timeline};

/// Widths of the sections left and right of the waveform.
const CONTROLS_PT: f32 = 150.0;
const SOUND_PT: f32 = 170.0;
const MASTER_PT: f32 = 170.0;
/// Below this width the choice of sound goes above the waveform.
const NARROW_PT: f32 = 760.0;
/// Bars that are marked at the most.
const MAX_BARS: usize = 20_000;

/// The transport: what is heard, where in it, and the output's master controls.
#[derive(Default)]
pub struct Transport {
    sound: Sound,
    looped: Loop,
    timeline: Timeline,
    overviews: Overviews,
    source: Source,
    meter: Meter,
    master: Master,
    cues: CueTimes,
    /// The file whose overview was asked for.
    loaded: Option<PathBuf>,
}

/// The times of the patch's cues, and of its bars.
#[derive(Default)]
struct CueTimes {
    /// The document's revision that they were read from.
    revision: Option<u64>,
    score: Option<Arc<Score>>,
    tempo: Option<Tempo>,
    named: Vec<(f64, String)>,
    bars_secs: Vec<f64>,
    bars_until_secs: f64,
}

impl Transport {
    /// Says what is heard from now on.
    pub fn set_sound(&mut self, sound: Sound) {
        let file = |sound: &Sound| match sound {
            Sound::File { path, .. } => Some(path.clone()),
            _ => None,
        };
        // The same file has the same places, whatever plays it.
        if file(&self.sound) != file(&sound) {
            self.looped.region_secs = None;
        }
        if self.sound != sound {
            self.meter = Meter::default();
        }
        self.sound = sound;
        self.loaded = None;
    }

    /// What is heard.
    pub fn sound(&self) -> &Sound {
        &self.sound
    }

    /// The loop's region in seconds, where there is one: what a render may begin with.
    pub fn region_secs(&self) -> Option<(f64, f64)> {
        self.looped.region_secs
    }

    /// What the record button asked for since, to be told to the session.
    pub fn take_recording(&mut self) -> Option<Recording> {
        self.master.recording.take()
    }

    /// Does one of the transport's actions; `false` for all others.
    pub fn act(&mut self, action: Action, session: Option<&Session>, document: &Document) -> bool {
        let deck = session.and_then(Session::deck);
        if self.steer(action, deck.as_ref().map(|deck| deck as &dyn Player)) {
            return true;
        }
        let event = match action {
            Action::Blackout => self.master.toggle(document, session, "blackout"),
            Action::Freeze => self.master.toggle(document, session, "freeze"),
            Action::NextCue => Some(Event::StepCue { by: 1 }),
            _ => return false,
        };
        if let (Some(event), Some(remote)) = (event, session.and_then(Session::remote)) {
            remote.send(event);
        }
        true
    }

    /// The actions that steer the sound file.
    fn steer(&mut self, action: Action, player: Option<&dyn Player>) -> bool {
        if action == Action::Loop {
            self.looped.is_on = !self.looped.is_on;
        }
        match (action, player) {
            (Action::PlayPause, Some(player)) => player.set_paused(!player.is_paused()),
            (Action::Rewind, Some(player)) => player.seek(0.0),
            (Action::Back, Some(player)) => player.seek_by(-5.0),
            (Action::Forward, Some(player)) => player.seek_by(5.0),
            (Action::Loop, Some(player)) => self.looped.apply(player),
            _ => {
                use Action::{Back, Forward, Loop, PlayPause, Rewind};
                return matches!(action, PlayPause | Rewind | Back | Forward | Loop);
            }
        }
        true
    }

    /// Draws it.
    pub fn show(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let deck = cx.session.and_then(Session::deck);
        self.draw(ui, cx, deck.as_ref().map(|deck| deck as &dyn Player));
    }

    fn draw(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, player: Option<&dyn Player>) {
        self.load(ui, cx);
        self.drop_file(ui, cx);
        if let Some(player) = player.filter(|_| !self.timeline.is_held()) {
            self.looped.keep(player);
        }
        let now_secs = ui.input(|i| i.time);
        if let Some(session) = cx.session {
            self.meter.hear(session.take_peak(), now_secs);
            ui.ctx().request_repaint();
        }
        let rect = ui.available_rect_before_wrap();
        let is_narrow = rect.width() < NARROW_PT;
        let sound_pt = if is_narrow { 0.0 } else { SOUND_PT + 2.0 * theme::GAP };
        let column = |left: f32, width: f32| {
            Rect::from_min_size(pos2(left, rect.top()), vec2(width, rect.height()))
        };
        let master = column(rect.right() - MASTER_PT, MASTER_PT);
        let sound = column(master.left() - sound_pt, (sound_pt - 2.0 * theme::GAP).max(0.0));
        let controls = column(rect.left(), CONTROLS_PT);
        let middle_right = master.left() - sound_pt - 2.0 * theme::GAP;
        let left = controls.right() + 2.0 * theme::GAP;
        let mut middle = column(left, (middle_right - left).max(1.0));
        if is_narrow {
            let strip = middle.with_max_y(middle.top() + source::BUTTON_PT);
            middle.min.y = (strip.bottom() + theme::GAP / 2.0).min(middle.max.y);
            section(ui, "sound", strip, |ui| {
                self.source.show_source(ui, &self.sound, cx.commands);
            });
        }
        section(ui, "controls", controls, |ui| self.controls(ui, cx, player));
        section(ui, "middle", middle, |ui| self.middle(ui, cx, player));
        if !is_narrow {
            section(ui, "sound", sound, |ui| self.sound_section(ui, cx));
        }
        section(ui, "master", master, |ui| {
            if let Some(event) = self.master.show(ui, cx.document, cx.session) {
                cx.send(event);
            }
        });
        ui.allocate_rect(rect, Sense::hover());
    }

    /// Asks for the overview of a new file.
    fn load(&mut self, ui: &Ui, cx: &Cx<'_>) {
        let Sound::File { path, .. } = &self.sound else { return };
        if self.loaded.as_ref() != Some(path) {
            self.overviews.load(ui.ctx(), cx.kit.overview, path);
            self.loaded = Some(path.clone());
        }
    }

    /// Takes a sound file that is dropped onto the panel.
    fn drop_file(&mut self, ui: &Ui, cx: &mut Cx<'_>) {
        let is_over = ui.rect_contains_pointer(ui.max_rect());
        let dropped = ui.input(|i| i.raw.dropped_files.iter().map(|f| f.path().to_owned()).next());
        if let Some(path) = dropped.filter(|path| is_over && source::is_sound(path)) {
            // What is taken here is no one else's.
            ui.input_mut(|i| i.raw.dropped_files.clear());
            cx.commands.push(Command::Hear(source::with_file(&self.sound, path)));
        }
    }

    fn controls(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, player: Option<&dyn Player>) {
        let is_paused = player.is_none_or(Player::is_paused);
        ui.horizontal(|ui| {
            let (icon, label) =
                if is_paused { (Icon::Play, "Play") } else { (Icon::Pause, "Pause") };
            let looped = Some(self.looped.is_on);
            let buttons = [
                (Action::Rewind, Icon::ToBeginning, "To the beginning", None),
                (Action::PlayPause, icon, label, None),
                (Action::Loop, Icon::Loop, "Loop", looped),
            ];
            ui.add_enabled_ui(player.is_some(), |ui| {
                for (action, icon, label, is_on) in buttons {
                    let keys = action.shortcut().map(|s| ui.ctx().format_shortcut(&s));
                    let doc = format!("{} ({})", action.doc(), keys.unwrap_or_default());
                    if icon::button(ui, icon, label, &doc, 28.0, is_on).clicked() {
                        cx.act(action);
                    }
                }
            });
        });
        let position = player.map(Player::position_secs);
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 5.0;
            let (text, colour) = match (position, &self.sound) {
                (Some(position), _) => (time::clock(position), theme::TEXT),
                (None, Sound::Input(_)) => ("Live".into(), theme::TEXT),
                (None, _) => (time::clock(0.0), theme::FAINT),
            };
            ui.label(RichText::new(text).size(22.0).color(colour));
            if let Some(duration) = player.and_then(Player::duration_secs) {
                let text = RichText::new(format!("/ {}", time::length(duration)));
                ui.label(text.size(11.0).color(theme::FAINT));
            }
        });
        let text = self.bar_text(cx, position);
        if !text.is_empty() {
            ui.label(RichText::new(text).size(11.0).color(theme::FAINT));
        }
    }

    /// Bar and beat by the patch's tempo, or the tempo that the sound has.
    fn bar_text(&mut self, cx: &Cx<'_>, position: Option<f64>) -> String {
        self.cues.read(cx, 0.0);
        if let (Some(tempo), Some(position)) = (self.cues.tempo, position) {
            let place = time::bar_and_beat(position, tempo);
            let place =
                place.map_or_else(String::new, |(bar, beat)| format!("bar {bar}.{beat}   "));
            return format!("{place}{:.1} BPM", tempo.bpm);
        }
        let Sound::File { path, .. } = &self.sound else { return String::new() };
        let overview = self.overviews.get(path).and_then(State::overview);
        let bpm = overview.and_then(|overview| time::bpm_of(&overview.beats_secs));
        bpm.map_or_else(String::new, |bpm| format!("about {bpm:.0} BPM"))
    }

    fn middle(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, player: Option<&dyn Player>) {
        let rect = ui.max_rect();
        match &self.sound {
            Sound::File { path, .. } => {
                let state = self.overviews.get(path).cloned().unwrap_or_default();
                let note = match &state {
                    State::Failed(why) => why.as_str(),
                    _ => "Reading the waveform…",
                };
                let overview = state.overview();
                self.cues.read(cx, overview.map_or(0.0, |overview| overview.secs));
                let scene = Scene {
                    overview,
                    note,
                    cues: &self.cues.named,
                    bars_secs: &self.cues.bars_secs,
                };
                let cue = self.timeline.show(ui, rect, &scene, &mut self.looped, player);
                if let Some(name) = cue {
                    cx.send(Event::Cue { name });
                }
            }
            Sound::Input(_) => {
                ui.painter().rect_filled(rect, 3.0, theme::BACKGROUND);
                self.meter.show_history(ui, rect.shrink2(vec2(2.0, 6.0)));
                let at = rect.left_top() + vec2(6.0, 4.0);
                let text = "Level of the last half minute";
                let align = egui::Align2::LEFT_TOP;
                ui.painter().text(at, align, text, theme::small(), theme::FAINT);
            }
            Sound::Silence => {
                ui.painter().rect_filled(rect, 3.0, theme::BACKGROUND);
                let text = "Nothing is heard: drop a sound file here, or choose a source.";
                let align = egui::Align2::CENTER_CENTER;
                ui.painter().text(rect.center(), align, text, theme::body(), theme::FAINT);
            }
        }
    }

    fn sound_section(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        // All of it is to be seen in the lowest panel.
        ui.spacing_mut().item_spacing.y = 2.0;
        self.source.show(ui, &self.sound, cx.commands);
        let size = vec2(ui.available_width(), 12.0);
        self.meter.show(ui, size);
        let counts = cx.session.map(Session::health).unwrap_or_default();
        if let Some(text) = trouble(counts) {
            let doc = format!("What went wrong with the sound since the show began:\n{text}");
            let text = RichText::new(text).size(11.0).color(theme::WARNING);
            ui.add(egui::Label::new(text).truncate()).on_hover_text(doc);
        }
    }
}

/// What went wrong with the sound, in words.
fn trouble(counts: HealthCounts) -> Option<String> {
    let HealthCounts { num_xruns, num_overflows, num_lost, num_underruns } = counts;
    let parts = [
        (num_xruns, "dropouts"),
        (num_overflows, "overflows"),
        (num_lost, "samples lost"),
        (num_underruns, "underruns"),
    ];
    let said: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    Some(said.join(", ")).filter(|text| !text.is_empty())
}

fn section(ui: &mut Ui, id: &str, rect: Rect, add: impl FnOnce(&mut Ui)) {
    let layout = Layout::top_down(Align::Min);
    let mut child = ui.new_child(UiBuilder::new().id_salt(id).max_rect(rect).layout(layout));
    child.set_clip_rect(rect.expand(2.0).intersect(ui.clip_rect()));
    child.spacing_mut().item_spacing = vec2(theme::GAP, 5.0);
    add(&mut child);
}

impl CueTimes {
    /// Reads the cues of the show, or else of the patch, where they changed; bars to `until_secs`.
    fn read(&mut self, cx: &Cx<'_>, until_secs: f64) {
        let running = cx.session.and_then(Session::board).and_then(|board| board.score());
        let is_same = match (&running, &self.score) {
            (Some(running), Some(known)) => Arc::ptr_eq(running, known),
            _ => false,
        };
        let revision = cx.document.revision();
        if self.revision != Some(revision) || (running.is_some() && !is_same) {
            self.revision = Some(revision);
            let make = || Arc::new((cx.kit.score)(cx.document.graph(), cx.document.base_dir()));
            let score = running.unwrap_or_else(make);
            self.named = named_cues(&score);
            self.score = Some(score);
            let cues = cx.document.graph().cues().and_then(|json| Cues::deserialize(json).ok());
            self.tempo = cues.and_then(|cues| cues.tempo).filter(|tempo| tempo.bpm > 0.0);
            self.bars_until_secs = -1.0;
        }
        if until_secs > 0.0 && (self.bars_until_secs - until_secs).abs() > 1e-6 {
            self.bars_secs = self.tempo.map(|tempo| bars(tempo, until_secs)).unwrap_or_default();
            self.bars_until_secs = until_secs;
        }
    }
}

/// The cues that have times, in their order.
fn named_cues(score: &Score) -> Vec<(f64, String)> {
    let mut named = Vec::new();
    for (moment, cue) in &score.cues {
        match moment {
            Moment::Secs(secs) => named.push((*secs, cue.name.clone())),
            Moment::AnyOf(all) => named.extend(all.iter().map(|secs| (*secs, cue.name.clone()))),
            _ => {}
        }
    }
    named.sort_by(|a, b| a.0.total_cmp(&b.0));
    named
}

/// When bars begin, up to `until_secs`.
fn bars(tempo: Tempo, until_secs: f64) -> Vec<f64> {
    let bars = (1..=MAX_BARS).map(|bar| tempo.secs_of(bar as f64, 1.0));
    bars.take_while(|secs| *secs <= until_secs).collect()
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
