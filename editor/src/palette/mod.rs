//! The palette: every kind of node, found by typing, or what fits a wire that was dropped.

mod found;
mod kept;
mod landing;
mod look;
#[cfg(test)]
mod tests;

pub use landing::WireDrop;
pub(crate) use look::bright;

use egui::{
    Align, Area, Color32, Frame, Id, Key, Layout, Margin, Modal, Modifiers, Order, Pos2, Rect,
    RichText, Role, ScrollArea, Sense, Stroke, Ui, UiKind, Vec2, WidgetInfo, pos2, vec2,
};
use lumawire_core::{Edit, GraphNode, NodeSpec};

use crate::canvas::wiring::depth_for;
use crate::chooser::{Asked, Chooser};
use crate::command::Command;
use crate::cx::{Cx, spec_of};
use crate::theme;
use found::{Filter, Row};
use kept::Kept;

const SIZE: Vec2 = vec2(800.0, 470.0);
const CATEGORIES_PX: f32 = 116.0;
const DETAILS_PX: f32 = 240.0;
/// Below this width the details are left out.
const WIDE_PX: f32 = 640.0;
/// How far apart nodes are put that are added one after another.
const APART: f32 = 40.0;
const MARGIN: f32 = 8.0;

/// The palette: every kind of node, found by typing.
#[derive(Default)]
pub struct Palette {
    kept: Option<Kept>,
    open: Option<Open>,
}

/// The palette while it is open.
struct Open {
    at_canvas: [f32; 2],
    group: Option<String>,
    at_screen: Pos2,
    drop: Option<WireDrop>,
    chooser: Chooser,
    category: Option<&'static str>,
    categories: Vec<&'static str>,
    rows: Vec<Row>,
    is_stale: bool,
    num_added: u16,
}

impl Palette {
    /// Opens it: new nodes go to `at_canvas` of a group or of the canvas itself, it appears at
    /// `at_screen`, and where a wire was dropped there it offers what fits and lays the wire.
    pub fn open(
        &mut self,
        (at_canvas, group): ([f32; 2], Option<String>),
        at_screen: Pos2,
        drop: Option<WireDrop>,
    ) {
        self.open = Some(Open {
            at_canvas,
            group,
            at_screen,
            drop,
            chooser: Chooser::default(),
            category: None,
            categories: Vec::new(),
            rows: Vec::new(),
            is_stale: true,
            num_added: 0,
        });
    }

    /// Whether it is open, so that keys are its own.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Draws it.
    pub fn show(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let Some(open) = &mut self.open else { return };
        let kept = self.kept.get_or_insert_with(|| Kept::load(cx.kit.settings.as_deref()));
        if !open.show(ui, cx, kept) {
            self.open = None;
        }
    }
}

impl Open {
    /// Draws it; whether it stays open.
    fn show(&mut self, ui: &Ui, cx: &mut Cx<'_>, kept: &mut Kept) -> bool {
        let screen = ui.ctx().content_rect().shrink(MARGIN);
        let size = SIZE.min(screen.size());
        let most = (screen.max - size).max(screen.min);
        let at = (self.at_screen - vec2(CATEGORIES_PX + 30.0, 24.0)).clamp(screen.min, most);
        let area = Area::new(Id::unique("palette"))
            .kind(UiKind::Modal)
            .sense(Sense::hover())
            .order(Order::Foreground)
            .fixed_pos(at);
        let frame = Frame::new()
            .fill(theme::PANEL)
            .stroke(Stroke::new(1.0, theme::LINE))
            .corner_radius(8)
            .shadow(ui.visuals().popup_shadow)
            .inner_margin(Margin::same(MARGIN as i8));
        let modal = Modal::new(Id::unique("palette"))
            .area(area)
            .frame(frame)
            .backdrop_color(Color32::from_black_alpha(60));
        let modal = modal.show(ui.ctx(), |ui| {
            ui.set_min_size(size - Vec2::splat(2.0 * MARGIN));
            ui.set_max_size(size - Vec2::splat(2.0 * MARGIN));
            self.content(ui, cx, kept)
        });
        modal.inner && !modal.should_close()
    }

