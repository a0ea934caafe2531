//! Opening, saving, examples, recent files, and getting back what a crash took.
//!
//! [`Files`] draws what it has to ask over the rest of the window and answers with commands. What
//! the editor must do for it: call [`Files::admit`] before it closes the open patch, [`Files::ask`]
//! where a file is wanted, [`Files::examples`] and [`Files::templates`] where those are, and
//! [`Files::point`] once a frame with what is under the pointer.

mod browser;
pub mod dropped;
mod gallery;
mod guard;
pub mod kinds;
mod listing;
mod look;
pub mod paths;
mod recent;
mod recovery;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use egui::{Align2, Area, Color32, Context, Id, Order, Ui, vec2};
use lumawire_core::{Domain, Edit, FileKind, ParamValue};

use crate::command::{Action, Command};
use crate::cx::Cx;
use crate::document::Document;
use crate::session::Sound;
use crate::theme::{self, ACCENT, FAINT, GAP, TEXT};

use browser::{Browser, Outcome, Task};
pub use dropped::Place;
use gallery::{Gallery, Shelf, Shown};
use guard::{Guard, Stakes};
use kinds::{SOUND, Wanted};
use paths::{as_patch_path, secs_since_epoch};
pub use recent::Recents;
use recovery::Recovery;
pub use recovery::{Leftover, Recovered};
pub use watch::Stamp;
use watch::Watch;

/// For what a file is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // the variants say what the fields are
pub enum Ask {
    /// A patch to open.
    Open,
    /// A file to save the patch to.
    SaveAs,
    /// A sound to hear.
    Sound,
    /// A file to render to.
    Film,
    /// A file for a node's parameter.
    Param { node: String, param: String, kind: FileKind },
    /// A file for the same parameter of several nodes.
    Shared { nodes: Vec<String>, param: String, kind: FileKind },
}

impl Ask {
    fn wanted(&self) -> Wanted {
        match self {
            Self::Open | Self::SaveAs => Wanted::Patch,
            Self::Sound => SOUND,
            Self::Film => Wanted::Film,
            Self::Param { kind, .. } | Self::Shared { kind, .. } => Wanted::Kind(*kind),
        }
    }

    fn title(&self) -> String {
        match self {
            Self::Open => "Open a patch".into(),
            Self::SaveAs => "Save the patch as".into(),
            Self::Sound => "Choose a sound".into(),
            Self::Film => "Render to".into(),
            Self::Param { node, param, .. } => format!("Choose a file for {node}.{param}"),
            Self::Shared { nodes, param, .. } => {
                format!("Choose a file for {param} of {} nodes", nodes.len())
            }
        }
    }
}

/// Opening, saving, examples, recent files, and getting back what a crash took.
#[derive(Default)]
pub struct Files {
    asked: Option<Ask>,
    browser: Option<(Ask, Browser)>,
    /// Where files of a kind were chosen last, by what the kind is called.
    last_folders: BTreeMap<&'static str, PathBuf>,
    gallery: Gallery,
    guard: Guard,
    recents: Option<Recents>,
    recovery: Option<Recovery>,
    leftovers: Vec<Leftover>,
    are_leftovers_hidden: bool,
    watch: Option<Watch>,
    /// The document and file that recent files know of.
    seen: Option<(u64, PathBuf)>,
    place: Option<Place>,
    /// Whether renders run, which end with the program.
    is_rendering: bool,
    /// The saves of a document that were refused so far, and whether the person is asked about the
    /// last of them.
    refused: (u64, u64),
    is_conflicting: bool,
}

impl Files {
    /// Asks the person for a file. The answer comes as a command.
    pub fn ask(&mut self, ask: Ask) {
        self.asked = Some(ask);
    }

    /// Shows the shipped patches.
    pub fn examples(&mut self) {
        self.gallery.open(Shelf::Examples);
    }

    /// Shows the templates.
    pub fn templates(&mut self) {
        self.gallery.open(Shelf::Templates);
    }

    /// Whether a command that closes the open patch may be done now: `New`, `Open`, `OpenCopy`,
    /// `Recover` and `Quit`. If not, it is kept, and comes again once the person has decided.
    pub fn admit(&mut self, command: &Command, document: &Document) -> bool {
        if !command.closes() {
            return true;
        }
        let is_quit = matches!(command, Command::Do(Action::Quit));
        let is_asked = document.is_dirty() || is_quit && self.is_rendering;
        let is_admitted = self.guard.admit(command, is_asked);
        if is_admitted && is_quit {
            self.recovery.iter_mut().for_each(Recovery::leave);
        }
        is_admitted
    }

    /// Says whether renders run or wait, which would end with the program: the person is asked then.
    pub fn note_renders(&mut self, is_rendering: bool) {
        self.is_rendering = is_rendering;
    }

