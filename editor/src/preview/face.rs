//! The picture or curve on a node's face.

use std::collections::BTreeMap;
use std::sync::Arc;

use egui::emath::GuiRounding;
use egui::epaint::Hsva;
use egui::{
    Align2, Color32, FontId, Painter, Pos2, Rect, TextureHandle, TextureOptions, pos2, vec2,
};
use lumawire_core::{HostImage, PortType};
use lumawire_runtime::probe::{HISTORY_LEN, Seen};

use super::brush::{Brush, Column};
use super::pixels::over_checker;
use super::scale::{Range, bin_place, db_place, decibels, flash, letterbox, num_rows, point};
use super::words::{PITCH_CLASSES, number, range_text};
use crate::theme;

/// Height of a face that is no picture, in points at 100 %.
const CURVE_HEIGHT: f32 = 36.0;
/// Usual width of a face, in points at 100 %.
const FACE_WIDTH: f32 = 176.0;
/// Below this height in points a face has no text.
const TEXT_HEIGHT: f32 = 24.0;
/// Least width of a curve's column, in points.
const COLUMN_WIDTH: f32 = 1.75;
/// More numbers than these are drawn as a curve, not as bars.
const MAX_BARS: usize = 48;
/// How fast a line over a row falls, in heights a second.
const PEAK_FALL_HZ: f32 = 0.3;
/// How fast a scope gives up range that it does not need, a second.
const SHRINK_HZ: f32 = 1.5;
/// How fast a spectrum's top falls, in dB a second.
const TOP_FALL_DB: f32 = 6.0;
/// A face that was not drawn for so many frames is forgotten.
const KEPT_PASSES: u64 = 120;

/// Height of what a node shows of an output of this type, in points at 100 %, on a face that is
/// `width` wide; 0 for nothing.
pub fn face_height(ty: PortType, width: f32) -> f32 {
    match ty {
        PortType::Image => width * 9.0 / 16.0,
        PortType::Model | PortType::Bends | PortType::Noise => 0.0,
        _ => CURVE_HEIGHT,
    }
}

/// Draws faces, and keeps the textures of their pictures while they are drawn.
#[derive(Default)]
pub struct Face {
    nodes: BTreeMap<String, Memory>,
    /// The frame in which a face was drawn last.
    pass: u64,
    /// How long the frame before took.
    dt_secs: f32,
}

/// What is kept of a face from frame to frame.
struct Memory {
    pass: u64,
    thumbnail: Option<Thumbnail>,
    range: Range,
    top_db: f32,
    peaks: Vec<f32>,
}

impl Default for Memory {
    fn default() -> Self {
        let (thumbnail, range) = (None, Range::UNIT);
        Self { pass: 0, thumbnail, range, top_db: 0.0, peaks: Vec::new() }
    }
}

struct Thumbnail {
    image: Arc<HostImage>,
    texture: TextureHandle,
}

/// Where a face is drawn, and in which colour.
struct Well<'a> {
    painter: &'a Painter,
    /// Without the margin.
    rect: Rect,
    colour: Color32,
}

impl Face {
    /// Draws what an output of this type carries into `rect`. `key` tells faces apart.
    pub fn paint(&mut self, painter: &Painter, rect: Rect, key: &str, ty: PortType, seen: &Seen) {
        if rect.width() < 2.0 || rect.height() < 2.0 {
            return;
        }
        let dt_secs = self.begin(painter);
        let memory = match self.nodes.get_mut(key) {
            Some(memory) => memory,
            None => self.nodes.entry(key.to_owned()).or_default(),
        };
        memory.pass = self.pass;
        let rounding = f32::from(theme::ROUNDING - 2).min(0.1 * rect.height());
        painter.rect_filled(rect, rounding, theme::BACKGROUND);
        let margin = (0.07 * rect.height()).min(3.0);
        let colour = theme::port_colour(ty);
        let well = Well { painter, rect: rect.shrink(margin), colour };
        match seen {
            Seen::Nothing => well.rest(),
            Seen::Control { latest, recent } => well.scope(memory, *latest, recent, dt_secs),
            Seen::Trigger { total, recent } => well.hits(*total, recent),
            Seen::Row(row) => match ty {
                PortType::Spectrum => well.spectrum(memory, row, dt_secs),
                PortType::Chroma if row.len() == PITCH_CLASSES.len() => {
                    well.chroma(memory, row, dt_secs);
                }
                _ => well.bands(memory, row, dt_secs),
            },
            Seen::Wave(columns) => well.wave(columns),
            Seen::Latent(values, _) => well.latent(memory, values, dt_secs),
            Seen::Picture(image, _) => well.picture(memory, image, rect),
            Seen::Text(text) => well.words(text),
        }
    }

