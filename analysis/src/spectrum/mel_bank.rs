//! Triangular filters that stand evenly on the mel scale.
//!
//! Slaney, *Auditory Toolbox* (1998), and Young et al., *The HTK Book*; the numbers are those of
//! librosa's `filters.mel`.

/// Which mel scale, and with it how the triangles are scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MelScale {
    /// Linear below 1 kHz, logarithmic above; triangles of area 1 (per Hz).
    Slaney,
    /// 2595·log₁₀(1 + f/700); triangles of height 1.
    Htk,
}

impl MelScale {
    fn mel_from_hz(self, hz: f64) -> f64 {
        match self {
            Self::Slaney if hz < 1000.0 => hz * 3.0 / 200.0,
            Self::Slaney => 15.0 + (hz / 1000.0).ln() * 27.0 / 6.4_f64.ln(),
            Self::Htk => 2595.0 * (1.0 + hz / 700.0).log10(),
        }
    }

    fn hz_from_mel(self, mel: f64) -> f64 {
        match self {
            Self::Slaney if mel < 15.0 => mel * 200.0 / 3.0,
            Self::Slaney => 1000.0 * ((mel - 15.0) * 6.4_f64.ln() / 27.0).exp(),
            Self::Htk => 700.0 * (10.0_f64.powf(mel / 2595.0) - 1.0),
        }
    }
}

/// One triangle: its weights from bin `first_bin` on.
#[derive(Debug, Clone)]
struct Band {
    first_bin: usize,
    weights: Vec<f32>,
    centre_hz: f32,
}

/// `[bands, bins]`, stored without the zeros.
#[derive(Debug, Clone, Default)]
pub struct MelBank {
    bands: Vec<Band>,
}

impl MelBank {
    /// `num_mels` triangles from `min_hz` to `max_hz`, over bins that lie `bin_hz` apart.
    pub fn new(
        scale: MelScale,
        num_mels: usize,
        (min_hz, max_hz): (f64, f64),
        num_bins: usize,
        bin_hz: f64,
    ) -> Self {
        let (low, high) = (scale.mel_from_hz(min_hz), scale.mel_from_hz(max_hz));
        let step = (high - low) / (num_mels + 1) as f64;
        let corner = |i: usize| scale.hz_from_mel(low + step * i as f64);
        let band = |i: usize| {
            let corners = [corner(i), corner(i + 1), corner(i + 2)];
            let height = match scale {
                MelScale::Slaney => 2.0 / (corners[2] - corners[0]),
                MelScale::Htk => 1.0,
            };
            triangle(corners, height, num_bins, bin_hz)
        };
        Self { bands: (0..num_mels).map(band).collect() }
    }

    /// Number of bands.
    pub fn num_bands(&self) -> usize {
        self.bands.len()
    }

    /// Frequencies at which the triangles peak, ascending.
    pub fn centres_hz(&self) -> impl Iterator<Item = f32> + '_ {
        self.bands.iter().map(|b| b.centre_hz)
    }

    /// The weighted sums of `bins`, `[bins]`, into `out`, `[bands]`.
    pub fn apply(&self, bins: &[f32], out: &mut [f32]) {
        for (band, out) in self.bands.iter().zip(out) {
            let bins = bins.get(band.first_bin..).unwrap_or_default();
            *out = band.weights.iter().zip(bins).map(|(w, x)| w * x).sum();
        }
    }
}

fn triangle([left, centre, right]: [f64; 3], height: f64, num_bins: usize, bin_hz: f64) -> Band {
    let weight = |bin: usize| {
        let hz = bin as f64 * bin_hz;
        ((hz - left) / (centre - left)).min((right - hz) / (right - centre)).max(0.0) * height
    };
    let first_bin = (0..num_bins).find(|&bin| weight(bin) > 0.0).unwrap_or(num_bins);
    let weights = (first_bin..num_bins).map(weight).take_while(|&w| w > 0.0);
    Band { first_bin, weights: weights.map(|w| w as f32).collect(), centre_hz: centre as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{max_abs_diff, reference};

    #[test]
    fn matches_the_reference_banks() {
        for (scale, name) in
            [(MelScale::Slaney, "fb_mel_slaney_1024"), (MelScale::Htk, "fb_mel_htk_1024")]
        {
            let bank = MelBank::new(scale, 128, (0.0, 11_025.0), 513, 22_050.0 / 1024.0);
            let mut dense = vec![0.0; 128 * 513];
            for bin in 0..513 {
                let mut unit = vec![0.0; 513];
                unit[bin] = 1.0;
                let mut column = vec![0.0; 128];
                bank.apply(&unit, &mut column);
                for (band, v) in column.into_iter().enumerate() {
                    dense[band * 513 + bin] = v;
                }
            }
            let error = max_abs_diff(&dense, &reference(&format!("librosa/{name}.bin")));
            assert!(error < 1e-6, "{name}: {error}");
        }
    }
}
