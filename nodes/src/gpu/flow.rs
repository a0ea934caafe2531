//! How the parts of a picture move: dense optical flow between two pictures.

use bytemuck::{Pod, Zeroable};
use lumawire_core::{Image, NodeError, Services};

use super::effect::Effect;

/// Longest side of the picture on which motion is estimated.
const MAX_SIDE_PX: u32 = 192;

/// A level of the pyramid is halved while its shorter side is longer than this.
const MIN_SIDE_PX: u32 = 12;

/// Steps of estimation on each level.
const NUM_STEPS: usize = 3;

/// Estimates motion, coarse to fine: on a pyramid of brightness (the root of luminance), each level
/// refines the one above by steps of Lucas and Kanade (1981) in windows of 9 × 9, damped where there
/// is nothing to hold on to. Motions of up to an eighth of the picture's longer side are found.
#[derive(Debug)]
pub struct Flow {
    reduce: Effect<Reduce>,
    refine: Effect<Refine>,
    levels: Vec<(Image, Image)>,
}

#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Reduce {
    /// Source pixels a target pixel.
    ratio: [f32; 2],
    is_colour: u32,
    padding: u32,
}

#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Refine {
    starts: u32,
    padding: u32,
}

impl Default for Flow {
    fn default() -> Self {
        Self {
            reduce: Effect::new("flow", include_str!("flow_reduce.wgsl"), 1),
            refine: Effect::new("flow", include_str!("flow.wgsl"), 3),
            levels: Vec::new(),
        }
    }
}

impl Flow {
    /// Opens the device if nobody has yet, and compiles.
    ///
    /// # Errors
    /// As [`Effect::prepare`].
    pub fn prepare(&mut self, services: &Services) -> Result<(), NodeError> {
        self.reduce.prepare(services)?;
        self.refine.prepare(services)
    }

    /// How what `image` shows has moved since `previous`: a picture of at most 192 pixels a side
    /// whose red and green say by which share of the picture's width and height, to the right and
    /// downwards, each place has moved (what lies at p lay at p − motion), and whose blue says how
    /// sure that is, 0..=1. Bilinear between texels.
    ///
    /// # Errors
    /// As [`Effect::draw`].
    pub fn estimate(&mut self, previous: &Image, image: &Image) -> Result<Image, NodeError> {
        self.levels.clear();
        let mut size = reduced_size((image.width_px, image.height_px));
        let mut pair = (previous.clone(), image.clone());
        let mut is_colour = 1;
        loop {
            let mut reduced = |image: &Image| {
                let ratio =
                    [image.width_px as f32 / size.0 as f32, image.height_px as f32 / size.1 as f32];
                self.reduce.draw(&Reduce { ratio, is_colour, padding: 0 }, &[image], size)
            };
            pair = (reduced(&pair.0)?, reduced(&pair.1)?);
            self.levels.push(pair.clone());
            if size.0.min(size.1) <= MIN_SIDE_PX {
                break;
            }
            size = (size.0.div_ceil(2), size.1.div_ceil(2));
            is_colour = 0;
        }
        let mut flow: Option<Image> = None;
        for (previous, image) in self.levels.drain(..).rev() {
            let size = (image.width_px, image.height_px);
            for _ in 0..NUM_STEPS {
                let uniforms = Refine { starts: u32::from(flow.is_none()), padding: 0 };
                let last = flow.as_ref().unwrap_or(&image);
                flow = Some(self.refine.draw(&uniforms, &[&previous, &image, last], size)?);
            }
        }
        flow.ok_or_else(|| NodeError::device("flow", "a picture without area"))
    }
}

/// The size at which motion is estimated.
fn reduced_size((width, height): (u32, u32)) -> (u32, u32) {
    let longer = width.max(height).max(1);
    if longer <= MAX_SIDE_PX {
        return (width, height);
    }
    let side = |len: u32| (u64::from(len) * u64::from(MAX_SIDE_PX)).div_ceil(u64::from(longer));
    (side(width).max(1) as u32, side(height).max(1) as u32)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{picture, services, values};
    use super::*;

    /// A texture of waves of many lengths, in parts of the width, moved by so many pixels.
    fn texture(size: (u32, u32), (dx, dy): (f64, f64)) -> Image {
        let unit = f64::from(size.0) / 192.0;
        picture(size.0, size.1, move |x, y| {
            let (x, y) = (f64::from(x) - dx, f64::from(y) - dy);
            let waves = (0..12).map(|i| {
                let i = f64::from(i);
                let (length, angle, phase) = (8.0 + 5.0 * i, 2.399 * i, 1.7 * i);
                let along = x * angle.cos() + y * angle.sin();
                (std::f64::consts::TAU * along / (length * unit) + phase).sin()
            });
            let light = (0.4 + 0.06 * waves.sum::<f64>()).clamp(0.0, 1.0) as f32;
            [light, light, light, 1.0]
        })
    }

    /// Mean and greatest error, in pixels of the estimate, within a margin of `margin` pixels.
    fn errors(size: (u32, u32), motion: (f64, f64), margin: u32) -> (f64, f64) {
        let mut flow = Flow::default();
        flow.prepare(&services()).unwrap();
        let found = flow.estimate(&texture(size, (0.0, 0.0)), &texture(size, motion)).unwrap();
        let (width, height) = (found.width_px, found.height_px);
        let scale = (f64::from(width) / f64::from(size.0), f64::from(height) / f64::from(size.1));
        let (mut sum, mut greatest, mut count) = (0.0, 0.0_f64, 0.0);
        for (i, texel) in (0..).zip(values(&found).chunks(4)) {
            let (x, y) = (i % width, i / width);
            if x < margin || y < margin || x + margin >= width || y + margin >= height {
                continue;
            }
            let across = f64::from(texel[0]) * f64::from(width) - motion.0 * scale.0;
            let down = f64::from(texel[1]) * f64::from(height) - motion.1 * scale.1;
            let error = across.hypot(down);
            sum += error;
            greatest = greatest.max(error);
            count += 1.0;
        }
        (sum / count, greatest)
    }

    #[test]
    fn known_motions_are_found_to_a_part_of_a_pixel() {
        for motion in [(0.5, 0.0), (1.3, -2.4), (-6.7, 3.2), (12.0, 9.0)] {
            let (mean, greatest) = errors((192, 108), motion, 24);
            assert!(mean < 0.1 && greatest < 1.0, "{motion:?}: {mean}, {greatest}");
        }
    }

    #[test]
    fn large_pictures_are_estimated_small() {
        let (mean, _) = errors((640, 360), (11.0, -7.0), 24);
        assert!(mean < 0.1, "{mean}");
    }

    #[test]
    fn what_stands_still_or_shows_nothing_does_not_move() {
        let mut flow = Flow::default();
        flow.prepare(&services()).unwrap();
        let still = texture((100, 60), (0.0, 0.0));
        let grey = picture(100, 60, |_, _| [0.5, 0.5, 0.5, 1.0]);
        let dot = picture(1, 1, |_, _| [0.5; 4]);
        for image in [&still, &grey, &dot] {
            let found = values(&flow.estimate(image, image).unwrap());
            assert!(found.chunks(4).all(|texel| texel[0] == 0.0 && texel[1] == 0.0));
        }
        let sure = values(&flow.estimate(&still, &still).unwrap());
        let unsure = values(&flow.estimate(&grey, &grey).unwrap());
        assert!(sure.chunks(4).map(|t| t[2]).sum::<f32>() / 6_000.0 > 0.5);
        assert!(unsure.chunks(4).all(|t| t[2] < 0.01));
    }
}