    /// Forgets what is not drawn any more, once a frame; gives the frame's length.
    fn begin(&mut self, painter: &Painter) -> f32 {
        let pass = painter.ctx().cumulative_pass_nr();
        if pass != self.pass {
            self.pass = pass;
            self.dt_secs = painter.ctx().input(|i| i.stable_dt).min(0.1);
            self.nodes.retain(|_, memory| memory.pass + KEPT_PASSES >= pass);
        }
        self.dt_secs
    }
}

impl Memory {
    /// Takes these heights, 0..1; each line falls slowly to what it is now.
    fn raise_peaks(&mut self, heights: &[f32], dt_secs: f32) {
        self.peaks.resize(heights.len(), 0.0);
        for (peak, height) in self.peaks.iter_mut().zip(heights) {
            *peak = height.max(*peak - PEAK_FALL_HZ * dt_secs);
        }
    }

    fn follow(&mut self, target: Range, dt_secs: f32) -> Range {
        self.range = self.range.follow(target, 1.0 - (-SHRINK_HZ * dt_secs).exp());
        self.range
    }
}

impl Well<'_> {
    /// Small faces, of which many are on screen at once, have hard edges.
    fn brush(&self) -> Brush {
        Brush::new(self.painter, self.has_text())
    }

    /// How many columns a curve has at most.
    fn num_columns(&self) -> usize {
        (self.rect.width() / COLUMN_WIDTH).clamp(8.0, 400.0) as usize
    }

    /// Nothing came yet.
    fn rest(&self) {
        let line = Rect::from_center_size(self.rect.center(), vec2(0.3 * self.rect.width(), 1.0));
        self.painter.rect_filled(line, 0.0, theme::LINE);
    }

    fn scope(&self, memory: &mut Memory, latest: f32, recent: &[f32], dt_secs: f32) {
        let range = memory.follow(Range::of(recent.iter().copied()), dt_secs);
        let zero = point(self.rect, 0.0, range.place(0.0)).y;
        let mut brush = self.brush();
        for level in [0.0, 0.5, 1.0] {
            self.level(&mut brush, point(self.rect, 0.0, level).y, theme::GRID);
        }
        self.level(&mut brush, zero, theme::LINE);
        let recent = &recent[recent.len().saturating_sub(HISTORY_LEN)..];
        let newest = recent.len().saturating_sub(1);
        let curve: Vec<Pos2> = recent
            .iter()
            .enumerate()
            .map(|(i, v)| {
                let age = (newest - i) as f32 / (HISTORY_LEN - 1) as f32;
                point(self.rect, 1.0 - age, range.place(*v))
            })
            .collect();
        let curve = thinned(curve, self.num_columns());
        brush.area(&curve, zero, self.rect.height(), self.shades(0.08, 0.45));
        brush.curve(&curve, 1.5, self.colour);
        if let Some(now) = curve.last() {
            brush.glow(*now, 4.0, self.colour);
        }
        brush.paint(self.painter);
        if let Some((low, high)) = range_text(range).filter(|_| self.has_text()) {
            let faint = FontId::proportional(0.8 * self.text_size());
            let right = self.rect.shrink2(vec2(4.0, 0.0));
            self.plate(right.right_top(), Align2::RIGHT_TOP, high, faint.clone(), theme::FAINT);
            self.plate(right.right_bottom(), Align2::RIGHT_BOTTOM, low, faint, theme::FAINT);
        }
        self.figure(number(latest));
    }

    fn hits(&self, total: u64, recent: &[f32]) {
        let glow = flash(recent);
        let mut brush = self.brush();
        let wash = self.colour.gamma_multiply(0.28 * glow);
        brush.gradient(self.rect, wash.gamma_multiply(0.4), wash);
        self.level(&mut brush, self.rect.bottom() - 0.5, theme::LINE);
        let recent = &recent[recent.len().saturating_sub(HISTORY_LEN)..];
        let most = recent.iter().copied().fold(1.0, f32::max);
        for (i, hits) in recent.iter().rev().enumerate().filter(|(_, hits)| **hits > 0.0) {
            let age = i as f32 / HISTORY_LEN as f32;
            let foot = point(self.rect, 1.0 - age, 0.0);
            let height = self.rect.height() * (0.35 + 0.5 * hits / most);
            let tick = Rect::from_min_max(pos2(foot.x - 2.0, foot.y - height), foot);
            let colour = self.colour.gamma_multiply(0.25 + 0.75 * (1.0 - age).powi(2));
            brush.gradient(tick.intersect(self.rect), colour, colour.gamma_multiply(0.3));
        }
        if glow > 0.02 {
            let most = (0.5 * self.rect.height()).min(18.0);
            let centre = self.rect.right_center() - vec2(most, 0.0);
            let radius = most * (0.5 + 0.5 * glow);
            brush.glow(centre, radius, self.colour.gamma_multiply(glow));
        }
        brush.paint(self.painter);
        self.figure(total.to_string());
    }

    fn spectrum(&self, memory: &mut Memory, row: &[f32], dt_secs: f32) {
        let levels: Vec<f32> = row.iter().map(|v| decibels(*v)).collect();
        let loudest = levels.iter().copied().fold(0.0, f32::max);
        memory.top_db = loudest.max(memory.top_db - TOP_FALL_DB * dt_secs);
        let heights: Vec<f32> = levels.iter().map(|db| db_place(*db, memory.top_db)).collect();
        memory.raise_peaks(&heights, dt_secs);
        let mut brush = self.brush();
        for share in [0.25, 0.5, 0.75] {
            self.level(&mut brush, point(self.rect, 0.0, share).y, theme::GRID);
        }
        let num_columns = self.num_columns().min(2 * row.len().max(4));
        let curve = self.resampled(&heights, num_columns, bin_place);
        let peaks = self.resampled(&memory.peaks, num_columns, bin_place);
        self.hill(&mut brush, &curve, &peaks);
        brush.paint(self.painter);
        if self.has_text() {
            let top = format!("{:.0} dB", memory.top_db);
            let font = FontId::proportional(0.8 * self.text_size());
            let place = self.rect.right_top() - vec2(4.0, 0.0);
            self.plate(place, Align2::RIGHT_TOP, top, font, theme::FAINT);
        }
    }

    fn bands(&self, memory: &mut Memory, row: &[f32], dt_secs: f32) {
        let range = memory.follow(Range::of(row.iter().copied()), dt_secs);
        let zero = range.place(0.0);
        let heights: Vec<f32> = row.iter().map(|v| range.place(*v)).collect();
        memory.raise_peaks(&heights, dt_secs);
        let mut brush = self.brush();
        let foot = point(self.rect, 0.0, zero).y;
        self.level(&mut brush, foot, theme::LINE);
        if row.len() > MAX_BARS {
            let num_columns = self.num_columns().min(row.len());
            let curve = self.resampled(&heights, num_columns, |x| x);
            let peaks = self.resampled(&memory.peaks, num_columns, |x| x);
            self.hill(&mut brush, &curve, &peaks);
        } else {
            for (i, (height, peak)) in heights.iter().zip(&memory.peaks).enumerate() {
                let bar = self.slot(i, row.len(), self.rect);
                self.bar(&mut brush, bar, (*height, *peak, zero), self.colour);
            }
        }
        brush.paint(self.painter);
        if let Some((_, high)) = range_text(range).filter(|_| self.has_text()) {
            let font = FontId::proportional(0.8 * self.text_size());
            let place = self.rect.right_top() - vec2(4.0, 0.0);
            self.plate(place, Align2::RIGHT_TOP, high, font, theme::FAINT);
        }
    }

    /// Twelve bars over the keys of an octave; under the pointer, the key's name.
    fn chroma(&self, memory: &mut Memory, row: &[f32], dt_secs: f32) {
        let range = memory.follow(Range::of(row.iter().copied()), dt_secs);
        let heights: Vec<f32> = row.iter().map(|v| range.place(*v)).collect();
        memory.raise_peaks(&heights, dt_secs);
        let key_height = (0.16 * self.rect.height()).clamp(2.0, 7.0);
        let (bars, keys) = self.rect.split_top_bottom_at_y(self.rect.bottom() - key_height - 1.0);
        let mut brush = self.brush();
        for (i, (height, peak)) in heights.iter().zip(&memory.peaks).enumerate() {
            let colour = pitch_colour(i);
            self.bar(&mut brush, self.slot(i, row.len(), bars), (*height, *peak, 0.0), colour);
            let key = self.slot(i, row.len(), keys.with_min_y(keys.top() + 1.0));
            let is_black = PITCH_CLASSES[i].len() > 1;
            let ivory = if is_black { Color32::from_gray(0x2c) } else { Color32::from_gray(0xc0) };
            let lit = ivory.lerp_to_gamma(colour, 0.5 * height);
            brush.rect(key, lit);
        }
        brush.paint(self.painter);
        let hovered = self.pointer().map(|p| (p.x - self.rect.left()) / self.rect.width());
        if let Some(x) = hovered.filter(|_| self.has_text()) {
            let i = ((x * 12.0) as usize).min(11);
            let text = format!("{} {}", PITCH_CLASSES[i], number(row[i]));
            self.figure(text);
        }
    }

    fn wave(&self, columns: &[(f32, f32)]) {
        let middle = self.rect.center().y;
        let half = 0.5 * self.rect.height();
        let mut brush = self.brush();
        self.level(&mut brush, middle, theme::LINE);
        let y = |v: f32| middle - half * if v.is_nan() { 0.0 } else { v.clamp(-1.0, 1.0) };
        let step = columns.len().div_ceil(self.num_columns()).max(1);
        let last = columns.len().div_ceil(step).saturating_sub(1).max(1) as f32;
        let column = |(i, stretch): (usize, &[(f32, f32)])| {
            let high = stretch.iter().map(|(_, high)| *high).fold(f32::NAN, f32::max);
            let low = stretch.iter().map(|(low, _)| *low).fold(f32::NAN, f32::min);
            let x = self.rect.left() + self.rect.width() * i as f32 / last;
            Column { x, top: y(high) - 0.4, bottom: y(low) + 0.4 }
        };
        let mut band: Vec<Column> = columns.chunks(step).enumerate().map(column).collect();
        brush.joined_band(&mut band, self.colour);
        let clips = columns.iter().any(|(low, high)| *low <= -1.0 || *high >= 1.0);
        if clips {
            let edge = Rect::from_min_size(self.rect.min, vec2(self.rect.width(), 1.5));
            brush.rect(edge, theme::ERROR);
            brush.rect(edge.translate(vec2(0.0, self.rect.height() - 1.5)), theme::ERROR);
        }
        brush.paint(self.painter);
    }

    /// Cells from blue over dark to amber: less than nothing, nothing, more.
    fn latent(&self, memory: &mut Memory, values: &[f32], dt_secs: f32) {
        let largest = values.iter().filter(|v| v.is_finite()).fold(0.0_f32, |m, v| m.max(v.abs()));
        let range = memory.follow(Range { low: 0.0, high: largest.max(1e-6) }, dt_secs);
        let rows = num_rows(values.len(), self.rect.size());
        let columns = values.len().div_ceil(rows).max(1);
        let cell = vec2(self.rect.width() / columns as f32, self.rect.height() / rows as f32);
        let gap = (0.08 * cell.min_elem()).min(1.0);
        let mut brush = self.brush();
        for (i, value) in values.iter().enumerate() {
            let corner = vec2((i % columns) as f32 * cell.x, (i / columns) as f32 * cell.y);
            let place = Rect::from_min_size(self.rect.min + corner, cell).shrink(gap);
            brush.rect(place, diverging(value / range.high));
        }
        brush.paint(self.painter);
    }

    /// Whole, in the middle of the face.
    fn picture(&self, memory: &mut Memory, image: &Arc<HostImage>, rect: Rect) {
        let kept = memory.thumbnail.as_ref().is_some_and(|kept| Arc::ptr_eq(&kept.image, image));
        if !kept {
            memory.thumbnail = thumbnail(self.painter, memory.thumbnail.take(), image);
        }
        let Some(Thumbnail { texture, .. }) = &memory.thumbnail else { return self.rest() };
        let size = vec2(image.width_px as f32, image.height_px as f32);
        let place = letterbox(size, rect).round_to_pixels(self.painter.pixels_per_point());
        let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        self.painter.image(texture.id(), place, whole, Color32::WHITE);
    }

    fn words(&self, text: &str) {
        if !self.has_text() {
            return self.rest();
        }
        let font = FontId::proportional(self.text_size());
        let wrap = (self.rect.width() - 6.0).max(1.0);
        let mut job = egui::text::LayoutJob::simple(text.to_owned(), font, theme::FAINT, wrap);
        job.wrap.max_rows = ((self.rect.height() / (1.3 * self.text_size())) as usize).max(1);
        let galley = self.painter.layout_job(job);
        let place = Align2::LEFT_CENTER.anchor_size(self.rect.left_center(), galley.size());
        self.painter.galley(place.min + vec2(3.0, 0.0), galley, theme::FAINT);
    }

    /// The number in the corner.
    fn figure(&self, text: String) {
        if self.has_text() {
            let font = FontId::proportional(self.text_size());
            let place = self.rect.left_top() + vec2(3.0, 0.0);
            self.plate(place, Align2::LEFT_TOP, text, font, theme::TEXT);
        }
    }

    /// Text on a ground that keeps it legible over curves.
    fn plate(&self, at: Pos2, anchor: Align2, text: String, font: FontId, colour: Color32) {
        let galley = self.painter.layout_no_wrap(text, font, colour);
        let place = anchor.anchor_size(at, galley.size());
        let ground = place.expand2(vec2(2.0, 0.0)).intersect(self.rect);
        self.painter.rect_filled(ground, 2.0, theme::BACKGROUND.gamma_multiply(0.7));
        self.painter.galley(place.min, galley, colour);
    }

    fn level(&self, brush: &mut Brush, y: f32, colour: Color32) {
        let pixel = 1.0 / self.painter.pixels_per_point().max(0.1);
        let y = y.min(self.rect.bottom() - pixel).max(self.rect.top());
        let corner = pos2(self.rect.left(), y.round_to_pixels(self.painter.pixels_per_point()));
        brush.rect(Rect::from_min_size(corner, vec2(self.rect.width(), pixel)), colour);
    }

    /// A filled curve, and the line of its peaks.
    fn hill(&self, brush: &mut Brush, curve: &[Pos2], peaks: &[Pos2]) {
        let foot = self.rect.bottom();
        brush.area(curve, foot, self.rect.height(), self.shades(0.12, 0.85));
        brush.curve(curve, 1.25, self.colour);
        if self.has_text() {
            brush.curve(peaks, 1.0, self.colour.gamma_multiply(0.45));
        }
    }

    /// A bar from `zero` to `height`, and the line of its peak.
    fn bar(
        &self,
        brush: &mut Brush,
        slot: Rect,
        (height, peak, zero): (f32, f32, f32),
        colour: Color32,
    ) {
        let [end, foot, cap] = [height, zero, peak].map(|share| point(slot, 0.0, share).y);
        let bar = Rect::from_two_pos(pos2(slot.left(), end), pos2(slot.right(), foot));
        brush.gradient(bar, colour, colour.gamma_multiply(0.45));
        let line = Rect::from_min_size(pos2(slot.left(), cap - 0.5), vec2(slot.width(), 1.0));
        brush.rect(line.intersect(slot), colour.gamma_multiply(0.6));
    }

    /// The place of one of `num` things side by side.
    fn slot(&self, i: usize, num: usize, within: Rect) -> Rect {
        let width = within.width() / num.max(1) as f32;
        let gap = (0.16 * width).min(1.5);
        let left = within.left() + i as f32 * width;
        Rect::from_x_y_ranges(left + 0.5 * gap..=left + width - 0.5 * gap, within.y_range())
    }

    /// Heights as a curve over the width; where several fall on a column, the highest.
    fn resampled(&self, heights: &[f32], num: usize, axis: fn(f32) -> f32) -> Vec<Pos2> {
        let last = heights.len().saturating_sub(1) as f32;
        let place = |column: f32| axis((column / (num - 1) as f32).clamp(0.0, 1.0)) * last;
        let height_at = |i: f32| {
            let low = heights.get(i as usize).copied().unwrap_or(0.0);
            let high = heights.get(i as usize + 1).copied().unwrap_or(low);
            low + (high - low) * i.fract()
        };
        (0..num)
            .map(|column| {
                let [from, to] = [-0.5, 0.5].map(|d| place(column as f32 + d));
                let whole = from.ceil() as usize..(to.floor() as usize + 1).min(heights.len());
                let inner = heights.get(whole).unwrap_or_default().iter().copied();
                let height = inner.fold(height_at(place(column as f32)), f32::max);
                point(self.rect, column as f32 / (num - 1) as f32, height)
            })
            .collect()
    }

    /// The colour at the foot of an area and at its top.
    fn shades(&self, near: f32, far: f32) -> (Color32, Color32) {
        (self.colour.gamma_multiply(near), self.colour.gamma_multiply(far))
    }

    fn has_text(&self) -> bool {
        self.rect.height() >= TEXT_HEIGHT
    }

    /// Whole points, so that few sizes of letters are made while a person zooms.
    fn text_size(&self) -> f32 {
        let zoom = (self.rect.height() / CURVE_HEIGHT).min(self.rect.width() / FACE_WIDTH);
        (11.0 * zoom).round().clamp(9.0, 16.0)
    }

    /// Where the pointer is on the face.
    fn pointer(&self) -> Option<Pos2> {
        let ctx = self.painter.ctx();
        let at = ctx.pointer_hover_pos()?;
        let from_global = ctx.layer_transform_from_global(self.painter.layer_id());
        let at = from_global.map_or(at, |transform| transform * at);
        (self.rect.contains(at) && self.painter.clip_rect().contains(at)).then_some(at)
    }
}

