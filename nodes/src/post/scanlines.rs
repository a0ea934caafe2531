//! Lines of a tube.

use lumawire_core::{NodeSpec, Param, Port, PortType, Rate, Role};

use crate::gpu::Filter;

const AMOUNT: usize = 0;

/// `post.scanlines`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.scanlines",
    version: 1,
    label: "Scan lines",
    doc: "Darkens the picture in lines, as an old screen. Light is multiplied by 1 − amount·(1 + \
          cos(2π·(y·lines + phase)))/2, with y from 0 at the top to 1; so many lines whatever the \
          size of the picture. Alpha stays. No latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "The picture drawn anew, linear.")],
    params: &[
        Param::float("amount", "Amount", 0.0, (0.0, 1.0)).doc("How dark the lines are."),
        Param::float("num_lines", "Lines", 240.0, (10.0, 540.0))
            .hard(1.0, 8192.0)
            .doc("Lines in the height."),
        Param::float("phase", "Phase", 0.0, (0.0, 1.0))
            .hard(-1e4, 1e4)
            .doc("Moves the lines up, in lines."),
    ],
    build: || {
        static DESCRIPTION: NodeSpec = SPEC;
        Filter::node(&DESCRIPTION, include_str!("scanlines.wgsl"), |p| p.float(AMOUNT) == 0.0)
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
    fn light_follows_the_cosine() {
        let white = picture(2, 16, |_, _| [1.0, 1.0, 1.0, 0.5]);
        let params =
            [("amount", 0.5_f32.into()), ("num_lines", 3.0_f32.into()), ("phase", 0.25_f32.into())];
        for (i, pixel) in filtered(&SPEC, &params, &white).chunks(4).enumerate() {
            let y = ((i / 2) as f64 + 0.5) / 16.0;
            let line = 0.5 + 0.5 * (std::f64::consts::TAU * (y * 3.0 + 0.25)).cos();
            let light = 1.0 - 0.5 * line;
            assert_close(pixel, &[light, light, light, 0.5], 1e-3);
        }
    }
}
