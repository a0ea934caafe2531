//! Light that spills over.

use bytemuck::{Pod, Zeroable};
use lumawire_core::{
    Image, Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Value,
};

use crate::gpu::{Blur, Blurred, Border, Effect};

const IN_IMAGE: usize = 0;
const OUT_IMAGE: usize = 0;
const INTENSITY: usize = 0;
const THRESHOLD: usize = 1;
const KNEE: usize = 2;
const RADIUS: usize = 3;
const HUE: usize = 4;
const TINT: usize = 5;

/// Gaussians of the glow, each twice as wide as the one before.
const NUM_OCTAVES: usize = 4;

/// `post.bloom`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.bloom",
    version: 1,
    label: "Bloom",
    doc: "Adds the glow of what is bright, as lenses and eyes do. With m the greatest of r, g, b and \
          k = knee·threshold, the bright part is the colour times max(m − t, s)/m, where \
          s = clamp(m − t + k, 0, 2k)²/4k lets it begin softly. The glow is the mean of four \
          Gaussians of it, σ = radius/8, /4, /2 and radius, so that it has a core and a wide halo; \
          out = image + intensity · tint · glow, in light, premultiplied, with values above white \
          kept. Clear parts take the glow's alpha. At an intensity of 0 the picture passes. No \
          latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "The picture with its glow, linear.")],
    params: &[
        Param::float("intensity", "Intensity", 0.0, (0.0, 2.0))
            .hard(0.0, 100.0)
            .doc("How strong the glow is; 1 adds as much light as the bright part has."),
        Param::float("threshold", "Threshold", 0.6, (0.0, 2.0))
            .hard(0.0, 1e4)
            .doc("Light from which on it glows; white is 1."),
        Param::float("knee", "Knee", 0.5, (0.0, 1.0))
            .doc("How softly that begins, as a share of the threshold."),
        Param::float("radius", "Radius", 0.1, (0.0, 0.3))
            .hard(0.0, 2.0)
            .doc("Standard deviation of the widest Gaussian, in heights of the picture."),
        Param::float("hue_turns", "Hue", 0.0, (0.0, 1.0))
            .hard(-1e4, 1e4)
            .doc("Hue of the tint: 0 red, 1/3 green, 2/3 blue."),
        Param::float("tint", "Tint", 0.0, (0.0, 1.0))
            .doc("How much the glow is tinted; 0 leaves its own colours."),
    ],
    build: || {
        Box::new(Bloom {
            bright: Effect::new("post.bloom", include_str!("bloom_bright.wgsl"), 1),
            blur: Blur::default(),
            add: Effect::new("post.bloom", include_str!("bloom.wgsl"), 1 + NUM_OCTAVES as u32),
        })
    },
};

#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Bright {
    threshold: f32,
    knee: f32,
}

#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Add {
    intensity: f32,
    hue_turns: f32,
    tint: f32,
    padding: u32,
}

struct Bloom {
    bright: Effect<Bright>,
    blur: Blur,
    add: Effect<Add>,
}

impl Bloom {
    fn bloom(&mut self, io: &Io<'_>, image: &Image) -> Result<Image, NodeError> {
        let size = (image.width_px, image.height_px);
        let threshold = io.params.float(THRESHOLD);
        let bright = Bright { threshold, knee: threshold * io.params.float(KNEE) };
        let bright = self.bright.draw(&bright, &[image], size)?;
        let mut blurred = Blurred::premultiplied(&bright);
        let radius_px = f64::from(io.params.float(RADIUS)) * f64::from(image.height_px);
        let mut pictures = vec![image.clone()];
        for octave in 0..NUM_OCTAVES {
            let sigma = radius_px / f64::from(1 << (NUM_OCTAVES - 1 - octave));
            blurred = self.blur.more(&blurred, [sigma; 2], Border::Clamp)?;
            pictures.push(blurred.image.clone());
        }
        let add = Add {
            intensity: io.params.float(INTENSITY),
            hue_turns: io.params.float(HUE),
            tint: io.params.float(TINT),
            padding: 0,
        };
        self.add.draw(&add, &pictures.iter().collect::<Vec<_>>(), size)
    }
}