/// At most so many points: of neighbours the one stays that lies farthest from the one kept before,
/// so that a short peak does not come and go. The newest point stays.
fn thinned(curve: Vec<Pos2>, num: usize) -> Vec<Pos2> {
    let step = curve.len().div_ceil(num.max(1));
    let Some(newest) = curve.last().copied().filter(|_| step > 1) else { return curve };
    let mut thin = Vec::with_capacity(num + 1);
    thin.push(newest);
    let mut kept = newest;
    // From the newest one back, so that neighbours stay neighbours while the curve moves on.
    for neighbours in curve[..curve.len() - 1].rchunks(step) {
        let far = |p: &&Pos2| (p.y - kept.y).abs();
        let farthest = neighbours.iter().max_by(|a, b| far(a).total_cmp(&far(b)));
        kept = farthest.copied().unwrap_or(kept);
        thin.push(kept);
    }
    thin.reverse();
    thin
}

fn thumbnail(
    painter: &Painter,
    kept: Option<Thumbnail>,
    image: &Arc<HostImage>,
) -> Option<Thumbnail> {
    let pixels = over_checker(image)?;
    let texture = match kept {
        Some(Thumbnail { mut texture, .. }) => {
            texture.set(pixels, TextureOptions::LINEAR);
            texture
        }
        None => painter.ctx().load_texture("thumbnail", pixels, TextureOptions::LINEAR),
    };
    Some(Thumbnail { image: image.clone(), texture })
}