    /// Says what lies under the pointer, for files that are dropped there.
    /// `None` where that is not the canvas.
    pub fn point(&mut self, place: impl Into<Option<Place>>) {
        self.place = place.into();
    }

    /// Whether something is asked that takes all keys.
    pub fn is_open(&self) -> bool {
        let is_asking = matches!(self.guard, Guard::Asking(_));
        is_asking || self.is_conflicting || self.browser.is_some() || self.gallery.is_open()
    }

    /// Draws it.
    pub fn show(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let ctx = ui.ctx().clone();
        let now_secs = secs_since_epoch(SystemTime::now());
        self.keep(&ctx, cx, now_secs);
        self.watch(&ctx, cx);
        self.hear_refusals(cx.document);
        let is_choosing = self.asked.is_some() || self.browser.is_some() || self.is_conflicting;
        cx.commands.extend(self.guard.go_on(cx.document.is_dirty(), is_choosing));
        self.gallery(&ctx, cx, now_secs);
        self.browse(&ctx, cx, now_secs);
        let stakes = Stakes {
            name: cx.document.name(),
            is_dirty: cx.document.is_dirty(),
            is_rendering: self.is_rendering,
        };
        cx.commands.extend(self.guard.show(&ctx, &stakes));
        self.ask_conflict(&ctx, cx);
        self.offer_leftovers(&ctx, cx, now_secs);
        self.take_drops(&ctx, cx);
    }

    /// Recent files and recovery, which begin with the first frame.
    fn keep(&mut self, ctx: &Context, cx: &mut Cx<'_>, now_secs: u64) {
        let settings = cx.kit.settings.as_deref();
        let recents = self.recents.get_or_insert_with(|| Recents::load(settings));
        if self.recovery.is_none()
            && let Some(settings) = settings
        {
            self.recovery = Some(Recovery::new(settings, ctx));
        }
        if let Some(path) = cx.document.path() {
            let is_seen = |(id, seen): &(u64, PathBuf)| *id == cx.document.id() && seen == path;
            if !self.seen.as_ref().is_some_and(is_seen) {
                recents.add(path, now_secs);
                self.seen = Some((cx.document.id(), path.to_owned()));
            }
        }
        let Some(recovery) = &mut self.recovery else { return };
        recovery.tick(cx.document, ctx.input(|i| i.time), ctx);
        if let Some(why) = recovery.take_trouble() {
            let text = format!("Unsaved changes are not kept for after a crash: {why}");
            cx.commands.push(Command::Tell(text));
        }
        self.leftovers.extend(recovery.take_leftovers().into_iter().flatten());
        let opened = cx.document.recovered_from();
        // What it was recovered from goes once it is safe again, not before.
        let is_safe = recovery.has_kept(cx.document) || !cx.document.is_dirty();
        if let (Some(opened), true) = (opened, is_safe)
            && let Some(i) = self.leftovers.iter().position(|left| left.recovered.text == opened)
        {
            self.leftovers.remove(i).discard();
        }
    }

    /// Looks after the patch's file on the disk, and asks where it has become another.
    fn watch(&mut self, ctx: &Context, cx: &mut Cx<'_>) {
        let (Some(path), Some(stamp)) = (cx.document.path(), cx.document.stamp()) else {
            self.watch = None;
            return;
        };
        let watch = match &mut self.watch {
            Some(watch) if watch.is_of(path, stamp) => watch,
            watch => watch.insert(Watch::new(path, stamp, ctx)),
        };
        if !watch.has_changed() {
            return;
        }
        let words = format!("“{}” was changed by another program.", cx.document.name());
        let mut answer = None;
        bar(ctx, "changed on disk", 0.0, |ui| {
            ui.label(&words);
            if ui.button("Reload").on_hover_text("Opens the file as it is now").clicked() {
                answer = Some(Command::Open(path.to_owned()));
            }
            let keep = ui.button("Keep mine");
            if keep.on_hover_text("Saving will replace the file").clicked() {
                answer = Some(Command::KeepMine);
            }
        });
        if matches!(answer, Some(Command::Open(_))) {
            // The person knows that what is not saved is lost.
            self.guard.open();
        }
        cx.commands.extend(answer);
    }

    /// Notices that a save was refused, since the file has become another.
    fn hear_refusals(&mut self, document: &Document) {
        let refused = (document.id(), document.num_refused());
        if self.refused != refused {
            self.is_conflicting = refused.1 > 0;
            self.refused = refused;
        }
    }

