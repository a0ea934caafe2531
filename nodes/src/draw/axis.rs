//! Rows of bands as levels along an axis of frequency.

use lumawire_core::{Param, Unit};

/// What the numbers of the bands are.
pub(super) const VALUES: Param = Param::choice(
    "values",
    "Values",
    &["spectrum", "amplitude", "power", "level"],
)
.doc(
    "What arrives. spectrum: magnitudes of an STFT with a Hann window, of which a sine of full scale \
     is 0 dB (4/n_fft); amplitude: 20 log10; power: 10 log10; level: numbers 0..1 that are shown as \
     they are.",
);

/// How the bands lie along the axis.
pub(super) const AXIS: Param = Param::choice("axis", "Axis", &["log", "mel", "linear", "as_is"]).doc(
    "How frequencies are spread. The first three take the bands for the bins of a spectrum, evenly \
     spread from 0 to half the sample rate; as_is shows the bands as they come (mel, chroma).",
);

/// The lowest frequency.
pub(super) const LOW_HZ: Param = Param::float("low_hz", "Lowest", 40.0, (20.0, 1_000.0))
    .hard(1.0, 20_000.0)
    .unit(Unit::Hz)
    .doc("Where the axis begins; unused with as_is.");

/// The highest frequency.
pub(super) const HIGH_HZ: Param = Param::float("high_hz", "Highest", 16_000.0, (1_000.0, 20_000.0))
    .hard(10.0, 96_000.0)
    .unit(Unit::Hz)
    .doc("Where the axis ends; unused with as_is.");

/// What is shown as nothing.
pub(super) const FLOOR_DB: Param = Param::float("floor_db", "Floor", -70.0, (-120.0, -10.0))
    .hard(-240.0, 200.0)
    .unit(Unit::Db)
    .doc("What is shown as nothing; unused with levels.");

/// What is shown as full.
pub(super) const CEILING_DB: Param = Param::float("ceiling_db", "Ceiling", -10.0, (-60.0, 20.0))
    .hard(-240.0, 240.0)
    .unit(Unit::Db)
    .doc("What is shown as full; unused with levels.");

/// How rows become levels 0..1 along the axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    /// Index of the option of `VALUES`.
    pub values: usize,
    /// Index of the option of `AXIS`.
    pub spread: usize,
    pub low_hz: f32,
    pub high_hz: f32,
    pub floor_db: f32,
    pub ceiling_db: f32,
    /// Half the sample rate.
    pub nyquist_hz: f32,
}

const SPREAD_MEL: usize = 1;
const SPREAD_LINEAR: usize = 2;
const SPREAD_AS_IS: usize = 3;

const VALUES_SPECTRUM: usize = 0;
const VALUES_POWER: usize = 2;
const VALUES_LEVEL: usize = 3;

impl Axis {
    /// Frequency at `u`, 0..1 along the axis. Mel: 2595·log10(1 + f/700).
    pub fn hz(&self, u: f32) -> f32 {
        let (low, high) = (self.low_hz, self.high_hz.max(self.low_hz * 1.01));
        match self.spread {
            SPREAD_LINEAR => low + (high - low) * u,
            SPREAD_MEL => {
                let mel = |hz: f32| (1.0 + hz / 700.0).ln();
                700.0 * ((mel(low) + (mel(high) - mel(low)) * u).exp() - 1.0)
            }
            _ => low * (high / low).powf(u),
        }
    }

    /// Place of `u` among `num_bands` bands, whose centres are whole.
    fn band(&self, u: f32, num_bands: usize) -> f32 {
        if self.spread == SPREAD_AS_IS {
            return u * num_bands as f32 - 0.5;
        }
        self.hz(u) / self.nyquist_hz * (num_bands.max(2) - 1) as f32
    }

    /// The level between `u0` and `u1` of the axis: the largest band that lies there, or, where none
    /// does, what lies on the straight line between its neighbours. 0..1.
    pub fn level(&self, row: &[f32], u0: f32, u1: f32) -> f32 {
        let (from, to) = (self.band(u0, row.len()), self.band(u1, row.len()));
        let value =
            if self.spread == SPREAD_AS_IS { nearest(row, from, to) } else { peak(row, from, to) };
        self.unit(value, row.len())
    }

    /// A band's number as a level, 0 at the floor and 1 at the ceiling.
    fn unit(&self, value: f32, num_bands: usize) -> f32 {
        if !value.is_finite() {
            return 0.0;
        }
        let db = match self.values {
            VALUES_LEVEL => return value.clamp(0.0, 1.0),
            VALUES_SPECTRUM => {
                let n_fft = 2 * (num_bands.max(2) - 1);
                20.0 * (value * 4.0 / n_fft as f32).max(1e-12).log10()
            }
            VALUES_POWER => 10.0 * value.max(1e-24).log10(),
            _ => 20.0 * value.max(1e-12).log10(),
        };
        let range = (self.ceiling_db - self.floor_db).max(0.1);
        ((db - self.floor_db) / range).clamp(0.0, 1.0)
    }
}

