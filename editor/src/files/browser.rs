//! The file browser. One line of text, which always has the keyboard, filters the list, names the
//! file to save, and takes whole paths.

use std::path::{Path, PathBuf};

use crossbeam_channel::{Receiver, TryRecvError, bounded};
use egui::text::{CCursor, CCursorRange};
use egui::widgets::text_edit::TextEditState;
use egui::{
    Align, Align2, Button, CentralPanel, Context, Frame, Id, Key, Layout, Margin, Modal, Modifiers,
    Panel, RichText, ScrollArea, TextEdit, Ui, pos2, vec2,
};

use super::kinds::Wanted;
use super::listing::{Lies, Listing, look_later, read_later};
use super::look;
use super::paths::{size_text, tidy, time_text, typed};
use crate::theme::{self, ACCENT, ERROR, FAINT, GAP, TEXT, WARNING};

const ROW: f32 = 24.0;
const PLACES_WIDTH: f32 = 176.0;

/// What a browser is opened for.
#[derive(Debug, Clone)]
pub struct Task {
    /// What it says on top.
    pub title: String,
    /// What is wanted.
    pub wanted: Wanted,
    /// Whether the file is to be written.
    pub saves: bool,
    /// Where it starts.
    pub folder: PathBuf,
    /// What the line of text starts with.
    pub name: String,
    /// Folders to go to at once, by name.
    pub places: Vec<(String, PathBuf)>,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// With this file.
    Chosen(PathBuf),
    /// With none.
    Cancelled,
}

/// A typed path at which somebody looks.
#[derive(Debug)]
struct Look {
    /// As it was typed, which is gone to if it is a folder.
    typed: PathBuf,
    /// With its extension: the file that is wanted, if one is.
    file: PathBuf,
    is_wanted: bool,
    answer: Receiver<Lies>,
}

/// An open browser.
#[derive(Debug)]
pub struct Browser {
    task: Task,
    listing: Listing,
    pending: Option<Receiver<Listing>>,
    look: Option<Look>,
    text: String,
    /// Of the entries those that are shown.
    visible: Vec<usize>,
    /// Which of those is chosen.
    cursor: Option<usize>,
    shows_hidden: bool,
    shows_all: bool,
    /// A file that is there already, until the person decides.
    replaces: Option<PathBuf>,
    new_folder: Option<String>,
    system: Option<Receiver<Option<PathBuf>>>,
    trouble: Option<String>,
    scrolls: bool,
    /// How far the list is scrolled, in points.
    offset: f32,
    takes_focus: bool,
}

impl Browser {
    /// A browser that begins to read its folder.
    pub fn new(task: Task, ctx: &Context) -> Self {
        let text = task.name.clone();
        let mut browser = Self {
            task,
            listing: Listing::default(),
            pending: None,
            look: None,
            text,
            visible: Vec::new(),
            cursor: None,
            shows_hidden: false,
            shows_all: false,
            replaces: None,
            new_folder: None,
            system: None,
            trouble: None,
            scrolls: false,
            offset: 0.0,
            takes_focus: true,
        };
        browser.go(browser.task.folder.clone(), ctx);
        browser
    }

    fn go(&mut self, folder: PathBuf, ctx: &Context) {
        self.task.folder = tidy(&folder);
        self.pending = Some(read_later(self.task.folder.clone(), ctx));
        if !self.task.saves {
            self.text.clear();
        }
        (self.cursor, self.trouble, self.takes_focus) = (None, None, true);
    }

    fn go_up(&mut self, ctx: &Context) {
        let Some(parent) = self.task.folder.parent().map(Path::to_owned) else { return };
        self.go(parent, ctx);
    }

    /// Takes the listing once it is there.
    fn receive(&mut self) {
        let Some(pending) = &self.pending else { return };
        match pending.try_recv() {
            Ok(listing) => {
                (self.listing, self.pending) = (listing, None);
                self.filter();
            }
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => self.pending = None,
        }
    }

