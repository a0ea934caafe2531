//! What sings and what strikes, as sound.
//!
//! librosa's `effects`: the STFT, parted by medians, and back.

use super::hpss::HpssSettings;
use crate::spectrum::istft::istft;
use crate::spectrum::stft::{StftSettings, stft};

/// Harmonic and percussive part of a sound, each as long as that: librosa's `effects.hpss`. With
/// margins of 1 both sum to the sound.
pub fn hpss(sound: &[f32], stft_settings: &StftSettings, settings: &HpssSettings) -> [Vec<f32>; 2] {
    let [sings, strikes] = super::hpss::hpss(&stft(sound, stft_settings), settings);
    let back = |part| istft(part, stft_settings, Some(sound.len()));
    rayon::join(|| back(&sings), || back(&strikes)).into()
}

/// The harmonic part alone: librosa's `effects.harmonic`.
pub fn harmonic(sound: &[f32], stft_settings: &StftSettings, settings: &HpssSettings) -> Vec<f32> {
    let [part, _] = super::hpss::hpss(&stft(sound, stft_settings), settings);
    istft(&part, stft_settings, Some(sound.len()))
}

/// The percussive part alone: librosa's `effects.percussive`.
pub fn percussive(
    sound: &[f32],
    stft_settings: &StftSettings,
    settings: &HpssSettings,
) -> Vec<f32> {
    let [_, part] = super::hpss::hpss(&stft(sound, stft_settings), settings);
    istft(&part, stft_settings, Some(sound.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::gaussian::{GaussianSettings, gaussian};
    use crate::envelope::percentile::percentile_clip;
    use crate::rhythm::onset_strength::{OnsetSettings, onset_strength};
    use crate::separate::hpss::Mask;
    use crate::testing::{a10, max_abs_diff, peak, reference};

    fn with_margin(margin: f32) -> HpssSettings {
        let mask = Mask { margin_harmonic: margin, margin_percussive: margin, ..Mask::default() };
        HpssSettings { mask, ..HpssSettings::default() }
    }

    /// Half a second from the middle, away from the ends that librosa 0.8 pads by reflection.
    #[test]
    fn matches_the_reference() {
        let stft = StftSettings::default();
        let parts = [
            ("harm_m16", harmonic(&a10(), &stft, &with_margin(16.0))),
            ("perc_m8", percussive(&a10(), &stft, &with_margin(8.0))),
        ];
        for (name, part) in parts {
            let expected = reference(&format!("maua/y_{name}_slice.bin"));
            let error = max_abs_diff(&part[22_050..33_075], &expected) / peak(&expected);
            assert!(part.len() == 220_500 && error < 1e-5, "{name}: {error}");
        }
    }

    #[test]
    fn both_parts_sum_to_the_sound() {
        let sound = &a10()[..50_000];
        let stft = StftSettings::default();
        let [sings, strikes] = hpss(sound, &stft, &HpssSettings::default());
        let sum: Vec<f32> = sings.iter().zip(&strikes).map(|(a, b)| a + b).collect();
        assert!(max_abs_diff(&sum, sound) < 1e-5);
        assert_eq!(sings, harmonic(sound, &stft, &HpssSettings::default()));
        assert_eq!(strikes, percussive(sound, &stft, &HpssSettings::default()));
        assert!(peak(&sings) > 0.1 && peak(&strikes) > 0.1);
    }

    /// maua's onsets, stage by stage. The first and last rows differ, as librosa 0.8 pads by
    /// reflection and maua smooths in a circle; between the stages it resamples by FFT.
    #[test]
    fn onsets_of_the_percussive_part_are_those_of_maua() {
        let sound = percussive(&a10(), &StftSettings::default(), &with_margin(8.0));
        let settings =
            OnsetSettings { min_hz: 20.0, max_hz: Some(8e3), ..OnsetSettings::default() };
        let strength = onset_strength(&sound, 22_050, &settings);
        let expected = reference("maua/stage_rosa_full_0_onset_strength.bin");
        // Bands near the floor of 80 dB carry the reference's rounding to 32 bits.
        let error = max_abs_diff(&strength[20..410], &expected[20..410]) / peak(&expected);
        assert!(error < 1e-3, "strength: {error}");

        let resampled = reference("maua/stage_rosa_full_1_resampled.bin");
        let least = expected.iter().copied().fold(f32::MAX, f32::min);
        let resampled: Vec<f32> =
            resampled.iter().map(|x| x.clamp(least, peak(&expected))).collect();
        let settings =
            GaussianSettings { width_secs: 1.0 / 30.0, future_weight: 0.0, ..Default::default() };
        let smooth = gaussian(&resampled, 30.0, &settings);
        let expected = reference("maua/stage_rosa_full_2_gaussian_s1_causal0.bin");
        let error = max_abs_diff(&smooth[4..], &expected[4..]);
        assert!(error < 1e-5, "smoothed: {error}");

        let onsets = percentile_clip(&expected, 100.0);
        let error = max_abs_diff(&onsets, &reference("maua/onsets_rosa_full.bin"));
        assert!(error < 1e-6, "onsets: {error}");
    }
}
