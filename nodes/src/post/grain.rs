//! Grain of film.

use lumawire_core::{NodeSpec, Param, Port, PortType, Rate, Role, Unit};

use crate::gpu::Filter;

const AMOUNT: usize = 0;

/// `post.grain`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.grain",
    version: 1,
    label: "Grain",
    doc: "Adds the grain of film, new in every frame. To the sRGB code value of each pixel comes \
          amount·(a + b + c − 1.5), with three random numbers a, b, c of 0..1 (deviation \
          0.5·amount), one for all colours or one for each; grains are size_px wide. The seed of \
          the run and the frame's number alone decide them. Alpha stays. No latency.",
    rate: Rate::Frame,
    role: Role::Stateful,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "The picture drawn anew, linear.")],
    params: &[
        Param::float("amount", "Amount", 0.0, (0.0, 0.5)).hard(0.0, 4.0).doc("How coarse it is."),
        Param::int("size_px", "Size", 1, (1, 8))
            .hard_int(1, 64)
            .unit(Unit::Px)
            .doc("Side of a grain in pixels."),
        Param::switch("coloured", "Coloured", false).doc("Grains of each colour by itself."),
    ],
    build: || {
        static DESCRIPTION: NodeSpec = SPEC;
        Filter::node(&DESCRIPTION, include_str!("grain.wgsl"), |p| p.float(AMOUNT) == 0.0)
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::testing::{picture, values};
    use crate::gpu::{linear_from_srgb, srgb_from_linear};
    use crate::post::testing::{assert_fresh_is_identity, drawn, node};

    #[test]
    fn a_fresh_one_changes_nothing() {
        assert_fresh_is_identity(&SPEC);
    }

    #[test]
    fn grains_have_their_deviation_and_change_with_the_frame_alone() {
        let grey = picture(64, 64, |_, _| [linear_from_srgb(0.5); 4]);
        let mut node = node(&SPEC, &[("amount", 0.2_f32.into())], &grey);
        let mut next = || -> Vec<f32> {
            values(&drawn(&mut node))
                .iter()
                .step_by(4)
                .map(|v| srgb_from_linear(*v) - 0.5)
                .collect()
        };
        let (first, second) = (next(), next());
        for grains in [&first, &second] {
            let mean = grains.iter().sum::<f32>() / 4096.0;
            let deviation = (grains.iter().map(|v| v * v).sum::<f32>() / 4096.0).sqrt();
            assert!(mean.abs() < 0.01 && (deviation - 0.1).abs() < 0.01, "{mean} {deviation}");
        }
        let product = first.iter().zip(&second).map(|(a, b)| a * b).sum::<f32>() / 4096.0;
        assert!(product.abs() < 0.001, "frames are alike: {product}");
        node.reset();
        let again: Vec<f32> = values(&drawn(&mut node)).iter().step_by(4).copied().collect();
        assert!(
            again.iter().zip(&first).all(|(a, b)| (srgb_from_linear(*a) - 0.5 - b).abs() < 1e-6)
        );
    }
}
