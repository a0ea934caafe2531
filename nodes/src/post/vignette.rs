//! Dark corners.

use lumawire_core::{NodeSpec, Param, Port, PortType, Rate, Role};

use crate::gpu::Filter;

const AMOUNT: usize = 0;

/// `post.vignette`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.vignette",
    version: 1,
    label: "Vignette",
    doc: "Darkens towards the corners. With d the distance from the centre over half the diagonal, \
          light is multiplied by 1 − amount·s, where s goes smoothly (3t² − 2t³) from 0 at radius \
          to 1 at radius + softness. Alpha stays. No latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "The picture drawn anew, linear.")],
    params: &[
        Param::float("amount", "Amount", 0.0, (0.0, 1.0))
            .hard(-4.0, 1.0)
            .doc("How dark the corners are; below 0 they glow."),
        Param::float("radius", "Radius", 0.5, (0.0, 1.0))
            .hard(0.0, 4.0)
            .doc("Where it begins: 1 is the corners."),
        Param::float("softness", "Softness", 0.5, (0.01, 1.0))
            .hard(0.001, 4.0)
            .doc("How far it takes."),
    ],
    build: || {
        static DESCRIPTION: NodeSpec = SPEC;
        Filter::node(&DESCRIPTION, include_str!("vignette.wgsl"), |p| p.float(AMOUNT) == 0.0)
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
    fn falls_smoothly_towards_the_corners() {
        let white = picture(40, 30, |_, _| [1.0, 1.0, 1.0, 0.5]);
        let found = filtered(&SPEC, &[("amount", 0.8_f32.into())], &white);
        for (i, pixel) in found.chunks(4).enumerate() {
            let (x, y) = ((i % 40) as f64 - 19.5, (i / 40) as f64 - 14.5);
            let t = ((x.hypot(y) / 25.0 - 0.5) / 0.5).clamp(0.0, 1.0);
            let light = 1.0 - 0.8 * t * t * (3.0 - 2.0 * t);
            assert_close(pixel, &[light, light, light, 0.5], 1e-3);
        }
    }
}
