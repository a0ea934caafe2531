//! How much of each frequency and of each loudspeaker counts as loudness (ITU-R BS.1770-4, annex 1).

use std::f64::consts::PI;

use crate::signal::butterworth::Section;

/// The head's shelf: corner, gain and quality from which the standard's coefficients at 48 kHz
/// follow, and the exponent of the gain in its middle.
const SHELF_HZ: f64 = 1_681.974_450_955_533;
const SHELF_DB: f64 = 3.999_843_853_973_347;
const SHELF_Q: f64 = 0.707_175_236_955_419_6;
const SHELF_MIDDLE: f64 = 0.499_666_774_154_541_6;
/// The high-pass likewise.
const HIGH_PASS_HZ: f64 = 38.135_470_876_024_44;
const HIGH_PASS_Q: f64 = 0.500_327_037_323_877_3;

/// The shelf and the high-pass, one after the other, at any sample rate: the bilinear transform of
/// the analogue filters behind the standard's coefficients for 48 kHz.
pub fn k_weighting(sample_rate_hz: u32) -> [Section; 2] {
    let tangent = |hz: f64| (PI * hz / f64::from(sample_rate_hz.max(1))).tan();
    let section = |k: f64, q: f64, b: [f64; 3]| {
        let a0 = 1.0 + k / q + k * k;
        Section { b, a: [2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0] }
    };
    let k = tangent(SHELF_HZ);
    let top = 10.0_f64.powf(SHELF_DB / 20.0);
    let middle = top.powf(SHELF_MIDDLE);
    let a0 = 1.0 + k / SHELF_Q + k * k;
    let shelf = [
        (top + middle * k / SHELF_Q + k * k) / a0,
        2.0 * (k * k - top) / a0,
        (top - middle * k / SHELF_Q + k * k) / a0,
    ];
    [section(k, SHELF_Q, shelf), section(tangent(HIGH_PASS_HZ), HIGH_PASS_Q, [1.0, -2.0, 1.0])]
}

/// How much the energy of channel `c` of `num_channels` counts: those from the sides (60° to 120°)
/// 1.41, low-frequency effects not at all, the others 1. The order is that of WAV files: L R; L R C;
/// L R Ls Rs; L R C Ls Rs; L R C LFE Ls Rs; L R C LFE Cs Ls Rs; L R C LFE Lb Rb Ls Rs.
pub fn channel_weight(c: usize, num_channels: usize) -> f64 {
    const SIDE: f64 = 1.41;
    match (num_channels, c) {
        (6..=8, 3) => 0.0,
        (4, 2 | 3) | (5, 3 | 4) | (6, 4 | 5) | (7, 5 | 6) | (8, 6 | 7) => SIDE,
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_the_coefficients_of_the_standard() {
        let [shelf, high_pass] = k_weighting(48_000);
        let found = [shelf.b, [shelf.a[0], shelf.a[1], 0.0], [high_pass.a[0], high_pass.a[1], 0.0]];
        let expected = [
            [1.535_124_859_586_97, -2.691_696_189_406_38, 1.198_392_810_852_85],
            [-1.690_659_293_182_41, 0.732_480_774_215_85, 0.0],
            [-1.990_047_454_833_98, 0.990_072_250_366_21, 0.0],
        ];
        for (found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
            assert!((found - expected).abs() < 1e-9, "{found} for {expected}");
        }
    }

    #[test]
    fn every_rate_hears_alike() {
        let gain = |rate_hz: u32, hz: f64| {
            let at = hz / f64::from(rate_hz);
            k_weighting(rate_hz).iter().map(|s| s.response(at).norm()).product::<f64>()
        };
        for rate_hz in [44_100, 96_000] {
            for hz in [30.0, 100.0, 1_000.0, 5_000.0] {
                let db = 20.0 * (gain(rate_hz, hz) / gain(48_000, hz)).log10();
                assert!(db.abs() < 0.05, "{hz} Hz at {rate_hz}: {db} dB");
            }
        }
    }
}
