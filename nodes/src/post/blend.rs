//! One picture over another.

use bytemuck::{Pod, Zeroable};
use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Value,
};

use crate::gpu::Effect;

const IN_BASE: usize = 0;
const IN_OVER: usize = 1;
const OUT_IMAGE: usize = 0;
const MODE: usize = 0;
const AMOUNT: usize = 1;

/// Options of `mode`, in the order of `blend.wgsl`.
const MODES: &[&str] =
    &["normal", "add", "screen", "multiply", "lighten", "darken", "difference", "overlay"];

/// Lays one picture over another.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.blend",
    version: 1,
    label: "Blend",
    doc: "Lays one picture over another. With b the base's colour, o the other's and α, β the \
          alphas of other (times amount) and base: the mode gives B(b, o) = o, b + o, \
          b + o − b·o, b·o, max, min, |b − o|, or overlay (multiply below 0.5 of the base, screen \
          above); the result's alpha is α + β(1 − α) and its colour, times that alpha, is \
          α(1 − β)·o + αβ·B + (1 − α)β·b (W3C Compositing Level 1), in linear light. Screen and \
          overlay clamp both colours to 0..1. The other is stretched to the base's size, \
          bilinearly. Where only one of the two has a picture, that one passes. No latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[
        Port::required("base", PortType::Image, "The picture beneath; gives the size."),
        Port::optional("over", PortType::Image, "The picture on top."),
    ],
    outputs: &[Port::output("image", PortType::Image, "Both pictures, linear.")],
    params: &[
        Param::choice("mode", "Mode", MODES).doc("How colours combine where both have some."),
        Param::float("amount", "Amount", 1.0, (0.0, 1.0)).doc("Opacity of the picture on top."),
    ],
    build: || Box::new(Blend { effect: Effect::new("post.blend", include_str!("blend.wgsl"), 2) }),
};

#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Uniforms {
    mode: u32,
    amount: f32,
}

struct Blend {
    effect: Effect<Uniforms>,
}

impl Node for Blend {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.effect.prepare(cx.services)
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let uniforms =
            Uniforms { mode: io.params.choice(MODE) as u32, amount: io.params.float(AMOUNT) };
        let blended = match (io.inputs.image(IN_BASE), io.inputs.image(IN_OVER)) {
            (Some(base), Some(over)) if uniforms.amount > 0.0 => {
                let size = (base.width_px, base.height_px);
                Value::Image(self.effect.draw(&uniforms, &[base, over], size)?)
            }
            (Some(only), _) | (None, Some(only)) => Value::Image(only.clone()),
            (None, None) => Value::Empty,
        };
        io.outputs.set(OUT_IMAGE, blended);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::Image;
    use lumawire_core::harness::Harness;

    use super::*;
    use crate::gpu::testing::{assert_close, picture, pixel, services};

    fn blended(mode: &str, amount: f32, base: &Image, over: Option<&Image>) -> Image {
        let node = Harness::new(&SPEC).param("mode", mode).param("amount", amount);
        let mut node = node.services(&services()).prepare().unwrap();
        node.input("base", Value::Image(base.clone()));
        if let Some(over) = over {
            node.input("over", Value::Image(over.clone()));
        }
        node.tick().unwrap();
        match node.output("image") {
            Value::Image(image) => image.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn colours(mode: &str, amount: f32, base: [f32; 4], over: [f32; 4]) -> [f32; 4] {
        let (base, over) = (picture(1, 1, |_, _| base), picture(1, 1, |_, _| over));
        pixel(&blended(mode, amount, &base, Some(&over)), 0, 0)
    }

    #[test]
    fn opaque_colours_follow_the_modes() {
        let (base, over) = ([0.75, 0.25, 0.5, 1.0], [0.5, 0.5, 0.125, 1.0]);
        for (mode, expected) in [
            ("normal", [0.5, 0.5, 0.125]),
            ("add", [1.25, 0.75, 0.625]),
            ("screen", [0.875, 0.625, 0.5625]),
            ("multiply", [0.375, 0.125, 0.0625]),
            ("lighten", [0.75, 0.5, 0.5]),
            ("darken", [0.5, 0.25, 0.125]),
            ("difference", [0.25, 0.25, 0.375]),
            ("overlay", [0.75, 0.25, 0.125]),
        ] {
            let [r, g, b] = expected;
            assert_close(&colours(mode, 1.0, base, over), &[r, g, b, 1.0], 5e-4);
        }
    }

    #[test]
    fn alphas_follow_the_compositing_formula() {
        // α = 0.5 · 0.5, β = 0.5, multiply: B = 0.5.
        let alpha = 0.25 + 0.5 * 0.75;
        let colour = (0.25 * 0.5 * 0.5 + 0.25 * 0.5 * 0.5 + 0.75 * 0.5 * 1.0) / alpha;
        let found = colours("multiply", 0.5, [1.0, 1.0, 1.0, 0.5], [0.5, 0.5, 0.5, 0.5]);
        assert_close(&found, &[colour, colour, colour, alpha], 1e-3);
    }

    #[test]
    fn without_the_other_the_base_passes() {
        let base = picture(2, 1, |x, _| [x as f32, 0.1, 0.0, 0.5]);
        let over = picture(1, 1, |_, _| [1.0; 4]);
        for found in [blended("add", 1.0, &base, None), blended("add", 0.0, &base, Some(&over))] {
            assert_eq!(pixel(&found, 1, 0), pixel(&base, 1, 0));
        }
    }

    #[test]
    fn the_other_is_stretched_to_the_base() {
        let base = picture(4, 1, |_, _| [0.0, 0.0, 0.0, 1.0]);
        let over = picture(2, 1, |x, _| [x as f32, 0.0, 0.0, 1.0]);
        let found = blended("normal", 1.0, &base, Some(&over));
        assert_eq!([0, 1, 2, 3].map(|x| pixel(&found, x, 0)[0]), [0.0, 0.25, 0.75, 1.0]);
    }
}
