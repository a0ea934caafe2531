//! One picture moves another.

use lumawire_core::{NodeSpec, Param, Port, PortType, Rate, Role};

use crate::gpu::Filter;

const AMOUNT: usize = 0;

/// `post.displace`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.displace",
    version: 1,
    label: "Displace",
    doc: "Moves a picture's pixels by another picture. A pixel shows the place that lies (m − \
          0.5)·amount away, in widths across by the map's red and in heights down by its green, as \
          sRGB code values; the map is stretched over the picture. Pixels between texels are \
          bilinear; beyond the edges the picture is mirrored. Without a map the picture passes \
          unchanged. No latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[
        Port::required("image", PortType::Image, "The picture."),
        Port::optional(
            "map",
            PortType::Image,
            "How far to move: red across, green down; 0.5 stays.",
        ),
    ],
    outputs: &[Port::output("image", PortType::Image, "The picture drawn anew, linear.")],
    params: &[Param::float("amount", "Amount", 0.0, (-0.5, 0.5))
        .hard(-4.0, 4.0)
        .doc("How far, in sizes of the picture.")],
    build: || {
        static DESCRIPTION: NodeSpec = SPEC;
        Filter::node(&DESCRIPTION, include_str!("displace.wgsl"), |p| p.float(AMOUNT) == 0.0)
    },
};

#[cfg(test)]
mod tests {
    use lumawire_core::Value;

    use super::*;
    use crate::gpu::linear_from_srgb;
    use crate::gpu::testing::{picture, values};
    use crate::post::testing::{assert_fresh_is_identity, drawn, node, places};

    #[test]
    fn a_fresh_one_changes_nothing() {
        assert_fresh_is_identity(&SPEC);
    }

    #[test]
    fn pixels_come_from_where_the_map_says() {
        let map = picture(4, 4, |_, _| [linear_from_srgb(0.9), linear_from_srgb(0.25), 0.0, 1.0]);
        let mut node = node(&SPEC, &[("amount", 0.2_f32.into())], &places(40, 40));
        let unmoved = values(&drawn(&mut node));
        assert_eq!(unmoved, values(&places(40, 40)), "no map");
        node.input("map", Value::Image(map));
        for (i, (moved, own)) in
            values(&drawn(&mut node)).chunks(4).zip(unmoved.chunks(4)).enumerate()
        {
            let expected = (own[0] + 0.08, own[1] - 0.05);
            if expected.0 < 0.97 && expected.1 > 0.03 {
                let error = (moved[0] - expected.0).abs().max((moved[1] - expected.1).abs());
                assert!(error < 2e-3, "{i}: {moved:?} for {expected:?}");
            }
        }
    }
}
