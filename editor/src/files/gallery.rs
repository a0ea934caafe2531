//! The start screen: shipped patches and templates with their pictures, recent patches, and what a
//! crash left.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crossbeam_channel::{Receiver, unbounded};
use egui::{
    CentralPanel, Color32, ColorImage, Context, CornerRadius, FontId, Frame, Id, Image, Key,
    Margin, Modal, Panel, Rect, RichText, ScrollArea, Sense, Stroke, StrokeKind, TextEdit,
    TextureHandle, TextureOptions, Ui, Vec2, pos2, vec2,
};
use lumawire_core::{Graph, patch};

use super::kinds::{PATCH_EXTENSION, extension};
use super::look;
use super::paths::time_text;
use super::recent::Recents;
use super::recovery::Leftover;
use crate::command::{Action, Command};
use crate::kit::Kit;
use crate::theme::{self, ACCENT, FAINT, GAP, HOVERED, LINE, RAISED, TEXT, WARNING};

const CARD_MIN: f32 = 236.0;
const CARD_GAP: f32 = 14.0;
const CARD_TEXT: f32 = 92.0;
const SIDE: f32 = 252.0;

/// Which cards are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shelf {
    /// Finished patches.
    #[default]
    Examples,
    /// Starting points.
    Templates,
}

/// A shipped patch.
struct Card {
    shelf: Shelf,
    path: PathBuf,
    title: String,
    author: String,
    description: String,
    tags: Vec<&'static str>,
    /// All that a search looks through, in small letters.
    words: String,
    picture: Option<ColorImage>,
    texture: Option<TextureHandle>,
}

/// What else the screen shows.
pub struct Shown<'a> {
    /// What it is lent.
    pub kit: &'a Kit,
    /// Recent patches.
    pub recents: &'a mut Recents,
    /// What a crash left.
    pub leftovers: &'a mut Vec<Leftover>,
    /// Seconds since 1970.
    pub now_secs: u64,
    /// What is to be done.
    pub commands: &'a mut Vec<Command>,
}

/// What comes of its thread.
enum News {
    Card(Box<Card>),
    Missing(PathBuf),
}

/// The start screen.
#[derive(Default)]
pub struct Gallery {
    is_open: bool,
    takes_focus: bool,
    shelf: Shelf,
    search: String,
    tag: Option<&'static str>,
    cards: Vec<Card>,
    missing: BTreeSet<PathBuf>,
    news: Option<Receiver<News>>,
}

impl Gallery {
    /// Shows it, with this shelf.
    pub fn open(&mut self, shelf: Shelf) {
        (self.is_open, self.takes_focus, self.shelf, self.tag) = (true, true, shelf, None);
        self.search.clear();
        // Files come and go: it looks again each time.
        self.news = None;
    }

    /// Whether it is shown.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Draws it.
    pub fn show(&mut self, ctx: &Context, mut shown: Shown<'_>) {
        if !self.is_open {
            return;
        }
        self.receive(ctx, &shown);
        let screen = ctx.content_rect().size();
        let size = (screen - vec2(72.0, 72.0)).min(vec2(1320.0, 860.0)).max(vec2(320.0, 240.0));
        let num_before = shown.commands.len();
        let frame = look::dialog().inner_margin(Margin::ZERO);
        let modal = Modal::new(Id::unique("gallery"))
            .backdrop_color(Color32::from_black_alpha(170))
            .frame(frame)
            .show(ctx, |ui| {
                ui.set_min_size(size);
                ui.set_max_size(size);
                let side = Frame::NONE
                    .fill(theme::BACKGROUND)
                    .inner_margin(18)
                    .corner_radius(CornerRadius { nw: 10, sw: 10, ..CornerRadius::ZERO });
                Panel::left("gallery side")
                    .frame(side)
                    .resizable(false)
                    .exact_size(SIDE)
                    .show_separator_line(false)
                    .show(ui, |ui| self.side(ui, &mut shown));
                CentralPanel::no_frame().show(ui, |ui| {
                    Frame::NONE.inner_margin(18).show(ui, |ui| self.shelf(ui, &mut shown));
                });
            });
        if modal.should_close() || shown.commands.len() > num_before {
            self.is_open = false;
        }
    }

