//! Barrel and pincushion.

use lumawire_core::{NodeSpec, Param, Port, PortType, Rate, Role};

use crate::gpu::Filter;

/// `post.lens`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.lens",
    version: 1,
    label: "Lens",
    doc: "Bends the picture as a lens does. A pixel at distance d from the centre, in half \
          diagonals, shows the place at d·(1 + strength·d²): above 0 the middle bulges, below 0 \
          the corners draw out. The zoom then enlarges about the centre. Pixels between texels are \
          bilinear; beyond the edges the picture is mirrored. No latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "The picture drawn anew, linear.")],
    params: &[
        Param::float("strength", "Strength", 0.0, (-0.5, 1.0)).hard(-4.0, 16.0).doc("0 as it was."),
        Param::float("zoom", "Zoom", 1.0, (0.5, 2.0))
            .hard(0.05, 20.0)
            .doc("Enlarges, to hide the edges."),
    ],
    build: || {
        static DESCRIPTION: NodeSpec = SPEC;
        Filter::node(&DESCRIPTION, include_str!("lens.wgsl"), |p| {
            p.float(0) == 0.0 && p.float(1) == 1.0
        })
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::post::testing::{assert_fresh_is_identity, assert_warps};

    #[test]
    fn a_fresh_one_changes_nothing() {
        assert_fresh_is_identity(&SPEC);
    }

    #[test]
    fn distances_grow_with_their_square() {
        for (strength, zoom) in [(0.5_f32, 1.5_f32), (-0.4, 1.0)] {
            let params = [("strength", strength.into()), ("zoom", zoom.into())];
            assert_warps(&SPEC, &params, (40, 30), |x, y| {
                let (dx, dy) = ((x - 0.5) / f64::from(zoom), (y - 0.5) / f64::from(zoom));
                let d = (dx * 40.0).hypot(dy * 30.0) / 25.0;
                let factor = 1.0 + f64::from(strength) * d * d;
                (0.5 + dx * factor, 0.5 + dy * factor)
            });
        }
    }
}