    fn filter(&mut self) {
        let sought = if self.task.saves { String::new() } else { self.text.to_lowercase() };
        let is_shown = |i: &usize| {
            let entry = &self.listing.entries[*i];
            let suits = self.task.wanted.suits(Path::new(&entry.name));
            (!entry.is_hidden() || self.shows_hidden || sought.starts_with('.'))
                && (entry.is_folder || suits || self.shows_all)
                && entry.name.to_lowercase().contains(&sought)
        };
        self.visible = (0..self.listing.entries.len()).filter(is_shown).collect();
        self.cursor = (!sought.is_empty() && !self.visible.is_empty()).then_some(0);
        self.scrolls = true;
    }

    fn chosen(&self) -> Option<&super::listing::Entry> {
        self.listing.entries.get(*self.visible.get(self.cursor?)?)
    }

    fn move_cursor(&mut self, by: isize) {
        let Some(last) = self.visible.len().checked_sub(1) else { return };
        let next = match self.cursor {
            None if by > 0 => 0,
            None => last,
            Some(at) => at.saturating_add_signed(by).min(last),
        };
        self.cursor = Some(next);
        self.scrolls = true;
        self.take_name();
    }

    /// Writes the chosen file's name where the file to save is named.
    fn take_name(&mut self) {
        let name = self.chosen().filter(|entry| !entry.is_folder).map(|entry| entry.name.clone());
        if let (Some(name), true) = (name, self.task.saves) {
            self.text = name;
        }
    }

    /// After typing: a folder that is typed out is gone to.
    fn typed(&mut self, ctx: &Context) {
        (self.trouble, self.look) = (None, None);
        let is_whole = self.text.ends_with(['/', std::path::MAIN_SEPARATOR]);
        if is_whole {
            self.look(typed(&self.text, &self.task.folder), false, ctx);
        }
        self.filter();
    }

    /// Tab: the rest of the name that the chosen or first entry has.
    fn complete(&mut self, ctx: &Context) {
        let sought = self.text.to_lowercase();
        let fits = |i: &usize| {
            let entry = &self.listing.entries[*i];
            entry.name.to_lowercase().starts_with(&sought)
        };
        let found = self.chosen().cloned().or_else(|| {
            let i = *self.visible.iter().find(|i| fits(i))?;
            Some(self.listing.entries[i].clone())
        });
        match found {
            Some(entry) if entry.is_folder => self.enter(&entry.name, ctx),
            Some(entry) => self.text = entry.name,
            None => {}
        }
        self.takes_focus = true;
    }

    fn enter(&mut self, name: &str, ctx: &Context) {
        if self.task.saves && self.cursor.is_none() {
            self.text.clear();
        }
        self.go(self.task.folder.join(name), ctx);
    }

    /// Has somebody look at a path, since a disk or network may take its time.
    fn look(&mut self, typed: PathBuf, is_wanted: bool, ctx: &Context) {
        let mut file = typed.clone();
        if self.task.saves
            && !self.task.wanted.suits(&file)
            && let Some(extension) = self.task.wanted.extensions().first()
        {
            file.as_mut_os_string().push(format!(".{extension}"));
        }
        let answer = look_later(typed.clone(), file.clone(), ctx);
        self.look = Some(Look { typed, file, is_wanted, answer });
    }

    /// Goes on once it is known what lies at a typed path; gives the file, if that settles it.
    fn hear_look(&mut self, ctx: &Context) -> Option<PathBuf> {
        let lies = self.look.as_ref()?.answer.try_recv().ok()?;
        let Look { typed, file, is_wanted, .. } = self.look.take()?;
        match (lies, self.task.saves) {
            (Lies::Folder, _) => {
                self.text.clear();
                self.go(typed, ctx);
            }
            _ if !is_wanted => {}
            (Lies::File, false) | (Lies::Nothing, true) => return Some(file),
            (Lies::File, true) => self.replaces = Some(file),
            (Lies::Nowhere, true) => self.trouble = Some("There is no such folder.".into()),
            (_, false) => self.trouble = Some(format!("There is no “{}” here.", self.text)),
        }
        None
    }