    /// Asks what a refused save is to do.
    fn ask_conflict(&mut self, ctx: &Context, cx: &mut Cx<'_>) {
        if !self.is_conflicting {
            return;
        }
        let Some(answer) = guard::ask_conflict(ctx, &cx.document.name()) else { return };
        self.is_conflicting = false;
        let save = Command::Do(Action::Save);
        cx.commands.extend(match answer {
            guard::Conflict::Replace => vec![Command::KeepMine, save],
            guard::Conflict::SaveAs => vec![Command::Do(Action::SaveAs)],
            guard::Conflict::Cancel => Vec::new(),
        });
    }

    fn gallery(&mut self, ctx: &Context, cx: &mut Cx<'_>, now_secs: u64) {
        let Some(recents) = &mut self.recents else { return };
        let (leftovers, commands) = (&mut self.leftovers, &mut *cx.commands);
        self.gallery.show(ctx, Shown { kit: cx.kit, recents, leftovers, now_secs, commands });
    }

    fn browse(&mut self, ctx: &Context, cx: &mut Cx<'_>, now_secs: u64) {
        if let Some(ask) = self.asked.take() {
            let task = self.task(&ask, cx);
            self.browser = Some((ask, Browser::new(task, ctx)));
        }
        let Some((ask, browser)) = &mut self.browser else { return };
        let Some(outcome) = browser.show(ctx, now_secs) else { return };
        if let Outcome::Chosen(path) = outcome {
            let folder = path.parent().map(Path::to_owned).unwrap_or_default();
            self.last_folders.insert(ask.wanted().label(), folder);
            cx.commands.push(answer(ask, path, cx.document));
        }
        self.browser = None;
    }

    fn task(&self, ask: &Ask, cx: &Cx<'_>) -> Task {
        let document = cx.document;
        let wanted = ask.wanted();
        let base = (!document.base_dir().as_os_str().is_empty()).then(|| document.base_dir());
        // A copy of a shipped patch starts from a folder that is not the person's.
        let own = base.filter(|_| document.path().is_some()).map(Path::to_owned);
        let chosen_at = || chosen_folder(ask, document);
        let last = || self.last_folders.get(wanted.label()).cloned();
        let folder = chosen_at().or_else(last).or_else(|| own.clone()).or_else(paths::home);
        let name = match ask {
            Ask::SaveAs => format!("{}.{}", document.name(), kinds::PATCH_EXTENSION),
            Ask::Film => format!("{}.mp4", document.name()),
            _ => String::new(),
        };
        let saves = matches!(ask, Ask::SaveAs | Ask::Film);
        Task {
            title: ask.title(),
            wanted,
            saves,
            folder: paths::whole(&folder.unwrap_or_default()),
            name,
            places: self.places(own, cx),
        }
    }

    fn places(&self, own: Option<PathBuf>, cx: &Cx<'_>) -> Vec<(String, PathBuf)> {
        let mut places: Vec<(String, PathBuf)> = Vec::new();
        let mut add = |name: Option<&str>, folder: Option<PathBuf>| {
            let Some(folder) = folder.filter(|f| places.iter().all(|(_, at)| at != f)) else {
                return;
            };
            let own_name = || folder.file_name().map(|name| name.to_string_lossy().into_owned());
            if let Some(name) = name.map(str::to_owned).or_else(own_name) {
                places.push((name, folder));
            }
        };
        add(Some("This patch"), own);
        add(Some("Home"), paths::home());
        let dirs = directories::UserDirs::new();
        let dirs = dirs.as_ref();
        add(None, dirs.and_then(|d| d.desktop_dir()).map(Path::to_owned));
        add(None, dirs.and_then(|d| d.document_dir()).map(Path::to_owned));
        add(None, dirs.and_then(|d| d.audio_dir()).map(Path::to_owned));
        add(None, dirs.and_then(|d| d.video_dir()).map(Path::to_owned));
        add(None, dirs.and_then(|d| d.picture_dir()).map(Path::to_owned));
        add(None, dirs.and_then(|d| d.download_dir()).map(Path::to_owned));
        add(Some("Shipped patches"), cx.kit.examples.clone());
        add(Some("Shipped music"), cx.kit.examples.as_ref().map(|folder| folder.join("music")));
        let recents = self.recents.iter().flat_map(Recents::list);
        for recent in recents {
            add(None, recent.path.parent().map(Path::to_owned));
        }
        places.truncate(16);
        places
    }

    /// Says on a bar that a crash left something, until the person has decided.
    fn offer_leftovers(&mut self, ctx: &Context, cx: &mut Cx<'_>, now_secs: u64) {
        if self.are_leftovers_hidden || self.is_open() || cx.document.recovered_from().is_some() {
            return;
        }
        let Some(leftover) = self.leftovers.first() else { return };
        let time = paths::time_text(leftover.kept_secs, now_secs);
        let words = format!("“{}” was not saved when Lumawire ended, {time}.", leftover.name());
        let (mut recovers, mut discards, mut hides) = (false, false, false);
        bar(ctx, "leftover", 44.0, |ui| {
            ui.label(&words);
            recovers = ui.button("Recover").on_hover_text("Opens what was kept of it").clicked();
            discards = ui.button("Discard").on_hover_text("Throws it away").clicked();
            let later = ui.button("Later").on_hover_text("Leaves it on the start screen");
            hides = later.clicked();
        });
        if recovers {
            cx.commands.push(Command::Recover(leftover.recovered.clone()));
        }
        if discards {
            self.leftovers.remove(0).discard();
        }
        self.are_leftovers_hidden = hides;
    }

