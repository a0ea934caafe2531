//! A broken signal.

use lumawire_core::{NodeSpec, Param, Port, PortType, Rate, Role, Unit};

use crate::gpu::Filter;

const AMOUNT: usize = 0;

/// `post.glitch`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.glitch",
    version: 1,
    label: "Glitch",
    doc: "Breaks the picture as a bad signal does. The height is cut into so many bands; each \
          frame a share (amount) of them jumps sideways by up to shift widths, round the edges, \
          red and blue a little apart. Chosen by the seed of the run, the node's own seed and the \
          time in steps of hold_secs alone. No latency.",
    rate: Rate::Frame,
    role: Role::Stateful,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "The picture drawn anew, linear.")],
    params: &[
        Param::float("amount", "Amount", 0.0, (0.0, 1.0))
            .doc("Share of the bands that jump; 0 as it was."),
        Param::int("num_bands", "Bands", 24, (2, 200))
            .hard_int(1, 4096)
            .doc("Bands in the height."),
        Param::float("shift", "Shift", 0.1, (0.0, 0.5))
            .hard(0.0, 1.0)
            .doc("Longest jump, in widths."),
        Param::float("hold_secs", "Hold", 0.08, (0.02, 1.0))
            .hard(0.001, 60.0)
            .unit(Unit::Secs)
            .doc("How long a jump stays."),
        Param::int("glitch_seed", "Seed", 0, (0, 100)).hard_int(0, 1_000_000).doc("Which jumps."),
    ],
    build: || {
        static DESCRIPTION: NodeSpec = SPEC;
        Filter::node(&DESCRIPTION, include_str!("glitch.wgsl"), |p| p.float(AMOUNT) == 0.0)
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::testing::{picture, values};
    use crate::post::testing::{assert_fresh_is_identity, drawn, node};

    #[test]
    fn a_fresh_one_changes_nothing() {
        assert_fresh_is_identity(&SPEC);
    }

    #[test]
    fn rows_are_shifted_copies_and_a_share_of_bands_jumps() {
        let image = picture(32, 64, |x, y| {
            let v = ((x * 7 + y) % 32) as f32 / 32.0;
            [v, v, v, 1.0]
        });
        let params =
            [("amount", 0.5_f32.into()), ("num_bands", 64_i64.into()), ("shift", 0.4_f32.into())];
        let mut node = node(&SPEC, &params, &image);
        let (found, source) = (values(&drawn(&mut node)), values(&image));
        let mut num_jumps = 0;
        for (row, own) in found.chunks(32 * 4).zip(source.chunks(32 * 4)) {
            let green = |row: &[f32]| row.iter().skip(1).step_by(4).copied().collect::<Vec<_>>();
            let (row, own) = (green(row), green(own));
            let shift = (0..32).find(|&s| (0..32).all(|x| row[x] == own[(x + s) % 32]));
            num_jumps += usize::from(shift.expect("a row that is no copy") != 0);
        }
        assert!((16..48).contains(&num_jumps), "{num_jumps} of 64 jump");
        assert_eq!(values(&drawn(&mut node)), found, "it holds for a while");
        let later: Vec<f32> = (0..10).map(|_| values(&drawn(&mut node))).last().unwrap();
        assert_ne!(later, found);
    }
}
