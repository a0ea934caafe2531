//! Network bending (Broad, Leymarie and Grierson, 2021): operations on the activations of a layer,
//! a plane `[height, width]` at a time.

pub(super) mod blur;
mod border;
mod channels;
pub(super) mod geometry;
pub(super) mod morphology;
mod pointwise;
#[cfg(test)]
mod tests;

use rayon::prelude::*;

pub use border::Border;
pub use channels::Channels;
use geometry::Affine;
pub use pointwise::Keep;

/// A change of some channels of a layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Bend {
    /// The layer: 0 is the learned constant, k = 1.. the output of the k-th convolution, after
    /// noise and activation. A layer that the network lacks is never reached.
    pub layer: usize,
    /// Its channels that are bent.
    pub channels: Channels,
    /// What is done to each of them.
    pub op: BendOp,
    /// How far the channels go from x to op(x): x + amount·(op(x) − x). At 0 they stay.
    pub amount: f32,
}

/// An operation on one channel's plane. Neutral parameters leave the plane as it is, and so do
/// those that are no finite numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BendOp {
    /// Moves the plane.
    Translate {
        /// To the right, in widths.
        x: f32,
        /// Downwards, in heights.
        y: f32,
        /// What comes in.
        border: Border,
    },
    /// Enlarges about the centre.
    Zoom {
        /// Above 1 enlarges; 0 and less change nothing.
        factor: f32,
        /// What comes in, below 1.
        border: Border,
    },
    /// Turns about the centre.
    Rotate {
        /// Anticlockwise on the screen.
        radians: f32,
        /// What comes in.
        border: Border,
    },
    /// Slants about the centre: moves rows sideways, then columns up and down.
    Shear {
        /// By how much a row moves to the right, for each pixel that it lies below the centre.
        x: f32,
        /// By how much a column moves down, for each pixel that it lies right of the centre.
        y: f32,
        /// What comes in.
        border: Border,
    },
    /// Mirrors the plane.
    Flip {
        /// Swaps left and right.
        horizontal: bool,
        /// Swaps top and bottom.
        vertical: bool,
    },
    /// factor · x.
    Scale {
        /// The factor.
        factor: f32,
    },
    /// x + value.
    Add {
        /// The value.
        value: f32,
    },
    /// −x.
    Invert,
    /// 0 where x < level.
    Threshold {
        /// The level.
        level: f32,
        /// What becomes of the rest.
        keep: Keep,
    },
    /// 0 everywhere.
    Ablate,
    /// The minimum of a square about each pixel: shrinks bright parts.
    Erode {
        /// Half the square's side, as a share of the plane's shorter side, 0..1. Between whole
        /// pixels it crossfades.
        radius: f32,
    },
    /// The maximum of a square about each pixel: grows bright parts.
    Dilate {
        /// As [`Erode`](Self::Erode)'s.
        radius: f32,
    },
    /// Gaussian blur.
    Blur {
        /// Standard deviation as a share of the plane's shorter side, 0..1.
        sigma: f32,
        /// What is blurred in from outside.
        border: Border,
    },
    /// Unsharp masking: x + strength·(x − blur(x)).
    Sharpen {
        /// Width of the blur, as [`Blur`](Self::Blur)'s.
        sigma: f32,
        /// How much of the difference is added.
        strength: f32,
        /// As the blur's.
        border: Border,
    },
}

impl Bend {
    /// Whether it changes nothing, whatever it meets.
    pub fn is_identity(&self) -> bool {
        self.amount == 0.0
            || !self.amount.is_finite()
            || self.channels.are_none()
            || self.op.is_identity()
    }

    /// Bends its channels of one picture's features `[channels, height, width]`, in place and in
    /// parallel.
    pub fn apply(&self, features: &mut [f32], height_px: usize, width_px: usize) {
        let area = height_px * width_px;
        if self.is_identity() || area == 0 {
            return;
        }
        let mut is_bent = vec![false; features.len() / area];
        self.channels.indices(is_bent.len()).into_iter().for_each(|c| is_bent[c] = true);
        features
            .par_chunks_exact_mut(area)
            .zip(is_bent)
            .filter(|(_, is_bent)| *is_bent)
            .for_each_init(Vec::new, |scratch, (plane, _)| {
                self.op.apply_by(self.amount, plane, height_px, width_px, scratch);
            });
    }
}

impl BendOp {
    /// Whether it changes no plane.
    pub fn is_identity(&self) -> bool {
        !self.is_finite()
            || match *self {
                Self::Translate { x, y, .. } | Self::Shear { x, y, .. } => x == 0.0 && y == 0.0,
                Self::Zoom { factor, .. } => factor == 1.0 || factor <= 0.0,
                Self::Rotate { radians, .. } => radians == 0.0,
                Self::Flip { horizontal, vertical } => !horizontal && !vertical,
                Self::Scale { factor } => factor == 1.0,
                Self::Add { value } => value == 0.0,
                Self::Invert | Self::Threshold { .. } | Self::Ablate => false,
                Self::Erode { radius } | Self::Dilate { radius } => radius <= 0.0,
                Self::Blur { sigma, .. } => sigma <= 0.0,
                Self::Sharpen { sigma, strength, .. } => sigma <= 0.0 || strength == 0.0,
            }
    }

