//! A clock that beats.

/// Counts beats steadily: between two corrections its rate is constant, and it never goes back.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct BeatClock {
    /// Beats since the start, with their fraction.
    pub beats: f64,
    /// Beats a second, at least 0.
    pub rate_hz: f64,
}

/// Time constant of the corrections, in seconds.
const CORRECTION_SECS: f64 = 0.2;
/// Range of the rate while it corrects, over that of the tempo.
const CORRECTION_RANGE: (f64, f64) = (0.4, 2.2);

impl BeatClock {
    /// Moves on, and says how many beats came.
    pub fn advance(&mut self, secs: f64) -> u32 {
        let before = self.beats.floor();
        self.beats += self.rate_hz * secs;
        (self.beats.floor() - before) as u32
    }

    /// Heads for where the beat is at `phase` now, at a tempo.
    pub fn follow(&mut self, bpm: f64, phase: f64) {
        let error = (phase - self.beats + 0.5).rem_euclid(1.0) - 0.5;
        let rate_hz = bpm / 60.0;
        let corrected = rate_hz + error / CORRECTION_SECS;
        self.rate_hz = corrected.clamp(CORRECTION_RANGE.0 * rate_hz, CORRECTION_RANGE.1 * rate_hz);
    }

    /// Keeps a tempo, wherever the beat is.
    pub fn run_free(&mut self, bpm: f64) {
        self.rate_hz = bpm / 60.0;
    }

    /// The phase in the beat, 0..1.
    pub fn phase(&self) -> f64 {
        self.beats.rem_euclid(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_freely_at_its_tempo() {
        let mut clock = BeatClock::default();
        clock.run_free(150.0);
        let num_beats: u32 = (0..1000).map(|_| clock.advance(0.01)).sum();
        assert!((24..=25).contains(&num_beats) && (clock.beats - 25.0).abs() < 1e-9);
    }

    #[test]
    fn catches_up_smoothly_and_never_goes_back() {
        for start in [0.1, 0.45, 0.55, 0.9] {
            let mut clock = BeatClock { beats: start, rate_hz: 0.0 };
            for i in 0..200 {
                let before = clock.beats;
                clock.follow(120.0, f64::from(i) * 0.02);
                clock.advance(0.01);
                assert!(clock.beats > before && clock.beats - before < 0.05);
            }
            let error = (clock.beats - 4.0 + 0.5).rem_euclid(1.0) - 0.5;
            assert!(error.abs() < 1e-3, "{error}");
        }
    }
}