fn at(row: &[f32], i: f32) -> f32 {
    let last = row.len().saturating_sub(1);
    row.get((i.max(0.0) as usize).min(last)).copied().unwrap_or(0.0)
}

/// The largest of the bands from `from` to `to` and of the straight line's values there.
fn peak(row: &[f32], from: f32, to: f32) -> f32 {
    let between = |place: f32| {
        let whole = place.max(0.0).floor();
        let (a, b) = (at(row, whole), at(row, whole + 1.0));
        a + (b - a) * (place - whole).clamp(0.0, 1.0)
    };
    let last = row.len() as f32 - 1.0;
    if from > last {
        return 0.0;
    }
    let (first, end) =
        (from.ceil().max(0.0) as usize, to.floor().clamp(0.0, last.max(0.0)) as usize);
    let inner = row.get(first..=end).unwrap_or_default();
    let ends = between(from).max(between(to.min(last)));
    inner.iter().fold(ends, |m, v| m.max(*v))
}

/// The largest of the bands that `from..to` touches, each as wide as 1 about its centre.
fn nearest(row: &[f32], from: f32, to: f32) -> f32 {
    let first = (from + 0.5 + 1e-3).floor();
    let end = (to + 0.5 - 1e-3).floor().max(first);
    let mut largest = at(row, first);
    let mut i = first + 1.0;
    while i <= end && i < row.len() as f32 {
        largest = largest.max(at(row, i));
        i += 1.0;
    }
    largest
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(in super::super) const AXIS_LOG: Axis = Axis {
        values: 3,
        spread: 0,
        low_hz: 100.0,
        high_hz: 10_000.0,
        floor_db: -60.0,
        ceiling_db: 0.0,
        nyquist_hz: 24_000.0,
    };

    #[test]
    fn axes_spread_frequencies_as_they_say() {
        assert!((AXIS_LOG.hz(0.5) - 1_000.0).abs() < 1.0);
        let linear = Axis { spread: SPREAD_LINEAR, ..AXIS_LOG };
        assert!((linear.hz(0.5) - 5_050.0).abs() < 1.0);
        // 1000 Hz lie at 2595·log10(1 + 1000/700) = 1000 mel, by the formula's design.
        let mel = Axis { spread: SPREAD_MEL, low_hz: 1.0, high_hz: 1_000.0, ..AXIS_LOG };
        let middle = 2595.0 * (1.0 + mel.hz(0.5) / 700.0).log10();
        assert!((middle - 500.7).abs() < 1.0, "{middle}");
    }

    #[test]
    fn a_bin_lights_where_it_lies() {
        let mut row = vec![0.0; 1025];
        row[128] = 1.0; // 3000 Hz
        let u = (3_000.0_f32 / 100.0).ln() / 100.0_f32.ln();
        assert_eq!(AXIS_LOG.level(&row, u - 0.01, u + 0.01), 1.0);
        assert_eq!(AXIS_LOG.level(&row, u + 0.02, u + 0.04), 0.0);
        // Between bins there is a straight line.
        let near = 3_000.0 + 0.5 * 24_000.0 / 1_024.0;
        let v = (near / 100.0_f32).ln() / 100.0_f32.ln();
        assert!((AXIS_LOG.level(&row, v, v) - 0.5).abs() < 1e-2);
        // Beyond the spectrum there is nothing.
        let beyond = Axis { high_hz: 90_000.0, ..AXIS_LOG };
        assert_eq!(beyond.level(&vec![1.0; 1025], 0.95, 1.0), 0.0);
    }

    #[test]
    fn bands_as_they_come_share_the_axis_evenly() {
        let axis = Axis { spread: SPREAD_AS_IS, ..AXIS_LOG };
        let row: Vec<f32> = (0..12).map(|i| i as f32 / 11.0).collect();
        for i in 0..12 {
            let u = i as f32 / 12.0;
            assert_eq!(axis.level(&row, u, u + 1.0 / 12.0), row[i]);
            assert_eq!(axis.level(&row, u + 0.01, u + 0.02), row[i]);
        }
        assert_eq!(axis.level(&row, 0.0, 1.0), 1.0);
        assert_eq!(axis.level(&[], 0.0, 1.0), 0.0);
        assert_eq!(axis.level(&[0.5], 0.3, 0.4), 0.5);
    }

    #[test]
    fn decibels_are_of_full_scale() {
        let of = |values, value, num_bands| Axis { values, ..AXIS_LOG }.unit(value, num_bands);
        // A sine of amplitude 0.1 in a Hann window of 2048: 0.1 · 2048/4 at its bin: −20 dB.
        assert!((of(VALUES_SPECTRUM, 51.2, 1025) - 40.0 / 60.0).abs() < 1e-5);
        assert!((of(1, 0.1, 8) - 40.0 / 60.0).abs() < 1e-5);
        assert!((of(VALUES_POWER, 0.01, 8) - 40.0 / 60.0).abs() < 1e-5);
        assert_eq!((of(1, 0.0, 8), of(1, f32::NAN, 8), of(1, 1e9, 8)), (0.0, 0.0, 1.0));
    }
}
