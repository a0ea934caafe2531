//! Grading: exposure, contrast, saturation, hue, gamma, inversion.

use std::f32::consts::PI;

use bytemuck::{Pod, Zeroable};
use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Unit,
};

use crate::gpu::Effect;

const EXPOSURE: usize = 0;
const CONTRAST: usize = 1;
const SATURATION: usize = 2;
const HUE: usize = 3;
const GAMMA: usize = 4;
const INVERT: usize = 5;

/// Grades a picture.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.colour",
    version: 1,
    label: "Colour",
    doc: "Grades a picture. In linear light, one after another: exposure x · 2^stops; contrast \
          0.18 · (x / 0.18)^c, about middle grey; saturation Y + s · (x − Y), with Y = 0.2126 R + \
          0.7152 G + 0.0722 B; hue, a turn about the axis of greys; gamma x^(1/g); inversion \
          x + i · (1 − 2x). Powers keep the sign of x. Alpha stays. With all at their defaults the \
          picture passes unchanged. No latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "The graded picture, linear.")],
    params: &[
        Param::float("exposure_stops", "Exposure", 0.0, (-4.0, 4.0))
            .hard(-16.0, 16.0)
            .doc("Doublings of the light."),
        Param::float("contrast", "Contrast", 1.0, (0.0, 2.0))
            .hard(0.0, 8.0)
            .doc("Power about middle grey (0.18): 0 is all grey, 1 as it was."),
        Param::float("saturation", "Saturation", 1.0, (0.0, 2.0))
            .hard(0.0, 8.0)
            .doc("Distance from grey: 0 is grey, 1 as it was."),
        Param::float("hue_radians", "Hue", 0.0, (-PI, PI))
            .hard(-1e4, 1e4)
            .unit(Unit::Radians)
            .doc("Turn of the colours: red goes to green at a third of a turn."),
        Param::float("gamma", "Gamma", 1.0, (0.25, 4.0))
            .hard(0.05, 20.0)
            .doc("Above 1 lifts the darks, below 1 sinks them; black and white stay."),
        Param::float("invert", "Invert", 0.0, (0.0, 1.0)).doc("0 as it was, 1 the negative."),
    ],
    build: || {
        Box::new(Colour { effect: Effect::new("post.colour", include_str!("colour.wgsl"), 1) })
    },
};

#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C)]
struct Grade {
    exposure_stops: f32,
    contrast: f32,
    saturation: f32,
    hue_radians: f32,
    gamma: f32,
    invert: f32,
}

const IDENTITY: Grade = Grade {
    exposure_stops: 0.0,
    contrast: 1.0,
    saturation: 1.0,
    hue_radians: 0.0,
    gamma: 1.0,
    invert: 0.0,
};

struct Colour {
    effect: Effect<Grade>,
}

impl Node for Colour {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.effect.prepare(cx.services)
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let grade = Grade {
            exposure_stops: io.params.float(EXPOSURE),
            contrast: io.params.float(CONTRAST),
            saturation: io.params.float(SATURATION),
            hue_radians: io.params.float(HUE),
            gamma: io.params.float(GAMMA),
            invert: io.params.float(INVERT),
        };
        self.effect.apply(io, |_| (grade != IDENTITY).then_some(grade))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lumawire_core::harness::Harness;
    use lumawire_core::{Image, ImageHome, Value};

    use super::*;
    use crate::gpu::testing::{assert_close, picture, services, speckle, values};

    fn graded(params: &[(&str, f32)], image: &Image) -> Image {
        let mut node = Harness::new(&SPEC).services(&services());
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

    fn grade(params: &[(&str, f32)], rgb: [f32; 3]) -> Vec<f32> {
        let image = picture(1, 1, |_, _| [rgb[0], rgb[1], rgb[2], 0.5]);
        values(&graded(params, &image))
    }

    /// Halves keep 11 bits; a few roundings of the exponentials beneath.
    const TOLERANCE: f64 = 1e-3;

    #[test]
    fn at_the_defaults_the_picture_itself_passes() {
        let image = speckle(4, 4);
        let (ImageHome::Host(a), ImageHome::Host(b)) = (&image.home, &graded(&[], &image).home)
        else {
            panic!("left the host")
        };
        assert!(Arc::ptr_eq(a, b));
    }

    #[test]
    fn each_control_follows_its_formula() {
        let rgb = [0.5, 0.25, 0.125];
        let by = |params: &[(&str, f32)], expected: [f64; 3]| {
            let [r, g, b] = expected;
            assert_close(&grade(params, rgb), &[r, g, b, 0.5], TOLERANCE);
        };
        by(&[("exposure_stops", 2.0)], [2.0, 1.0, 0.5]);
        by(&[("exposure_stops", -1.0)], [0.25, 0.125, 0.0625]);
        by(&[("contrast", 2.0)], [0.25 / 0.18, 0.0625 / 0.18, 0.015_625 / 0.18]);
        by(&[("contrast", 0.0)], [0.18, 0.18, 0.18]);
        let luma = 0.2126 * 0.5 + 0.7152 * 0.25 + 0.0722 * 0.125;
        by(&[("saturation", 0.0)], [luma, luma, luma]);
        by(&[("saturation", 2.0)], [1.0 - luma, 0.5 - luma, 0.25 - luma]);
        by(&[("gamma", 2.0)], [0.5_f64.sqrt(), 0.5, 0.125_f64.sqrt()]);
        by(&[("invert", 1.0)], [0.5, 0.75, 0.875]);
        by(&[("invert", 0.5)], [0.5, 0.5, 0.5]);
    }

    #[test]
    fn a_third_of_a_turn_moves_red_to_green_and_greys_stay() {
        let third = 2.0 * PI / 3.0;
        assert_close(
            &grade(&[("hue_radians", third)], [1.0, 0.5, 0.0]),
            &[0.0, 1.0, 0.5, 0.5],
            TOLERANCE,
        );
        assert_close(
            &grade(&[("hue_radians", 1.0)], [0.25; 3]),
            &[0.25, 0.25, 0.25, 0.5],
            TOLERANCE,
        );
    }

    #[test]
    fn the_order_is_exposure_contrast_gamma() {
        let params = [("exposure_stops", 1.0), ("contrast", 2.0), ("gamma", 2.0)];
        let expected = ((2.0 * 0.09_f64 / 0.18).powi(2) * 0.18).sqrt();
        assert_close(&grade(&params, [0.09; 3]), &[expected, expected, expected, 0.5], TOLERANCE);
    }

    #[test]
    fn black_and_negative_light_stay_numbers() {
        let params = [("contrast", 0.0), ("gamma", 0.25), ("exposure_stops", 16.0)];
        assert!(grade(&params, [0.0, -1.0, 60_000.0]).iter().all(|v| v.is_finite()));
        assert_close(
            &grade(&[("gamma", 2.0)], [-0.25, 0.0, 1.0]),
            &[-0.5, 0.0, 1.0, 0.5],
            TOLERANCE,
        );
    }
}
