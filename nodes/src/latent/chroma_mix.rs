//! `latent.chroma_mix`

use std::any::Any;

use lumawire_core::{Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role, Unit};

use super::points::{blend, emit};
use crate::control::{one_pole_gain, take_over};

const IN_CHROMA: usize = 0;
const IN_BANK: usize = 1;
const POWER: usize = 0;
const SMOOTH: usize = 1;

const NUM_NOTES: usize = 12;
/// A chroma whose loudest note is below this is silence.
const SILENCE: f32 = 1e-6;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "latent.chroma_mix",
    version: 1,
    label: "Chroma to latent",
    doc: "Gives every pitch class a latent and mixes them by how loud it is. \
        Note i (from C) takes latent i mod N of the bank with weight chroma_i^power / Σ chroma^power; \
        the latent is their weighted sum, row by row. In Z the sum is scaled to the weighted mean \
        of the latents' lengths, so that it stays on the shell where a generator expects it. In \
        silence the last weights stay; before any sound all are equal. Smoothing is a one-pole on \
        the weights, which lags by its time constant.",
    rate: Rate::Frame,
    role: Role::Stateful,
    inputs: &[
        Port::required("chroma", PortType::Chroma, "Rows of twelve, from C; the latest counts."),
        Port::required("bank", PortType::LatentBank, "At least one latent; twelve fit best."),
    ],
    outputs: &[Port::output("latent", PortType::Latent, "The mixture, `[num_ws, dim]`.")],
    params: &[
        Param::float("power", "Power", 1.0, (0.5, 8.0))
            .hard(0.01, 100.0)
            .doc("Above 1 the loudest notes win."),
        Param::float("smooth_secs", "Smooth", 0.1, (0.0, 2.0))
            .hard(0.0, 3600.0)
            .unit(Unit::Secs)
            .doc("Time constant of the weights; 0 follows at once."),
    ],
    build: || Box::new(ChromaMix::default()),
};

#[derive(Default)]
struct ChromaMix {
    weights: Option<[f32; NUM_NOTES]>,
}

/// Weights that sum to 1, or `None` in silence.
fn weights_of(chroma: &[f32], power: f32) -> Option<[f32; NUM_NOTES]> {
    let mut weights = [0.0; NUM_NOTES];
    for (w, c) in weights.iter_mut().zip(chroma) {
        *w = if c.is_finite() { c.max(0.0) } else { 0.0 };
    }
    let max = weights.iter().copied().fold(0.0, f32::max);
    if max < SILENCE {
        return None;
    }
    // Relative to the loudest, so that no power runs out of range.
    weights.iter_mut().for_each(|w| *w = (*w / max).powf(power));
    let sum: f32 = weights.iter().sum();
    weights.iter_mut().for_each(|w| *w /= sum);
    Some(weights)
}

impl Node for ChromaMix {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(bank) = io.inputs.bank(IN_BANK) else { return Ok(()) };
        if bank.is_empty() {
            return Err(NodeError::input("bank", "holds no latent: give it at least one"));
        }
        let chroma = io.inputs.chroma(IN_CHROMA).and_then(|c| c.latest()).unwrap_or_default();
        if let Some(now) = weights_of(chroma, io.params.float(POWER)) {
            let gain = one_pole_gain(io.tick.dt_secs(), io.params.float(SMOOTH));
            let weights = self.weights.get_or_insert(now);
            for (w, now) in weights.iter_mut().zip(now) {
                *w += (now - *w) * gain;
            }
        }
        let weights = self.weights.unwrap_or([1.0 / NUM_NOTES as f32; NUM_NOTES]);
        emit(io, bank.space, bank.num_ws, bank.dim, |rows| {
            let notes = weights.iter().enumerate();
            blend(bank, notes.map(|(note, weight)| (note % bank.len(), *weight)), rows);
        });
        Ok(())
    }

    fn reset(&mut self) {
        self.weights = None;
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        take_over(self, old);
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Chroma, Latent, LatentBank, Space, Value};

    use super::super::points::norm;
    use super::*;
    use crate::map::reference;

    fn give(node: &mut Harness, chroma: &[f32]) -> Latent {
        let mut hops = Chroma::default();
        hops.begin(chroma.len());
        hops.push().copy_from_slice(chroma);
        node.input("chroma", Value::Chroma(hops.into()));
        node.tick().unwrap();
        match node.output("latent") {
            Value::Latent(latent) => latent.as_ref().clone(),
            other => panic!("{other:?}"),
        }
    }

    fn node(smooth_secs: f32, bank: LatentBank) -> Harness {
        let mut node = Harness::new(&SPEC).param("smooth_secs", smooth_secs).prepare().unwrap();
        node.input("bank", Value::LatentBank(bank.into()));
        node
    }

    fn note(i: usize) -> [f32; 12] {
        std::array::from_fn(|k| f32::from(u8::from(k == i)))
    }

    #[test]
    fn equals_the_weighting_of_maua() {
        let selection = reference("latent_selection");
        // The reference keeps two of ten layers.
        let data = selection.chunks(160).flat_map(|latent| &latent[..32]).copied().collect();
        let mut node = node(0.0, LatentBank { space: Space::WPlus, num_ws: 2, dim: 16, data });
        let (chroma, expected) = (reference("chroma_cens"), reference("chroma_weight_latents"));
        let mut compared = 0;
        for (row, e) in chroma.chunks(12).zip(expected.chunks(32)) {
            // Its resampling rings below zero in some frames, which are no energies.
            if row.iter().all(|c| *c >= 0.0) {
                let latent = give(&mut node, row);
                assert!(latent.data.iter().zip(e).all(|(l, e)| (l - e).abs() < 2e-6));
                compared += 1;
            }
        }
        assert_eq!(compared, 267);
    }

    #[test]
    fn z_stays_on_its_shell() {
        let data = vec![3.0, 0.0, 0.0, 5.0];
        let mut node = node(0.0, LatentBank { space: Space::Z, num_ws: 1, dim: 2, data });
        assert_eq!(give(&mut node, &note(2)).data, [3.0, 0.0], "note 2 takes latent 2 mod 2");
        let mut chord = note(0);
        chord[1] = 1.0;
        let length = norm(&give(&mut node, &chord).data);
        assert!((length - 4.0).abs() < 1e-5, "{length}");
    }

    #[test]
    fn silence_holds_and_begins_in_the_middle() {
        let data = (0..12).map(|i| i as f32).collect();
        let mut node = node(0.0, LatentBank { space: Space::W, num_ws: 1, dim: 1, data });
        assert!((give(&mut node, &[0.0; 12]).data[0] - 5.5).abs() < 1e-5);
        assert_eq!(give(&mut node, &note(7)).data, [7.0]);
        assert_eq!(give(&mut node, &[0.0; 12]).data, [7.0]);
        assert_eq!(give(&mut node, &[f32::NAN; 12]).data, [7.0]);
    }

    #[test]
    fn weights_glide() {
        let data = (0..12).map(|i| i as f32).collect();
        let mut node = node(0.5, LatentBank { space: Space::W, num_ws: 1, dim: 1, data });
        give(&mut node, &note(0));
        let last = (0..60).fold(0.0, |_, _| give(&mut node, &note(10)).data[0]);
        assert!((last - 10.0 * (1.0 - (-2.0_f32).exp())).abs() < 1e-3, "{last}");
    }
}
