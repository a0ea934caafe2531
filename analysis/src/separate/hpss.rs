//! What sings and what strikes, over a whole signal.
//!
//! Fitzgerald, *Harmonic/percussive separation using median filtering* (2010); Driedger, Müller and
//! Disch, *Extending harmonic-percussive separation of audio signals* (2014). The numbers are those
//! of librosa's `decompose.hpss`.

use num_complex::Complex32;
use rayon::prelude::*;

use super::hpss_rows::Medians;
use super::median::mirror;
use crate::Rows;
use crate::spectrum::bins::magnitude;

/// Rows that a thread takes at a time.
const CHUNK_ROWS: usize = 256;

/// How a spectrum is parted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HpssSettings {
    /// Rows of the median over time, and bins of that over frequency. The window about a row or bin
    /// has ⌊kernel/2⌋ of them before it.
    pub kernel_rows: usize,
    /// Bins of the median over frequency.
    pub kernel_bins: usize,
    /// How bins are shared out.
    pub mask: Mask,
}

impl Default for HpssSettings {
    /// librosa's: 31 of each, soft masks that sum to 1.
    fn default() -> Self {
        Self { kernel_rows: 31, kernel_bins: 31, mask: Mask::default() }
    }
}

/// How bins are shared out between the median over time, `harmonic`, and that over frequency,
/// `percussive`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mask {
    /// Exponent of soft masks; infinity gives each bin to one side or to nobody.
    pub power: f32,
    /// By how much a tone must outweigh the drums, 1 or more.
    pub margin_harmonic: f32,
    /// By how much a drum must outweigh the tones, 1 or more.
    pub margin_percussive: f32,
}

impl Default for Mask {
    fn default() -> Self {
        Self { power: 2.0, margin_harmonic: 1.0, margin_percussive: 1.0 }
    }
}

impl Mask {
    /// Shares of the harmonic and the percussive part in each bin, 0 to 1, into `out`: librosa's
    /// `util.softmask` of the medians, mine^power/(mine^power + (margin·other)^power). All `[bins]`.
    pub fn shares(&self, harmonic: &[f32], percussive: &[f32], out: [&mut [f32]; 2]) {
        let [out_harmonic, out_percussive] = out;
        self.fill(harmonic, percussive, self.margin_harmonic, out_harmonic);
        self.fill(percussive, harmonic, self.margin_percussive, out_percussive);
    }

    fn fill(&self, mine: &[f32], other: &[f32], margin: f32, out: &mut [f32]) {
        // Silence is halved where the two shares are to sum to 1.
        let is_whole = self.margin_harmonic == 1.0 && self.margin_percussive == 1.0;
        let of_silence = if is_whole { 0.5 } else { 0.0 };
        let values = out.iter_mut().zip(mine.iter().zip(other));
        // One loop for each kind of mask, so that the compiler makes vectors of them.
        if self.power == f32::INFINITY {
            values.for_each(|(out, (&m, &o))| *out = f32::from(u8::from(m > o * margin)));
        } else if self.power == 2.0 {
            values.for_each(|(out, (&m, &o))| *out = share(m, o * margin, of_silence, |x| x * x));
        } else {
            let raised = |x: f32| x.powf(self.power);
            values.for_each(|(out, (&m, &o))| *out = share(m, o * margin, of_silence, raised));
        }
    }
}

/// mine^p/(mine^p + other^p), of the two over the larger.
fn share(mine: f32, other: f32, of_silence: f32, raised: impl Fn(f32) -> f32) -> f32 {
    let larger = if mine > other { mine } else { other };
    let is_silent = larger < f32::MIN_POSITIVE;
    let scale = if is_silent { 1.0 } else { larger };
    let (mine, other) = (raised(mine / scale), raised(other / scale));
    let share = mine / (mine + other);
    if is_silent { of_silence } else { share }
}