/// Hues round the circle from C, equally bright.
fn pitch_colour(i: usize) -> Color32 {
    Hsva::new(i as f32 / 12.0, 0.62, 0.95, 1.0).into()
}

/// −1 blue, 0 dark, 1 amber: told apart by the colour-blind, and by brightness from nothing.
fn diverging(value: f32) -> Color32 {
    const LOW: [f32; 3] = [64.0, 156.0, 255.0];
    const ZERO: [f32; 3] = [30.0, 32.0, 38.0];
    const HIGH: [f32; 3] = [255.0, 180.0, 60.0];
    let value = if value.is_nan() { 0.0 } else { value.clamp(-1.0, 1.0) };
    let end = if value < 0.0 { LOW } else { HIGH };
    let share = value.abs().powf(0.8);
    let [r, g, b] = std::array::from_fn(|c| (ZERO[c] + share * (end[c] - ZERO[c])) as u8);
    Color32::from_rgb(r, g, b)
}

#[cfg(test)]
mod tests {
    use egui::{Context, Event, FullOutput, RawInput, TextureId};

    use super::super::testing::image;
    use super::*;

    const PLACE: Rect = Rect { min: pos2(10.0, 20.0), max: pos2(186.0, 56.0) };

    fn frame(ctx: &Context, paint: impl FnMut(&Painter)) -> FullOutput {
        frame_with(ctx, RawInput::default(), paint)
    }

