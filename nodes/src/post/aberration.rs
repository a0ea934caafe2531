//! Colours that part.

use lumawire_core::{NodeSpec, Param, Port, PortType, Rate, Role};

use crate::gpu::Filter;

/// `post.aberration`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.aberration",
    version: 1,
    label: "Chromatic aberration",
    doc: "Parts red and blue from the centre outwards, as a poor lens does: red is read at (1 + \
          amount), blue at (1 − amount) times the distance from the centre, plus the shift. Pixels \
          between texels are bilinear; beyond the edges the picture is mirrored. No latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "The picture drawn anew, linear.")],
    params: &[
        Param::float("amount", "Amount", 0.0, (-0.1, 0.1))
            .hard(-1.0, 1.0)
            .doc("Share of the distance from the centre."),
        Param::float("shift_x", "Shift X", 0.0, (-0.05, 0.05))
            .hard(-1.0, 1.0)
            .doc("How far red goes to the right and blue to the left, in widths."),
        Param::float("shift_y", "Shift Y", 0.0, (-0.05, 0.05))
            .hard(-1.0, 1.0)
            .doc("How far red goes down and blue up, in heights."),
    ],
    build: || {
        static DESCRIPTION: NodeSpec = SPEC;
        Filter::node(&DESCRIPTION, include_str!("aberration.wgsl"), |p| {
            (0..3).all(|i| p.float(i) == 0.0)
        })
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
    fn red_and_blue_come_from_their_own_places() {
        let image = picture(32, 32, |x, _| {
            let v = (x as f32 + 0.5) / 32.0;
            [v, v, v, 1.0]
        });
        let params = [("amount", 0.1_f32.into()), ("shift_x", 0.05_f32.into())];
        for (i, pixel) in filtered(&SPEC, &params, &image).chunks(4).enumerate() {
            let x = ((i % 32) as f64 + 0.5) / 32.0;
            let red = 0.5 + (x - 0.5) * 1.1 - 0.05;
            let blue = 0.5 + (x - 0.5) * 0.9 + 0.05;
            if red > 0.04 && red < 0.96 && blue > 0.04 && blue < 0.96 {
                assert_close(pixel, &[red, x, blue, 1.0], 2e-3);
            }
        }
    }
}