/// Harmonic and percussive part of a spectrum, `[frames, bins]` each: librosa's `decompose.hpss`.
/// Beyond its ends the spectrum is mirrored, the end repeated. Bins of no finite magnitude count as
/// silence.
pub fn hpss(spectrum: &Rows<Complex32>, settings: &HpssSettings) -> [Rows<Complex32>; 2] {
    separate(spectrum, settings, magnitude, |x, share| {
        if x.is_finite() { x * share } else { Complex32::default() }
    })
}

/// Shares of the harmonic and the percussive part in the bins of `magnitudes`, `[frames, bins]` each,
/// 0 to 1: librosa's `decompose.hpss(mask=True)`.
pub fn hpss_masks(magnitudes: &Rows, settings: &HpssSettings) -> [Rows; 2] {
    let sane = |x: f32| if x.is_finite() { x.abs() } else { 0.0 };
    separate(magnitudes, settings, sane, |_, share| share)
}

fn separate<T: Copy + Default + Send + Sync, U: Copy + Default + Send + Sync>(
    rows: &Rows<T>,
    settings: &HpssSettings,
    magnitude: impl Fn(T) -> f32 + Sync,
    give: impl Fn(T, f32) -> U + Sync,
) -> [Rows<U>; 2] {
    let (num_frames, num_bins) = (rows.num_frames(), rows.num_bins().max(1));
    // Their pages, which are many, are first touched on all threads.
    let blank = || rows.data().par_iter().map(|_| U::default()).collect::<Vec<U>>();
    let mut outs = [blank(), blank()];
    let [harmonic, percussive] = &mut outs;
    let chunks = harmonic
        .par_chunks_mut(CHUNK_ROWS * num_bins)
        .zip(percussive.par_chunks_mut(CHUNK_ROWS * num_bins));
    let (before, after) = (settings.kernel_rows.max(1) / 2, (settings.kernel_rows.max(1) - 1) / 2);
    chunks.enumerate().for_each(|(chunk, (harmonic, percussive))| {
        let mut medians = Medians::new(settings);
        medians.resize(num_bins);
        let first = chunk * CHUNK_ROWS;
        let push = |medians: &mut Medians, frame: isize| {
            let row = rows.row(mirror(frame, num_frames));
            medians.push(row.iter().map(|&x| magnitude(x)));
        };
        for i in 0..before + after {
            push(&mut medians, (first + i) as isize - before as isize);
        }
        let outs = harmonic.chunks_exact_mut(num_bins).zip(percussive.chunks_exact_mut(num_bins));
        for (frame, outs) in (first..).zip(outs) {
            push(&mut medians, (frame + after) as isize);
            let shares = medians.shares(after, &settings.mask);
            for (out, shares) in <[_; 2]>::from(outs).into_iter().zip(shares) {
                for ((out, &x), &share) in out.iter_mut().zip(rows.row(frame)).zip(shares) {
                    *out = give(x, share);
                }
            }
        }
    });
    outs.map(|data| Rows::from_vec(rows.num_bins(), data))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spectrum::stft::{StftSettings, stft};
    use crate::testing::{a10, columns, reference};

    /// The whole clip, and the shares where the spectrum is silent left out.
    #[test]
    fn matches_the_reference_masks() {
        let spectrum = stft(&a10(), &StftSettings::default());
        let magnitudes = spectrum.map(magnitude);
        let loudest = magnitudes.data().iter().copied().fold(0.0, f32::max);
        let masks = hpss_masks(&magnitudes, &HpssSettings::default());
        let mut worst = [0.0_f32; 2];
        for (name, first, num_columns) in
            [("hpss_mask_harm_head", 0, 64), ("hpss_mask_harm_tail", 399, 32)]
        {
            let expected = columns(&reference(&format!("librosa/{name}.bin")), num_columns);
            for (t, expected) in (first..).zip(expected.chunks(1025)) {
                for (bin, expected) in expected.iter().enumerate() {
                    let quiet = usize::from(magnitudes.row(t)[bin] <= 1e-4 * loudest);
                    worst[quiet] = worst[quiet].max((masks[0].row(t)[bin] - expected).abs());
                    assert!((masks[0].row(t)[bin] + masks[1].row(t)[bin] - 1.0).abs() < 1e-6);
                }
            }
        }
        assert!(worst[0] < 1e-5 && worst[1] < 1e-3, "{worst:?}");

        let [harmonic, percussive] = hpss(&spectrum, &HpssSettings::default());
        let [by_frame, by_bin] =
            ["frame", "bin"].map(|name| reference(&format!("librosa/hpss_{name}_energy.bin")));
        for (side, part) in [harmonic, percussive].into_iter().enumerate() {
            let powers = part.map(|x| f64::from(x.norm_sqr()));
            let check = |rows: &Rows<f64>, expected: &[f32]| {
                for (row, expected) in rows.iter().zip(expected) {
                    let found = row.iter().sum::<f64>();
                    let error = (found / f64::from(*expected) - 1.0).abs();
                    assert!(error < 1e-5, "{side}: {found}, not {expected}");
                }
            };
            check(&powers, &by_frame[side * 431..][..431]);
            check(&powers.transposed(), &by_bin[side * 1025..][..1025]);
        }
    }

    /// Kernels, margins and powers of each kind, against medians by sorting.
    #[test]
    fn follows_its_definition() {
        let (num_frames, num_bins) = (300, 20);
        let value = |t: usize, b: usize| ((t * t * 7 + b * b * 5 + t * b) % 31) as f32;
        let data = (0..num_frames * num_bins).map(|i| value(i / num_bins, i % num_bins));
        let magnitudes = Rows::from_vec(num_bins, data.collect());
        let median = |kernel: usize, at: &dyn Fn(isize) -> f32| {
            let start = -(kernel as isize / 2);
            let mut window: Vec<f32> = (start..start + kernel as isize).map(at).collect();
            window.sort_unstable_by(f32::total_cmp);
            window[kernel / 2]
        };
        for (kernel_rows, kernel_bins, power, margins) in [
            (31, 31, 2.0, [1.0, 1.0]),
            (5, 8, 2.0, [8.0, 2.0]),
            (10, 3, 1.5, [1.0, 3.0]),
            (1, 7, f32::INFINITY, [1.0, 2.0]),
        ] {
            let [margin_harmonic, margin_percussive] = margins;
            let mask = Mask { power, margin_harmonic, margin_percussive };
            let settings = HpssSettings { kernel_rows, kernel_bins, mask };
            let [harmonic, percussive] = hpss_masks(&magnitudes, &settings);
            for (t, b) in (0..num_frames).flat_map(|t| (0..num_bins).map(move |b| (t, b))) {
                let h = median(kernel_rows, &|d| value(mirror(t as isize + d, num_frames), b));
                let p = median(kernel_bins, &|d| value(t, mirror(b as isize + d, num_bins)));
                let share = |mine: f32, other: f32| match () {
                    () if power.is_infinite() => f32::from(u8::from(mine > other)),
                    () if mine == 0.0 && other == 0.0 => {
                        if margins == [1.0, 1.0] {
                            0.5
                        } else {
                            0.0
                        }
                    }
                    () => mine.powf(power) / (mine.powf(power) + other.powf(power)),
                };
                let expected = [share(h, p * margins[0]), share(p, h * margins[1])];
                let found = [harmonic.row(t)[b], percussive.row(t)[b]];
                let error = (found[0] - expected[0]).abs().max((found[1] - expected[1]).abs());
                assert!(error < 1e-6, "{settings:?} at {t}, {b}: {found:?}, not {expected:?}");
            }
        }
    }

    #[test]
    fn takes_spectra_of_any_size() {
        for (num_frames, num_bins) in [(0, 0), (0, 5), (1, 1), (3, 2), (257, 1)] {
            let rows = Rows::from_vec(num_bins, vec![f32::NAN; num_frames * num_bins]);
            for part in hpss_masks(&rows, &HpssSettings::default()) {
                assert_eq!((part.num_frames(), part.num_bins()), (num_frames, num_bins));
                assert!(part.data().iter().all(|share| *share == 0.5));
            }
        }
    }
}
