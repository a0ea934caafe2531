//! A picture moved, zoomed and turned.

use std::f32::consts::PI;

use bytemuck::{Pod, Zeroable};
use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Unit,
};

use crate::gpu::Effect;

const TRANSLATE_X: usize = 0;
const TRANSLATE_Y: usize = 1;
const ZOOM: usize = 2;
const ROTATE: usize = 3;
const BORDER: usize = 4;

/// Moves, zooms and turns a picture.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.transform",
    version: 1,
    label: "Transform",
    doc: "Moves, zooms and turns a picture about its centre. The pixel at p, counted from the \
          centre, shows what lay at R(−rotation) · (p − translation) / zoom: zoomed first, then \
          turned, then moved. Bilinear, in linear light and premultiplied alpha; the size stays. \
          At its defaults the picture passes unchanged. No latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "The moved picture, linear.")],
    params: &[
        Param::float("translate_x", "Move right", 0.0, (-1.0, 1.0))
            .hard(-100.0, 100.0)
            .doc("To the right, in widths of the picture."),
        Param::float("translate_y", "Move down", 0.0, (-1.0, 1.0))
            .hard(-100.0, 100.0)
            .doc("Downwards, in heights of the picture."),
        Param::float("zoom", "Zoom", 1.0, (0.25, 4.0))
            .hard(0.001, 1_000.0)
            .doc("Above 1 enlarges."),
        Param::float("rotate_radians", "Rotate", 0.0, (-PI, PI))
            .hard(-1e4, 1e4)
            .unit(Unit::Radians)
            .doc("Anticlockwise on the screen."),
        Param::choice("border", "Border", &["transparent", "clamp", "mirror", "wrap"])
            .doc("What lies outside the picture: nothing, its edge, its mirror image, itself."),
    ],
    build: || {
        Box::new(Transform {
            effect: Effect::new("post.transform", include_str!("transform.wgsl"), 1),
        })
    },
};

#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Uniforms {
    translate_px: [f32; 2],
    zoom: f32,
    rotate_radians: f32,
    border: u32,
    padding: u32,
}

struct Transform {
    effect: Effect<Uniforms>,
}

impl Node for Transform {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.effect.prepare(cx.services)
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let params = io.params;
        self.effect.apply(io, |image| {
            let uniforms = Uniforms {
                translate_px: [
                    params.float(TRANSLATE_X) * image.width_px as f32,
                    params.float(TRANSLATE_Y) * image.height_px as f32,
                ],
                zoom: params.float(ZOOM),
                rotate_radians: params.float(ROTATE),
                border: params.choice(BORDER) as u32,
                padding: 0,
            };
            let stays = uniforms.translate_px == [0.0; 2]
                && uniforms.zoom == 1.0
                && uniforms.rotate_radians == 0.0;
            (!stays).then_some(uniforms)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lumawire_core::harness::Harness;
    use lumawire_core::{Image, ImageHome, Value};

    use super::*;
    use crate::gpu::testing::{assert_close, picture, pixel, services, speckle};

    fn moved(params: &[(&str, f32)], border: &str, image: &Image) -> Image {
        let mut node = Harness::new(&SPEC).param("border", border).services(&services());
        for (id, value) in params {
            node.set_param(id, *value);
        }
        let mut node = node.prepare().unwrap();
        node.input("image", Value::Image(image.clone()));
        node.tick().unwrap();
        match node.output("image") {
            Value::Image(image) => image.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn row(image: &Image) -> Vec<f32> {
        (0..image.width_px).map(|x| pixel(image, x, 0)[0]).collect()
    }

    #[test]
    fn at_the_defaults_the_picture_itself_passes() {
        let image = speckle(4, 4);
        let same = moved(&[], "wrap", &image);
        let (ImageHome::Host(a), ImageHome::Host(b)) = (&image.home, &same.home) else {
            panic!("left the host")
        };
        assert!(Arc::ptr_eq(a, b));
    }

    #[test]
    fn borders_continue_the_picture() {
        let image = picture(4, 1, |x, _| [x as f32 + 1.0, 0.0, 0.0, 1.0]);
        let right = [("translate_x", 0.75)];
        assert_eq!(row(&moved(&right, "transparent", &image)), [0.0, 0.0, 0.0, 1.0]);
        assert_eq!(row(&moved(&right, "clamp", &image)), [1.0, 1.0, 1.0, 1.0]);
        assert_eq!(row(&moved(&right, "mirror", &image)), [3.0, 2.0, 1.0, 1.0]);
        assert_eq!(row(&moved(&right, "wrap", &image)), [2.0, 3.0, 4.0, 1.0]);
        let far = [("translate_x", -2.25)];
        assert_eq!(row(&moved(&far, "mirror", &image)), [2.0, 3.0, 4.0, 4.0]);
        assert_eq!(row(&moved(&far, "wrap", &image)), [2.0, 3.0, 4.0, 1.0]);
    }

    #[test]
    fn a_quarter_turn_is_anticlockwise() {
        let image = picture(4, 4, |x, y| [x as f32 / 4.0, y as f32 / 4.0, 0.0, 1.0]);
        let turned = moved(&[("rotate_radians", PI / 2.0)], "transparent", &image);
        for (x, y) in [(0, 0), (3, 0), (1, 2), (2, 3)] {
            // What lay at the right edge lies at the top.
            let from = pixel(&image, 3 - y, x).map(f64::from);
            assert_close(&pixel(&turned, x, y), &from, 1e-3);
        }
    }

    #[test]
    fn zoom_enlarges_about_the_centre() {
        let image = picture(64, 64, |x, _| [(x as f32 + 0.5 - 32.0) / 32.0, 0.0, 0.0, 1.0]);
        let zoomed = moved(&[("zoom", 2.0)], "clamp", &image);
        for x in 0..64 {
            let expected = (f64::from(x) + 0.5 - 32.0) / 64.0;
            assert!((f64::from(pixel(&zoomed, x, 7)[0]) - expected).abs() < 1e-3);
        }
    }

    #[test]
    fn half_a_pixel_is_the_mean_of_two() {
        let image = picture(4, 1, |x, _| [x as f32, 0.0, 0.0, 1.0]);
        assert_eq!(row(&moved(&[("translate_x", 0.125)], "clamp", &image)), [0.0, 0.5, 1.5, 2.5]);
        let edge = moved(&[("translate_x", 0.125)], "transparent", &image);
        assert_eq!(pixel(&edge, 0, 0)[3], 0.5);
    }
}