    /// Enter, or the button: the file, if that settles it.
    fn accept(&mut self, ctx: &Context) -> Option<PathBuf> {
        if let Some(entry) = self.chosen().cloned() {
            if entry.is_folder {
                self.enter(&entry.name, ctx);
                return None;
            }
            if !self.task.saves {
                return Some(self.task.folder.join(entry.name));
            }
        }
        if self.text.trim().is_empty() {
            return None;
        }
        self.look(typed(self.text.trim(), &self.task.folder), true, ctx);
        None
    }

    fn make_folder(&mut self, name: &str, ctx: &Context) {
        let folder = typed(name.trim(), &self.task.folder);
        match std::fs::create_dir(&folder) {
            Ok(()) => {
                self.new_folder = None;
                self.go(folder, ctx);
            }
            Err(error) => self.trouble = Some(format!("{name}: {error}")),
        }
    }

    /// Opens the system's own dialog, on a thread.
    fn ask_system(&mut self, ctx: &Context) {
        let (send, receive) = bounded(1);
        let (task, ctx) = (self.task.clone(), ctx.clone());
        crate::worker::start("dialog", move || {
            let dialog = rfd::FileDialog::new()
                .set_title(&task.title)
                .set_directory(&task.folder)
                .add_filter(task.wanted.label(), task.wanted.extensions());
            let path = if task.saves {
                dialog.set_file_name(&task.name).save_file()
            } else {
                dialog.add_filter("All files", &["*"]).pick_file()
            };
            // Nobody may wait any more.
            let _ = send.send(path);
            ctx.request_repaint();
        });
        self.system = Some(receive);
    }

    fn hear_system(&mut self, ctx: &Context) -> Option<PathBuf> {
        match self.system.as_ref()?.try_recv() {
            Ok(Some(path)) => {
                self.system = None;
                // It has asked about a file that is there already; the extension is ours to add.
                let suits = !self.task.saves || self.task.wanted.suits(&path);
                if suits {
                    return Some(path);
                }
                self.look(path, true, ctx);
                None
            }
            Ok(None) | Err(TryRecvError::Disconnected) => {
                self.system = None;
                self.trouble = Some("The system's dialog gave no file.".into());
                None
            }
            Err(TryRecvError::Empty) => None,
        }
    }

    /// Draws it. `now_secs` counts from 1970.
    pub fn show(&mut self, ctx: &Context, now_secs: u64) -> Option<Outcome> {
        self.receive();
        if let Some(path) = self.hear_system(ctx).or_else(|| self.hear_look(ctx)) {
            return Some(Outcome::Chosen(path));
        }
        let screen = ctx.content_rect().size();
        let size = vec2(900.0, 580.0).min(screen - vec2(60.0, 70.0)).max(vec2(320.0, 240.0));
        let mut chosen = None;
        let mut is_cancelled = false;
        let modal = Modal::new(Id::unique("browser")).frame(look::dialog()).show(ctx, |ui| {
            ui.set_min_size(size);
            ui.set_max_size(size);
            let plain = Frame::NONE;
            Panel::top("browser top").frame(plain).show_separator_line(false).show(ui, |ui| {
                ui.label(RichText::new(&self.task.title).heading());
                ui.add_space(GAP);
                self.crumbs(ui);
                ui.add_space(GAP);
            });
            Panel::bottom("browser bottom").frame(plain).show_separator_line(false).show(
                ui,
                |ui| {
                    ui.add_space(GAP);
                    (chosen, is_cancelled) = self.foot(ui);
                },
            );
            Panel::left("browser places")
                .frame(Frame::NONE.inner_margin(Margin { right: 10, ..Margin::ZERO }))
                .resizable(false)
                .exact_size(PLACES_WIDTH)
                .show_separator_line(false)
                .show(ui, |ui| self.places(ui));
            CentralPanel::no_frame().show(ui, |ui| {
                let well = Frame::new()
                    .fill(theme::BACKGROUND)
                    .corner_radius(theme::ROUNDING)
                    .inner_margin(4);
                well.show(ui, |ui| {
                    if let Some(path) = self.list(ui, now_secs) {
                        chosen = Some(path);
                    }
                });
            });
        });
        if let Some(path) = self.ask_replace(ctx) {
            chosen = Some(path);
        } else if modal.should_close() {
            is_cancelled = true;
        }
        match chosen {
            Some(path) => Some(Outcome::Chosen(path)),
            None => is_cancelled.then_some(Outcome::Cancelled),
        }
    }

