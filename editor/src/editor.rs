//! The whole window: panels around the canvas, and what is done after each frame.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use egui::{CentralPanel, Context, Panel, Ui, ViewportCommand};
use lumawire_core::{Edit, NodeError};
use lumawire_runtime::control::{Event, Notice};
use lumawire_runtime::probe::Readings;

use crate::canvas::Canvas;
use crate::command::{Action, Command};
use crate::cx::Cx;
use crate::document::Document;
use crate::files::Files;
use crate::finder::Finder;
use crate::inspector::Inspector;
use crate::kit::Kit;
use crate::palette::Palette;
use crate::preview::bar::EngineBar;
use crate::preview::output::Output;
use crate::problems::Problems;
use crate::render::Render;
use crate::session::{Happened, Session, Setup, Sound};
use crate::theme;
use crate::transport::Transport;

/// The editor.
pub struct Editor {
    kit: Kit,
    document: Document,
    session: Option<Session>,
    sound: Sound,
    readings: Readings,
    failures: BTreeMap<String, NodeError>,
    selection: BTreeSet<String>,
    commands: Vec<Command>,
    panels: Panels,
    is_dressed: bool,
    /// Whether no sound device is ever opened.
    is_silent: bool,
    /// Whether the running show wakes the window at its pictures.
    wakes: bool,
    num_pictures: Arc<AtomicU64>,
    is_closing: bool,
}

#[derive(Default)]
struct Panels {
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

impl Editor {
    /// An editor of this patch, which begins to play.
    pub fn new(kit: Kit, document: Document, sound: Sound) -> Self {
        Self::of(kit, document, sound, false)
    }

    /// The same without any sound device: the sound plays in time, and nobody hears it.
    pub fn silent(kit: Kit, document: Document, sound: Sound) -> Self {
        Self::of(kit, document, sound, true)
    }

    fn of(kit: Kit, document: Document, sound: Sound, is_silent: bool) -> Self {
        let mut editor = Self {
            kit,
            document,
            session: None,
            sound,
            readings: Readings::default(),
            failures: BTreeMap::new(),
            selection: BTreeSet::new(),
            commands: Vec::new(),
            panels: Panels::default(),
            is_dressed: false,
            is_silent,
            wakes: false,
            num_pictures: Arc::default(),
            is_closing: false,
        };
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

    /// Pictures that the show has made.
    pub fn num_pictures(&self) -> u64 {
        self.num_pictures.load(Ordering::Relaxed)
    }

    /// Whether the output is shown in a window of its own.
    pub fn is_on_stage(&self) -> bool {
        self.panels.output.is_window_open()
    }

    /// Whether the window may close now. If not, the person is asked about what would be lost, and
    /// the window is closed after that.
    pub fn may_close(&mut self) -> bool {
        if self.is_closing || !self.document.is_dirty() {
            return true;
        }
        self.command(Command::Do(Action::Quit));
        false
    }

    /// Asks for something, as a menu or a key would.
    pub fn command(&mut self, command: Command) {
        self.commands.push(command);
    }

    /// Draws a frame, and does what was asked in it.
    pub fn ui(&mut self, ui: &mut Ui) {
        if !self.is_dressed {
            theme::apply(ui.ctx(), self.kit.font);
            self.is_dressed = true;
        }
        self.hear_session();
        self.draw(ui);
        let ctx = ui.ctx().clone();
        for command in std::mem::take(&mut self.commands) {
            self.execute(&ctx, command);
        }
        self.run_plan();
        self.wake(&ctx);
    }

    /// Has the show wake the window at every picture.
    fn wake(&mut self, ctx: &Context) {
        if let Some(session) = self.session.as_ref().filter(|_| !self.wakes) {
            let (ctx, num_pictures) = (ctx.clone(), self.num_pictures.clone());
            session.on_picture(move || {
                num_pictures.fetch_add(1, Ordering::Relaxed);
                ctx.request_repaint();
            });
            self.wakes = true;
        }
    }

    fn draw(&mut self, ui: &mut Ui) {
        let Self { panels, commands, .. } = self;
        let mut cx = Cx {
            kit: &self.kit,
            document: &self.document,
            session: self.session.as_ref(),
            readings: &self.readings,
            failures: &self.failures,
            selection: &self.selection,
            commands,
        };
        Panel::bottom("bar").show(ui, |ui| panels.bar.show(ui, &mut cx));
        Panel::bottom("transport").show(ui, |ui| panels.transport.show(ui, &mut cx));
        Panel::right("side").default_size(320.0).show(ui, |ui| {
            panels.output.show(ui, &mut cx);
            panels.inspector.show(ui, &mut cx);
        });
        panels.problems.show(ui, &mut cx);
        CentralPanel::no_frame().show(ui, |ui| panels.canvas.show(ui, &mut cx));
        panels.palette.show(ui, &mut cx);
        panels.finder.show(ui, &mut cx);
        panels.files.show(ui, &mut cx);
        panels.render.show(ui, &mut cx);
    }

    fn execute(&mut self, ctx: &Context, command: Command) {
        match command {
            Command::Do(action) => self.act(ctx, action),
            Command::Edit { edit, label, gesture } => self.edit(edit, label, gesture),
            Command::Send(event) => self.send(event),
            Command::Select(nodes) => self.selection = nodes.into_iter().collect(),
            _ => {}
        }
    }

    fn act(&mut self, ctx: &Context, action: Action) {
        match action {
            Action::Quit => {
                self.is_closing = true;
                ctx.send_viewport_cmd(ViewportCommand::Close);
            }
            Action::Undo => {
                let _ = self.document.undo();
            }
            Action::Redo => {
                let _ = self.document.redo();
            }
            _ => {}
        }
    }

    fn edit(&mut self, edit: Edit, label: String, gesture: Option<u64>) {
        let _ = self.document.apply(edit, label, gesture);
    }

    fn send(&mut self, event: Event) {
        if let Some(remote) = self.session.as_ref().and_then(Session::remote) {
            remote.send(event);
        }
    }

    /// Hands a new plan to the show, or starts one.
    fn run_plan(&mut self) {
        let Some(plan) = self.document.take_plan() else { return };
        let fits = |s: &&Session| s.rate_hz() == plan.clock.sample_rate_hz;
        if let Some(session) = self.session.as_ref().filter(fits) {
            session.submit(plan);
            return;
        }
        let setup = Setup {
            plan,
            score: (self.kit.score)(self.document.graph(), self.document.base_dir()),
            base_dir: self.document.base_dir().to_owned(),
            sound: self.sound.clone(),
            size_px: None,
            silent: self.is_silent,
        };
        self.session = Session::start(&self.kit, setup).ok();
        self.wakes = false;
    }

    fn hear_session(&mut self) {
        let Some(session) = &self.session else { return };
        session.read(&mut self.readings);
        for happened in session.happened() {
            match happened {
                Happened::Node(report) => match report.error {
                    Some(error) => drop(self.failures.insert(report.node, error)),
                    None => drop(self.failures.remove(&report.node)),
                },
                Happened::Notice(Notice::Keep(target, value)) => {
                    if let Some((node, param)) = target.split_once('.') {
                        let (node, param) = (node.to_owned(), param.to_owned());
                        let edit = Edit::SetParam { node, param, value: Some(value) };
                        // A node that is gone keeps nothing.
                        let _ = self.document.keep(edit);
                    }
                }
                _ => {}
            }
        }
    }
}
