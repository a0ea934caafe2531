//! The waveform with what is in it: seeks, loops, zooms.

use std::sync::Arc;

use egui::{
    Align2, Color32, CursorIcon, Key, Mesh, PointerButton, Pos2, Rangef, Rect, Response, Sense,
    Shape, Stroke, Ui, WidgetInfo, accesskit, pos2, vec2,
};

use super::player::{Loop, Player};
use super::view::View;
use super::{colour, time};
use crate::kit::Overview;
use crate::theme;

const RULER_PT: f32 = 17.0;
const STRIP_PT: f32 = 5.0;
const SECTIONS_PT: f32 = 14.0;
/// How near a handle is taken.
const NEAR_PT: f32 = 5.0;
/// Ticks are drawn where they are at least so far apart.
const APART_PT: f32 = 3.0;
/// How long a seek may take until the playhead shows where the player really is.
const MAX_SEEK_SECS: f64 = 4.0;

/// What is to be drawn.
pub struct Scene<'a> {
    /// The file's overview, as far as it is known.
    pub overview: Option<&'a Arc<Overview>>,
    /// What to write while there is none.
    pub note: &'a str,
    /// Cues by time, with their names.
    pub cues: &'a [(f64, String)],
    /// When bars begin.
    pub bars_secs: &'a [f64],
}

/// What the pointer holds.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Held {
    Playhead,
    /// The far end of the loop lies at this second.
    LoopEnd(f64),
    View,
}

/// The waveform.
#[derive(Default)]
pub struct Timeline {
    view: View,
    held: Option<Held>,
    /// Whether the playhead was in view when that was looked at last.
    was_in_view: bool,
    /// Where the pointer would put the playhead.
    ghost_secs: Option<f64>,
    /// Where the last seek went, and when it was asked for.
    pending: Option<(f64, f64)>,
    picture: Picture,
}

/// The waveform as it was drawn last.
#[derive(Default)]
struct Picture {
    /// What it was drawn of: the overview, the view, the place, the pixels of a point.
    key: Option<(usize, View, Rect, f32)>,
    mesh: Arc<Mesh>,
}

/// Where things lie.
#[derive(Clone, Copy)]
struct Places {
    ruler: Rect,
    wave: Rect,
    onsets: Rect,
    beats: Rect,
    sections: Rect,
}

impl Places {
    fn of(rect: Rect, has_sections: bool) -> Self {
        let row = |top: f32, height: f32| {
            Rect::from_min_size(pos2(rect.left(), top), vec2(rect.width(), height))
        };
        let sections_pt = if has_sections { SECTIONS_PT } else { 0.0 };
        let below = 2.0 * STRIP_PT + sections_pt;
        let wave_pt = (rect.height() - RULER_PT - below - 2.0).max(8.0);
        let wave = row(rect.top() + RULER_PT, wave_pt);
        Self {
            ruler: row(rect.top(), RULER_PT),
            wave,
            onsets: row(wave.bottom() + 1.0, STRIP_PT),
            beats: row(wave.bottom() + 1.0 + STRIP_PT, STRIP_PT),
            sections: row(wave.bottom() + 2.0 + 2.0 * STRIP_PT, sections_pt),
        }
    }
}

impl Timeline {
    /// Shows all of the sound again.
    pub fn fit(&mut self) {
        self.view = View::of(self.view.duration_secs);
    }

    /// Whether the pointer holds the playhead or an end of the loop.
    pub fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// Draws it into `rect`, and does to the player and the loop what the pointer says. Gives the name
    /// of a cue that was clicked.
    pub fn show(
        &mut self,
        ui: &mut Ui,
        rect: Rect,
        scene: &Scene<'_>,
        looped: &mut Loop,
        player: Option<&dyn Player>,
    ) -> Option<String> {
        let known = scene.overview.map(|overview| overview.secs);
        let duration = player.and_then(Player::duration_secs).or(known).unwrap_or(0.0);
        if (self.view.duration_secs - duration.max(1e-3)).abs() > 0.05 {
            self.view = View::of(duration);
        }
        let has_sections = scene.overview.is_some_and(|o| !o.sections.is_empty());
        let places = Places::of(rect, has_sections);
        let now_secs = ui.input(|i| i.time);
        let position = player.map(|player| self.position(player, now_secs));
        self.follow(position, player.is_none_or(Player::is_paused));
        self.draw(ui, &places, scene, looped, position);
        self.ruler(ui, places.ruler);
        let cue = self.show_cues(ui, &places, scene);
        let body = Rect::from_min_max(places.wave.min, rect.max);
        self.body(ui, body, looped, player, now_secs);
        cue
    }