    fn crumbs(&mut self, ui: &mut Ui) {
        let mut to = None;
        ui.horizontal(|ui| {
            let up = ui.button("Up").on_hover_text("The folder above (Backspace)");
            if up.clicked() {
                to = self.task.folder.parent().map(Path::to_owned);
            }
            ui.add_space(GAP);
            ui.spacing_mut().item_spacing.x = 2.0;
            let above: Vec<&Path> = self.task.folder.ancestors().collect();
            // The last parts of a long way say more than the first.
            let from = above.len().min(6);
            if above.len() > from {
                ui.label(RichText::new("…").color(FAINT));
            }
            for (i, folder) in above[..from].iter().enumerate().rev() {
                let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
                let name = name.unwrap_or_else(|| folder.to_string_lossy().into_owned());
                let colour = if i == 0 { TEXT } else { FAINT };
                let crumb = Button::new(RichText::new(&name).color(colour)).frame(false);
                if ui.add(crumb).on_hover_text(folder.to_string_lossy()).clicked() {
                    to = Some(folder.to_path_buf());
                }
                if i > 0 && name != "/" {
                    ui.label(RichText::new("/").color(theme::LINE));
                }
            }
        });
        if let Some(folder) = to {
            self.go(folder, ui.ctx());
        }
    }

    fn places(&mut self, ui: &mut Ui) {
        let mut to = None;
        ui.spacing_mut().item_spacing.y = 1.0;
        ScrollArea::vertical().id_salt("places").auto_shrink(false).show(ui, |ui| {
            for (name, folder) in &self.task.places {
                let is_here = *folder == self.task.folder;
                let (response, rect) = look::row(ui, name, is_here, ROW);
                let icon = egui::Rect::from_center_size(
                    pos2(rect.left() + 14.0, rect.center().y),
                    vec2(14.0, 14.0),
                );
                let colour = if is_here { ACCENT } else { FAINT };
                look::entry_icon(ui.painter(), icon, true, colour);
                let at = pos2(rect.left() + 28.0, rect.top() + 4.0);
                let width = rect.width() - 32.0;
                look::line(ui.painter(), at, width, 1, name, theme::body(), TEXT);
                if response.on_hover_text(folder.to_string_lossy()).clicked() {
                    to = Some(folder.clone());
                }
            }
        });
        if let Some(folder) = to {
            self.go(folder, ui.ctx());
        }
    }

    fn list(&mut self, ui: &mut Ui, now_secs: u64) -> Option<PathBuf> {
        let mut chosen = None;
        let place = ui.available_rect_before_wrap();
        ui.spacing_mut().item_spacing.y = 0.0;
        let mut area = ScrollArea::vertical().id_salt(&self.listing.folder).auto_shrink(false);
        if let (true, Some(cursor)) = (std::mem::take(&mut self.scrolls), self.cursor) {
            let (top, height) = (cursor as f32 * ROW, place.height());
            let offset = self.offset.max(top + ROW - height).min(top);
            area = area.vertical_scroll_offset(offset);
        }
        let shown = area.show_rows(ui, ROW, self.visible.len(), |ui, rows| {
            for at in rows {
                if let Some(path) = self.entry(ui, at, now_secs) {
                    chosen = Some(path);
                }
            }
        });
        self.offset = shown.state.clamped_offset().y;
        if self.visible.is_empty() && self.pending.is_none() {
            let words = match &self.listing.trouble {
                Some(trouble) => trouble.clone(),
                None if !self.text.is_empty() && !self.task.saves => "Nothing here matches.".into(),
                None => format!("No {} here.", self.task.wanted.label().to_lowercase()),
            };
            look::empty(ui, place, &words);
        }
        chosen
    }

