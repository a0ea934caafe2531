//! Where on the canvas one looks.

use egui::{Pos2, Rect, Vec2};

/// How far one can zoom.
pub const SCALES: std::ops::RangeInclusive<f32> = 0.05..=3.0;
/// Below this, nodes are drawn as blocks.
pub const FAR: f32 = 0.4;

/// Turns points of the canvas into points of the screen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Camera {
    /// Points of the screen a point of the canvas.
    pub scale: f32,
    /// Where the canvas's origin is on the screen, from the upper left corner of `area`.
    pub origin: Vec2,
    /// Where the canvas is on the screen.
    pub area: Rect,
}

impl Default for Camera {
    fn default() -> Self {
        Self { scale: 1.0, origin: Vec2::ZERO, area: Rect::ZERO }
    }
}

impl Camera {
    /// A point of the canvas on the screen.
    pub fn screen(&self, at: Pos2) -> Pos2 {
        self.area.min + self.origin + at.to_vec2() * self.scale
    }

    /// A box of the canvas on the screen.
    pub fn screen_rect(&self, rect: Rect) -> Rect {
        Rect::from_min_max(self.screen(rect.min), self.screen(rect.max))
    }

    /// A point of the screen on the canvas.
    pub fn canvas(&self, at: Pos2) -> Pos2 {
        ((at - self.area.min - self.origin) / self.scale).to_pos2()
    }

    /// What of the canvas is seen.
    pub fn seen(&self) -> Rect {
        Rect::from_min_max(self.canvas(self.area.min), self.canvas(self.area.max))
    }

    /// Moves by so much of the screen.
    pub fn pan(&mut self, by: Vec2) {
        self.origin += by;
    }

    /// Zooms by a factor; what is under `at` on the screen stays there.
    pub fn zoom(&mut self, factor: f32, at: Pos2) {
        let fixed = self.canvas(at);
        self.scale = (self.scale * factor).clamp(*SCALES.start(), *SCALES.end());
        self.origin = at - self.area.min - fixed.to_vec2() * self.scale;
    }

    /// Shows all of `rect`, with some space around it.
    pub fn fit(&mut self, rect: Rect) {
        let rect = rect.expand(48.0);
        let scale = (self.area.width() / rect.width()).min(self.area.height() / rect.height());
        self.scale = scale.clamp(*SCALES.start(), 1.25);
        self.look_at(rect.center());
    }

    /// Puts a point of the canvas into the middle.
    pub fn look_at(&mut self, at: Pos2) {
        self.origin = self.area.size() * 0.5 - at.to_vec2() * self.scale;
    }

    /// Whether nodes are drawn as blocks.
    pub fn is_far(&self) -> bool {
        self.scale < FAR
    }
}

#[cfg(test)]
mod tests {
    use egui::{pos2, vec2};

    use super::*;

    fn camera() -> Camera {
        let area = Rect::from_min_size(pos2(30.0, 50.0), vec2(800.0, 600.0));
        Camera { scale: 0.8, origin: vec2(17.0, -40.0), area }
    }

    #[test]
    fn there_and_back_is_the_same_place() {
        let camera = camera();
        for at in [pos2(0.0, 0.0), pos2(-310.0, 95.5), pos2(1e4, -3e3)] {
            assert!((camera.canvas(camera.screen(at)) - at).length() < 1e-2);
        }
    }

    #[test]
    fn zooming_holds_what_is_under_the_pointer() {
        let mut camera = camera();
        let pointer = pos2(400.0, 310.0);
        let before = camera.canvas(pointer);
        for factor in [1.3, 0.2, 7.0, 100.0] {
            camera.zoom(factor, pointer);
            assert!((camera.canvas(pointer) - before).length() < 1e-2);
        }
        assert_eq!(camera.scale, *SCALES.end());
    }

    #[test]
    fn fitting_shows_everything() {
        let mut camera = camera();
        let rect = Rect::from_min_size(pos2(-900.0, 40.0), vec2(3_000.0, 500.0));
        camera.fit(rect);
        assert!(camera.seen().contains_rect(rect));
    }
}