    /// Turns the page when the playhead runs out of the view; a view that was moved elsewhere stays.
    fn follow(&mut self, position: Option<f64>, is_paused: bool) {
        let is_in_view = |view: &View, secs: f64| (view.from_secs..=view.to_secs).contains(&secs);
        if let (Some(position), true) = (position, self.was_in_view && self.held.is_none())
            && !is_paused
        {
            self.view.follow(position);
        }
        self.was_in_view = position.is_some_and(|secs| is_in_view(&self.view, secs));
    }

    /// Where the playhead is shown: where a seek went, until the player has come there.
    fn position(&mut self, player: &dyn Player, now_secs: f64) -> f64 {
        let position = player.position_secs();
        let Some((to, asked)) = self.pending else { return position };
        let has_come = (to - 0.2..to + MAX_SEEK_SECS).contains(&position);
        if has_come || now_secs - asked > MAX_SEEK_SECS {
            self.pending = None;
            return position;
        }
        to
    }

    fn body(
        &mut self,
        ui: &mut Ui,
        rect: Rect,
        looped: &mut Loop,
        player: Option<&dyn Player>,
        now_secs: f64,
    ) {
        let id = ui.scope_id().with("timeline");
        let response = ui.interact(rect, id, Sense::click_and_drag());
        let says = format!("Position {}", time::clock(player.map_or(0.0, Player::position_secs)));
        response.widget_info(|| WidgetInfo::labeled(accesskit::Role::Slider, true, &says));
        self.zoom(ui, &response, rect.x_range());
        let Some(player) = player else { return };
        let pointer = response.interact_pointer_pos().or_else(|| response.hover_pos());
        let at = pointer.map(|pos| self.view.secs_at(pos.x, rect.x_range()));
        let near = pointer.and_then(|pos| self.near_end(pos.x, rect.x_range(), looped));
        if response.drag_started_by(PointerButton::Primary) {
            let pressed = ui.input(|i| i.pointer.press_origin()).unwrap_or_default();
            let near = self.near_end(pressed.x, rect.x_range(), looped);
            let pressed_secs = self.view.secs_at(pressed.x, rect.x_range());
            self.held = Some(match near {
                Some(far_secs) => Held::LoopEnd(far_secs),
                None if ui.input(|i| i.modifiers.shift) => Held::LoopEnd(pressed_secs),
                None => Held::Playhead,
            });
        }
        match (self.held, at) {
            (Some(Held::LoopEnd(far_secs)), Some(at)) => looped.set_region(far_secs, at),
            (Some(Held::Playhead), Some(at)) => self.ghost_secs = Some(at),
            _ => {}
        }
        if response.drag_stopped() {
            match (self.held.take(), self.ghost_secs.take()) {
                (Some(Held::LoopEnd(_)), _) => looped.apply(player),
                (Some(Held::Playhead), Some(at)) => self.seek(player, at, now_secs),
                _ => {}
            }
        }
        if let Some(at) = at.filter(|_| response.clicked()) {
            response.request_focus();
            self.seek(player, at, now_secs);
        }
        if response.secondary_clicked() {
            looped.region_secs = None;
            looped.apply(player);
        }
        if response.has_focus() {
            for (key, by_secs) in [(Key::ArrowLeft, -1.0), (Key::ArrowRight, 1.0)] {
                if ui.input_mut(|i| i.consume_key(egui::Modifiers::NONE, key)) {
                    player.seek_by(by_secs);
                }
            }
            // With the focus here, the keys of the show still mean what they mean elsewhere.
            let key = |key| ui.input_mut(|i| i.consume_key(egui::Modifiers::NONE, key));
            if key(Key::Space) {
                player.set_paused(!player.is_paused());
            }
            if key(Key::Home) {
                player.seek(0.0);
            }
        }
        let cursor = if near.is_some() { CursorIcon::ResizeHorizontal } else { CursorIcon::Text };
        let help = "Click to go there. Shift-drag makes a loop, a right click removes it. The wheel \
                    zooms; drag the ruler to move.";
        if response.hovered() && self.held.is_none() {
            self.show_hover(ui, rect, pointer);
        }
        response.on_hover_cursor(cursor).widget_info(|| {
            let mut info = WidgetInfo::labeled(accesskit::Role::Slider, true, &says);
            info.hint_text = Some(help.into());
            info
        });
    }

