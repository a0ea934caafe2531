//! Brightness as colour.

use lumawire_core::{NodeSpec, Param, Port, PortType, Rate, Role};

use crate::gpu::Filter;

const AMOUNT: usize = 0;

/// `post.gradient_map`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.gradient_map",
    version: 1,
    label: "Gradient map",
    doc: "Paints brightness in the colours of a palette. With t the sRGB code value of the \
          luminance, 0..1, the palette is read at t·repeats + shift, round its ends: a + \
          b·cos(2π·(c·t + d)) in code values, mixed with the picture by amount, in linear light. \
          Move the shift for a flow of colours. No latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "The picture drawn anew, linear.")],
    params: &[
        Param::float("amount", "Amount", 0.0, (0.0, 1.0)).doc("0 as it was, 1 the palette."),
        Param::choice("palette", "Palette", &["rainbow", "sunset", "ice", "neon", "earth"])
            .doc("Which colours."),
        Param::float("repeats", "Repeats", 1.0, (0.25, 8.0))
            .hard(0.0, 64.0)
            .doc("How often the palette passes from black to white."),
        Param::float("shift", "Shift", 0.0, (0.0, 1.0))
            .hard(-1e4, 1e4)
            .doc("Where the palette begins, in rounds."),
    ],
    build: || {
        static DESCRIPTION: NodeSpec = SPEC;
        Filter::node(&DESCRIPTION, include_str!("gradient_map.wgsl"), |p| p.float(AMOUNT) == 0.0)
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
    fn greys_take_the_palettes_colours() {
        let image = picture(1, 1, |_, _| [linear_from_srgb(0.25); 4]);
        let params = [("amount", 1.0_f32.into()), ("repeats", 2.0_f32.into())];
        let found = filtered(&SPEC, &params, &image);
        for (colour, start) in found.iter().zip([0.0, 0.333, 0.667]) {
            let code = 0.5 + 0.5 * (std::f32::consts::TAU * (0.5 + start)).cos();
            assert!((colour - linear_from_srgb(code)).abs() < 3e-3, "{found:?}");
        }
    }

    #[test]
    fn a_whole_round_of_shift_changes_nothing() {
        let image = picture(16, 1, |x, _| [x as f32 / 15.0; 4]);
        for palette in ["rainbow", "sunset", "ice", "neon", "earth"] {
            let of = |shift: f32| {
                let params = [
                    ("amount", 1.0_f32.into()),
                    ("palette", palette.into()),
                    ("shift", shift.into()),
                ];
                filtered(&SPEC, &params, &image)
            };
            let still: Vec<f64> = of(0.25).into_iter().map(f64::from).collect();
            assert_close(&of(3.25), &still, 5e-3);
            assert_ne!(of(0.25), of(0.5), "{palette}");
        }
    }
}
