//! Large pixels.

use lumawire_core::{NodeSpec, Param, Port, PortType, Rate, Role, Unit};

use crate::gpu::Filter;

const SIZE: usize = 0;

/// `post.pixelate`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.pixelate",
    version: 1,
    label: "Pixelate",
    doc: "Draws with large pixels. Each block of size_px × size_px shows the mean of the picture \
          there, of at most 8 × 8 of its pixels spread evenly. Blocks are counted from the centre, \
          so that the middle of the picture stays. No latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "The picture drawn anew, linear.")],
    params: &[Param::int("size_px", "Size", 1, (1, 64))
        .hard_int(1, 1024)
        .unit(Unit::Px)
        .doc("Side of a block in pixels.")],
    build: || {
        static DESCRIPTION: NodeSpec = SPEC;
        Filter::node(&DESCRIPTION, include_str!("pixelate.wgsl"), |p| p.int(SIZE) == 1)
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
    fn blocks_about_the_centre_show_their_mean() {
        let image = picture(12, 8, |x, y| [x as f32, (x * y) as f32, 1.0, 1.0]);
        let found = filtered(&SPEC, &[("size_px", 4_i64.into())], &image);
        let mean = |from: u32, f: &dyn Fn(u32) -> f64| (from..from + 4).map(f).sum::<f64>() / 4.0;
        for (i, pixel) in (0_u32..).zip(found.chunks(4)) {
            // 6 and 4 are the centre: blocks begin at columns −2, 2, 6, 10 and rows 0, 4.
            let (x, y) = ((i % 12 + 2) / 4 * 4, i / 12 / 4 * 4);
            let column = |c: u32| f64::from(c.clamp(2, 13) - 2);
            let (mx, my) = (mean(x, &column), mean(y, &f64::from));
            assert_close(pixel, &[mx, mx * my, 1.0, 1.0], 2e-3);
        }
    }
}