    fn receive(&mut self, ctx: &Context, shown: &Shown<'_>) {
        if self.news.is_none() {
            let recent = shown.recents.list().iter().map(|r| r.path.clone()).collect();
            self.news = Some(look_around(shown.kit.examples.clone(), recent, ctx));
            self.missing.clear();
        }
        let Some(news) = &self.news else { return };
        for news in news.try_iter() {
            match news {
                News::Missing(path) => drop(self.missing.insert(path)),
                News::Card(card) => match self.cards.iter_mut().find(|c| c.path == card.path) {
                    Some(old) => *old = *card,
                    None => self.cards.push(*card),
                },
            }
        }
    }

    fn side(&mut self, ui: &mut Ui, shown: &mut Shown<'_>) {
        ui.label(RichText::new("Lumawire").size(26.0).color(ACCENT));
        ui.label(RichText::new("Wire sound to pictures.").color(FAINT));
        ui.add_space(2.0 * GAP);
        for action in [Action::New, Action::Open] {
            let keys = action.shortcut().map(|keys| ui.ctx().format_shortcut(&keys));
            let (response, rect) = look::row(ui, action.label(), false, 28.0);
            let left = rect.left_center() + vec2(8.0, 0.0);
            let right = rect.right_center() - vec2(8.0, 0.0);
            let painter = ui.painter();
            painter.text(left, egui::Align2::LEFT_CENTER, action.label(), theme::body(), TEXT);
            let keys = keys.unwrap_or_default();
            painter.text(right, egui::Align2::RIGHT_CENTER, keys, theme::small(), FAINT);
            if response.on_hover_text(action.doc()).clicked() {
                shown.commands.push(Command::Do(action));
            }
        }
        ScrollArea::vertical().id_salt("side").auto_shrink(false).show(ui, |ui| {
            recovered(ui, shown);
            self.recent(ui, shown);
        });
    }

    fn recent(&mut self, ui: &mut Ui, shown: &mut Shown<'_>) {
        if shown.recents.list().is_empty() {
            return;
        }
        look::heading(ui, "RECENT");
        ui.spacing_mut().item_spacing.y = 2.0;
        let mut removed = None;
        for recent in shown.recents.list() {
            let is_missing = self.missing.contains(&recent.path);
            let name = recent.path.file_stem().unwrap_or_default().to_string_lossy();
            let (response, rect) = look::row(ui, &format!("Recent {name}"), false, 40.0);
            let colour = if is_missing { FAINT } else { TEXT };
            let left = rect.left_top() + vec2(8.0, 5.0);
            let width = rect.width() - 40.0;
            look::line(ui.painter(), left, width, 1, &name, theme::body(), colour);
            let below = left + vec2(0.0, 17.0);
            let about = if is_missing {
                "is not there any more".to_owned()
            } else {
                let folder = recent.path.parent().and_then(Path::file_name).unwrap_or_default();
                let time = time_text(recent.used_secs, shown.now_secs);
                format!("{time}  ·  {}", folder.to_string_lossy())
            };
            let colour = if is_missing { WARNING } else { FAINT };
            look::line(ui.painter(), below, width, 1, &about, theme::small(), colour);
            if remove_button(ui, rect, &name, response.contains_pointer() || is_missing) {
                removed = Some(recent.path.clone());
            } else if response.on_hover_text(recent.path.to_string_lossy()).clicked() {
                shown.commands.push(Command::Open(recent.path.clone()));
            }
        }
        if let Some(path) = removed {
            shown.recents.remove(&path);
        }
    }