    fn frame_with(ctx: &Context, input: RawInput, mut paint: impl FnMut(&Painter)) -> FullOutput {
        let mut output = ctx.run_ui(input, |ui| paint(ui.painter()));
        // Font atlases come at their own times.
        output.textures_delta.set.retain(|id, _| *id != TextureId::default());
        output
    }

    fn uploads(mut output: FullOutput) -> (Vec<TextureId>, Vec<TextureId>) {
        let set = output.textures_delta.set.keys().copied().collect();
        let freed = output.textures_delta.free.iter().copied().collect();
        output.textures_delta.clear();
        (set, freed)
    }

    fn thumbnail_of(grey: u8) -> Seen {
        Seen::Picture(Arc::new(image(16, 9, |_, _| [grey, grey, grey, 255])), (1920, 1080))
    }

    #[test]
    fn a_texture_is_made_anew_for_a_new_picture_only_and_dropped_when_unseen() {
        let ctx = Context::default();
        let mut face = Face::default();
        let (first, second) = (thumbnail_of(1), thumbnail_of(2));
        let mut draw = |seen: Option<&Seen>| {
            uploads(frame(&ctx, |painter| {
                if let Some(seen) = seen {
                    face.paint(painter, PLACE, "a", PortType::Image, seen);
                }
                // Something else stays on screen.
                face.paint(painter, PLACE, "b", PortType::Control, &Seen::Nothing);
            }))
        };
        let (made, _) = draw(Some(&first));
        assert_eq!(made.len(), 1);
        assert_eq!(draw(Some(&first)), (vec![], vec![]));
        assert_eq!(draw(Some(&second)), (made.clone(), vec![]));
        assert_eq!(draw(Some(&second)), (vec![], vec![]));
        let freed = (0..=KEPT_PASSES).flat_map(|_| draw(None).1).collect::<Vec<_>>();
        assert_eq!(freed, made);
    }