    fn seek(&mut self, player: &dyn Player, secs: f64, now_secs: f64) {
        player.seek(secs);
        self.pending = Some((secs, now_secs));
    }

    /// Where the other end of the loop lies, if the pointer is at one of them.
    fn near_end(&self, at: f32, x: Rangef, looped: &Loop) -> Option<f64> {
        let (from, to) = looped.region_secs?;
        let is_near = |secs: f64| (self.view.x_of(secs, x) - at).abs() <= NEAR_PT;
        if is_near(to) { Some(from) } else { is_near(from).then_some(to) }
    }

    fn ruler(&mut self, ui: &mut Ui, rect: Rect) {
        let response = ui.interact(rect, ui.scope_id().with("ruler"), Sense::click_and_drag());
        self.zoom(ui, &response, rect.x_range());
        if response.drag_started() {
            self.held = Some(Held::View);
        }
        if self.held == Some(Held::View) {
            let secs_per_pt = self.view.span_secs() / f64::from(rect.width().max(1.0));
            self.view.pan(-f64::from(response.drag_delta().x) * secs_per_pt);
            self.was_in_view = false;
        }
        if response.drag_stopped() {
            self.held = None;
        }
        if response.double_clicked() {
            self.fit();
        }
        response.widget_info(|| WidgetInfo::labeled(accesskit::Role::ScrollBar, true, "Ruler"));
        response
            .on_hover_cursor(CursorIcon::Grab)
            .on_hover_text("Drag to move, the wheel zooms, a double click shows all.");
    }

    fn zoom(&mut self, ui: &Ui, response: &Response, x: Rangef) {
        let Some(pos) = response.hover_pos() else { return };
        let (scroll, pinch) = ui.input(|i| (i.smooth_scroll_delta(), i.zoom_delta()));
        let factor = f64::from(pinch) * f64::from(scroll.y / 160.0).exp();
        if (factor - 1.0).abs() > 1e-4 {
            self.view.zoom(factor, self.view.secs_at(pos.x, x));
            self.was_in_view = false;
        }
        if scroll.x != 0.0 {
            let secs_per_pt = self.view.span_secs() / f64::from(x.span().max(1.0));
            self.view.pan(-f64::from(scroll.x) * secs_per_pt);
            self.was_in_view = false;
        }
    }