    fn shelf(&mut self, ui: &mut Ui, shown: &mut Shown<'_>) {
        ui.horizontal(|ui| {
            for (shelf, label) in [(Shelf::Examples, "Examples"), (Shelf::Templates, "Templates")] {
                let is_here = self.shelf == shelf;
                let colour = if is_here { TEXT } else { FAINT };
                let text = RichText::new(label).size(18.0).color(colour);
                let response = ui.add(egui::Button::new(text).frame(false));
                if is_here {
                    let rect = response.rect;
                    let y = rect.bottom() + 2.0;
                    ui.painter().hline(rect.x_range(), y, Stroke::new(2.0, ACCENT));
                }
                if response.clicked() {
                    (self.shelf, self.tag) = (shelf, None);
                }
                ui.add_space(2.0 * GAP);
            }
            let right = egui::Layout::right_to_left(egui::Align::Center);
            ui.with_layout(right, |ui| {
                let edit = TextEdit::singleline(&mut self.search)
                    .hint_text("Search")
                    .margin(Margin::symmetric(8, 5))
                    .desired_width(220.0);
                let response = ui.add(edit);
                response.widget_info(|| {
                    egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Search examples")
                });
                if std::mem::take(&mut self.takes_focus) {
                    response.request_focus();
                }
                let is_entered = response.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter));
                let first = self.found().first().map(|i| self.cards[*i].path.clone());
                if let (true, Some(path)) = (is_entered, first) {
                    shown.commands.push(Command::OpenCopy(path));
                }
            });
        });
        ui.add_space(GAP);
        self.tags(ui);
        ui.add_space(GAP);
        self.grid(ui, shown);
    }

    fn tags(&mut self, ui: &mut Ui) {
        let here = self.cards.iter().filter(|card| card.shelf == self.shelf);
        let tags: BTreeSet<_> = here.flat_map(|card| card.tags.iter().copied()).collect();
        ui.horizontal_wrapped(|ui| {
            for tag in tags {
                let is_on = self.tag == Some(tag);
                let colour = if is_on { theme::BACKGROUND } else { FAINT };
                let fill = if is_on { ACCENT } else { RAISED };
                let text = RichText::new(tag).font(theme::small()).color(colour);
                let button = egui::Button::new(text).fill(fill).corner_radius(10);
                if ui.add(button).on_hover_text("Only patches with this").clicked() {
                    self.tag = (!is_on).then_some(tag);
                }
            }
        });
    }

    fn found(&self) -> Vec<usize> {
        let sought = self.search.to_lowercase();
        let fits = |card: &Card| {
            card.shelf == self.shelf
                && self.tag.is_none_or(|tag| card.tags.contains(&tag))
                && sought.split_whitespace().all(|word| card.words.contains(word))
        };
        (0..self.cards.len()).filter(|i| fits(&self.cards[*i])).collect()
    }

    fn grid(&mut self, ui: &mut Ui, shown: &mut Shown<'_>) {
        let found = self.found();
        let place = ui.available_rect_before_wrap();
        if found.is_empty() {
            let words = match &shown.kit.examples {
                None => "The shipped patches are not installed.",
                Some(_) if self.search.is_empty() && self.tag.is_none() => "",
                Some(_) => "Nothing matches.",
            };
            return look::empty(ui, place, words);
        }
        ScrollArea::vertical().id_salt(self.shelf as u8).auto_shrink(false).show(ui, |ui| {
            let width = ui.available_width() - 8.0;
            let num_columns = ((width + CARD_GAP) / (CARD_MIN + CARD_GAP)).floor().max(1.0);
            let card_width = (width - CARD_GAP * (num_columns - 1.0)) / num_columns;
            let size = vec2(card_width, card_width * 9.0 / 16.0 + CARD_TEXT);
            ui.spacing_mut().item_spacing = Vec2::splat(CARD_GAP);
            for row in found.chunks(num_columns as usize) {
                ui.horizontal(|ui| {
                    for i in row {
                        if self.cards[*i].show(ui, size) {
                            shown.commands.push(Command::OpenCopy(self.cards[*i].path.clone()));
                        }
                    }
                });
            }
        });
    }
}