    /// Every position of what was drawn.
    fn positions(output: &FullOutput) -> Vec<Pos2> {
        let mut positions = Vec::new();
        for shape in &output.shapes {
            match &shape.shape {
                egui::Shape::Mesh(mesh) => {
                    assert!(mesh.is_valid());
                    positions.extend(mesh.vertices.iter().map(|v| v.pos));
                }
                egui::Shape::Rect(rect) => positions.extend([rect.rect.min, rect.rect.max]),
                _ => {}
            }
        }
        positions
    }

    #[test]
    fn whatever_is_seen_is_drawn_within_its_place() {
        let wild = [0.0, f32::NAN, f32::INFINITY, -1e30, 3.0, f32::NEG_INFINITY, 1e38, -0.5];
        let long: Vec<f32> = (0..1000).map(|i| wild[i % wild.len()]).collect();
        let seen = |values: Vec<f32>| {
            let pairs = values.iter().map(|v| (*v, -*v)).collect();
            [
                Seen::Nothing,
                Seen::Control { latest: f32::NAN, recent: values.clone() },
                Seen::Trigger { total: u64::MAX, recent: values.clone() },
                Seen::Row(values.clone()),
                Seen::Wave(pairs),
                Seen::Latent(values, usize::MAX),
                thumbnail_of(3),
                Seen::Text("word ".repeat(1000)),
            ]
        };
        let all = [seen(vec![]), seen(vec![f32::NAN]), seen(wild.to_vec()), seen(long)].concat();
        let chroma = Seen::Row(long_row(&wild, 12));
        let ctx = Context::default();
        let mut face = Face::default();
        let types = [PortType::Control, PortType::Bands, PortType::Spectrum, PortType::Chroma];
        let (mut num_drawn, sizes) = (0, [(176.0, 36.0), (160.0, 90.0), (7.0, 3.0), (1e4, 4.0)]);
        for (width, height) in sizes {
            let place = Rect::from_min_size(pos2(10.0, 20.0), vec2(width, height));
            for ty in types {
                for seen in all.iter().chain([&chroma]) {
                    let mut output = frame(&ctx, |painter| {
                        face.paint(painter, place, "a", ty, seen);
                    });
                    for at in positions(&output) {
                        num_drawn += 1;
                        // Soft edges and the glow of the newest value reach over it.
                        assert!(place.expand(7.0).contains(at), "{ty} {seen:?}: {at}");
                    }
                    output.textures_delta.clear();
                }
            }
        }
        assert!(num_drawn > 10_000);
    }

