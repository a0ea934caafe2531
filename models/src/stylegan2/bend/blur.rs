//! Planes blurred and sharpened.

use super::Border;

/// Largest width, as a share of the shorter side.
const MAX_SIGMA: f32 = 1.0;

/// The Gaussian's width in pixels and where its tail is cut: 3 sigma.
fn extent(sigma: f32, height_px: usize, width_px: usize) -> (f32, usize) {
    let sigma_px = sigma.clamp(0.0, MAX_SIGMA) * height_px.min(width_px) as f32;
    (sigma_px, (3.0 * sigma_px).ceil() as usize)
}

/// Widest Gaussian, in pixels, that is summed tap by tap. Wider ones are four boxes in a row, each a
/// running sum, whose time does not grow with the width: their kernel, a spline, is 4 % lower at its
/// peak.
const MAX_DIRECT_PX: f32 = 8.0;

/// Boxes in a row.
pub const NUM_BOXES: usize = 4;

/// How a Gaussian is computed.
pub enum Filter {
    /// By its weights at -radius..=radius, of sum 1: at most `2 * MAX_DIRECT_RADIUS + 1`.
    Taps(Vec<f32>),
    /// By boxes in a row.
    Boxes(Boxes),
}

/// Farthest tap of a Gaussian that is summed tap by tap.
pub const MAX_DIRECT_RADIUS: usize = 3 * MAX_DIRECT_PX as usize;

/// How the Gaussian of [`gaussian`] is computed.
pub fn filter(sigma: f32, height_px: usize, width_px: usize) -> Filter {
    let (sigma_px, radius) = extent(sigma, height_px, width_px);
    if sigma_px > MAX_DIRECT_PX {
        return Filter::Boxes(Boxes::new(sigma_px));
    }
    let mut kernel = vec![0.0; 2 * radius + 1];
    fill_kernel(&mut kernel, sigma_px);
    Filter::Taps(kernel)
}

/// Floats that [`gaussian`] needs to work with.
pub(super) fn work_len(sigma: f32, height_px: usize, width_px: usize) -> usize {
    let (_, radius) = extent(sigma, height_px, width_px);
    height_px * width_px + (2 * radius + 1) + 2 * (width_px.max(height_px) + 3 * radius)
}

/// Fills `plane` with `source`, both `[height, width]`, blurred by a Gaussian whose standard
/// deviation is `sigma` of the shorter side, cut at about 3 sigma and of sum 1. `work` has
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
    if sigma_px > MAX_DIRECT_PX {
        wide(source, plane, across, line, width_px, sigma_px, border);
        return;
    }
    fill_kernel(kernel, sigma_px);
    for (row, out) in source.chunks_exact(width_px).zip(across.chunks_exact_mut(width_px)) {
        let line = &mut line[..width_px + 2 * radius];
        extend(row.iter().copied(), line, radius, border);
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

/// Fills `line` with `values` and `margin` values beyond either end.
fn extend(
    values: impl ExactSizeIterator<Item = f32>,
    line: &mut [f32],
    margin: usize,
    border: Border,
) {
    let len = values.len();
    line[margin..margin + len].iter_mut().zip(values).for_each(|(o, v)| *o = v);
    for i in (0..margin).chain(margin + len..line.len()) {
        let at = border.index(i as i32 - margin as i32, len);
        line[i] = at.map_or(0.0, |at| line[margin + at]);
    }
}

/// As [`gaussian`], by boxes: rows into `across`, then columns into `plane`.
fn wide(
    source: &[f32],
    plane: &mut [f32],
    across: &mut [f32],
    lines: &mut [f32],
    width_px: usize,
    sigma_px: f32,
    border: Border,
) {
    let height_px = source.len() / width_px;
    let boxes = Boxes::new(sigma_px);
    let (line, sums) = lines.split_at_mut(lines.len() / 2);
    for (row, out) in source.chunks_exact(width_px).zip(across.chunks_exact_mut(width_px)) {
        let line = &mut line[..width_px + 2 * boxes.margin()];
        extend(row.iter().copied(), line, boxes.margin(), border);
        out.copy_from_slice(boxes.blur(line, sums));
    }
    for x in 0..width_px {
        let line = &mut line[..height_px + 2 * boxes.margin()];
        let column = across[x..].iter().step_by(width_px).copied();
        extend(column, line, boxes.margin(), border);
        for (out, v) in plane[x..].iter_mut().step_by(width_px).zip(boxes.blur(line, sums)) {
            *out = *v;
        }
    }
}

/// Boxes of 2·radius + 1 places and a part of the two beyond, so that their width is continuous
/// (Gwosdek et al., "Theoretical foundations of Gaussian convolution by extended box filtering",
/// 2011).
pub struct Boxes {
    /// Whole places on either side of a box's centre.
    pub radius: usize,
    /// Weight of the two places beyond against the others.
    pub edge: f64,
}

impl Boxes {
    /// Boxes that have deviation `sigma_px` together.
    fn new(sigma_px: f32) -> Self {
        let variance = f64::from(sigma_px).powi(2) / NUM_BOXES as f64;
        // Variance of a plain box: r(r + 1)/3.
        let radius = ((0.25 + 3.0 * variance).sqrt() - 0.5).floor();
        let missing = variance - radius * (radius + 1.0) / 3.0;
        let edge = (2.0 * radius + 1.0) * missing / (2.0 * ((radius + 1.0).powi(2) - variance));
        Self { radius: radius as usize, edge: edge.clamp(0.0, 1.0) }
    }

    /// What makes a box's sum 1.
    pub fn gain(&self) -> f64 {
        1.0 / (2.0 * self.radius as f64 + 1.0 + 2.0 * self.edge)
    }

    /// Places that all boxes together reach beyond an end.
    fn margin(&self) -> usize {
        NUM_BOXES * (self.radius + 1)
    }

    /// Blurs `line` in place with the help of `other`, losing the margin at either end.
    fn blur<'a>(&self, line: &'a mut [f32], other: &mut [f32]) -> &'a [f32] {
        let reach = 2 * self.radius + 2;
        let gain = self.gain();
        let mut len = line.len();
        for _ in 0..NUM_BOXES {
            let x = &mut other[..len];
            x.copy_from_slice(&line[..len]);
            len -= reach;
            // In f64: a running sum must not drift.
            let mut sum: f64 = x[1..reach].iter().map(|v| f64::from(*v)).sum();
            for (i, v) in line[..len].iter_mut().enumerate() {
                let beyond = f64::from(x[i]) + f64::from(x[i + reach]);
                *v = (gain * (sum + self.edge * beyond)) as f32;
                sum += f64::from(x[i + reach]) - f64::from(x[i + 1]);
            }
        }
        &line[..len]
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
