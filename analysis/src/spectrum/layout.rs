//! What the bins and rows of a spectrum mean.

/// What a spectrum's bins and rows mean. Tables are rebuilt when it changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Layout {
    /// Length of the transform, in samples.
    pub n_fft: usize,
    /// Samples between rows.
    pub hop_len: usize,
    /// Sample rate of the sound, in Hz.
    pub sample_rate_hz: u32,
}

impl Layout {
    /// Bins in a row.
    pub fn num_bins(&self) -> usize {
        self.n_fft / 2 + 1
    }

    /// Hertz between bins.
    pub fn bin_hz(&self) -> f64 {
        f64::from(self.sample_rate_hz) / self.n_fft as f64
    }

    /// Seconds between rows.
    pub fn hop_secs(&self) -> f64 {
        self.hop_len as f64 / f64::from(self.sample_rate_hz)
    }
}
