//! A picture cut out by another.

use lumawire_core::{NodeSpec, Param, Port, PortType, Rate, Role};

use crate::gpu::Filter;

const AMOUNT: usize = 0;

/// `post.mask`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.mask",
    version: 1,
    label: "Mask",
    doc: "Cuts a picture out by another. Alpha is multiplied by the mask's luminance times its \
          alpha (or by 1 minus that, inverted), as linear light, mixed with 1 by amount; the mask \
          is stretched over the picture. Without a mask the picture passes unchanged. No latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[
        Port::required("image", PortType::Image, "The picture."),
        Port::optional("mask", PortType::Image, "White shows, black hides."),
    ],
    outputs: &[Port::output("image", PortType::Image, "The picture drawn anew, linear.")],
    params: &[
        Param::float("amount", "Amount", 1.0, (0.0, 1.0)).doc("0 shows all."),
        Param::switch("invert", "Invert", false).doc("Black shows, white hides."),
    ],
    build: || {
        static DESCRIPTION: NodeSpec = SPEC;
        Filter::node(&DESCRIPTION, include_str!("mask.wgsl"), |p| p.float(AMOUNT) == 0.0)
    },
};

#[cfg(test)]
mod tests {
    use lumawire_core::Value;

    use super::*;
    use crate::gpu::testing::{picture, values};
    use crate::post::testing::{assert_fresh_is_identity, drawn, node};

    #[test]
    fn a_fresh_one_changes_nothing() {
        assert_fresh_is_identity(&SPEC);
    }

    #[test]
    fn alpha_follows_the_masks_light() {
        let image = picture(2, 1, |_, _| [0.5, 0.25, 0.125, 0.5]);
        let mask =
            picture(2, 1, |x, _| if x == 0 { [0.5, 0.5, 0.5, 1.0] } else { [1.0, 1.0, 1.0, 0.25] });
        let mut node = node(&SPEC, &[], &image);
        assert_eq!(values(&drawn(&mut node))[3], 0.5, "no mask");
        node.input("mask", Value::Image(mask));
        let mut alphas = |invert: bool, amount: f32| -> [f32; 2] {
            node.set_param("invert", invert);
            node.set_param("amount", amount);
            let found = values(&drawn(&mut node));
            assert_eq!(found[..3], [0.5, 0.25, 0.125]);
            [found[3], found[7]]
        };
        assert_eq!(alphas(false, 1.0), [0.25, 0.125]);
        assert_eq!(alphas(true, 1.0), [0.25, 0.375]);
        assert_eq!(alphas(false, 0.5), [0.375, 0.3125]);
    }
}
