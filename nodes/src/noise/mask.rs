//! `noise.mask`

use std::hash::{DefaultHasher, Hash, Hasher};

use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Params, Port, PortType, Rate, Role, Unit, Value,
};

use super::fields::mask::{Mask as Region, Masked, Outline, Shape};
use super::fields::plane::Plane;
use super::{emit, field, required};

const IN_NOISE: usize = 0;
const IN_OUTSIDE: usize = 1;
const IN_IMAGE: usize = 2;
const OUT_NOISE: usize = 0;
const STRENGTH: usize = 0;
const OUTSIDE_STRENGTH: usize = 1;
const SHAPE: usize = 2;
const CENTRE_X: usize = 3;
const CENTRE_Y: usize = 4;
const RADIUS_X: usize = 5;
const RADIUS_Y: usize = 6;
const ANGLE: usize = 7;
const SOFTNESS: usize = 8;
const INVERT: usize = 9;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "noise.mask",
    version: 1,
    label: "Mask noise",
    doc: "Lets noise act in one region of the picture, and other noise in the rest. \
        strength·m·noise + outside strength·(1 − m)·outside, where the mask m is a drawn shape or \
        the brightness of a picture, brought to each layer's size by means. Let one part of the \
        music drive the strength inside and another the strength outside, and each is seen in its \
        own place.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[
        Port::required("noise", PortType::Noise, "The noise where the mask is 1."),
        Port::optional("outside", PortType::Noise, "The noise where it is 0; none where open."),
        Port::optional(
            "image",
            PortType::Image,
            "A mask in place of the shape: 1 where it is white and opaque. Stretched to fit.",
        ),
    ],
    outputs: &[Port::output("noise", PortType::Noise, "The noise of the whole picture.")],
    params: &[
        Param::float("strength", "Strength", 1.0, (0.0, 4.0))
            .hard(-1000.0, 1000.0)
            .doc("Factor on the noise inside."),
        Param::float("outside_strength", "Outside", 1.0, (0.0, 4.0))
            .hard(-1000.0, 1000.0)
            .doc("Factor on the noise outside."),
        Param::choice("shape", "Shape", &["all", "ellipse", "rectangle", "half"]).doc(
            "The mask: 1 everywhere, in an ellipse or a rectangle, or in the half beyond the \
             centre, which softness makes a linear gradient.",
        ),
        Param::float("centre_x", "Centre x", 0.5, (0.0, 1.0))
            .hard(-100.0, 100.0)
            .doc("The shape's middle, in widths of the picture from the left."),
        Param::float("centre_y", "Centre y", 0.5, (0.0, 1.0))
            .hard(-100.0, 100.0)
            .doc("The shape's middle, in heights of the picture from the top."),
        Param::float("radius_x", "Radius x", 0.3, (0.0, 1.0))
            .hard(0.0, 100.0)
            .doc("Half the shape's size along its first axis, in heights of the picture."),
        Param::float("radius_y", "Radius y", 0.3, (0.0, 1.0))
            .hard(0.0, 100.0)
            .doc("Half its size along the second axis, in heights of the picture."),
        Param::float("angle_radians", "Angle", 0.0, (-3.2, 3.2))
            .hard(-1000.0, 1000.0)
            .unit(Unit::Radians)
            .doc("Turns the shape clockwise; a half faces right at 0."),
        Param::float("softness", "Softness", 0.3, (0.0, 2.0)).hard(0.0, 100.0).doc(
            "Width of the ramp about the outline, in radii, or in heights of the picture for a half.",
        ),
        Param::switch("invert", "Invert", false).doc("Swaps inside and outside of the mask."),
    ],
    build: || Box::new(Mask),
};

struct Mask;

fn shape(params: Params<'_>) -> Option<Shape> {
    let outline = match params.choice(SHAPE) {
        0 => return None,
        1 => Outline::Ellipse,
        2 => Outline::Rectangle,
        _ => Outline::Half,
    };
    Some(Shape {
        outline,
        centre: [params.float(CENTRE_X), params.float(CENTRE_Y)],
        radii: [params.float(RADIUS_X), params.float(RADIUS_Y)],
        radians: params.float(ANGLE),
        softness: params.float(SOFTNESS),
    })
}

/// The mask, and a hash of it.
fn region(io: &Io<'_>) -> Result<(Region, u64), NodeError> {
    let mut hasher = DefaultHasher::new();
    if let Some(image) = io.inputs.image(IN_IMAGE) {
        let plane = Plane::from_image(image)?;
        plane.hash(&mut hasher);
        return Ok((Region::Picture(plane), hasher.finish()));
    }
    let Some(shape) = shape(io.params) else { return Ok((Region::All, 0)) };
    let Shape { outline, centre, radii, radians, softness } = shape;
    (outline, centre.map(f32::to_bits), radii.map(f32::to_bits)).hash(&mut hasher);
    [radians, softness].map(f32::to_bits).hash(&mut hasher);
    Ok((Region::Shape(shape), hasher.finish()))
}

