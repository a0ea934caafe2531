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
const SPACE: usize = 2;

/// Options of `mode`, in the order of `blend.wgsl`.
const MODES: &[&str] = &[
    "normal",
    "add",
    "screen",
    "multiply",
    "lighten",
    "darken",
    "difference",
    "overlay",
    "subtract",
    "divide",
    "exclusion",
    "colour_dodge",
    "colour_burn",
    "linear_burn",
    "hard_light",
    "soft_light",
    "vivid_light",
    "linear_light",
    "pin_light",
    "hard_mix",
    "hue",
    "saturation",
    "colour",
    "luminosity",
];

/// Lays one picture over another.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.blend",
    version: 1,
    label: "Blend",
    doc: "Lays one picture over another. With b the base's colour, o the other's and α, β the \
          alphas of other (times amount) and base: the mode gives B(b, o) = o, b + o, \
          b + o − b·o, b·o, max, min, |b − o|, or overlay (multiply below 0.5 of the base, screen \
          above), b − o, b/o, b + o − 2b·o, b/(1 − o), 1 − (1 − b)/o, b + o − 1, overlay with the \
          two exchanged, the W3C's soft light, burn or dodge by o, b + 2o − 1, max or min by o, 0 or \
          1 as b + o passes 1, and the W3C's four of hue, saturation and luminosity; the result's alpha is α + β(1 − α) and its colour, times that alpha, is \
          α(1 − β)·o + αβ·B + (1 − α)β·b (W3C Compositing Level 1), in linear light, or \
          with B of code values where space says srgb, as programs for pictures do. All modes but \
          normal, add, multiply, lighten, darken, difference and subtract clamp both colours to 0..1. The other is stretched to the base's size, \
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
        Param::choice("space", "Space", &["linear", "srgb"])
            .doc("Whether the mode works on light or on sRGB code values."),
    ],
    build: || Box::new(Blend { effect: Effect::new("post.blend", include_str!("blend.wgsl"), 2) }),
};

#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Uniforms {
    mode: u32,
    amount: f32,
    is_srgb: u32,
}

struct Blend {
    effect: Effect<Uniforms>,
}

impl Node for Blend {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.effect.prepare(cx.services)
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let uniforms = Uniforms {
            mode: io.params.choice(MODE) as u32,
            amount: io.params.float(AMOUNT),
            is_srgb: io.params.choice(SPACE) as u32,
        };
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

    /// Against the formulas of W3C Compositing Level 1 and, where it has none, those of the doc.
    #[test]
    fn every_other_mode_follows_its_formula() {
        let luma = |c: [f64; 3]| 0.3 * c[0] + 0.59 * c[1] + 0.11 * c[2];
        let clip = |c: [f64; 3]| {
            let l = luma(c);
            let (low, high) = (c[0].min(c[1]).min(c[2]), c[0].max(c[1]).max(c[2]));
            let c = if low < 0.0 { c.map(|v| l + (v - l) * l / (l - low)) } else { c };
            if high > 1.0 { c.map(|v| l + (v - l) * (1.0 - l) / (high - l)) } else { c }
        };
        let set_luma = |c: [f64; 3], l: f64| clip(c.map(|v| v + l - luma(c)));
        let span = |c: [f64; 3]| c[0].max(c[1]).max(c[2]) - c[0].min(c[1]).min(c[2]);
        let set_span = |c: [f64; 3], s: f64| {
            let low = c[0].min(c[1]).min(c[2]);
            c.map(|v| (v - low) * s / span(c))
        };
        let soft = |b: f64, o: f64| {
            let d = if b <= 0.25 { ((16.0 * b - 12.0) * b + 4.0) * b } else { b.sqrt() };
            if o <= 0.5 {
                b - (1.0 - 2.0 * o) * b * (1.0 - b)
            } else {
                b + (2.0 * o - 1.0) * (d - b)
            }
        };
        let dodge = |b: f64, o: f64| (b / (1.0 - o)).min(1.0);
        let burn = |b: f64, o: f64| 1.0 - ((1.0 - b) / o).min(1.0);
        let (base, over) = ([0.75_f64, 0.25, 0.5], [0.6_f64, 0.4, 0.125]);
        let each = |f: &dyn Fn(f64, f64) -> f64| [0, 1, 2].map(|i| f(base[i], over[i]));
        let modes: [(&str, [f64; 3]); 16] = [
            ("subtract", each(&|b, o| b - o)),
            ("divide", each(&|b, o| (b / o).min(1.0))),
            ("exclusion", each(&|b, o| b + o - 2.0 * b * o)),
            ("colour_dodge", each(&dodge)),
            ("colour_burn", each(&burn)),
            ("linear_burn", each(&|b, o| (b + o - 1.0).max(0.0))),
            (
                "hard_light",
                each(&|b, o| {
                    if o <= 0.5 { 2.0 * b * o } else { b + 2.0 * o - 1.0 - b * (2.0 * o - 1.0) }
                }),
            ),
            ("soft_light", each(&soft)),
            (
                "vivid_light",
                each(&|b, o| if o <= 0.5 { burn(b, 2.0 * o) } else { dodge(b, 2.0 * o - 1.0) }),
            ),
            ("linear_light", each(&|b, o| (b + 2.0 * o - 1.0).clamp(0.0, 1.0))),
            (
                "pin_light",
                each(&|b, o| if o <= 0.5 { b.min(2.0 * o) } else { b.max(2.0 * o - 1.0) }),
            ),
            ("hard_mix", each(&|b, o| if b + o >= 1.0 { 1.0 } else { 0.0 })),
            ("hue", set_luma(set_span(over, span(base)), luma(base))),
            ("saturation", set_luma(set_span(base, span(over)), luma(base))),
            ("colour", set_luma(over, luma(base))),
            ("luminosity", set_luma(base, luma(over))),
        ];
        let opaque = |c: [f64; 3]| [c[0] as f32, c[1] as f32, c[2] as f32, 1.0];
        for (mode, expected) in modes {
            let found = colours(mode, 1.0, opaque(base), opaque(over));
            let [r, g, b] = expected;
            for (found, expected) in found.iter().zip([r, g, b, 1.0]) {
                assert!((f64::from(*found) - expected).abs() < 2e-3, "{mode}: {found} {expected}");
            }
        }
        assert_eq!(modes.len() + 8, MODES.len());
    }

    #[test]
    fn a_mode_may_work_on_code_values() {
        let grey = |code: f32| {
            let light = crate::gpu::linear_from_srgb(code);
            picture(1, 1, |_, _| [light, light, light, 1.0])
        };
        let node = Harness::new(&SPEC).param("mode", "multiply").param("space", "srgb");
        let mut node = node.services(&services()).prepare().unwrap();
        node.input("base", Value::Image(grey(0.8)));
        node.input("over", Value::Image(grey(0.5)));
        node.tick().unwrap();
        let Value::Image(found) = node.output("image") else { panic!("no picture") };
        let code = crate::gpu::srgb_from_linear(pixel(found, 0, 0)[0]);
        assert!((code - 0.4).abs() < 1e-3, "{code}");
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