    fn entry(&mut self, ui: &mut Ui, at: usize, now_secs: u64) -> Option<PathBuf> {
        let entry = self.listing.entries.get(*self.visible.get(at)?)?.clone();
        let (response, rect) = look::row(ui, &entry.name, self.cursor == Some(at), ROW);
        let painter = ui.painter();
        let icon = egui::Rect::from_center_size(
            pos2(rect.left() + 16.0, rect.center().y),
            vec2(15.0, 15.0),
        );
        let suits = entry.is_folder || self.task.wanted.suits(Path::new(&entry.name));
        let icon_colour = if entry.is_folder { ACCENT.gamma_multiply(0.8) } else { FAINT };
        look::entry_icon(painter, icon, entry.is_folder, icon_colour);
        let colour = if suits { TEXT } else { FAINT };
        let name_at = pos2(rect.left() + 32.0, rect.top() + 4.0);
        let width = rect.width() - 32.0 - 210.0;
        look::line(painter, name_at, width.max(60.0), 1, &entry.name, theme::body(), colour);
        let right = |x: f32, text: String| {
            let at = pos2(rect.right() - x, rect.center().y);
            painter.text(at, Align2::RIGHT_CENTER, text, theme::small(), FAINT);
        };
        if !entry.is_folder {
            right(110.0, size_text(entry.size));
        }
        if let Some(secs) = entry.changed_secs {
            right(8.0, time_text(secs, now_secs));
        }
        if response.clicked() {
            self.cursor = Some(at);
            self.takes_focus = true;
            self.take_name();
        }
        if response.double_clicked() {
            return self.accept(ui.ctx());
        }
        None
    }