    fn take_drops(&mut self, ctx: &Context, cx: &mut Cx<'_>) {
        let (hovered, dropped) = ctx.input(|i| {
            let hovered = i.raw.hovered_files.iter().find_map(|file| file.path.clone());
            let dropped: Vec<_> =
                i.raw.dropped_files.iter().map(|file| file.path().to_owned()).collect();
            (hovered, dropped)
        });
        if !dropped.is_empty() {
            cx.commands.extend(dropped::commands(&dropped, self.place.as_ref(), cx.document));
            self.gallery = Gallery::default();
        } else if let Some(path) = hovered {
            let words = dropped::describe(&path, self.place.as_ref(), cx.document);
            paint_hovered(ctx, &path, &words);
        }
    }
}

/// What the chosen file answers.
fn answer(ask: &Ask, path: PathBuf, document: &Document) -> Command {
    match ask {
        Ask::Open => Command::Open(path),
        Ask::SaveAs => Command::SaveTo(path),
        Ask::Sound => Command::Hear(Sound::File { path, output: None }),
        Ask::Film => Command::RenderTo(path),
        Ask::Param { node, param, .. } => {
            Command::edit(set_file(node, param, &path, document), "Choose file")
        }
        Ask::Shared { nodes, param, .. } => {
            let set = |node: &String| set_file(node, param, &path, document);
            Command::edit(Edit::Batch(nodes.iter().map(set).collect()), "Choose file")
        }
    }
}

fn set_file(node: &str, param: &str, path: &Path, document: &Document) -> Edit {
    let value = Some(ParamValue::file(as_patch_path(path, document.folder())));
    Edit::SetParam { node: node.to_owned(), param: param.to_owned(), value }
}

/// The folder of the file that the parameter has now.
fn chosen_folder(ask: &Ask, document: &Document) -> Option<PathBuf> {
    let (node, param) = match ask {
        Ask::Param { node, param, .. } => (node, param),
        Ask::Shared { nodes, param, .. } => (nodes.first()?, param),
        _ => return None,
    };
    let value = document.graph().node(node)?.params.get(param)?;
    let path = value.to_string();
    let path = document.base_dir().join((!path.is_empty()).then_some(path)?);
    path.parent().filter(|folder| folder.is_dir()).map(Path::to_owned)
}

/// The sound file that a patch brings along: that of the first node that names one, in order of id.
pub fn music_of(document: &Document) -> Option<PathBuf> {
    document.graph().nodes().find_map(|(_, node)| {
        let spec = document.registry().of(node)?;
        let audio = Domain::File { kind: FileKind::Audio };
        let param = spec.params.iter().find(|param| param.domain == audio)?;
        let path = node.params.get(param.id)?.to_string();
        (!path.is_empty()).then(|| document.base_dir().join(path))
    })
}

/// A bar at the top of the window that something is asked on.
fn bar(ctx: &Context, id: &str, top: f32, content: impl FnOnce(&mut Ui)) {
    Area::new(Id::unique(id)).anchor(Align2::CENTER_TOP, vec2(0.0, 38.0 + top)).show(ctx, |ui| {
        let frame = look::dialog().inner_margin(egui::Margin::symmetric(14, 7));
        frame.stroke(egui::Stroke::new(1.0, ACCENT)).show(ui, |ui| {
            ui.horizontal(|ui| content(ui));
        });
    });
}

fn paint_hovered(ctx: &Context, path: &Path, words: &str) {
    let painter = ctx.layer_painter(egui::LayerId::new(Order::Tooltip, Id::unique("hovered file")));
    let screen = ctx.content_rect();
    painter.rect_filled(screen, 0.0, Color32::from_black_alpha(150));
    let inner = screen.shrink(2.0 * GAP);
    painter.rect_stroke(inner, 10.0, egui::Stroke::new(2.0, ACCENT), egui::StrokeKind::Inside);
    let head = painter.text(
        screen.center(),
        Align2::CENTER_BOTTOM,
        words,
        egui::FontId::proportional(22.0),
        TEXT,
    );
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let below = head.center_bottom() + vec2(0.0, GAP);
    painter.text(below, Align2::CENTER_TOP, name, theme::body(), FAINT);
}
