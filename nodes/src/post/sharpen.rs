//! Crisper detail.

use lumawire_core::{NodeSpec, Param, Port, PortType, Rate, Role, Unit};

use crate::gpu::Filter;

const AMOUNT: usize = 0;

/// `post.sharpen`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.sharpen",
    version: 1,
    label: "Sharpen",
    doc: "Makes detail crisper, by an unsharp mask: x + amount·(x − blurred), the blur being 1-2-1 \
          in both directions over texels radius_px apart, in linear light. Below 0 it softens. \
          Alpha stays. No latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "The picture drawn anew, linear.")],
    params: &[
        Param::float("amount", "Amount", 0.0, (-1.0, 2.0)).hard(-1.0, 16.0).doc("0 as it was."),
        Param::int("radius_px", "Radius", 1, (1, 8))
            .hard_int(1, 64)
            .unit(Unit::Px)
            .doc("Size of the detail, in pixels."),
    ],
    build: || {
        static DESCRIPTION: NodeSpec = SPEC;
        Filter::node(&DESCRIPTION, include_str!("sharpen.wgsl"), |p| p.float(AMOUNT) == 0.0)
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
    fn a_dot_answers_with_the_mask() {
        let dot = picture(9, 9, |x, y| {
            let light = if (x, y) == (4, 4) { 1.0 } else { 0.0 };
            [light, light, light, 1.0]
        });
        for radius in [1_i64, 3] {
            let params = [("amount", 0.5_f32.into()), ("radius_px", radius.into())];
            let found = filtered(&SPEC, &params, &dot);
            for (i, pixel) in (0_i64..).zip(found.chunks(4)) {
                let weight = |d: i64| match d.abs() {
                    0 => 2.0,
                    d if d == radius => 1.0,
                    _ => 0.0,
                };
                let (dx, dy) = (i % 9 - 4, i / 9 - 4);
                let source = f64::from(u8::from((dx, dy) == (0, 0)));
                let light = 1.5 * source - 0.5 * weight(dx) * weight(dy) / 16.0;
                assert_close(pixel, &[light, light, light, 1.0], 1e-3);
            }
        }
    }
}
