//! What is done of what was asked.

use std::path::{Path, PathBuf};

use egui::{Context, ViewportCommand};
use lumawire_core::{Edit, Graph, patch};

use super::follow::{Touched, values_of};
use super::{Editor, Panels};
use crate::command::{Action, Command};
use crate::document::Document;
use crate::files::{Ask, music_of};
use crate::finder::View;
use crate::palette::WireDrop;
use crate::session::{Session, Sound};
use crate::transport::Recording;

/// By how much a step makes the interface larger.
const SCALE_STEP: f32 = 1.1;

impl Editor {
    pub(super) fn execute(&mut self, ctx: &Context, command: Command) {
        if !self.panels.files.admit(&command, &self.document) {
            return;
        }
        match command {
            Command::Do(action) => self.act(ctx, action),
            Command::Edit { edit, label, gesture } => self.edit(edit, label, gesture),
            Command::Send(event) => self.send(event),
            Command::Select(nodes) => self.selection = nodes.into_iter().collect(),
            Command::Reveal(node) => {
                self.with_cx(|panels, cx| panels.canvas.reveal(cx, &node));
                self.selection = [node].into();
            }
            Command::OpenPalette { at, drop } => {
                let middle = ctx.content_rect().center();
                let screen = ctx.pointer_latest_pos().unwrap_or(middle);
                let drop = drop.and_then(|end| {
                    let (node, port, is_output) = (end.node, end.port, end.is_output);
                    Some(WireDrop { node, port, is_output, ty: end.ty? })
                });
                let group = self.panels.canvas.open_group().map(str::to_owned);
                self.panels.palette.open((at, group), screen, drop);
            }
            Command::Solo(output) => self.panels.output.solo(output),
            Command::ChooseFile { node, param, kind } => {
                self.panels.files.ask(Ask::Param { node, param, kind });
            }
            Command::Ask(ask) => self.panels.files.ask(ask),
            Command::Open(path) => self.open(&path),
            Command::OpenCopy(path) => self.open_copy(&path),
            Command::Recover(recovered) => {
                let (registry, interfaces) = (self.kit.registry.clone(), self.kit.interfaces);
                match Document::recover(&recovered, registry, interfaces) {
                    Ok(document) => self.replace(document),
                    Err(error) => self.tell(error.to_string()),
                }
            }
            Command::KeepMine => self.document.keep_mine(),
            Command::SaveTo(path) => self.save(Some(&path)),
            Command::RenderTo(path) => self.panels.render.set_target(path),
            Command::Hear(sound) => self.hear(sound),
            Command::Tell(text) => self.tell(text),
        }
    }

    fn act(&mut self, ctx: &Context, action: Action) {
        if self.with_cx(|panels, cx| panels.canvas.act(ctx, action, cx)) {
            return;
        }
        if self.switch_leaving(action) {
            return;
        }
        let (session, document) = (self.session.as_ref(), &self.document);
        if self.panels.transport.act(action, session, document) {
            return;
        }
        let panels = &mut self.panels;
        match action {
            Action::New => self.begin_anew(),
            Action::NewFromTemplate => panels.files.templates(),
            Action::Examples => panels.files.examples(),
            Action::Open => panels.files.ask(Ask::Open),
            Action::Save if self.document.path().is_some() => self.save(None),
            Action::Save | Action::SaveAs => panels.files.ask(Ask::SaveAs),
            Action::Render => self.open_render(),
            Action::Quit => {
                self.is_closing = true;
                ctx.send_viewport_cmd(ViewportCommand::Close);
            }
            Action::Undo => self.go_back(Document::undo),
            Action::Redo => self.go_back(Document::redo),
            Action::Wire => panels.finder.open(View::Wires),
            Action::Find => panels.finder.open(View::Nodes),
            Action::CommandPalette => panels.finder.open(View::Commands),
            Action::Shortcuts => panels.finder.open(View::Shortcuts),
            Action::About => panels.finder.open(View::About),
            Action::Larger => scale(ctx, SCALE_STEP),
            Action::Smaller => scale(ctx, 1.0 / SCALE_STEP),
            Action::Inspector => self.hides_inspector = !self.hides_inspector,
            Action::Problems => panels.problems.toggle(),
            Action::OutputWindow => panels.output.toggle_window(),
            Action::OutputFullscreen => panels.output.toggle_fullscreen(ctx),
            _ => tracing::debug!(?action, "nobody does this"),
        }
    }

    pub(super) fn edit(&mut self, edit: Edit, label: String, gesture: Option<u64>) {
        let touched = Touched::by(&edit);
        match self.document.apply(edit, label, gesture) {
            Ok(_) => self.follow(&touched),
            Err(error) => self.tell(error.to_string()),
        }
        self.forget_missing();
    }

    fn go_back(&mut self, step: Step) {
        let before = values_of(self.document.graph());
        match step(&mut self.document) {
            Ok(_) => {
                let touched = Touched::between(&before, &values_of(self.document.graph()));
                self.follow(&touched);
            }
            Err(error) => self.tell(error.to_string()),
        }
        self.forget_missing();
    }

