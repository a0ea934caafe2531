//! The whole window: panels around the canvas, and what is done after each frame.

mod act;
mod disk;
mod follow;
mod handover;
mod learning;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use egui::{CentralPanel, Context, Panel, Ui};
use lumawire_core::NodeError;
use lumawire_runtime::probe::{OutputId, Readings};

use crate::canvas::Canvas;
use crate::command::{Action, Command};
use crate::cx::Cx;
use crate::document::Document;
use crate::files::Files;
use crate::finder::Finder;
use crate::inspector::Inspector;
use crate::keys::{self, Focus};
use crate::kit::Kit;
use crate::menu::{self, MenuBar};
use crate::palette::Palette;
use crate::preview::bar::EngineBar;
use crate::preview::output::Output;
use crate::problems::Problems;
use crate::render::Render;
use crate::session::{Outside, Session, Sound, await_ended};
use crate::theme;
use crate::transport::Transport;
use disk::Disk;
use handover::Leaving;
use learning::Lesson;

/// How often in a frame what was done may ask for more.
const MAX_ROUNDS: usize = 4;
/// Width of the panel at the right side, at first and at least.
const SIDE_WIDTH: f32 = 332.0;
const LEAST_SIDE_WIDTH: f32 = 260.0;

/// The editor.
pub struct Editor {
    kit: Kit,
    document: Document,
    session: Option<Session>,
    /// The show of the patch before, until that of the open one has a picture.
    leaving: Option<Leaving>,
    /// When a show that broke down was begun anew last, and whether one is to be.
    revived: Option<Instant>,
    is_down: bool,
    /// Parameters that were set before the show had their nodes.
    late: BTreeSet<(String, String)>,
    disk: Option<Disk>,
    sound: Sound,
    /// Whether no sound device is opened.
    is_silent: bool,
    readings: Readings,
    failures: BTreeMap<String, NodeError>,
    selection: BTreeSet<String>,
    commands: Vec<Command>,
    panels: Panels,
    watched: Vec<OutputId>,
    is_dressed: bool,
    /// What took keys at the end of the frame before.
    focus: Focus,
    /// Whether the running show wakes the window at its pictures.
    wakes: bool,
    num_pictures: Arc<AtomicU64>,
    is_closing: bool,
    hides_inspector: bool,
    lesson: Arc<Lesson>,
    outside: Outside,
}

#[derive(Default)]
struct Panels {
    menu: MenuBar,
    canvas: Canvas,
    inspector: Inspector,
    transport: Transport,
    output: Output,
    bar: EngineBar,
    problems: Problems,
    palette: Palette,
    finder: Finder,
    files: Files,
    render: Render,
}

impl Panels {
    /// Whether something lies over the window that takes the keys.
    fn is_asking(&self) -> bool {
        self.palette.is_open() || self.finder.is_open() || self.files.is_open()
    }
}

impl Editor {
    /// An editor of this patch, which begins to play.
    pub fn new(kit: Kit, document: Document, sound: Sound) -> Self {
        Self::with(kit, document, sound, false)
    }

    /// An editor that opens no sound device: files are played for the picture alone.
    pub fn silent(kit: Kit, document: Document, sound: Sound) -> Self {
        Self::with(kit, document, sound, true)
    }

    fn with(mut kit: Kit, document: Document, sound: Sound, is_silent: bool) -> Self {
        let lesson = Arc::new(Lesson::default());
        kit.learning = Some(lesson.clone());
        let mut editor = Self {
            kit,
            document,
            session: None,
            leaving: None,
            revived: None,
            is_down: false,
            late: BTreeSet::new(),
            disk: None,
            sound: sound.clone(),
            is_silent,
            readings: Readings::default(),
            failures: BTreeMap::new(),
            selection: BTreeSet::new(),
            commands: Vec::new(),
            panels: Panels::default(),
            watched: Vec::new(),
            is_dressed: false,
            focus: Focus::default(),
            wakes: false,
            num_pictures: Arc::default(),
            is_closing: false,
            hides_inspector: false,
            lesson,
            outside: Outside::default(),
        };
        editor.panels.transport.set_sound(sound);
        editor.run_plan();
        editor
    }

    /// The open patch.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The running show.
    pub fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// The selected nodes.
    pub fn selection(&self) -> &BTreeSet<String> {
        &self.selection
    }

    /// What runs along the wires.
    pub fn readings(&self) -> &Readings {
        &self.readings
    }

    /// Pictures that shows have made.
    pub fn num_pictures(&self) -> u64 {
        self.num_pictures.load(Ordering::Relaxed)
    }

    /// Whether the output has a window of its own.
    pub fn is_on_stage(&self) -> bool {
        self.panels.output.is_window_open()
    }

