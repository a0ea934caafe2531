//! A soft picture.

use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Value,
};

use crate::gpu::{BORDERS, Blur, Border};

const IN_IMAGE: usize = 0;
const OUT_IMAGE: usize = 0;
const SIGMA: usize = 0;
const AXES: usize = 1;
const BORDER: usize = 2;

/// `post.blur`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.blur",
    version: 1,
    label: "Blur",
    doc: "Convolves with a Gaussian exp(−d²/2σ²), with σ in heights of the picture, so that it looks \
          the same at every size; in light, premultiplied. Cut off at 3.5 σ. From σ = 8 pixels on \
          it is drawn on a smaller picture, so that a wide one costs no more than a narrow one. At σ = 0 the picture passes. No latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "The picture drawn anew, linear.")],
    params: &[
        Param::float("sigma", "Width", 0.0, (0.0, 0.1))
            .hard(0.0, 2.0)
            .doc("Standard deviation in heights of the picture."),
        Param::choice("axes", "Axes", &["both", "across", "down"]).doc("Along which it blurs."),
        Param::choice("border", "Border", BORDERS)
            .doc("What lies outside the picture: its edge, its mirror image, nothing."),
    ],
    build: || Box::new(BlurNode::default()),
};

#[derive(Default)]
struct BlurNode {
    blur: Blur,
}

impl Node for BlurNode {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.blur.prepare(cx.services)
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let sigma = f64::from(io.params.float(SIGMA));
        let blurred = match io.inputs.image(IN_IMAGE) {
            Some(image) if sigma > 0.0 => {
                let sigma_px = sigma * f64::from(image.height_px);
                let sigma_px = match io.params.choice(AXES) {
                    0 => [sigma_px; 2],
                    1 => [sigma_px, 0.0],
                    _ => [0.0, sigma_px],
                };
                let border = Border::of_choice(io.params.choice(BORDER));
                Value::Image(self.blur.blur(image, sigma_px, border)?)
            }
            image => image.cloned().map_or(Value::Empty, Value::Image),
        };
        io.outputs.set(OUT_IMAGE, blurred);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::ParamValue;

    use super::*;
    use crate::gpu::testing::picture;
    use crate::post::testing::{assert_fresh_is_identity, filtered};

    #[test]
    fn a_fresh_one_changes_nothing() {
        assert_fresh_is_identity(&SPEC);
    }

    /// Half the height of a bar's flank moves by the same share of the height at every size.
    #[test]
    fn looks_the_same_at_every_size_and_along_the_axes_asked_for() {
        let bar = |size: u32| {
            picture(size, size, |x, _| [if x < size / 2 { 0.0 } else { 1.0 }, 0.0, 0.0, 1.0])
        };
        let sigma = ("sigma", ParamValue::from(0.05_f32));
        for size in [40, 160, 320] {
            for (axes, expected) in [("both", 0.8413), ("across", 0.8413), ("down", 1.0)] {
                let found = filtered(&SPEC, &[sigma.clone(), ("axes", axes.into())], &bar(size));
                // One σ inside the bar: Φ(1), between the two pixels there.
                let right = (size / 2 + size / 20) as usize;
                let row = (size / 2 * size) as usize;
                let level = (found[(row + right - 1) * 4] + found[(row + right) * 4]) / 2.0;
                assert!((level - expected).abs() < 5e-3, "{size} {axes}: {level}");
            }
        }
    }

    #[test]
    fn the_border_is_chosen() {
        let white = picture(16, 16, |_, _| [1.0; 4]);
        for (border, alpha) in [("clamp", 1.0), ("mirror", 1.0), ("transparent", 0.25)] {
            let params = [("sigma", 0.1_f32.into()), ("border", border.into())];
            let corner = filtered(&SPEC, &params, &white)[3];
            // Half a pixel inside both edges: a little more than a quarter.
            assert!((corner - alpha).abs() < 0.15, "{border}: {corner}");
            assert!(corner >= alpha - 1e-3);
        }
    }
}