    fn content(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, kept: &mut Kept) -> bool {
        self.refresh(cx, kept);
        let asked = self.keys(ui, kept);
        let hint = match &self.drop {
            Some(drop) if drop.is_output => format!("What takes this {}", drop.ty),
            Some(drop) => format!("What gives {}", drop.ty),
            None => "Add a node".to_owned(),
        };
        self.is_stale |= self.chooser.field(ui, "Find a kind", &hint);
        self.refresh(cx, kept);
        let body = ui.available_rect_before_wrap();
        let foot = body.with_min_y(body.bottom() - 16.0);
        let clicked = self.columns(ui, body.with_max_y(foot.top() - theme::GAP), kept);
        hints(ui, foot);
        let stays = asked == Asked::TakeAndStay || ui.input(|i| i.modifiers.shift);
        let row = match asked {
            Asked::Take | Asked::TakeAndStay => self.chooser.at(self.rows.len()),
            Asked::Nothing | Asked::Move => clicked,
        };
        let Some(row) = row.and_then(|row| self.rows.get(row).cloned()) else { return true };
        self.add(&row, cx);
        kept.used(row.spec.kind);
        self.is_stale |= stays;
        stays
    }

    fn keys(&mut self, ui: &Ui, kept: &mut Kept) -> Asked {
        let pressed = |modifiers, key| ui.input_mut(|i| i.consume_key(modifiers, key));
        if pressed(Modifiers::SHIFT, Key::Tab) {
            self.step_category(-1);
        } else if pressed(Modifiers::NONE, Key::Tab) {
            self.step_category(1);
        }
        if pressed(Modifiers::COMMAND, Key::D)
            && let Some(row) = self.chooser.at(self.rows.len()).and_then(|at| self.rows.get(at))
        {
            kept.toggle(row.spec.kind);
            self.is_stale = true;
        }
        self.chooser.keys(ui, self.rows.len())
    }

    fn step_category(&mut self, by: isize) {
        // All come first.
        let at = self.category.and_then(|c| self.categories.iter().position(|o| *o == c));
        let num = self.categories.len() as isize + 1;
        let next = (at.map_or(0, |at| at as isize + 1) + by).rem_euclid(num);
        self.choose_category(usize::try_from(next - 1).ok().map(|i| self.categories[i]));
    }

    fn choose_category(&mut self, category: Option<&'static str>) {
        self.category = category;
        self.chooser.go(0);
        self.is_stale = true;
    }

    /// Makes the list anew where something changed that it depends on.
    fn refresh(&mut self, cx: &Cx<'_>, kept: &Kept) {
        if !std::mem::take(&mut self.is_stale) {
            return;
        }
        let registry = cx.document.registry();
        let own = self.drop.as_ref().and_then(|drop| spec_of(cx.document, &drop.node));
        let filter = |category| Filter {
            query: &self.chooser.query,
            category,
            drop: self.drop.as_ref(),
            own,
        };
        let all = found::list(&Filter { query: "", ..filter(None) }, registry, kept);
        self.categories = found::categories(registry);
        self.categories.retain(|c| all.iter().any(|row| row.spec.category() == *c));
        self.rows = found::list(&filter(self.category), registry, kept);
    }

    /// The columns; gives the row that was clicked.
    fn columns(&mut self, ui: &mut Ui, body: Rect, kept: &mut Kept) -> Option<usize> {
        let details_px = if body.width() >= WIDE_PX { DETAILS_PX } else { 0.0 };
        let left = body.with_max_x(body.left() + CATEGORIES_PX);
        let right = body.with_min_x(body.right() - details_px);
        let middle =
            Rect::from_x_y_ranges(left.right() + MARGIN..=right.left() - MARGIN, body.y_range());
        child(ui, "categories", left, |ui| self.category_column(ui));
        let clicked = child(ui, "kinds", middle, |ui| self.list(ui, kept));
        let at = self.chooser.at(self.rows.len()).and_then(|at| self.rows.get(at));
        if let Some(row) = at.filter(|_| details_px > 0.0) {
            ui.painter().vline(right.left(), right.y_range(), Stroke::new(1.0, theme::LINE));
            let inner = right.with_min_x(right.left() + 12.0);
            child(ui, "details", inner, |ui| look::details(ui, row.spec));
        }
        clicked
    }