    /// Ends the show and waits until its recordings are complete: for the end of the program.
    pub fn close(&mut self) {
        let leaving = self.leaving.take().map(|leaving| leaving.session);
        for session in leaving.into_iter().chain(self.session.take()) {
            session.close();
        }
        await_ended();
    }

    /// Whether the window may close now. If not, the person is asked about what would be lost, and
    /// the window is closed after that.
    pub fn may_close(&mut self) -> bool {
        if self.is_closing || !(self.document.is_dirty() || self.panels.render.is_busy()) {
            return true;
        }
        self.command(Command::Do(Action::Quit));
        false
    }

    /// Asks for something, as a menu or a key would.
    pub fn command(&mut self, command: Command) {
        self.commands.push(command);
    }

    /// Says who may steer the show from outside; at first nobody may.
    pub fn set_outside(&mut self, outside: Outside) {
        self.outside = outside;
        // Those who steer the show before steer it until it ends.
        if self.leaving.is_none() {
            self.open_outside();
        }
    }

    /// Names of the screens that the output may fill, in the system's order.
    pub fn set_screens(&mut self, screens: Vec<String>) {
        self.panels.output.screens = screens;
    }

    /// What draws: the name of the graphics device.
    pub fn set_device(&mut self, device: impl Into<String>) {
        self.panels.bar.device = device.into();
    }

    /// Draws a frame, and does what was asked in it.
    pub fn ui(&mut self, ui: &mut Ui) {
        if !self.is_dressed {
            theme::apply(ui.ctx(), self.kit.font);
            self.is_dressed = true;
        }
        self.hear_session();
        self.look_at_disk(ui.ctx());
        keys::keep_tab(ui.ctx());
        self.draw(ui);
        self.record();
        let ctx = ui.ctx().clone();
        self.take_keys(&ctx);
        // What is done may ask for more.
        for _ in 0..MAX_ROUNDS {
            for command in std::mem::take(&mut self.commands) {
                self.execute(&ctx, command);
            }
        }
        self.run_plan();
        self.watch();
        self.wake(&ctx);
    }

    fn draw(&mut self, ui: &mut Ui) {
        self.panels.canvas.set_solo(self.panels.output.soloed().cloned());
        let shows_inspector = !self.hides_inspector;
        self.with_cx(|panels, cx| {
            Panel::top("menu").show(ui, |ui| panels.menu.show(ui, cx));
            panels.bar.render = panels.render.chip();
            Panel::bottom("bar").show(ui, |ui| panels.bar.show(ui, cx));
            let transport = Panel::bottom("transport").resizable(true).default_size(96.0);
            transport.min_size(80.0).show(ui, |ui| panels.transport.show(ui, cx));
            panels.problems.show(ui, cx);
            if shows_inspector {
                let side = Panel::right("side").default_size(SIDE_WIDTH);
                side.min_size(LEAST_SIDE_WIDTH).show(ui, |ui| {
                    panels.output.show(ui, cx);
                    panels.inspector.show(ui, cx);
                });
            }
            panels.inspector.let_go(ui.ctx(), cx);
            CentralPanel::no_frame().show(ui, |ui| panels.canvas.show(ui, cx));
            panels.output.show_window(ui.ctx(), cx);
            panels.palette.show(ui, cx);
            panels.finder.show(ui, cx);
            panels.render.show(ui, cx);
            panels.files.point(panels.canvas.place(ui.ctx()));
            panels.files.note_renders(panels.render.is_busy());
            panels.files.show(ui, cx);
        });
    }

    fn take_keys(&mut self, ctx: &Context) {
        let now = Focus::now(ctx, self.panels.is_asking());
        let focus = now.or(self.focus);
        self.focus = now;
        let actions = keys::pressed(ctx, focus);
        let pasted = keys::pasted(ctx).filter(|_| !focus.is_asking && !focus.is_typing);
        self.with_cx(|panels, cx| {
            for action in actions {
                // What is deleted may be a wire, of which only the canvas knows.
                if action == Action::Delete || menu::is_possible(action, cx) {
                    cx.act(action);
                }
            }
            if let Some(text) = pasted {
                panels.canvas.paste(cx, &text);
            }
        });
    }

    /// Lets panels see and ask.
    fn with_cx<T>(&mut self, call: impl FnOnce(&mut Panels, &mut Cx<'_>) -> T) -> T {
        let mut cx = Cx {
            kit: &self.kit,
            document: &self.document,
            session: self.session.as_ref(),
            readings: &self.readings,
            failures: &self.failures,
            selection: &self.selection,
            commands: &mut self.commands,
        };
        call(&mut self.panels, &mut cx)
    }

    fn tell(&mut self, text: impl Into<String>) {
        self.panels.bar.tell(text);
    }
}

/// No show outlives its editor: the program may end after it.
impl Drop for Editor {
    fn drop(&mut self) {
        self.close();
    }
}