    #[test]
    fn a_face_lower_than_a_pixel_is_drawn() {
        let ctx = Context::default();
        ctx.set_pixels_per_point(0.5);
        let mut face = Face::default();
        let place = Rect::from_min_size(pos2(10.0, 20.0), vec2(7.0, 2.0));
        let seen = Seen::Control { latest: 0.5, recent: vec![0.0, 1.0, 0.5] };
        let mut num_drawn = 0;
        // The scale counts from the second frame on.
        for _ in 0..2 {
            let mut output = frame(&ctx, |painter| {
                face.paint(painter, place, "a", PortType::Control, &seen);
            });
            num_drawn += positions(&output).len();
            output.textures_delta.clear();
        }
        assert!(num_drawn > 0);
    }

    fn long_row(values: &[f32], len: usize) -> Vec<f32> {
        values.iter().copied().cycle().take(len).collect()
    }

    #[test]
    fn the_pitch_class_under_the_pointer_is_named() {
        let ctx = Context::default();
        let mut face = Face::default();
        let mut row = vec![0.25; 12];
        row[9] = 0.75;
        let mut texts = |at: Pos2| -> Vec<String> {
            let events = vec![Event::PointerMoved(at)];
            let input = RawInput { events, ..RawInput::default() };
            let seen = Seen::Row(row.clone());
            let mut output = frame_with(&ctx, input, |painter| {
                face.paint(painter, PLACE, "a", PortType::Chroma, &seen);
            });
            output.textures_delta.clear();
            let text = |shape: &egui::epaint::ClippedShape| match &shape.shape {
                egui::Shape::Text(text) => Some(text.galley.text().to_owned()),
                _ => None,
            };
            output.shapes.iter().filter_map(text).collect()
        };
        let x = PLACE.left() + PLACE.width() * 9.5 / 12.0;
        assert_eq!(texts(pos2(x, 40.0)), ["A 0.75"]);
        assert_eq!(texts(pos2(PLACE.left() + 5.0, 40.0)), ["C 0.25"]);
        assert!(texts(pos2(x, 90.0)).is_empty());
    }