    fn category_column(&mut self, ui: &mut Ui) {
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            let all = std::iter::once(None).chain(self.categories.iter().copied().map(Some));
            let mut chosen = None;
            for category in all {
                if category_row(ui, category, self.category == category) {
                    chosen = Some(category);
                }
            }
            if let Some(category) = chosen {
                self.choose_category(category);
            }
        });
    }

    fn list(&mut self, ui: &mut Ui, kept: &mut Kept) -> Option<usize> {
        let rows = &self.rows;
        let mut starred = None;
        if rows.is_empty() {
            ui.add_space(24.0);
            ui.vertical_centered(|ui| {
                ui.label(RichText::new("No kind of node fits this.").color(theme::FAINT));
            });
            return None;
        }
        let head = |i: usize| rows[i].head;
        let clicked =
            self.chooser.list(ui, (rows.len(), look::ROW_PX), &head, |ui, i, rect, is_at| {
                let row = &rows[i];
                let is_favourite = kept.is_favourite(row.spec.kind);
                let touched = look::row(ui, row, i, rect, (is_at, is_favourite));
                if touched.star {
                    starred = Some(row.spec.kind);
                }
                touched.row
            });
        if let Some(kind) = starred {
            kept.toggle(kind);
            self.is_stale = true;
            return None;
        }
        clicked
    }

    /// Adds a node of the row's kind, with the dropped wire, and selects it.
    fn add(&mut self, row: &Row, cx: &mut Cx<'_>) {
        let spec: &NodeSpec = row.spec;
        let graph = cx.document.graph();
        let id = graph.fresh_id(spec);
        let shift = APART * f32::from(self.num_added);
        let at = self.at_canvas.map(|v| v + shift);
        self.num_added = self.num_added.saturating_add(1);
        let mut edits =
            vec![Edit::AddNode { id: id.clone(), node: GraphNode::new(spec), at: Some(at) }];
        if self.group.as_deref().is_some_and(|group| graph.group(group).is_some()) {
            edits.push(Edit::SetMember { node: id.clone(), group: self.group.clone() });
        }
        if let Some((drop, landing)) = self.drop.as_ref().zip(row.landing)
            && graph.node(&drop.node).is_some()
        {
            let ends = drop.ends(&id, landing.port);
            let to = if drop.is_output { Some(spec) } else { spec_of(cx.document, &drop.node) };
            let depth = to.map_or(1.0, |to| depth_into(to, &ends.port));
            edits.push(Edit::Connect { ends, depth });
        }
        cx.edit(Edit::Batch(edits), format!("add {}", spec.label));
        cx.commands.push(Command::Select(vec![id]));
    }
}

/// The depth of a new wire into a port: that into a parameter moves it as on the canvas.
fn depth_into(spec: &NodeSpec, port: &str) -> f32 {
    let param = spec.params.iter().find(|p| p.id == port && spec.input(port).is_none());
    param.map_or(1.0, depth_for)
}

/// A part of the palette with a place of its own.
fn child<R>(ui: &mut Ui, name: &str, rect: Rect, add: impl FnOnce(&mut Ui) -> R) -> R {
    let layout = Layout::top_down(Align::Min);
    let mut ui = ui.new_child(egui::UiBuilder::new().id_salt(name).max_rect(rect).layout(layout));
    ui.set_clip_rect(rect.intersect(ui.clip_rect()));
    add(&mut ui)
}

/// A category to choose; whether it was.
fn category_row(ui: &mut Ui, category: Option<&str>, is_chosen: bool) -> bool {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 25.0), Sense::CLICK);
    let name = category.unwrap_or("all");
    response.widget_info(|| {
        WidgetInfo::selected(Role::RadioButton, true, is_chosen, format!("Category {name}"))
    });
    let ground = match (is_chosen, response.hovered()) {
        (true, _) => theme::HOVERED,
        (false, true) => theme::RAISED,
        (false, false) => Color32::TRANSPARENT,
    };
    ui.painter().rect_filled(rect, theme::ROUNDING, ground);
    let chip = Rect::from_center_size(pos2(rect.left() + 13.0, rect.center().y), vec2(10.0, 10.0));
    let chip_colour = category.map_or(theme::FAINT, bright);
    ui.painter().rect_filled(chip, 3.0, chip_colour);
    let colour = if is_chosen { theme::TEXT } else { theme::FAINT };
    let at = pos2(chip.right() + 8.0, rect.center().y);
    ui.painter().text(at, egui::Align2::LEFT_CENTER, name, theme::body(), colour);
    response.clicked()
}

fn hints(ui: &Ui, foot: Rect) {
    let star = ui.ctx().format_shortcut(&egui::KeyboardShortcut::new(Modifiers::COMMAND, Key::D));
    let hints = [
        ("↑↓", "choose"),
        ("Enter", "add"),
        ("Shift+Enter", "add and stay"),
        ("Tab", "category"),
        (star.as_str(), "favourite"),
        ("Esc", "close"),
    ];
    let mut x = foot.left() + 4.0;
    for (key, what) in hints {
        for (text, colour, gap) in [(key, theme::TEXT, 5.0), (what, theme::FAINT, 16.0)] {
            let at = pos2(x, foot.center().y);
            let drawn =
                ui.painter().text(at, egui::Align2::LEFT_CENTER, text, theme::small(), colour);
            x = drawn.right() + gap;
        }
    }
}
