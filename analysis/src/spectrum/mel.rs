//! Mel spectrograms.

use super::bins;
use super::layout::Layout;
use super::mel_bank::{MelBank, MelScale};
use super::stft::{StftSettings, stft};
use crate::Rows;
use crate::signal::window::Window;

/// How a spectrum is summed into mel bands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MelSettings {
    /// Number of bands.
    pub num_mels: usize,
    /// Where the lowest triangle starts, in Hz.
    pub fmin_hz: f64,
    /// Where the highest triangle ends, in Hz; half the sample rate at the most, and by default.
    pub fmax_hz: Option<f64>,
    /// The scale on which the triangles stand evenly.
    pub scale: MelScale,
    /// Exponent on the magnitudes: 2 sums energy, 1 amplitude.
    pub power: f32,
}

impl Default for MelSettings {
    /// librosa's: 128 bands from 0 Hz to half the sample rate, Slaney's scale, energy.
    fn default() -> Self {
        let scale = MelScale::Slaney;
        Self { num_mels: 128, fmin_hz: 0.0, fmax_hz: None, scale, power: 2.0 }
    }
}

/// The transform under MVNet's mel spectrograms, for sound at 22 050 Hz: Hamming, 1024 samples, hop
/// 256. Its bands are [`MelSettings`]' defaults, in decibels.
pub const MVNET_STFT: StftSettings =
    StftSettings { n_fft: 1024, hop_len: 256, window: Window::Hamming, center: true };

impl MelSettings {
    /// The filters for spectra of this layout. Edges that the sample rate does not allow move to
    /// where it does, at least 1 Hz apart.
    pub fn bank(&self, layout: Layout) -> MelBank {
        let nyquist_hz = f64::from(layout.sample_rate_hz) / 2.0;
        let (a, b) = (self.fmin_hz, self.fmax_hz.unwrap_or(nyquist_hz));
        let low = a.min(b).min(nyquist_hz - 1.0);
        let high = a.max(b).clamp(low + 1.0, nyquist_hz.max(low + 1.0));
        MelBank::new(self.scale, self.num_mels, (low, high), layout.num_bins(), layout.bin_hz())
    }
}

/// The mel bands of a whole signal, `[frames, num_mels]`, lowest first: librosa's
/// `feature.melspectrogram`. band = Σ weight·|X|^power; not in decibels.
pub fn melspectrogram(
    sound: &[f32],
    sample_rate_hz: u32,
    stft_settings: &StftSettings,
    settings: &MelSettings,
) -> Rows {
    let bank = settings.bank(stft_settings.layout(sample_rate_hz));
    let powers = stft(sound, stft_settings).map(|c| bins::raised(c, settings.power));
    powers.map_rows(settings.num_mels, |row, out| bank.apply(row, out))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spectrum::decibels::{Decibels, power_to_db};
    use crate::testing::{a10, columns, max_abs_diff, peak, reference};

    #[test]
    fn matches_the_reference() {
        for (scale, name) in [(MelScale::Slaney, "slaney"), (MelScale::Htk, "htk")] {
            let settings = MelSettings { scale, ..MelSettings::default() };
            let found = melspectrogram(&a10(), 22_050, &MVNET_STFT, &settings);
            let expected = columns(&reference(&format!("librosa/mel_{name}.bin")), 862);
            let error = max_abs_diff(found.data(), &expected) / peak(&expected);
            assert!(found.data().len() == expected.len() && error < 1e-5, "{name}: {error}");

            // Down to 60 dB below the peak, as the reference's own rounding allows.
            let decibels = Decibels { top_db: Some(60.0), ..Decibels::default() };
            let db = |rows: &Rows| power_to_db(rows, &decibels);
            let error = max_abs_diff(db(&found).data(), db(&Rows::from_vec(128, expected)).data());
            assert!(error < 1e-3, "{name}: {error} dB");
        }
    }

    /// A lone bin's band gives weight·|X|^power.
    #[test]
    fn the_exponent_is_on_the_magnitude() {
        let layout = Layout { n_fft: 64, hop_len: 16, sample_rate_hz: 6_400 };
        let bank = MelSettings { num_mels: 4, ..MelSettings::default() }.bank(layout);
        let c = num_complex::Complex32::new(0.0, 3.0);
        let band = |power: f32| {
            let mut row = vec![0.0; 33];
            row[8] = bins::raised(c, power);
            let mut out = [0.0; 4];
            bank.apply(&row, &mut out);
            out.iter().sum::<f32>()
        };
        assert!((band(2.0) / band(1.0) - 3.0).abs() < 1e-5);
        assert!((band(1.5) / band(1.0) - 3.0_f32.sqrt()).abs() < 1e-5);
    }

    #[test]
    fn edges_beyond_the_sample_rate_are_held() {
        let layout = Layout { n_fft: 256, hop_len: 64, sample_rate_hz: 8_000 };
        let settings =
            MelSettings { fmin_hz: 30_000.0, fmax_hz: Some(20.0), ..MelSettings::default() };
        assert!(settings.bank(layout).centres_hz().all(|hz| (20.0..4_000.0).contains(&hz)));
    }
}