impl Node for Bloom {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.bright.prepare(cx.services)?;
        self.blur.prepare(cx.services)?;
        self.add.prepare(cx.services)
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let bloomed = match io.inputs.image(IN_IMAGE) {
            Some(image) if io.params.float(INTENSITY) > 0.0 => Value::Image(self.bloom(io, image)?),
            image => image.cloned().map_or(Value::Empty, Value::Image),
        };
        io.outputs.set(OUT_IMAGE, bloomed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::ParamValue;

    use super::*;
    use crate::gpu::testing::{assert_close, picture};
    use crate::post::testing::{assert_fresh_is_identity, filtered};

    fn params(pairs: &[(&'static str, f32)]) -> Vec<(&'static str, ParamValue)> {
        pairs.iter().map(|(id, v)| (*id, ParamValue::from(*v))).collect()
    }

    #[test]
    fn a_fresh_one_changes_nothing() {
        assert_fresh_is_identity(&SPEC);
    }

    #[test]
    fn the_bright_part_follows_the_knee() {
        // Of an even picture the glow is the bright part itself.
        let glow = |light: f32| {
            let image = picture(24, 24, |_, _| [light, light / 2.0, 0.0, 1.0]);
            let set = params(&[("intensity", 1.0), ("threshold", 0.5), ("knee", 0.4)]);
            let found = filtered(&SPEC, &set, &image);
            let pixel = &found[(12 * 24 + 12) * 4..][..4];
            assert!((pixel[1] * 2.0 - pixel[0]).abs() < 4e-3, "hue stays: {pixel:?}");
            f64::from(pixel[0] - light)
        };
        for (light, expected) in
            [(0.2, 0.0), (0.3, 0.0), (0.5, 0.05), (0.6, 0.1125), (0.7, 0.2), (2.0, 1.5)]
        {
            assert!((glow(light) - expected).abs() < 4e-3, "{light}: {}", glow(light));
        }
    }

    /// A bright line: the glow is the mean of four normal densities.
    #[test]
    fn the_glow_is_four_gaussians() {
        let line =
            picture(
                257,
                64,
                |x, _| if x == 128 { [64.0, 64.0, 64.0, 1.0] } else { [0.0, 0.0, 0.0, 1.0] },
            );
        let set = params(&[("intensity", 0.5), ("threshold", 0.0), ("radius", 0.5)]);
        let found = filtered(&SPEC, &set, &line);
        let row = &found[32 * 257 * 4..33 * 257 * 4];
        let density = |d: f64, sigma: f64| {
            (-(d / sigma).powi(2) / 2.0).exp() / (sigma * std::f64::consts::TAU.sqrt())
        };
        let at = [8_usize, 16, 24, 40, 64];
        let lights: Vec<f32> = at.iter().map(|d| row[(128 + d) * 4]).collect();
        let expected: Vec<f64> = at
            .iter()
            .map(|d| {
                let sum: f64 = [4.0, 8.0, 16.0, 32.0].iter().map(|s| density(*d as f64, *s)).sum();
                0.5 * 64.0 * sum / 4.0
            })
            .collect();
        assert_close(&lights, &expected, 0.02);
    }

    #[test]
    fn the_tint_colours_the_glow_alone() {
        let image = picture(8, 8, |_, _| [1.0, 1.0, 1.0, 1.0]);
        let set = params(&[
            ("intensity", 1.0),
            ("threshold", 0.0),
            ("tint", 1.0),
            ("hue_turns", 2.0 / 3.0),
        ]);
        let found = filtered(&SPEC, &set, &image);
        assert_close(&found[..4], &[1.0, 1.0, 2.0, 1.0], 2e-3);
    }
}