    fn draw(
        &mut self,
        ui: &Ui,
        places: &Places,
        scene: &Scene<'_>,
        looped: &Loop,
        position: Option<f64>,
    ) {
        let painter = ui.painter();
        let (x, wave) = (places.wave.x_range(), places.wave);
        painter.rect_filled(wave.union(places.beats), 3.0, theme::BACKGROUND);
        self.draw_loop(ui, places, looped);
        match scene.overview {
            Some(overview) => {
                self.draw_bars(ui, wave, scene.bars_secs);
                let mesh = self.wave_mesh(overview, wave, ui.pixels_per_point());
                ui.painter_at(wave).add(Shape::mesh(mesh));
                let ticks = |rect: Rect, secs: &[f64], colour: Color32| {
                    self.draw_ticks(ui, rect, secs, colour);
                };
                ticks(places.onsets, &overview.onsets_secs, theme::FAINT.gamma_multiply(0.8));
                ticks(places.beats, &overview.beats_secs, theme::ACCENT.gamma_multiply(0.8));
                self.draw_sections(ui, places.sections, overview);
            }
            None => {
                let middle = wave.center();
                painter.text(
                    middle,
                    Align2::CENTER_CENTER,
                    scene.note,
                    theme::small(),
                    theme::FAINT,
                );
            }
        }
        self.draw_ruler(ui, places.ruler);
        let line = |secs: f64, stroke: Stroke| {
            let x = self.view.x_of(secs, x);
            let clip = ui.painter_at(wave.union(places.sections).expand2(vec2(1.0, 0.0)));
            clip.vline(x, Rangef::new(wave.top(), places.beats.bottom()), stroke);
            x
        };
        if let Some(secs) = self.ghost_secs {
            line(secs, Stroke::new(1.0, theme::TEXT.gamma_multiply(0.7)));
        }
        if let Some(secs) =
            position.filter(|s| (self.view.from_secs..=self.view.to_secs).contains(s))
        {
            let at = line(secs, Stroke::new(1.5, theme::ACCENT));
            let top = wave.top();
            let head = vec![pos2(at - 4.5, top - 6.0), pos2(at + 4.5, top - 6.0), pos2(at, top)];
            painter.add(Shape::convex_polygon(head, theme::ACCENT, Stroke::NONE));
        }
    }

    fn draw_loop(&self, ui: &Ui, places: &Places, looped: &Loop) {
        let Some((from, to)) = looped.region_secs else { return };
        let x = places.wave.x_range();
        let colour = if looped.is_on { theme::ACCENT } else { theme::FAINT };
        let area = places.ruler.union(places.beats);
        let painter = ui.painter_at(area);
        let (from, to) = (self.view.x_of(from, x), self.view.x_of(to, x));
        let band = Rect::from_x_y_ranges(from..=to, places.wave.top()..=area.bottom());
        painter.rect_filled(band, 0.0, colour.gamma_multiply(0.13));
        let bar =
            Rect::from_x_y_ranges(from..=to, places.ruler.bottom() - 4.0..=places.ruler.bottom());
        painter.rect_filled(bar, 1.0, colour.gamma_multiply(0.8));
        for end in [from, to] {
            painter.vline(end, band.y_range(), Stroke::new(1.5, colour));
        }
    }

    fn draw_bars(&self, ui: &Ui, rect: Rect, bars_secs: &[f64]) {
        let per_bar = bars_secs.windows(2).map(|pair| pair[1] - pair[0]).next().unwrap_or(0.0);
        let apart = per_bar / self.view.span_secs() * f64::from(rect.width());
        if apart < 14.0 {
            return;
        }
        for secs in self.in_view(bars_secs) {
            let x = self.view.x_of(*secs, rect.x_range());
            ui.painter().vline(x, rect.y_range(), Stroke::new(1.0, theme::GRID));
        }
    }

