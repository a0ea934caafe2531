//! How loud it is: a peak meter with hold and clip mark, and the levels of the last half minute.

use std::collections::VecDeque;

use egui::{Color32, Rect, Response, Sense, Stroke, Ui, Vec2, WidgetInfo, accesskit, pos2, vec2};

use crate::theme;

/// Lower end of the scale, in dB of full scale.
const MIN_DB: f32 = -60.0;
/// How fast the bar falls, in dB a second: that of IEC 60268-18's digital peak meters.
const FALL_DB_PER_SEC: f32 = 20.0 / 1.7;
/// How long the highest peak is marked.
const HOLD_SECS: f64 = 1.5;
/// From here on the bar is yellow: -6 dB.
const HOT_DB: f32 = -6.0;
/// Marks of the scale.
const MARKS_DB: [f32; 5] = [-48.0, -36.0, -24.0, -12.0, -6.0];

/// One level of the history stands for so long.
const STEP_SECS: f64 = 1.0 / 30.0;
/// Levels that are remembered: half a minute.
const NUM_STEPS: usize = 900;

/// The meter.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    level_db: f32,
    held_db: f32,
    held_until_secs: f64,
    heard_at_secs: Option<f64>,
    /// Whether a sample reached full scale since somebody looked.
    pub has_clipped: bool,
    history: VecDeque<f32>,
    step_peak: f32,
    step_began_secs: f64,
}

/// A peak in dB of full scale, at least [`MIN_DB`].
fn decibels(peak: f32) -> f32 {
    (20.0 * peak.max(1e-6).log10()).max(MIN_DB)
}

/// Where a level lies on the scale, 0 to 1.
fn share(level_db: f32) -> f32 {
    (1.0 - level_db / MIN_DB).clamp(0.0, 1.0)
}

impl Meter {
    /// Takes the largest sample since the last call, at a time of the window's clock.
    pub fn hear(&mut self, peak: f32, now_secs: f64) {
        let peak = if peak.is_finite() { peak.abs() } else { 0.0 };
        let since = self.heard_at_secs.map_or(0.0, |at| (now_secs - at).max(0.0));
        let fallen = match self.heard_at_secs {
            Some(_) => self.level_db - FALL_DB_PER_SEC * since as f32,
            None => MIN_DB,
        };
        let now_db = decibels(peak);
        self.level_db = fallen.max(now_db);
        if now_db >= self.held_db || now_secs > self.held_until_secs || self.heard_at_secs.is_none()
        {
            (self.held_db, self.held_until_secs) = (now_db, now_secs + HOLD_SECS);
        }
        self.has_clipped |= peak >= 1.0;
        self.heard_at_secs = Some(now_secs);
        self.step_peak = self.step_peak.max(peak);
        if now_secs - self.step_began_secs >= STEP_SECS {
            if self.history.len() == NUM_STEPS {
                self.history.pop_front();
            }
            self.history.push_back(share(decibels(self.step_peak)));
            (self.step_peak, self.step_began_secs) = (0.0, now_secs);
        }
    }