impl Card {
    /// Draws it; true when it is pressed.
    fn show(&mut self, ui: &mut Ui, size: Vec2) -> bool {
        let (rect, response) = ui.allocate_exact_size(size, Sense::click());
        let title = self.title.clone();
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &title));
        if !ui.is_rect_visible(rect) {
            return response.clicked();
        }
        let is_lit = response.hovered() || response.has_focus();
        let lit = ui.ctx().animate_bool(response.id, is_lit);
        let rounding = CornerRadius::same(8);
        let fill = RAISED.lerp_to_gamma(HOVERED, lit);
        ui.painter().rect_filled(rect, rounding, fill);
        let picture = Rect::from_min_size(rect.min, vec2(size.x, size.x * 9.0 / 16.0));
        self.paint_picture(ui, picture, lit);
        self.paint_text(ui, Rect::from_min_max(picture.left_bottom(), rect.max));
        let edge = LINE.lerp_to_gamma(ACCENT, lit);
        let stroke = Stroke::new(1.0 + 0.5 * lit, edge);
        ui.painter().rect_stroke(rect, rounding, stroke, StrokeKind::Inside);
        let clicked = response.clicked();
        response.on_hover_ui(|ui| {
            ui.set_max_width(320.0);
            ui.label(RichText::new(&self.title).strong());
            if !self.author.is_empty() {
                ui.label(RichText::new(format!("by {}", self.author)).font(theme::small()));
            }
            ui.label(RichText::new(&self.description).color(FAINT));
            ui.label(RichText::new("Opens a copy that plays at once.").font(theme::small()));
        });
        clicked
    }

    fn paint_picture(&mut self, ui: &Ui, rect: Rect, lit: f32) {
        if let Some(picture) = self.picture.take() {
            let name = self.path.to_string_lossy();
            self.texture = Some(ui.ctx().load_texture(name, picture, TextureOptions::LINEAR));
        }
        let rounding = CornerRadius { nw: 8, ne: 8, ..CornerRadius::ZERO };
        match &self.texture {
            Some(texture) => {
                let tint = Color32::from_gray(225).lerp_to_gamma(Color32::WHITE, lit);
                let image = Image::from_texture((texture.id(), rect.size()));
                image.corner_radius(rounding).tint(tint).paint_at(ui, rect);
            }
            None => {
                ui.painter().rect_filled(rect, rounding, theme::CANVAS);
                let icon = Rect::from_center_size(rect.center(), Vec2::splat(28.0));
                look::entry_icon(ui.painter(), icon, false, LINE);
            }
        }
    }

    fn paint_text(&self, ui: &Ui, rect: Rect) {
        let painter = ui.painter();
        let inner = rect.shrink2(vec2(12.0, 9.0));
        let title = FontId::proportional(14.0);
        let head = look::line(painter, inner.min, inner.width(), 1, &self.title, title, TEXT);
        let below = pos2(inner.left(), head.bottom() + 3.0);
        let (width, small) = (inner.width(), theme::small());
        look::line(painter, below, width, 2, &self.description, small, FAINT);
        let mut at = pos2(inner.left(), inner.bottom() - 15.0);
        for tag in &self.tags {
            let chip = look::chip(
                painter,
                at,
                tag,
                theme::category_colour(category_of(tag)).lerp_to_gamma(Color32::WHITE, 0.45),
            );
            at.x = chip.right() + 4.0;
            if at.x > inner.right() - 50.0 {
                break;
            }
        }
    }
}

fn recovered(ui: &mut Ui, shown: &mut Shown<'_>) {
    if shown.leftovers.is_empty() {
        return;
    }
    look::heading(ui, "NOT SAVED WHEN LUMAWIRE ENDED");
    let mut discarded = None;
    for (i, leftover) in shown.leftovers.iter().enumerate() {
        let name = leftover.name();
        let (response, rect) = look::row(ui, &format!("Recover {name}"), false, 40.0);
        ui.painter().rect_stroke(
            rect,
            theme::ROUNDING,
            Stroke::new(1.0, WARNING.gamma_multiply(0.5)),
            StrokeKind::Inside,
        );
        let left = rect.left_top() + vec2(8.0, 5.0);
        let width = rect.width() - 40.0;
        look::line(ui.painter(), left, width, 1, &name, theme::body(), WARNING);
        let time = time_text(leftover.kept_secs, shown.now_secs);
        let below = left + vec2(0.0, 17.0);
        look::line(ui.painter(), below, width, 1, &time, theme::small(), FAINT);
        if remove_button(ui, rect, &name, true) {
            discarded = Some(i);
        } else if response.on_hover_text("Opens what was kept of it").clicked() {
            shown.commands.push(Command::Recover(leftover.recovered.clone()));
        }
    }
    if let Some(i) = discarded {
        shown.leftovers.remove(i).discard();
    }
}

