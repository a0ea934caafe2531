//! What a wire's spectra mean.

use lumawire_analysis::spectrum::layout::Layout;
use lumawire_core::Spectrum;

/// The layout of `spectrum`, or `None` where its sizes contradict each other or are zero.
pub fn layout_of(spectrum: &Spectrum) -> Option<Layout> {
    let Spectrum { n_fft, hop_len, sample_rate_hz, .. } = *spectrum;
    let layout = Layout { n_fft, hop_len, sample_rate_hz };
    let sound = n_fft > 0 && hop_len > 0 && sample_rate_hz > 0;
    (sound && spectrum.hops.num_bins() == layout.num_bins()).then_some(layout)
}
