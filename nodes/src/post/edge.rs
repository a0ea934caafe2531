//! Outlines.

use lumawire_core::{NodeSpec, Param, Port, PortType, Rate, Role};

use crate::gpu::Filter;

const AMOUNT: usize = 0;

/// `post.edge`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.edge",
    version: 1,
    label: "Edge",
    doc: "Draws outlines. With s the length of the Sobel gradient of the luminance's sRGB code \
          value (Sobel 1968; 1 for a step from black to white), lines = s·gain in white on black, \
          or dark on the picture, mixed with it by amount, in linear light. No latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "The picture drawn anew, linear.")],
    params: &[
        Param::float("amount", "Amount", 0.0, (0.0, 1.0)).doc("0 as it was, 1 outlines."),
        Param::choice("mode", "Mode", &["lines", "ink"])
            .doc("Lines: white on black. Ink: dark on the picture."),
        Param::float("gain", "Gain", 1.0, (0.0, 8.0))
            .hard(0.0, 64.0)
            .doc("How much faint edges show."),
    ],
    build: || {
        static DESCRIPTION: NodeSpec = SPEC;
        Filter::node(&DESCRIPTION, include_str!("edge.wgsl"), |p| p.float(AMOUNT) == 0.0)
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::testing::{assert_close, picture};
    use crate::post::testing::{assert_fresh_is_identity, filtered};

    #[test]
    fn a_fresh_one_changes_nothing() {
        assert_fresh_is_identity(&SPEC);
    }

    #[test]
    fn a_step_is_a_line_two_pixels_wide_and_areas_are_empty() {
        let image = picture(8, 5, |x, _| if x < 4 { [0.0, 0.0, 0.0, 1.0] } else { [1.0; 4] });
        let found = filtered(&SPEC, &[("amount", 1.0_f32.into())], &image);
        for (i, pixel) in found.chunks(4).enumerate() {
            let line = f64::from(u8::from(matches!(i % 8, 3 | 4)));
            assert_close(pixel, &[line, line, line, 1.0], 1e-3);
        }
        let ink = filtered(&SPEC, &[("amount", 1.0_f32.into()), ("mode", "ink".into())], &image);
        let row: Vec<f32> = ink.chunks(4).take(8).map(|p| p[0]).collect();
        assert_close(&row, &[0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0], 1e-3);
    }
}
