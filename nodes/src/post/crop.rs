//! A part of a picture.

use bytemuck::{Pod, Zeroable};
use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Value,
};

use crate::gpu::Effect;

const IN_IMAGE: usize = 0;
const OUT_IMAGE: usize = 0;
const LEFT: usize = 0;
const RIGHT: usize = 1;
const TOP: usize = 2;
const BOTTOM: usize = 3;
const KEEP_SIZE: usize = 4;
const FEATHER: usize = 5;

const EDGE: (f32, f32) = (0.0, 0.5);

/// `post.crop`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.crop",
    version: 1,
    label: "Crop",
    doc: "Cuts off the edges of a picture. Each edge takes its share of width or height, rounded to \
          whole pixels, of which one at least stays. The picture becomes smaller, or with keep_size \
          stays as large and is transparent outside (lay it over another with `post.blend`); feather \
          then fades the rim inwards, as a share of the height. At the defaults the picture passes \
          unchanged. No latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "What is left of it, linear.")],
    params: &[
        Param::float("left", "Left", 0.0, EDGE).hard(0.0, 1.0).doc("Share cut off at the left."),
        Param::float("right", "Right", 0.0, EDGE).hard(0.0, 1.0).doc("Share cut off at the right."),
        Param::float("top", "Top", 0.0, EDGE).hard(0.0, 1.0).doc("Share cut off at the top."),
        Param::float("bottom", "Bottom", 0.0, EDGE)
            .hard(0.0, 1.0)
            .doc("Share cut off at the bottom."),
        Param::switch("keep_size", "Keep size", false)
            .doc("Whether what is cut off turns transparent instead."),
        Param::float("feather", "Feather", 0.0, (0.0, 0.25))
            .hard(0.0, 1.0)
            .doc("Width of the soft rim with keep_size, in heights."),
    ],
    build: || Box::new(Crop { effect: Effect::new("post.crop", include_str!("crop.wgsl"), 1) }),
};

#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Uniforms {
    /// First pixel, and first after the part: x and y.
    from: [i32; 2],
    to: [i32; 2],
    /// Place of the new picture's first pixel in the old one.
    origin: [i32; 2],
    feather_px: f32,
    padding: u32,
}

struct Crop {
    effect: Effect<Uniforms>,
}

/// First pixel and first after the part of `len` that two shares leave.
fn part(len: u32, before: f32, after: f32) -> (u32, u32) {
    let pixels = |share: f32| (f64::from(share) * f64::from(len)).round() as u32;
    let from = pixels(before).min(len.saturating_sub(1));
    (from, len.saturating_sub(pixels(after)).max(from + 1))
}

impl Node for Crop {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.effect.prepare(cx.services)
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(image) = io.inputs.image(IN_IMAGE) else {
            io.outputs.set(OUT_IMAGE, Value::Empty);
            return Ok(());
        };
        let size = (image.width_px, image.height_px);
        let (left, right) = part(size.0, io.params.float(LEFT), io.params.float(RIGHT));
        let (top, bottom) = part(size.1, io.params.float(TOP), io.params.float(BOTTOM));
        let keeps = io.params.switch(KEEP_SIZE);
        let feather_px = if keeps { io.params.float(FEATHER) * size.1 as f32 } else { 0.0 };
        let is_whole = (left, right, top, bottom) == (0, size.0, 0, size.1);
        if is_whole && feather_px == 0.0 {
            io.outputs.set_image(OUT_IMAGE, image.clone());
            return Ok(());
        }
        let from = [left as i32, top as i32];
        let to = [right as i32, bottom as i32];
        let origin = if keeps { [0, 0] } else { from };
        let uniforms = Uniforms { from, to, origin, feather_px, padding: 0 };
        let size = if keeps { size } else { (right - left, bottom - top) };
        let drawn = self.effect.draw(&uniforms, &[image], size)?;
        io.outputs.set_image(OUT_IMAGE, drawn);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::testing::{picture, pixel};
    use crate::post::testing::{assert_fresh_is_identity, drawn, node};

    #[test]
    fn a_fresh_one_changes_nothing() {
        assert_fresh_is_identity(&SPEC);
    }

    #[test]
    fn the_part_that_is_left_is_the_picture_there() {
        let image = picture(8, 4, |x, y| [x as f32, y as f32, 0.0, 1.0]);
        let params =
            [("left", 0.25_f32.into()), ("right", 0.125_f32.into()), ("top", 0.5_f32.into())];
        let cropped = drawn(&mut node(&SPEC, &params, &image));
        assert_eq!((cropped.width_px, cropped.height_px), (5, 2));
        for (x, y) in [(0, 0), (4, 1)] {
            assert_eq!(pixel(&cropped, x, y), [x as f32 + 2.0, y as f32 + 2.0, 0.0, 1.0]);
        }
        assert_eq!(part(8, 0.9, 0.9), (7, 8), "one pixel stays");
    }

    #[test]
    fn with_its_size_kept_the_rest_is_transparent_and_the_rim_soft() {
        let image = picture(8, 8, |_, _| [1.0, 0.5, 0.25, 1.0]);
        let params =
            [("left", 0.25_f32.into()), ("keep_size", true.into()), ("feather", 0.25_f32.into())];
        let found = drawn(&mut node(&SPEC, &params, &image));
        assert_eq!((found.width_px, found.height_px), (8, 8));
        // Two pixels of rim, measured from the middle of each pixel.
        let alphas = [0, 1, 2, 3, 4].map(|x| pixel(&found, x, 4)[3]);
        assert_eq!(alphas, [0.0, 0.0, 0.25, 0.75, 1.0]);
        assert_eq!(pixel(&found, 3, 4)[..3], [1.0, 0.5, 0.25]);
    }
}