    /// Draws the bar; a click takes the clip mark back.
    pub fn show(&mut self, ui: &mut Ui, size: Vec2) -> Response {
        let (rect, response) = ui.allocate_exact_size(size, Sense::click());
        let number_pt = 38.0;
        let clip_right = rect.right() - number_pt;
        let clip =
            Rect::from_min_max(pos2(clip_right - 9.0, rect.top()), pos2(clip_right, rect.bottom()));
        let bar = Rect::from_min_max(rect.min, pos2(clip.left() - 2.0, rect.bottom()));
        let painter = ui.painter();
        let x = |level_db: f32| bar.left() + share(level_db) * bar.width();
        painter.rect_filled(bar, 2.0, theme::BACKGROUND);
        for (from, to, colour) in [
            (MIN_DB, HOT_DB, theme::GOOD),
            (HOT_DB, -1.0, theme::WARNING),
            (-1.0, 0.0, theme::ERROR),
        ] {
            let (from, to) = (x(from), x(to.min(self.level_db)));
            if to > from && self.heard_at_secs.is_some() {
                let part = Rect::from_min_max(pos2(from, bar.top()), pos2(to, bar.bottom()));
                painter.rect_filled(part.shrink2(vec2(0.0, 1.0)), 0.0, colour);
            }
        }
        for mark in MARKS_DB {
            let stroke = Stroke::new(1.0, theme::PANEL.gamma_multiply(0.8));
            painter.vline(x(mark).round(), bar.y_range(), stroke);
        }
        if self.held_db > MIN_DB && self.heard_at_secs.is_some() {
            painter.vline(x(self.held_db), bar.y_range(), Stroke::new(1.5, theme::TEXT));
        }
        let clip_colour = if self.has_clipped { theme::ERROR } else { theme::BACKGROUND };
        painter.rect_filled(clip, 2.0, clip_colour);
        let is_heard = self.heard_at_secs.is_some() && self.held_db > MIN_DB;
        let number = if is_heard { format!("{:.0} dB", self.held_db) } else { "silent".into() };
        let (at, align) = (rect.right_center(), egui::Align2::RIGHT_CENTER);
        painter.text(at, align, number, theme::small(), theme::FAINT);
        if response.clicked() {
            self.has_clipped = false;
        }
        let says = format!("Level {:.0} dB", self.held_db.max(MIN_DB));
        response.widget_info(|| WidgetInfo::labeled(accesskit::Role::Meter, true, &says));
        let clipped =
            if self.has_clipped { ". Full scale was reached: click to forget it" } else { "" };
        response.on_hover_text(format!(
            "Peak of what is heard, {:.0} dB of full scale{clipped}.",
            self.held_db
        ))
    }

    /// Draws the levels of the last half minute, now at the right.
    pub fn show_history(&self, ui: &Ui, rect: Rect) {
        let painter = ui.painter_at(rect);
        let step = rect.width() / NUM_STEPS as f32;
        let middle = rect.center().y;
        painter.hline(rect.x_range(), middle, Stroke::new(1.0, theme::LINE));
        let mut mesh = egui::Mesh::default();
        for (i, level) in self.history.iter().rev().enumerate() {
            let right = rect.right() - i as f32 * step;
            let half = level * rect.height() / 2.0;
            let bar = Rect::from_min_max(
                pos2(right - step.max(0.75), middle - half),
                pos2(right, middle + half),
            );
            mesh.add_colored_rect(bar, colour_of(*level));
        }
        painter.add(mesh);
    }
}

fn colour_of(level: f32) -> Color32 {
    if level >= share(-1.0) {
        theme::ERROR
    } else if level >= share(HOT_DB) {
        theme::WARNING
    } else {
        theme::GOOD.gamma_multiply(0.55 + 0.45 * level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_falls_and_the_peak_is_held() {
        let mut meter = Meter::default();
        meter.hear(0.5, 10.0);
        assert!((meter.level_db + 6.02).abs() < 0.01 && (meter.held_db + 6.02).abs() < 0.01);
        meter.hear(0.0, 11.0);
        // 20 dB in 1.7 seconds.
        assert!((meter.level_db + 6.02 + 11.76).abs() < 0.01);
        assert!((meter.held_db + 6.02).abs() < 0.01);
        meter.hear(0.0, 12.0);
        assert_eq!(meter.held_db, MIN_DB);
        assert!(!meter.has_clipped);
        meter.hear(1.0, 12.1);
        meter.hear(0.1, 12.2);
        assert!(meter.has_clipped && (meter.held_db - 0.0).abs() < 0.01);
        meter.hear(f32::NAN, 30.0);
        assert_eq!(meter.level_db, MIN_DB);
    }

    #[test]
    fn the_history_is_bounded() {
        let mut meter = Meter::default();
        for i in 0..3 * NUM_STEPS {
            meter.hear(0.25, i as f64 * 0.04);
        }
        assert_eq!(meter.history.len(), NUM_STEPS);
        let expected = share(20.0 * 0.25_f32.log10());
        assert!(meter.history.iter().all(|v| (v - expected).abs() < 1e-5));
    }
}