impl Node for Mask {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let (input, outside_input) = (io.inputs.noise(IN_NOISE), io.inputs.noise(IN_OUTSIDE));
        let noise = required("noise", input)?;
        let outside = outside_input.map(|handle| field("outside", handle)).transpose()?;
        let (mask, mask_key) = region(io)?;
        let (strength, outside_strength) =
            (io.params.float(STRENGTH), io.params.float(OUTSIDE_STRENGTH));
        let invert = io.params.switch(INVERT);
        if let (Some(input), Region::All, 1.0, false) = (input, &mask, strength, invert) {
            io.outputs.set(OUT_NOISE, Value::Noise(input.clone()));
            return Ok(());
        }
        let outside_key = outside_input.map(|h| (h.key, outside_strength.to_bits()));
        let keys = (input.map(|h| h.key), outside_key, mask_key);
        let field = Masked {
            mask,
            invert,
            inside: (noise, strength),
            outside: outside.map(|field| (field, outside_strength)),
        };
        emit(io, OUT_NOISE, (SPEC.kind, keys, strength.to_bits(), invert), field);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Encoding, HostImage, Image, Pixels};

    use super::super::testing::{Flat, picture, value};
    use super::*;

    fn node() -> Harness {
        let mut node = Harness::new(&SPEC).prepare().unwrap();
        node.input("noise", value(5, Flat(1.0)));
        node
    }

    /// Key and levels of layer 1 at 2 by 4 pixels.
    fn levels(node: &mut Harness) -> (u64, Vec<f32>) {
        node.tick().unwrap();
        picture(node, 1, 2, 4)
    }

    #[test]
    fn a_fresh_one_passes_its_input() {
        assert_eq!(levels(&mut node()), (5, vec![1.0; 8]));
    }

    #[test]
    fn inside_and_outside_have_noise_and_strength_of_their_own() {
        let mut node = node();
        node.set_param("shape", "half");
        node.set_param("softness", 0.0_f32);
        node.set_param("strength", 3.0_f32);
        let alone = levels(&mut node);
        assert_eq!(alone.1, [0.0, 0.0, 3.0, 3.0, 0.0, 0.0, 3.0, 3.0]);
        node.input("outside", value(6, Flat(10.0)));
        node.set_param("outside_strength", 0.5_f32);
        let both = levels(&mut node);
        assert_eq!(both.1, [5.0, 5.0, 3.0, 3.0, 5.0, 5.0, 3.0, 3.0]);
        node.set_param("invert", true);
        let swapped = levels(&mut node);
        assert_eq!(swapped.1, [3.0, 3.0, 5.0, 5.0, 3.0, 3.0, 5.0, 5.0]);
        assert!(alone.0 != both.0 && both.0 != swapped.0);
        // A soft edge mixes.
        node.set_param("softness", 2.0_f32);
        // The ramp is 1/8, 3/8, 5/8, 7/8 from left to right, inverted.
        assert_eq!(levels(&mut node).1[..4], [3.25, 3.75, 4.25, 4.75]);
    }

    #[test]
    fn a_picture_is_a_mask() {
        let codes = [0_u8, 255, 51, 255];
        let pixels = codes.iter().flat_map(|v| [*v, *v, *v, 255]).collect();
        let image = HostImage { width_px: 4, height_px: 1, pixels: Pixels::Rgba8(pixels) };
        let mut node = node();
        node.set_param("shape", "half");
        node.input("image", Value::Image(Image::from_host(image, Encoding::Srgb)));
        let (key, found) = levels(&mut node);
        for (level, expected) in found.iter().zip([0.0, 1.0, 0.2, 1.0, 0.0, 1.0, 0.2, 1.0]) {
            assert!((level - expected).abs() < 1e-6);
        }
        node.set_param("angle_radians", 1.0_f32);
        assert_eq!(levels(&mut node).0, key, "the shape does not count");
        let image = HostImage { width_px: 4, height_px: 1, pixels: Pixels::Rgba8(vec![9; 16]) };
        node.input("image", Value::Image(Image::from_host(image, Encoding::Srgb)));
        assert_ne!(levels(&mut node).0, key);
        let image = HostImage { width_px: 4, height_px: 2, pixels: Pixels::Rgba8(vec![9; 16]) };
        node.input("image", Value::Image(Image::from_host(image, Encoding::Srgb)));
        assert!(node.tick().unwrap_err().to_string().contains("do not fill 4 × 2"));
    }

    #[test]
    fn all_parameters_tell_in_the_key() {
        let mut keys = Vec::new();
        for id in [
            "centre_x",
            "centre_y",
            "radius_x",
            "radius_y",
            "angle_radians",
            "softness",
            "strength",
            "outside_strength",
        ] {
            let mut node = node();
            node.input("outside", value(6, Flat(2.0)));
            node.set_param("shape", "ellipse");
            node.set_param(id, 0.123_f32);
            keys.push(levels(&mut node).0);
        }
        let mut node = node();
        node.set_param("shape", "rectangle");
        keys.push(levels(&mut node).0);
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 9);
    }
}
