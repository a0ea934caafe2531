//! Planes blurred and sharpened.

use super::Border;

/// Largest width, as a share of the shorter side.
const MAX_SIGMA: f32 = 1.0;

/// The Gaussian's width in pixels and where its tail is cut: 3 sigma.
fn extent(sigma: f32, height_px: usize, width_px: usize) -> (f32, usize) {
    let sigma_px = sigma.clamp(0.0, MAX_SIGMA) * height_px.min(width_px) as f32;
    (sigma_px, (3.0 * sigma_px).ceil() as usize)
}

/// Floats that [`gaussian`] needs to work with.
pub(super) fn work_len(sigma: f32, height_px: usize, width_px: usize) -> usize {
    let (_, radius) = extent(sigma, height_px, width_px);
    height_px * width_px + (2 * radius + 1) + (width_px + 2 * radius)
}

/// Fills `plane` with `source`, both `[height, width]`, blurred by a Gaussian whose standard
/// deviation is `sigma` of the shorter side, cut at 3 sigma and of sum 1. `work` has
/// [`work_len`] values.
pub(super) fn gaussian(
    source: &[f32],
    plane: &mut [f32],
    work: &mut [f32],
    width_px: usize,
    sigma: f32,
    border: Border,
) {
    let height_px = source.len() / width_px;
    let (sigma_px, radius) = extent(sigma, height_px, width_px);
    let (across, rest) = work.split_at_mut(source.len());
    let (kernel, line) = rest.split_at_mut(2 * radius + 1);
    fill_kernel(kernel, sigma_px);

    for (row, out) in source.chunks_exact(width_px).zip(across.chunks_exact_mut(width_px)) {
        for (i, v) in line.iter_mut().enumerate() {
            let at = border.index(i as i32 - radius as i32, width_px);
            *v = at.map_or(0.0, |at| row[at]);
        }
        out.fill(0.0);
        for (k, weight) in kernel.iter().enumerate() {
            out.iter_mut().zip(&line[k..]).for_each(|(o, v)| *o += weight * v);
        }
    }
    for (y, out) in plane.chunks_exact_mut(width_px).enumerate() {
        out.fill(0.0);
        for (k, weight) in kernel.iter().enumerate() {
            if let Some(at) = border.index((y + k) as i32 - radius as i32, height_px) {
                let row = &across[at * width_px..(at + 1) * width_px];
                out.iter_mut().zip(row).for_each(|(o, v)| *o += weight * v);
            }
        }
    }
}

fn fill_kernel(kernel: &mut [f32], sigma_px: f32) {
    let radius = (kernel.len() / 2) as f32;
    for (i, weight) in kernel.iter_mut().enumerate() {
        let x = (i as f32 - radius) / sigma_px;
        *weight = (-0.5 * x * x).exp();
    }
    let sum: f32 = kernel.iter().sum();
    kernel.iter_mut().for_each(|weight| *weight /= sum);
}