    /// The line of text and the buttons. Gives the file, and whether it is cancelled.
    fn foot(&mut self, ui: &mut Ui) -> (Option<PathBuf>, bool) {
        let mut chosen = None;
        let ctx = ui.ctx().clone();
        if let Some(trouble) = &self.trouble {
            ui.label(RichText::new(trouble).color(ERROR).font(theme::small()));
        }
        if self.new_folder.is_some() {
            self.name_folder(ui);
        } else if self.replaces.is_none() {
            chosen = self.line(ui);
        }
        ui.add_space(GAP);
        let mut is_cancelled = false;
        ui.horizontal(|ui| {
            if self.task.saves && ui.button("New folder").clicked() {
                self.new_folder = Some(String::new());
                self.takes_focus = true;
            }
            let all = ui.checkbox(&mut self.shows_all, "All files");
            let all = all.on_hover_text("Also files of other kinds");
            let hidden = ui.checkbox(&mut self.shows_hidden, "Hidden");
            let hidden = hidden.on_hover_text("Also files whose names begin with a dot");
            if all.changed() || hidden.changed() {
                self.filter();
                self.takes_focus = true;
            }
            let is_waiting = self.system.is_some();
            let text = if is_waiting { "Waiting for the system…" } else { "System dialog…" };
            // On macOS it must run on the main thread, where it would hold up the window.
            let can = !is_waiting && !cfg!(target_os = "macos");
            if ui.add_enabled(can, Button::new(text)).clicked() {
                self.ask_system(&ctx);
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let label = match (self.chosen(), self.task.saves) {
                    (Some(entry), _) if entry.is_folder => "Open folder",
                    (_, true) => "Save",
                    _ => "Open",
                };
                let can = self.cursor.is_some() || !self.text.trim().is_empty();
                if look::main_button(ui, label, can).clicked() {
                    chosen = self.accept(&ctx);
                }
                is_cancelled = ui.button("Cancel").clicked();
            });
        });
        (chosen, is_cancelled)
    }

    fn line(&mut self, ui: &mut Ui) -> Option<PathBuf> {
        let id = Id::unique("browser line");
        let mut chosen = None;
        if ui.memory(|m| m.has_focus(id)) {
            let key = |key| ui.input_mut(|i| i.consume_key(Modifiers::NONE, key));
            let page = 12;
            for (k, by) in [
                (Key::ArrowDown, 1),
                (Key::ArrowUp, -1),
                (Key::PageDown, page),
                (Key::PageUp, -page),
            ] {
                if key(k) {
                    self.move_cursor(by);
                }
            }
            if self.text.is_empty() && key(Key::Backspace) {
                self.go_up(ui.ctx());
            }
            if key(Key::Tab) {
                self.complete(ui.ctx());
            }
            if key(Key::Enter) {
                chosen = self.accept(ui.ctx());
            }
        }
        let (name, hint) = if self.task.saves {
            ("File name", "Name, or a path such as ~/shows/")
        } else {
            ("Path", "Type to filter, or a path such as ~/shows/")
        };
        ui.horizontal(|ui| {
            let label = ui.label(RichText::new(name).color(FAINT));
            let edit = TextEdit::singleline(&mut self.text)
                .id(id)
                .hint_text(hint)
                .margin(Margin::symmetric(8, 5))
                .desired_width(f32::INFINITY);
            let response = ui.add(edit).labelled_by(label.id);
            if std::mem::take(&mut self.takes_focus) {
                response.request_focus();
                self.select_stem(ui.ctx(), id);
            }
            if response.changed() {
                self.cursor = None;
                self.typed(ui.ctx());
            }
        });
        chosen
    }

    /// Selects the name to save without its extension, which typing then replaces; else goes to the end.
    fn select_stem(&self, ctx: &Context, id: Id) {
        let stem = Path::new(&self.text).file_stem().unwrap_or_default().to_string_lossy();
        let len = self.text.chars().count();
        let (start, end) = if self.task.saves { (0, stem.chars().count()) } else { (len, len) };
        let mut state = TextEditState::load(ctx, id).unwrap_or_default();
        let range = CCursorRange::two(CCursor::new(start), CCursor::new(end));
        state.cursor.set_char_range(Some(range));
        state.store(ctx, id);
    }

    fn name_folder(&mut self, ui: &mut Ui) {
        let Some(mut name) = self.new_folder.take() else { return };
        let (mut makes, mut stays) = (false, true);
        ui.horizontal(|ui| {
            let label = ui.label(RichText::new("New folder").color(FAINT));
            let width = ui.available_width() - 150.0;
            let edit = TextEdit::singleline(&mut name).desired_width(width);
            let response = ui.add(edit.margin(Margin::symmetric(8, 5))).labelled_by(label.id);
            if std::mem::take(&mut self.takes_focus) {
                response.request_focus();
            }
            makes = response.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter));
            makes |= ui.button("Make").clicked();
            stays = !ui.button("Back").clicked();
        });
        self.takes_focus |= !stays;
        self.new_folder = stays.then_some(name.clone());
        if makes && !name.trim().is_empty() {
            self.make_folder(&name, ui.ctx());
        }
    }

    fn ask_replace(&mut self, ctx: &Context) -> Option<PathBuf> {
        let path = self.replaces.clone()?;
        let mut decided = None;
        let modal = Modal::new(Id::unique("replace")).frame(look::dialog()).show(ctx, |ui| {
            ui.set_width(360.0);
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            ui.label(RichText::new(format!("Replace “{name}”?")).heading());
            ui.label(RichText::new("There is a file of this name already.").color(FAINT));
            ui.add_space(2.0 * GAP);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let replace = RichText::new("Replace").color(WARNING);
                if ui.button(replace).clicked() {
                    decided = Some(true);
                }
                let keep = ui.button("Keep the old one");
                if ui.memory(|m| m.focused().is_none()) {
                    keep.request_focus();
                }
                if keep.clicked() {
                    decided = Some(false);
                }
            });
        });
        if modal.should_close() {
            decided = Some(false);
        }
        let replaces = decided?;
        (self.replaces, self.takes_focus) = (None, true);
        replaces.then_some(path)
    }
}
