//! Which part of a sound is in view, and where its seconds lie.

use egui::Rangef;

/// No view is shorter, in seconds, unless the sound is.
pub const MIN_SECS: f64 = 0.5;

/// A stretch of a sound.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct View {
    /// Its first second.
    pub from_secs: f64,
    /// Its last.
    pub to_secs: f64,
    /// Length of the sound.
    pub duration_secs: f64,
}

impl View {
    /// All of a sound.
    pub fn of(duration_secs: f64) -> Self {
        let duration_secs = duration_secs.max(1e-3);
        Self { from_secs: 0.0, to_secs: duration_secs, duration_secs }
    }

    /// How long it is.
    pub fn span_secs(&self) -> f64 {
        self.to_secs - self.from_secs
    }

    /// Where a second lies.
    pub fn x_of(&self, secs: f64, x: Rangef) -> f32 {
        let share = (secs - self.from_secs) / self.span_secs().max(1e-9);
        x.min + (share * f64::from(x.span())) as f32
    }

    /// Which second lies there, within the sound.
    pub fn secs_at(&self, at: f32, x: Rangef) -> f64 {
        let share = f64::from((at - x.min) / x.span().max(1.0));
        (self.from_secs + share * self.span_secs()).clamp(0.0, self.duration_secs)
    }

    /// Shows less for a factor above 1, more for one below; `about_secs` stays where it is unless an
    /// end of the sound is in the way.
    pub fn zoom(&mut self, factor: f64, about_secs: f64) {
        let old = self.span_secs();
        let least = MIN_SECS.min(self.duration_secs);
        let span = (old / factor.max(1e-6)).clamp(least, self.duration_secs);
        let share = (about_secs - self.from_secs) / old.max(1e-9);
        self.place(about_secs - share * span, span);
    }

    /// Goes on or back.
    pub fn pan(&mut self, by_secs: f64) {
        self.place(self.from_secs + by_secs, self.span_secs());
    }

    /// Turns the page where what is played has left the view.
    pub fn follow(&mut self, secs: f64) {
        if !(self.from_secs..=self.to_secs).contains(&secs) {
            self.place(secs - 0.05 * self.span_secs(), self.span_secs());
        }
    }

    fn place(&mut self, from_secs: f64, span_secs: f64) {
        self.from_secs = from_secs.clamp(0.0, (self.duration_secs - span_secs).max(0.0));
        self.to_secs = (self.from_secs + span_secs).min(self.duration_secs);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: Rangef = Rangef { min: 100.0, max: 500.0 };

    #[test]
    fn places_and_seconds_agree() {
        let mut view = View::of(200.0);
        assert_eq!((view.secs_at(100.0, X), view.secs_at(500.0, X)), (0.0, 200.0));
        assert_eq!(view.secs_at(200.0, X), 50.0);
        assert_eq!((view.secs_at(0.0, X), view.secs_at(900.0, X)), (0.0, 200.0));
        view.zoom(8.0, 60.0);
        for secs in [56.0, 60.0, 66.6] {
            assert!((view.secs_at(view.x_of(secs, X), X) - secs).abs() < 1e-3);
        }
    }

    #[test]
    fn zooming_keeps_what_is_under_the_pointer() {
        let mut view = View::of(200.0);
        let before = view.x_of(80.0, X);
        view.zoom(4.0, 80.0);
        assert!((view.x_of(80.0, X) - before).abs() < 1e-3);
        assert!((view.span_secs() - 50.0).abs() < 1e-9);
        view.zoom(0.25, 80.0);
        assert_eq!(view, View::of(200.0));
    }

    #[test]
    fn no_view_leaves_the_sound() {
        for duration in [0.0, 0.2, 3.0, 7_200.0] {
            let mut view = View::of(duration);
            let mut noise = 7_u32;
            for _ in 0..500 {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let share = f64::from(noise >> 8) / f64::from(1 << 24);
                match noise % 3 {
                    0 => view.zoom((share * 4.0 - 2.0).exp(), share * duration),
                    1 => view.pan((share - 0.5) * 2.0 * duration),
                    _ => view.follow(share * duration),
                }
                let View { from_secs, to_secs, duration_secs } = view;
                assert!(0.0 <= from_secs && to_secs <= duration_secs, "{view:?}");
                let least = MIN_SECS.min(duration_secs);
                assert!(view.span_secs() >= least - 1e-9, "{view:?}");
            }
        }
    }

    #[test]
    fn the_page_turns_with_what_is_played() {
        let mut view = View::of(100.0);
        view.zoom(10.0, 0.0);
        view.follow(9.0);
        assert_eq!(view.from_secs, 0.0);
        view.follow(10.5);
        assert!((view.from_secs - 10.0).abs() < 1e-9 && (view.to_secs - 20.0).abs() < 1e-9);
    }
}
