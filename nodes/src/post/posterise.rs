//! Few colours.

use lumawire_core::{NodeSpec, Param, Port, PortType, Rate, Role};

use crate::gpu::Filter;

const AMOUNT: usize = 0;

/// `post.posterise`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.posterise",
    version: 1,
    label: "Posterise",
    doc: "Leaves few steps of brightness in each colour. With c the sRGB code value of a colour, \
          0..1: q = round(c·(n − 1))/(n − 1), mixed with the picture by amount, in linear light. \
          No latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "The picture drawn anew, linear.")],
    params: &[
        Param::float("amount", "Amount", 0.0, (0.0, 1.0)).doc("0 as it was, 1 steps alone."),
        Param::int("num_levels", "Levels", 6, (2, 32))
            .hard_int(2, 256)
            .doc("Steps of each colour."),
    ],
    build: || {
        static DESCRIPTION: NodeSpec = SPEC;
        Filter::node(&DESCRIPTION, include_str!("posterise.wgsl"), |p| p.float(AMOUNT) == 0.0)
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::linear_from_srgb;
    use crate::gpu::testing::picture;
    use crate::post::testing::{assert_fresh_is_identity, filtered};

    #[test]
    fn a_fresh_one_changes_nothing() {
        assert_fresh_is_identity(&SPEC);
    }

    #[test]
    fn codes_go_to_the_nearest_of_so_many_levels() {
        let image = picture(64, 1, |x, _| [linear_from_srgb(x as f32 / 63.0), 0.0, 1.0, 0.5]);
        let params = [("amount", 1.0_f32.into()), ("num_levels", 4_i64.into())];
        for (x, pixel) in filtered(&SPEC, &params, &image).chunks(4).enumerate() {
            let code = x as f32 / 63.0;
            let expected = linear_from_srgb((code * 3.0).round() / 3.0);
            // A code just between two levels may go to either.
            let is_between = ((code * 3.0).fract() - 0.5).abs() < 0.01;
            assert!(is_between || (pixel[0] - expected).abs() < 1e-3, "{x}: {pixel:?}");
            assert!(pixel[1] == 0.0 && (pixel[2] - 1.0).abs() < 1e-3 && pixel[3] == 0.5);
        }
    }
}