    /// What is gone is not selected and has no failures.
    fn forget_missing(&mut self) {
        let graph = self.document.graph();
        self.selection.retain(|id| {
            graph.node(id).is_some() || graph.group(id).is_some() || graph.frame(id).is_some()
        });
        self.failures.retain(|id, _| graph.node(id).is_some());
    }

    fn save(&mut self, path: Option<&Path>) {
        // In another folder it has another plan, by which the show finds its files from there.
        match self.document.save(path) {
            Ok(()) => self.tell(format!("saved {}", self.document.name())),
            Err(error) => self.tell(format!("not saved: {error}")),
        }
    }

    fn begin_anew(&mut self) {
        let (registry, interfaces) = (self.kit.registry.clone(), self.kit.interfaces);
        self.replace(Document::new(registry, interfaces));
    }

    fn open(&mut self, path: &Path) {
        let (registry, interfaces) = (self.kit.registry.clone(), self.kit.interfaces);
        match Document::open(path, registry, interfaces) {
            Ok(document) => self.replace(document),
            Err(error) => self.tell(format!("{}: {error}", path.display())),
        }
    }

    fn open_copy(&mut self, path: &Path) {
        let loaded = match patch::load(path) {
            Ok(loaded) => loaded,
            Err(error) => return self.tell(format!("{}: {error}", path.display())),
        };
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        self.replace(self.untitled(loaded.graph, folder));
    }

    fn untitled(&self, graph: Graph, folder: PathBuf) -> Document {
        Document::untitled(graph, folder, self.kit.registry.clone(), self.kit.interfaces)
    }

    /// Opens another document, with a show of its own. That of the one before goes on until it has a
    /// picture.
    pub(super) fn replace(&mut self, document: Document) {
        let is_same = document.path().is_some() && document.path() == self.document.path();
        let rate_hz = document.graph().clock().sample_rate_hz;
        if is_same && self.session.as_ref().is_some_and(|session| session.rate_hz() == rate_hz) {
            return self.reload(document);
        }
        let music = music_of(&document);
        let old = std::mem::replace(&mut self.document, document);
        self.forget_document();
        self.failures.clear();
        self.readings = Default::default();
        self.watched.clear();
        self.late.clear();
        self.is_down = false;
        if let Some(path) = music {
            self.sound = Sound::File { path, output: None };
            self.panels.transport.set_sound(self.sound.clone());
        }
        self.leave(Some(&old));
        self.run_plan();
    }

    /// Takes the document's file as it is now; the show goes on and follows it.
    fn reload(&mut self, document: Document) {
        let music = music_of(&document);
        let old = std::mem::replace(&mut self.document, document);
        self.forget_document();
        let before = values_of(old.graph());
        let touched = Touched::between(&before, &values_of(self.document.graph()));
        self.run_plan();
        self.follow(&touched);
        self.forget_missing();
        if let Some(path) = music.filter(|path| music_of(&old).as_ref() != Some(path)) {
            self.hear(Sound::File { path, output: None });
        }
    }

    fn forget_document(&mut self) {
        self.panels.canvas.forget();
        self.panels.inspector = Default::default();
        self.selection.clear();
    }

    fn open_render(&mut self) {
        let deck = self.session.as_ref().and_then(Session::deck);
        let duration_secs = deck.and_then(|deck| deck.duration_secs());
        let Panels { render, transport, .. } = &mut self.panels;
        render.open(&self.document, &self.sound, duration_secs, transport.region_secs());
    }

    /// Does what the record button asked for.
    pub(super) fn record(&mut self) {
        let Some(wish) = self.panels.transport.take_recording() else { return };
        let Some(session) = &mut self.session else { return };
        match wish {
            Recording::Start(path) => {
                if let Err(why) = session.start_recording(path) {
                    self.tell(why);
                }
            }
            Recording::Stop => session.stop_recording(),
        }
    }

    fn hear(&mut self, mut sound: Sound) {
        // A file that is chosen comes out where the one before did.
        if let (Sound::File { output: output @ None, .. }, Sound::File { output: old, .. }) =
            (&mut sound, &self.sound)
        {
            output.clone_from(old);
        }
        // What is heard of the show before is handed on with it.
        let heard = self.leaving.as_mut().map(|leaving| &mut leaving.session);
        if let Some(session) = heard.or(self.session.as_mut())
            && let Err(error) = session.set_sound(sound.clone())
        {
            return self.tell(error);
        }
        self.panels.bar.forget_sound();
        self.panels.transport.set_sound(sound.clone());
        self.sound = sound;
        if self.session.is_none() {
            // It may have been the sound that broke it down.
            self.document.compile();
        }
    }
}

/// Makes the interface larger or smaller, within reason.
fn scale(ctx: &Context, factor: f32) {
    ctx.set_zoom_factor((ctx.zoom_factor() * factor).clamp(0.6, 3.0));
}

/// Undo or redo.
type Step =
    fn(&mut Document) -> Result<Option<lumawire_core::Cost>, lumawire_core::graph::EditError>;