/// A cross at the right end of a row.
fn remove_button(ui: &Ui, row: Rect, name: &str, is_shown: bool) -> bool {
    let rect = Rect::from_center_size(pos2(row.right() - 16.0, row.center().y), Vec2::splat(20.0));
    let response =
        ui.interact(rect, ui.scope_id().with(("remove", name, row.top() as i32)), Sense::click());
    response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::Role::Button, true, format!("Forget {name}"))
    });
    if is_shown || response.has_focus() {
        let colour = if response.hovered() || response.has_focus() { TEXT } else { FAINT };
        let (c, r) = (rect.center(), 3.5);
        let stroke = Stroke::new(1.3, colour);
        let painter = ui.painter();
        painter.line_segment([c + vec2(-r, -r), c + vec2(r, r)], stroke);
        painter.line_segment([c + vec2(-r, r), c + vec2(r, -r)], stroke);
    }
    response.on_hover_text("Takes it off this list").clicked()
}

/// What the categories of a patch's nodes say about it; those that nearly all have say nothing.
const TAGS: [(&str, &str); 7] = [
    ("generate", "network"),
    ("bend", "bending"),
    ("rewrite", "rewriting"),
    ("noise", "noise"),
    ("draw", "drawing"),
    ("post", "effects"),
    ("map", "mapping"),
];

/// What only fits a picture to its place is no effect.
const FITTING: [&str; 3] = ["post.resize", "post.crop", "post.transform"];

fn category_of(tag: &str) -> &'static str {
    TAGS.iter().find(|(_, t)| *t == tag).map_or("", |(category, _)| category)
}

/// Reads cards and looks for recent files, on a thread.
fn look_around(examples: Option<PathBuf>, recent: Vec<PathBuf>, ctx: &Context) -> Receiver<News> {
    let (send, receive) = unbounded();
    let ctx = ctx.clone();
    crate::worker::start("gallery", move || {
        let missing = recent.into_iter().filter(|path| !path.exists()).map(News::Missing);
        let shelves = examples.into_iter().flat_map(|folder| {
            let templates = folder.join("templates");
            [(Shelf::Examples, folder), (Shelf::Templates, templates)]
        });
        let cards = shelves.flat_map(|(shelf, folder)| {
            let paths = patches_in(&folder).into_iter();
            paths.filter_map(move |path| card(shelf, path)).map(|card| News::Card(Box::new(card)))
        });
        for news in missing.chain(cards) {
            if send.send(news).is_err() {
                return;
            }
            ctx.request_repaint();
        }
    });
    receive
}

fn patches_in(folder: &Path) -> Vec<PathBuf> {
    let found = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = found.map(|entry| entry.path());
    let mut paths: Vec<_> =
        paths.filter(|path| extension(path).as_deref() == Some(PATCH_EXTENSION)).collect();
    paths.sort();
    paths
}

/// What a patch says of itself, with the picture that lies in `pictures/` beside it.
fn card(shelf: Shelf, path: PathBuf) -> Option<Card> {
    let graph = patch::load(&path).ok()?.graph;
    let about = graph.about();
    let stem = path.file_stem()?.to_string_lossy();
    let title = if about.title.is_empty() { stem.replace('_', " ") } else { about.title.clone() };
    let tags = tags_of(&graph);
    let mut words = format!("{title} {} {stem} {}", about.description, tags.join(" "));
    graph.nodes().for_each(|(_, node)| words.extend([" ", &node.kind]));
    let picture = path.with_file_name("pictures").join(&*stem).with_extension("jpg");
    Some(Card {
        shelf,
        author: about.author.clone(),
        description: about.description.clone(),
        words: words.to_lowercase(),
        picture: read_picture(&picture),
        texture: None,
        title,
        tags,
        path,
    })
}

fn tags_of(graph: &Graph) -> Vec<&'static str> {
    let has = |category: &str| {
        graph.nodes().any(|(_, node)| {
            node.kind.split('.').next() == Some(category) && !FITTING.contains(&&*node.kind)
        })
    };
    TAGS.iter().filter(|(category, _)| has(category)).map(|(_, tag)| *tag).collect()
}

fn read_picture(path: &Path) -> Option<ColorImage> {
    let picture = image::open(path).ok()?.thumbnail(640, 640).into_rgb8();
    let size = [picture.width() as usize, picture.height() as usize];
    Some(ColorImage::from_rgb(size, picture.as_raw()))
}