    fn in_view<'a>(&self, secs: &'a [f64]) -> &'a [f64] {
        let from = secs.partition_point(|t| *t < self.view.from_secs);
        let to = secs.partition_point(|t| *t <= self.view.to_secs);
        secs.get(from..to).unwrap_or_default()
    }

    fn draw_ticks(&self, ui: &Ui, rect: Rect, secs: &[f64], colour: Color32) {
        let painter = ui.painter();
        let mut last = f32::MIN;
        for secs in self.in_view(secs) {
            let x = self.view.x_of(*secs, rect.x_range());
            if x - last >= APART_PT {
                painter.vline(x, rect.y_range().shrink(1.0), Stroke::new(1.0, colour));
                last = x;
            }
        }
    }

    fn draw_sections(&self, ui: &Ui, rect: Rect, overview: &Overview) {
        let painter = ui.painter_at(rect);
        let ends = overview.sections.iter().skip(1).map(|(secs, _)| *secs);
        for ((from, label), to) in overview.sections.iter().zip(ends.chain([overview.secs])) {
            let (from, to) =
                (self.view.x_of(*from, rect.x_range()), self.view.x_of(to, rect.x_range()));
            if to < rect.left() || from > rect.right() {
                continue;
            }
            let band = Rect::from_x_y_ranges(from + 0.5..=to - 0.5, rect.y_range());
            let colour = colour::of_section(label);
            painter.rect_filled(band, 2.0, colour.gamma_multiply(0.38));
            let seen = band.intersect(rect);
            if seen.width() > 12.0 {
                let at = pos2(seen.left() + 5.0, seen.center().y);
                painter.text(at, Align2::LEFT_CENTER, label, theme::small(), theme::TEXT);
            }
        }
    }

    fn draw_ruler(&self, ui: &Ui, rect: Rect) {
        let painter = ui.painter_at(rect);
        let View { from_secs, to_secs, .. } = self.view;
        let max_marks = (rect.width() / 64.0) as usize;
        for secs in time::marks(from_secs, to_secs, max_marks) {
            let x = self.view.x_of(secs, rect.x_range());
            painter.vline(x, rect.bottom() - 5.0..=rect.bottom(), Stroke::new(1.0, theme::LINE));
            let at = pos2(x + 3.0, rect.top() + 6.0);
            painter.text(
                at,
                Align2::LEFT_CENTER,
                time::mark_label(secs),
                theme::small(),
                theme::FAINT,
            );
        }
    }

    fn show_hover(&self, ui: &Ui, rect: Rect, pointer: Option<Pos2>) {
        let Some(pos) = pointer.filter(|pos| rect.contains(*pos)) else { return };
        let painter = ui.painter();
        let stroke = Stroke::new(1.0, theme::TEXT.gamma_multiply(0.25));
        painter.vline(pos.x, rect.y_range(), stroke);
        let text = time::clock(self.view.secs_at(pos.x, rect.x_range()));
        let galley = painter.layout_no_wrap(text, theme::small(), theme::TEXT);
        let left = (pos.x + 4.0).min(rect.right() - galley.size().x - 2.0);
        let at = pos2(left, rect.top() + 1.0);
        let back = Rect::from_min_size(at, galley.size()).expand2(vec2(2.0, 0.0));
        painter.rect_filled(back, 2.0, theme::PANEL.gamma_multiply(0.85));
        painter.galley(at, galley, theme::TEXT);
    }

    /// Flags of the cues, on the ruler; gives the name of the one that was clicked.
    fn show_cues(&self, ui: &mut Ui, places: &Places, scene: &Scene<'_>) -> Option<String> {
        let rect = places.ruler;
        let mut clicked = None;
        for (i, (secs, name)) in scene.cues.iter().enumerate() {
            if !(self.view.from_secs..=self.view.to_secs).contains(secs) {
                continue;
            }
            let x = self.view.x_of(*secs, rect.x_range());
            let painter = ui.painter();
            let pole = Rangef::new(rect.top() + 1.0, places.wave.bottom());
            painter.vline(x, pole, Stroke::new(1.0, CUE.gamma_multiply(0.5)));
            let galley = painter.layout_no_wrap(short(name), theme::small(), theme::BACKGROUND);
            let size = vec2(galley.size().x + 7.0, 13.0);
            let flag = Rect::from_min_size(pos2(x, rect.top() + 1.0), size);
            let response = ui.interact(flag, ui.scope_id().with(("cue", i)), Sense::click());
            let fill = if response.hovered() { CUE } else { CUE.gamma_multiply(0.85) };
            ui.painter_at(rect).rect_filled(flag, 2.0, fill);
            ui.painter_at(rect).galley(flag.min + vec2(4.0, 0.0), galley, theme::BACKGROUND);
            let says = format!("Cue {name}");
            response.widget_info(|| WidgetInfo::labeled(accesskit::Role::Button, true, &says));
            if response.clicked() && !name.is_empty() {
                clicked = Some(name.clone());
            }
            response.on_hover_text(format!(
                "Cue “{name}” at {}. Click to go to it.",
                time::clock(*secs)
            ));
        }
        clicked
    }

    /// A bar a pixel from least to greatest sample, in the colour of its chroma.
    fn wave_mesh(
        &mut self,
        overview: &Arc<Overview>,
        rect: Rect,
        pixels_per_point: f32,
    ) -> Arc<Mesh> {
        let key = (Arc::as_ptr(overview) as usize, self.view, rect, pixels_per_point);
        if self.picture.key != Some(key) {
            let mesh = draw_wave(overview, &self.view, rect, pixels_per_point);
            self.picture = Picture { key: Some(key), mesh: Arc::new(mesh) };
        }
        self.picture.mesh.clone()
    }
}

