//! Bright turned dark.

use lumawire_core::{NodeSpec, Param, Port, PortType, Rate, Role};

use crate::gpu::Filter;

const AMOUNT: usize = 0;

/// `post.solarise`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.solarise",
    version: 1,
    label: "Solarise",
    doc: "Turns what is bright into its negative, as a print that saw light. With c the sRGB code \
          value of a colour, 0..1: 1 − c where c exceeds the threshold, mixed with the picture by \
          amount, in linear light. No latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "The picture drawn anew, linear.")],
    params: &[
        Param::float("amount", "Amount", 0.0, (0.0, 1.0)).doc("0 as it was, 1 turned."),
        Param::float("threshold", "Threshold", 0.5, (0.0, 1.0))
            .doc("The code value above which colours turn."),
    ],
    build: || {
        static DESCRIPTION: NodeSpec = SPEC;
        Filter::node(&DESCRIPTION, include_str!("solarise.wgsl"), |p| p.float(AMOUNT) == 0.0)
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::linear_from_srgb;
    use crate::gpu::testing::{assert_close, picture};
    use crate::post::testing::{assert_fresh_is_identity, filtered};

    #[test]
    fn a_fresh_one_changes_nothing() {
        assert_fresh_is_identity(&SPEC);
    }

    #[test]
    fn codes_above_the_threshold_turn() {
        let light = linear_from_srgb;
        let image = picture(1, 1, |_, _| [light(0.25), light(0.75), light(1.0), 0.5]);
        let of = |amount: f32| filtered(&SPEC, &[("amount", amount.into())], &image);
        let turned = [light(0.25), light(0.25), 0.0, 0.5].map(f64::from);
        assert_close(&of(1.0), &turned, 1e-3);
        let half = [light(0.25), (light(0.25) + light(0.75)) / 2.0, 0.5, 0.5].map(f64::from);
        assert_close(&of(0.5), &half, 1e-3);
    }
}
