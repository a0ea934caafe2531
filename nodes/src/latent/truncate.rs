//! `latent.truncate`

use std::sync::Arc;

use lumawire_core::{
    Io, Latent, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role, Space,
};
use lumawire_models::ModelError;
use lumawire_models::stylegan2::Generator;

use super::points::{emit, row};
use crate::generate::{mapping, network};

const IN_MODEL: usize = 0;
const IN_LATENT: usize = 1;
const PSI: usize = 0;
const CUTOFF: usize = 1;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "latent.truncate",
    version: 1,
    label: "Truncate latent",
    doc: "Draws a latent towards the network's mean: less daring, or more. \
        w_avg + ψ·(w − w_avg) in the first `cutoff` layers, as the generator's own truncation, but \
        before whatever comes next. ψ below 1 is less diverse, above 1 abstract, below 0 the \
        opposite. A z is mapped to W first. A w stays one while all layers are truncated, and \
        becomes a W+ where some are not.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[
        Port::required("model", PortType::Model, "The network, which knows its mean."),
        Port::required("latent", PortType::Latent, "Z, W or W+, `[num_ws, dim]`."),
    ],
    outputs: &[Port::output("latent", PortType::Latent, "The latent in W or W+.")],
    params: &[
        Param::float("psi", "Psi", 1.0, (0.0, 1.5)).hard(-2.0, 2.0).doc("ψ; 1 changes nothing."),
        Param::int("cutoff", "Truncated layers", 18, (0, 18))
            .hard_int(0, 64)
            .doc("How many layers, from the coarsest, are truncated."),
    ],
    build: || Box::new(Truncate::default()),
};

/// The last network's mean.
#[derive(Default)]
struct Truncate {
    key: Option<u64>,
    w_avg: Vec<f32>,
}

impl Truncate {
    fn read_mean(&mut self, generator: &Generator) -> Result<(), NodeError> {
        let key = generator.content_key();
        if self.key != Some(key) {
            let mean = generator.w_avg().to_vec1().map_err(ModelError::from);
            self.w_avg = mean.map_err(|e| NodeError::input("model", e))?;
            self.key = Some(key);
        }
        Ok(())
    }
}

impl Node for Truncate {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(latent) = io.inputs.latent(IN_LATENT) else { return Ok(()) };
        let model = network("model", io.inputs.model(IN_MODEL))?;
        let generator = &model.generator;
        self.read_mean(generator)?;
        let mapped = match latent.space {
            Space::Z => {
                let data = mapping::map(generator, "latent", latent.dim, &latent.data)?;
                Some(Arc::new(Latent { space: Space::W, dim: self.w_avg.len(), data }))
            }
            _ => None,
        };
        let latent = mapped.as_ref().unwrap_or(latent);
        if latent.dim != self.w_avg.len() {
            let (dim, w_dim) = (latent.dim, self.w_avg.len());
            let reason = format!("has rows of {dim}, the network takes {w_dim}");
            return Err(NodeError::input("latent", reason));
        }
        let psi = io.params.float(PSI);
        let cutoff = usize::try_from(io.params.int(CUTOFF)).unwrap_or(0);
        let num_layers = generator.config().num_ws();
        let (space, num_ws) = match latent.space {
            Space::W if cutoff < num_layers => (Space::WPlus, num_layers),
            space => (space, latent.num_ws()),
        };
        emit(io, space, num_ws, latent.dim, |rows| {
            for (i, out) in rows.chunks_mut(latent.dim.max(1)).enumerate() {
                let row = row(latent, i);
                if i >= cutoff || psi == 1.0 {
                    out.copy_from_slice(row);
                } else {
                    let towards = |(w, mean): (&f32, &f32)| mean + psi * (w - mean);
                    let near = row.iter().zip(&self.w_avg).map(towards);
                    out.iter_mut().zip(near).for_each(|(o, v)| *o = v);
                }
            }
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::Value;
    use lumawire_core::harness::Harness;

    use super::*;
    use crate::generate::testing::{golden, reference_model};

    fn truncate(psi: f32, cutoff: i64, latent: Latent) -> Latent {
        let node = Harness::new(&SPEC).param("psi", psi).param("cutoff", cutoff);
        let mut node = node.prepare().unwrap();
        node.input("model", reference_model("sg2ada_a"));
        node.input("latent", Value::Latent(latent.into()));
        node.tick().unwrap();
        match node.output("latent") {
            Value::Latent(latent) => latent.as_ref().clone(),
            other => panic!("{other:?}"),
        }
    }

    /// Latent 0 of the reference, `[10, 64]`.
    fn expected(name: &str) -> Vec<f32> {
        golden("sg2ada_a", name)[..640].to_vec()
    }

    fn assert_close(a: &[f32], b: &[f32]) {
        assert_eq!(a.len(), b.len());
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 2e-5));
    }

    #[test]
    fn equals_the_reference() {
        let ws = expected("ws_psi1");
        let w = Latent { space: Space::W, dim: 64, data: ws[..64].to_vec() };
        let near = truncate(0.7, 18, w.clone());
        assert_eq!(near.space, Space::W);
        assert_close(&near.data, &expected("ws_psi0.7")[..64]);
        assert_close(&truncate(-0.5, 18, w.clone()).data, &expected("ws_psi-0.5")[..64]);
        let z = Latent { space: Space::Z, dim: 64, data: golden("sg2ada_a", "z")[..64].to_vec() };
        assert_close(&truncate(0.7, 18, z).data, &expected("ws_psi0.7")[..64]);
        let cut = truncate(0.7, 4, w.clone());
        assert_eq!((cut.space, cut.num_ws()), (Space::WPlus, 10));
        let near = expected("ws_psi0.7");
        assert_close(&cut.data, &[&near[..256], &ws[256..]].concat());
        let plus = Latent { space: Space::WPlus, dim: 64, data: ws };
        assert_close(&truncate(0.7, 4, plus).data, &cut.data);
        assert_eq!(truncate(1.0, 18, w.clone()), w, "fresh it changes nothing");
        let same = Latent { space: Space::WPlus, dim: 64, data: w.data.repeat(10) };
        assert_eq!(truncate(1.0, 4, w), same, "as many rows as at any other psi");
    }

    #[test]
    fn rows_of_another_length_are_refused() {
        let mut node = Harness::new(&SPEC).prepare().unwrap();
        node.input("model", reference_model("sg2ada_a"));
        let w = Latent { space: Space::W, dim: 32, data: vec![0.0; 32] };
        node.input("latent", Value::Latent(w.into()));
        let error = node.tick().unwrap_err().to_string();
        assert!(error.contains("rows of 32, the network takes 64"), "{error}");
    }
}