/// Cues.
const CUE: Color32 = Color32::from_rgb(0x8f, 0xb8, 0xe8);

/// A name that fits a flag.
fn short(name: &str) -> String {
    const MAX_CHARS: usize = 14;
    if name.chars().count() <= MAX_CHARS {
        return if name.is_empty() { "cue".into() } else { name.into() };
    }
    name.chars().take(MAX_CHARS - 1).chain(['…']).collect()
}

fn draw_wave(overview: &Overview, view: &View, rect: Rect, pixels_per_point: f32) -> Mesh {
    let step = 1.0 / pixels_per_point.max(0.1);
    let num = (rect.width() / step).ceil().clamp(0.0, 16_384.0) as usize;
    let columns_per_sec = overview.peaks.len() as f64 / overview.secs.max(1e-9);
    let loudest = overview.peaks.iter().fold(1e-3_f32, |max, (low, high)| max.max(-low).max(*high));
    let scale = rect.height() * 0.5 / loudest.max(0.25);
    let middle = rect.center().y;
    let mut mesh = Mesh::default();
    for i in 0..num {
        let left = rect.left() + i as f32 * step;
        let column = |x: f32| (view.secs_at(x, rect.x_range()) * columns_per_sec) as usize;
        let first = column(left).min(overview.peaks.len().saturating_sub(1));
        let columns = first..column(left + step).max(first + 1).min(overview.peaks.len());
        let Some(bar) = Bar::of(overview, columns) else { continue };
        let top = middle - bar.high * scale;
        let bottom = (middle - bar.low * scale).max(top + step);
        let area = Rect::from_min_max(pos2(left, top), pos2(left + step, bottom));
        mesh.add_colored_rect(area, bar.colour);
    }
    mesh
}

/// What stands for several columns.
struct Bar {
    low: f32,
    high: f32,
    colour: Color32,
}

impl Bar {
    fn of(overview: &Overview, columns: std::ops::Range<usize>) -> Option<Self> {
        let peaks = overview.peaks.get(columns.clone()).filter(|peaks| !peaks.is_empty())?;
        let low = peaks.iter().fold(f32::MAX, |low, peak| low.min(peak.0));
        let high = peaks.iter().fold(f32::MIN, |high, peak| high.max(peak.1));
        let levels = overview.levels.get(columns.clone()).unwrap_or_default();
        let level = levels.iter().copied().fold(0.0, f32::max);
        let mut chroma = smoothed_chroma(overview, columns);
        let largest = chroma.iter().copied().fold(0.0, f32::max);
        let colour = if largest > 0.0 {
            chroma.iter_mut().for_each(|v| *v /= largest);
            colour::of_chroma(&chroma, level)
        } else {
            theme::FAINT.gamma_multiply(0.5 + 0.5 * level)
        };
        Some(Self { low, high, colour })
    }
}

/// Chroma of some columns and of those about them, so that colours change with the harmony and not
/// with every stroke.
fn smoothed_chroma(overview: &Overview, columns: std::ops::Range<usize>) -> [f32; 12] {
    const MAX_ROWS: usize = 32;
    let reach = 5 * columns.len();
    let from = columns.start.saturating_sub(reach);
    let rows = overview.chroma.get(from..(columns.end + reach).min(overview.chroma.len()));
    let rows = rows.unwrap_or_default();
    let mut sum = [0.0; 12];
    for row in rows.iter().step_by(rows.len().div_ceil(MAX_ROWS).max(1)) {
        sum.iter_mut().zip(row).for_each(|(sum, v)| *sum += v);
    }
    sum
}