    fn is_finite(&self) -> bool {
        match *self {
            Self::Translate { x, y, .. } | Self::Shear { x, y, .. } => {
                x.is_finite() && y.is_finite()
            }
            Self::Zoom { factor: v, .. }
            | Self::Rotate { radians: v, .. }
            | Self::Scale { factor: v }
            | Self::Add { value: v }
            | Self::Threshold { level: v, .. }
            | Self::Erode { radius: v }
            | Self::Dilate { radius: v }
            | Self::Blur { sigma: v, .. } => v.is_finite(),
            Self::Sharpen { sigma, strength, .. } => sigma.is_finite() && strength.is_finite(),
            Self::Flip { .. } | Self::Invert | Self::Ablate => true,
        }
    }

    /// Changes a plane `[height, width]` in place. `scratch` grows to what is needed and may be
    /// used again; a plane of another length is left alone.
    pub fn apply(
        &self,
        plane: &mut [f32],
        height_px: usize,
        width_px: usize,
        scratch: &mut Vec<f32>,
    ) {
        self.apply_by(1.0, plane, height_px, width_px, scratch);
    }

    /// x + amount·(op(x) − x), in place.
    fn apply_by(
        &self,
        amount: f32,
        plane: &mut [f32],
        height_px: usize,
        width_px: usize,
        scratch: &mut Vec<f32>,
    ) {
        let len = plane.len();
        if len == 0 || len != height_px * width_px || self.is_identity() {
            return;
        }
        scratch.resize(len + self.work_len(height_px, width_px), 0.0);
        let (before, work) = scratch.split_at_mut(len);
        before.copy_from_slice(plane);
        self.run(before, plane, work, height_px, width_px);
        if amount != 1.0 {
            plane.iter_mut().zip(before).for_each(|(v, x)| *v = *x + amount * (*v - *x));
        }
    }

    /// The map by which it moves a plane, and what comes in, if that is what it does.
    pub(super) fn affine(&self, height_px: usize, width_px: usize) -> Option<(Affine, Border)> {
        match *self {
            Self::Translate { x, y, border } => {
                Some((Affine::translation(x * width_px as f32, y * height_px as f32), border))
            }
            Self::Zoom { factor, border } => Some((Affine::zoom(factor), border)),
            Self::Rotate { radians, border } => Some((Affine::rotation(radians), border)),
            Self::Shear { x, y, border } => Some((Affine::shear(x, y), border)),
            _ => None,
        }
    }

    /// Floats that [`run`](Self::run) needs to work with.
    fn work_len(&self, height_px: usize, width_px: usize) -> usize {
        match *self {
            Self::Erode { .. } | Self::Dilate { .. } => height_px * width_px,
            Self::Blur { sigma, .. } | Self::Sharpen { sigma, .. } => {
                blur::work_len(sigma, height_px, width_px)
            }
            _ => 0,
        }
    }

    /// `plane` holds `source`, and then the result.
    fn run(
        &self,
        source: &[f32],
        plane: &mut [f32],
        work: &mut [f32],
        height_px: usize,
        width_px: usize,
    ) {
        let radius_px = |radius| radius_px(radius, height_px, width_px);
        match *self {
            Self::Translate { .. }
            | Self::Zoom { .. }
            | Self::Rotate { .. }
            | Self::Shear { .. } => {
                if let Some((affine, border)) = self.affine(height_px, width_px) {
                    affine.sample(source, plane, height_px, width_px, border);
                }
            }
            Self::Flip { horizontal, vertical } => {
                geometry::flip(plane, width_px, horizontal, vertical);
            }
            Self::Scale { factor } => plane.iter_mut().for_each(|v| *v *= factor),
            Self::Add { value } => plane.iter_mut().for_each(|v| *v += value),
            Self::Invert => plane.iter_mut().for_each(|v| *v = -*v),
            Self::Threshold { level, keep } => pointwise::threshold(plane, level, keep),
            Self::Ablate => plane.fill(0.0),
            Self::Erode { radius } => {
                morphology::square(plane, work, width_px, radius_px(radius), f32::min);
            }
            Self::Dilate { radius } => {
                morphology::square(plane, work, width_px, radius_px(radius), f32::max);
            }
            Self::Blur { sigma, border } => {
                blur::gaussian(source, plane, work, width_px, sigma, border);
            }
            Self::Sharpen { sigma, strength, border } => {
                blur::gaussian(source, plane, work, width_px, sigma, border);
                plane.iter_mut().zip(source).for_each(|(v, x)| *v = x + strength * (x - *v));
            }
        }
    }
}

/// A square's `radius`, a share of the shorter side, in pixels.
pub(super) fn radius_px(radius: f32, height_px: usize, width_px: usize) -> f32 {
    radius.min(1.0) * height_px.min(width_px) as f32
}