    #[test]
    fn a_thinned_curve_keeps_its_peak_and_its_newest_point() {
        for at in 0..240 {
            let height = |i: usize| if i == at { 9.0 } else { 0.25 };
            let curve: Vec<Pos2> = (0..240).map(|i| pos2(i as f32, height(i))).collect();
            let thin = thinned(curve.clone(), 100);
            assert!(thin.len() <= 101);
            assert!(thin.contains(&curve[at]));
            assert_eq!(thin.last(), curve.last());
            assert!(thin.is_sorted_by(|a, b| a.x < b.x));
            assert_eq!(thinned(curve.clone(), 240), curve);
        }
    }

    #[test]
    fn a_peak_falls_slowly_to_what_is_below_it() {
        let mut memory = Memory::default();
        memory.raise_peaks(&[1.0, 0.2], 0.1);
        memory.raise_peaks(&[0.0, 0.5], 1.0);
        assert_eq!(memory.peaks, [1.0 - PEAK_FALL_HZ, 0.5]);
        memory.raise_peaks(&[0.1], 100.0);
        assert_eq!(memory.peaks, [0.1]);
    }

    #[test]
    fn only_pictures_are_high_and_handles_have_no_face() {
        assert_eq!(face_height(PortType::Image, 160.0), 90.0);
        assert_eq!(face_height(PortType::Control, 160.0), CURVE_HEIGHT);
        assert_eq!(face_height(PortType::Model, 160.0), 0.0);
    }

    #[test]
    fn latent_colours_tell_the_sign() {
        let channels = |v: f32| (diverging(v).r(), diverging(v).b());
        let ((low_red, low_blue), (high_red, high_blue)) = (channels(-1.0), channels(1.0));
        assert!(low_blue > 3 * low_red && high_red > 3 * high_blue);
        assert_eq!(diverging(f32::NAN), diverging(0.0));
        assert_eq!(diverging(-9.0), diverging(-1.0));
    }
}
