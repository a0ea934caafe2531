//! `generate.mapping`: z to w.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use lumawire_core::{
    Io, LatentBank, Node, NodeError, NodeSpec, Port, PortType, Rate, Role, Space, Value,
};
use lumawire_models::ModelError;
use lumawire_models::stylegan2::Generator;

use super::network;

const IN_MODEL: usize = 0;
const IN_LATENT: usize = 1;
const IN_BANK: usize = 2;

const OUT_LATENT: usize = 0;
const OUT_BANK: usize = 1;

/// See `doc`.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "generate.mapping",
    version: 1,
    label: "Mapping",
    doc: "Maps latents from Z to W by the network's mapping network, [n, z_dim] to [n, w_dim]. \
          Paths between latents are smoother in W. What lies in W or W+ already passes through. \
          A conditional network gets the zero label.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[
        Port::required("model", PortType::Model, "The network."),
        Port::optional("latent", PortType::Latent, "One latent, [1, z_dim]."),
        Port::optional("bank", PortType::LatentBank, "Latents, [n, 1, z_dim]."),
    ],
    outputs: &[
        Port::output("latent", PortType::Latent, "The latent in W, [1, w_dim]."),
        Port::output("bank", PortType::LatentBank, "The latents in W, [n, 1, w_dim]."),
    ],
    params: &[],
    build: || Box::new(Mapping),
};

struct Mapping;

impl Node for Mapping {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let network = network("model", io.inputs.model(IN_MODEL))?;
        let network = &network.generator;
        if let Some(latent) = io.inputs.latent(IN_LATENT) {
            if latent.space == Space::Z {
                let w = map(network, "latent", latent.dim, &latent.data)?;
                let dim = network.config().w_dim;
                io.outputs.fill_latent(OUT_LATENT, Space::W, 1, dim, |row| row.copy_from_slice(&w));
            } else {
                io.outputs.set(OUT_LATENT, Value::Latent(latent.clone()));
            }
        } else {
            io.outputs.set(OUT_LATENT, Value::Empty);
        }
        if let Some(bank) = io.inputs.bank(IN_BANK) {
            let mapped = if bank.space == Space::Z && !bank.is_empty() {
                let data = map(network, "bank", bank.dim, &bank.data)?;
                let dim = network.config().w_dim;
                Arc::new(LatentBank { space: Space::W, num_ws: 1, dim, data })
            } else {
                bank.clone()
            };
            io.outputs.set(OUT_BANK, Value::LatentBank(mapped));
        } else {
            io.outputs.set(OUT_BANK, Value::Empty);
        }
        Ok(())
    }
}

/// Rows of z, `dim` values each, to rows of w. What is no finite number counts as 0.
pub(super) fn map(
    network: &Generator,
    port: &'static str,
    dim: usize,
    z: &[f32],
) -> Result<Vec<f32>, NodeError> {
    let z_dim = network.config().z_dim;
    if dim != z_dim || z.is_empty() || !z.len().is_multiple_of(z_dim) {
        return Err(NodeError::input(
            port,
            format!("has {dim} values a row, the network takes {z_dim}: set dim to {z_dim}"),
        ));
    }
    let rows = z.len() / z_dim;
    let z: Vec<f32> = z.iter().map(|v| if v.is_finite() { *v } else { 0.0 }).collect();
    Tensor::from_vec(z, (rows, z_dim), &Device::Cpu)
        .map_err(ModelError::from)
        .and_then(|z| network.map(&z, None))
        .and_then(|w| Ok(w.flatten_all()?.to_vec1()?))
        .map_err(|e| NodeError::input(port, e))
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Latent, Services};

    use super::super::testing::{small_model, some_z};
    use super::*;

    fn node() -> Harness {
        let mut node = Harness::new(&SPEC).prepare().unwrap();
        node.input("model", small_model(&Services::default()));
        node
    }

    fn bank(space: Space, dim: usize, data: Vec<f32>) -> Value {
        Value::LatentBank(Arc::new(LatentBank { space, num_ws: 1, dim, data }))
    }

    #[test]
    fn equals_the_network() {
        let mut node = node();
        let z = some_z(1024);
        let latent = Latent { space: Space::Z, dim: 512, data: z[..512].to_vec() };
        node.input("latent", Value::Latent(latent.into()));
        node.input("bank", bank(Space::Z, 512, z.clone()));
        node.tick().unwrap();
        let Value::Model(handle) = small_model(&Services::default()) else { panic!() };
        let network = network("model", Some(&handle)).unwrap().generator.clone();
        let z = Tensor::from_vec(z, (2, 512), &Device::Cpu).unwrap();
        let expected: Vec<f32> =
            network.map(&z, None).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        let Value::LatentBank(mapped) = node.output("bank") else { panic!("no bank") };
        assert_eq!((mapped.space, mapped.len(), mapped.dim), (Space::W, 2, 512));
        assert_eq!(mapped.data, expected);
        let Value::Latent(mapped) = node.output("latent") else { panic!("no latent") };
        assert_eq!(mapped.space, Space::W);
        for (a, b) in mapped.data.iter().zip(&expected) {
            assert!((a - b).abs() < 1e-5);
        }
    }

    #[test]
    fn w_passes_and_other_dimensions_are_refused() {
        let mut node = node();
        node.input("bank", bank(Space::W, 3, vec![1.0; 6]));
        node.tick().unwrap();
        let Value::LatentBank(passed) = node.output("bank") else { panic!("no bank") };
        assert_eq!(passed.data, [1.0; 6]);
        node.input("bank", bank(Space::Z, 64, vec![1.0; 64]));
        let error = node.tick().unwrap_err().to_string();
        assert!(error.contains("has 64 values") && error.contains("set dim to 512"), "{error}");
    }

    #[test]
    fn what_is_no_number_stays_out() {
        let mut node = node();
        let mut z = some_z(512);
        z[3] = f32::NAN;
        z[4] = f32::INFINITY;
        node.input("bank", bank(Space::Z, 512, z));
        node.tick().unwrap();
        let Value::LatentBank(mapped) = node.output("bank") else { panic!("no bank") };
        assert!(mapped.data.iter().all(|v| v.is_finite()));
    }
}
