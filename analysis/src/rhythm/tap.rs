//! A tempo from taps.

/// Longest time between two taps of a series, in seconds; also the slowest tempo, 24 a minute.
const LONGEST_SECS: f64 = 2.5;
/// A tap that comes so much sooner or later than the mean begins a new series.
const MAX_DEVIATION: f64 = 0.35;
/// Intervals that count, at most.
const MAX_INTERVALS: f64 = 8.0;

/// The mean tempo of the taps of a series, which ends with a pause or another tempo.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Taps {
    last_secs: Option<f64>,
    mean_secs: f64,
    num_intervals: f64,
}

impl Taps {
    /// Takes a tap at `secs`, and gives the tempo in beats a minute: `None` for the first of a
    /// series.
    pub fn tap(&mut self, secs: f64) -> Option<f64> {
        let interval = secs - self.last_secs.replace(secs)?;
        if !(1e-3..LONGEST_SECS).contains(&interval) {
            self.num_intervals = 0.0;
            return None;
        }
        if (interval / self.mean_secs - 1.0).abs() > MAX_DEVIATION {
            self.num_intervals = 0.0;
        }
        self.num_intervals = (self.num_intervals + 1.0).min(MAX_INTERVALS);
        if self.num_intervals <= 1.0 {
            self.mean_secs = interval;
        } else {
            self.mean_secs += (interval - self.mean_secs) / self.num_intervals;
        }
        Some(60.0 / self.mean_secs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_mean_of_a_series() {
        let mut taps = Taps::default();
        assert_eq!(taps.tap(1.0), None);
        assert!((taps.tap(1.5).unwrap() - 120.0).abs() < 1e-9);
        assert!((taps.tap(2.1).unwrap() - 60.0 / 0.55).abs() < 1e-9);
        // Twice as fast: a new series.
        assert!((taps.tap(2.35).unwrap() - 240.0).abs() < 1e-9);
        // A pause: the next one begins anew.
        assert_eq!(taps.tap(9.0), None);
        assert!((taps.tap(10.0).unwrap() - 60.0).abs() < 1e-9);
        // No time passed.
        assert_eq!(taps.tap(10.0), None);
    }

    #[test]
    fn unsteady_hands_average_out() {
        let mut taps = Taps::default();
        let shake = [0.01, -0.02, 0.015, 0.0, -0.01, 0.02, -0.015, 0.0, 0.01, 0.0];
        let times = shake.iter().enumerate().map(|(i, s)| i as f64 * 0.5 + s);
        let last = times.map(|t| taps.tap(t)).last().flatten().unwrap();
        assert!((last - 120.0).abs() < 1.0, "{last}");
    }
}
