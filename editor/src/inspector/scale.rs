//! How a slider's places mean values: evenly, or so that small ones have room too.

use std::f64::consts::PI;

use lumawire_core::{Domain, Param, Unit};

use super::number::round_to;

/// A ratio of ends from which on a range of Hz or seconds is laid out by its logarithm: two decades.
const LOG_RATIO: f64 = 100.0;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Feel {
    /// Equal steps.
    Even,
    /// Equal ratios.
    Log,
    /// From 0, by the third power: a range without a least ratio.
    Cubic,
}

/// The places of a slider, 0..1, and their values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    low: f64,
    high: f64,
    feel: Feel,
    is_whole: bool,
    is_angle: bool,
}

impl Scale {
    /// The scale of a number's soft range; `None` for what is no number.
    pub fn of(param: &Param) -> Option<Self> {
        let (low, high, is_whole) = match param.domain {
            Domain::Float { soft: (low, high), .. } => (f64::from(low), f64::from(high), false),
            Domain::Int { soft: (low, high), .. } => (low as f64, high as f64, true),
            _ => return None,
        };
        let is_wide = matches!(param.unit, Unit::Hz | Unit::Secs);
        let feel = match (is_wide, low) {
            (true, low) if low > 0.0 && high / low > LOG_RATIO => Feel::Log,
            (true, 0.0) if high > 0.0 => Feel::Cubic,
            _ => Feel::Even,
        };
        Some(Self { low, high, feel, is_whole, is_angle: param.unit == Unit::Radians })
    }

    /// An even scale between two numbers.
    pub fn even(low: f64, high: f64) -> Self {
        Self { low, high, feel: Feel::Even, is_whole: false, is_angle: false }
    }

    /// Where `v` stands: outside 0..1 beyond the soft range.
    pub fn place(&self, v: f64) -> f64 {
        let place = match self.feel {
            Feel::Even => (v - self.low) / (self.high - self.low),
            Feel::Log if v > 0.0 => (v / self.low).ln() / (self.high / self.low).ln(),
            Feel::Log => 0.0,
            Feel::Cubic => (v / self.high).cbrt(),
        };
        if place.is_finite() { place } else { 0.0 }
    }

    /// The value at a place.
    pub fn value(&self, place: f64) -> f64 {
        match self.feel {
            Feel::Even => self.low + place * (self.high - self.low),
            Feel::Log => self.low * (self.high / self.low).powf(place),
            Feel::Cubic => self.high * place * place * place,
        }
    }

    /// `v` as short as a drag over a few hundred points tells apart; ten times finer if `is_fine`.
    pub fn tidy(&self, v: f64, is_fine: bool) -> f64 {
        let extra = i32::from(is_fine);
        match self.feel {
            _ if self.is_whole => v.round(),
            _ if self.is_angle => round_by(v, PI / 1800.0 / 10_f64.powi(extra)),
            Feel::Even => round_decimal(v, self.decade() - 3 - extra),
            Feel::Log | Feel::Cubic => round_to(v, 3 + extra),
        }
    }

    /// `v` at the nearest coarse step: about ten or twenty to the range, 15° for angles.
    pub fn snap(&self, v: f64) -> f64 {
        match self.feel {
            _ if self.is_angle => round_by(v, PI / 12.0),
            Feel::Even if self.is_whole => round_decimal(v, (self.decade() - 1).max(0)),
            Feel::Even => round_decimal(v, self.decade() - 1),
            Feel::Log | Feel::Cubic => round_to(v, 1),
        }
    }

    /// The value `by` hundredths of the range farther on; of whole numbers at least the next one.
    pub fn step(&self, v: f64, by: f64) -> f64 {
        let next = self.tidy(self.value(self.place(v) + by / 100.0), by.abs() < 1.0);
        let is_stuck = self.is_whole && (next - v).abs() < 1.0;
        if is_stuck { v + by.signum() } else { next }
    }

    fn decade(&self) -> i32 {
        let span = (self.high - self.low).abs();
        if span > 0.0 && span.is_finite() { span.log10().floor() as i32 } else { 0 }
    }
}

fn round_by(v: f64, step: f64) -> f64 {
    (v / step).round() * step
}

/// `v` rounded to a power of ten, without the noise of multiplying by it.
fn round_decimal(v: f64, exponent: i32) -> f64 {
    match usize::try_from(-exponent) {
        Ok(num_decimals) => format!("{v:.num_decimals$}").parse().unwrap_or(v),
        Err(_) => round_by(v, 10_f64.powi(exponent)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scales() -> Vec<Scale> {
        [
            Param::float("a", "A", 0.25, (0.0, 2.0)),
            Param::float("b", "B", 0.0, (-3.0, 5.0)),
            Param::float("cutoff_hz", "Cutoff", 100.0, (20.0, 20_000.0)).unit(Unit::Hz),
            Param::float("attack_secs", "Attack", 0.1, (0.0, 10.0)).unit(Unit::Secs),
            Param::float("narrow_hz", "Narrow", 60.0, (50.0, 70.0)).unit(Unit::Hz),
            Param::float("angle_radians", "Angle", 0.0, (-3.0, 3.0)).unit(Unit::Radians),
        ]
        .iter()
        .filter_map(Scale::of)
        .collect()
    }

    #[test]
    fn a_place_is_a_value_and_back() {
        for scale in scales() {
            assert!((scale.value(0.0) - scale.low).abs() < 1e-9, "{scale:?}");
            assert!((scale.value(1.0) / scale.high - 1.0).abs() < 1e-12, "{scale:?}");
            for i in 0..=120 {
                let place = f64::from(i) / 100.0;
                assert!(
                    (scale.place(scale.value(place)) - place).abs() < 1e-9,
                    "{scale:?} {place}"
                );
            }
        }
    }

    #[test]
    fn wide_ranges_of_hz_and_seconds_give_small_values_room() {
        let middles: Vec<f64> = scales().iter().map(|s| s.value(0.5)).collect();
        assert_eq!(middles[..2], [1.0, 1.0]);
        assert!((middles[2] - 632.455_532_033_675_9).abs() < 1e-9);
        assert_eq!(middles[3..5], [1.25, 60.0]);
    }

    #[test]
    fn drags_give_short_numbers_and_snaps_round_ones() {
        let scales = scales();
        assert_eq!(scales[0].tidy(0.123_456, false), 0.123);
        assert_eq!(scales[0].tidy(0.123_456, true), 0.1235);
        assert_eq!(scales[0].snap(0.123_456), 0.1);
        assert_eq!(scales[2].tidy(1234.5, false), 1230.0);
        assert_eq!(scales[2].snap(1234.5), 1000.0);
        assert!((scales[5].snap(0.8) - PI / 4.0).abs() < 1e-12);
        let whole = Scale::of(&Param::int("n", "N", 1, (0, 9))).unwrap();
        assert_eq!((whole.step(3.0, 1.0), whole.step(3.0, -0.1)), (4.0, 2.0));
        let large = Scale::of(&Param::int("n", "N", 1, (0, 2000))).unwrap();
        assert_eq!((large.step(100.0, 1.0), large.snap(149.0)), (120.0, 100.0));
    }
}
