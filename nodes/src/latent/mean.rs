//! `latent.mean`

use lumawire_core::{Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role};

use super::list;
use super::points::{blend, emit};

const IN_BANK: usize = 0;
const IN_WEIGHTS: usize = 1;
const SELECT: usize = 0;
const WEIGHTS: usize = 1;

/// The most latents that can be selected.
const MAX_SELECTED: usize = 4096;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "latent.mean",
    version: 1,
    label: "Mean of latents",
    doc: "Makes one latent of several: their mean, weighted or not. \
        Σ w_i·latent_i / Σ w_i over the selected latents, row by row; in Z scaled to the weighted \
        mean of the latents' lengths, so that it stays on the shell where a generator expects it. \
        w_i is the i-th number of `weights` times the i-th of the bands, where they are given: a \
        picture for every band of a spectrum. What has no number in either has weight 0; where all \
        are 0, all count alike.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[
        Port::required("bank", PortType::LatentBank, "At least one latent."),
        Port::optional("bands", PortType::Bands, "Weights, the first for the first selected."),
    ],
    outputs: &[Port::output("latent", PortType::Latent, "The mean, `[num_ws, dim]`.")],
    params: &[
        Param::text("select", "Select", "").rebuild().doc(
            "Numbers of latents, from 0, such as `0, 2-4`; beyond the last they start again. All \
                 while empty.",
        ),
        Param::text("weights", "Weights", "")
            .rebuild()
            .doc("A weight for each selected latent, such as `1, 0.5, 2`; equal while empty."),
    ],
    build: || Box::new(Mean::default()),
};

#[derive(Default)]
struct Mean {
    /// All while empty.
    selected: Vec<u32>,
    /// Equal while empty.
    weights: Vec<f32>,
    /// Memory for a tick's weights.
    now: Vec<f32>,
}

impl Mean {
    /// Fills `now` with the weights of `num` latents, which sum to 1.
    fn weigh(&mut self, num: usize, bands: Option<&[f32]>) {
        let given = |list: Option<&[f32]>, i: usize| match list {
            None | Some([]) => 1.0,
            Some(list) => list.get(i).copied().filter(|w| w.is_finite()).unwrap_or(0.0).max(0.0),
        };
        self.now.clear();
        self.now.extend((0..num).map(|i| given(Some(&self.weights), i) * given(bands, i)));
        let largest = self.now.iter().copied().fold(0.0, f32::max);
        if largest > 0.0 && largest.is_finite() {
            // Relative to the largest first, so that the sum is finite.
            self.now.iter_mut().for_each(|w| *w /= largest);
        } else {
            self.now.fill(1.0);
        }
        let sum: f32 = self.now.iter().sum();
        self.now.iter_mut().for_each(|w| *w /= sum);
    }
}

impl Node for Mean {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        let select = cx.params.text(SELECT);
        if !select.trim().is_empty() {
            self.selected = list::numbers(select, "number of a latent", MAX_SELECTED)
                .map_err(|reason| NodeError::param("select", reason))?;
        }
        self.weights = list::weights(cx.params.text(WEIGHTS))
            .map_err(|reason| NodeError::param("weights", reason))?;
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(bank) = io.inputs.bank(IN_BANK) else { return Ok(()) };
        if bank.is_empty() {
            return Err(NodeError::input("bank", "holds no latent: give it at least one"));
        }
        let num = if self.selected.is_empty() { bank.len() } else { self.selected.len() };
        self.weigh(num, io.inputs.bands(IN_WEIGHTS).and_then(|bands| bands.latest()));
        let chosen = |i: usize| self.selected.get(i).map_or(i, |i| *i as usize % bank.len());
        let parts = self.now.iter().enumerate().map(|(i, weight)| (chosen(i), *weight));
        emit(io, bank.space, bank.num_ws, bank.dim, |rows| blend(bank, parts, rows));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Bands, LatentBank, Space, Value};

    use super::*;

    fn mean(node: Harness, space: Space, bands: Option<&[f32]>) -> Result<Vec<f32>, NodeError> {
        let data = vec![4.0, 0.0, 0.0, 2.0, -6.0, 3.0];
        let mut node = node.prepare()?;
        node.input("bank", Value::LatentBank(LatentBank { space, num_ws: 1, dim: 2, data }.into()));
        if let Some(row) = bands {
            let mut bands = Bands::default();
            bands.begin(row.len());
            bands.push().copy_from_slice(row);
            node.input("bands", Value::Bands(bands.into()));
        }
        node.tick()?;
        match node.output("latent") {
            Value::Latent(latent) => Ok(latent.data.clone()),
            other => panic!("{other:?}"),
        }
    }

    fn near(a: &[f32], b: [f32; 2]) {
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5), "{a:?} against {b:?}");
    }

    #[test]
    fn weighs_what_is_selected() {
        let node = || Harness::new(&SPEC);
        near(&mean(node(), Space::W, None).unwrap(), [-2.0 / 3.0, 5.0 / 3.0]);
        near(&mean(node().param("select", "0-1"), Space::W, None).unwrap(), [2.0, 1.0]);
        let weighted = node().param("select", "2, 0").param("weights", "1, 3");
        near(&mean(weighted, Space::W, None).unwrap(), [1.5, 0.75]);
        // 1·0.5 and 3·0.5 of latents 0 and 1, nothing of latent 2.
        let both = node().param("weights", "1, 3, 5");
        near(&mean(both, Space::W, Some(&[0.5, 0.5])).unwrap(), [1.0, 1.5]);
    }

    #[test]
    fn bands_that_are_no_weights_count_alike() {
        for bands in [[0.0; 3], [-1.0; 3], [f32::NAN; 3], [f32::INFINITY; 3]] {
            let found = mean(Harness::new(&SPEC), Space::W, Some(&bands)).unwrap();
            near(&found, [-2.0 / 3.0, 5.0 / 3.0]);
        }
        let found = mean(Harness::new(&SPEC), Space::W, Some(&[f32::MAX, f32::MAX, 0.0])).unwrap();
        near(&found, [2.0, 1.0]);
    }

    #[test]
    fn z_stays_on_its_shell() {
        let found = mean(Harness::new(&SPEC).param("select", "0,1"), Space::Z, None).unwrap();
        near(&found, [6.0 / 5.0_f32.sqrt(), 3.0 / 5.0_f32.sqrt()]);
    }

    #[test]
    fn numbers_beyond_the_bank_wrap() {
        near(
            &mean(Harness::new(&SPEC).param("select", "3-4"), Space::W, None).unwrap(),
            [2.0, 1.0],
        );
    }

    #[test]
    fn lists_that_say_nothing_are_refused() {
        for (param, text) in [("select", "a"), ("weights", "0")] {
            assert!(mean(Harness::new(&SPEC).param(param, text), Space::W, None).is_err());
        }
    }
}
