//! Root mean square.

use rayon::prelude::*;

use crate::Rows;
use crate::signal::framer::Framing;

/// √(mean x²) of `frame`, which has `len` samples.
pub fn frame_rms(frame: impl Iterator<Item = f32>, len: usize) -> f32 {
    let sum: f64 = frame.map(|x| f64::from(x) * f64::from(x)).sum();
    (sum / len.max(1) as f64).sqrt() as f32
}

/// √(2·Σ |X|²/n_fft²) of a row of magnitudes, `[n_fft/2 + 1]`, the ends counting half: the root
/// mean square of the windowed frame.
pub fn row_rms(magnitudes: &[f32], n_fft: usize) -> f32 {
    let power = |x: &f32| f64::from(*x) * f64::from(*x);
    let ends = magnitudes.first().map_or(0.0, power)
        + magnitudes.last().filter(|_| n_fft.is_multiple_of(2)).map_or(0.0, power);
    let sum = magnitudes.iter().map(power).sum::<f64>() - 0.5 * ends;
    ((2.0 * sum).sqrt() / n_fft.max(1) as f64) as f32
}

/// Root mean square of a whole signal, `[frames]`: librosa's `feature.rms(y=…)`.
pub fn rms(sound: &[f32], framing: &Framing) -> Vec<f32> {
    let frames = (0..framing.num_frames(sound.len())).into_par_iter();
    frames.map(|k| frame_rms(framing.frame(sound, k), framing.frame_len)).collect()
}

/// Root mean square from magnitudes, `[frames, n_fft/2 + 1]`: librosa's `feature.rms(S=…)`. The
/// window is not made up for: under a Hann window 0.61 of that of the samples.
pub fn rms_from_spectrum(magnitudes: &Rows, n_fft: usize) -> Vec<f32> {
    magnitudes.map_rows(1, |row, out| out.fill(row_rms(row, n_fft))).into_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::window::Window;
    use crate::spectrum::bins;
    use crate::spectrum::stft::{StftSettings, stft};
    use crate::testing::{a10, max_abs_diff, reference};

    #[test]
    fn matches_the_reference() {
        let rows = stft(&a10(), &StftSettings::default()).map(bins::magnitude);
        for (name, found) in [
            ("rms", rms(&a10(), &Framing::default())),
            ("rms_from_S", rms_from_spectrum(&rows, 2048)),
        ] {
            let expected = reference(&format!("librosa/{name}.bin"));
            assert_eq!(found.len(), expected.len());
            let error = max_abs_diff(&found, &expected);
            assert!(error < 1e-6, "{name}: {error}");
        }
    }

    /// Parseval: without a window both forms are one.
    #[test]
    fn samples_and_spectrum_agree() {
        for n_fft in [256, 255] {
            let settings =
                StftSettings { n_fft, hop_len: 100, window: Window::Rect, center: false };
            let framing = Framing { frame_len: n_fft, hop_len: 100, center: false };
            let sound = &a10()[..4000];
            let rows = stft(sound, &settings).map(bins::magnitude);
            assert!(max_abs_diff(&rms_from_spectrum(&rows, n_fft), &rms(sound, &framing)) < 1e-6);
        }
    }
}
