//! `generate.mapping`: z to w.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use lumawire_core::{
    Io, LatentBank, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role, Space, Value,
};
use lumawire_models::ModelError;
use lumawire_models::stylegan2::Generator;

use super::network;
use crate::latent::points::pass;

const IN_MODEL: usize = 0;
const IN_LATENT: usize = 1;
const IN_BANK: usize = 2;

const OUT_LATENT: usize = 0;
const OUT_BANK: usize = 1;

const CLASS: usize = 0;
const CLASS_B: usize = 1;
const CLASS_MIX: usize = 2;

/// See `doc`.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "generate.mapping",
    version: 1,
    label: "Mapping",
    doc: "Maps latents from Z to W by the network's mapping network, [n, z_dim] to [n, w_dim]. \
          Paths between latents are smoother in W. What lies in W or W+ already passes through. \
          A conditional network also takes the label (1 − class_mix)·class + class_mix·class_b, \
          one-hot each, or zeros for class −1; others have no classes and take none. What does \
          not change is not mapped again.",
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
    params: &[
        Param::int("class", "Class", -1, (-1, 99)).hard_int(-1, 65_535).doc(
            "Class of a conditional network, from 0; beyond the last it is the last, −1 is none.",
        ),
        Param::int("class_b", "Class B", -1, (-1, 99))
            .hard_int(-1, 65_535)
            .doc("The class to fade to; −1 is none."),
        Param::float("class_mix", "Class mix", 0.0, (0.0, 1.0))
            .doc("How far from the one class to the other."),
    ],
    build: || Box::new(Mapping::default()),
};

#[derive(Default)]
struct Mapping {
    label: Vec<f32>,
    latent: Mapped,
    bank: Mapped,
}

/// Rows and what they were last mapped to.
#[derive(Default)]
struct Mapped {
    network: Option<u64>,
    label: Vec<f32>,
    z: Vec<f32>,
    w: Option<Arc<LatentBank>>,
}

impl Mapped {
    /// The rows of w of the rows of z, `dim` values each.
    fn map(
        &mut self,
        network: &Generator,
        port: &'static str,
        dim: usize,
        z: &[f32],
        label: &[f32],
    ) -> Result<Arc<LatentBank>, NodeError> {
        let key = Some(network.content_key());
        // Equal bits, so that what is no number is found again too.
        let same = |a: &[f32], b: &[f32]| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
        };
        match &self.w {
            Some(w) if self.network == key && same(&self.label, label) && same(&self.z, z) => {
                Ok(w.clone())
            }
            _ => {
                let data = map_labelled(network, port, dim, z, label)?;
                let dim = network.config().w_dim;
                let w = Arc::new(LatentBank { space: Space::W, num_ws: 1, dim, data });
                self.network = key;
                for (kept, new) in [(&mut self.z, z), (&mut self.label, label)] {
                    kept.clear();
                    kept.extend_from_slice(new);
                }
                self.w = Some(w.clone());
                Ok(w)
            }
        }
    }
}

/// Fills `label` for a network of `num_classes`: nothing where it has none.
fn fill_label(label: &mut Vec<f32>, num_classes: usize, classes: [i64; 2], mix: f32) {
    label.clear();
    label.resize(num_classes, 0.0);
    for (class, weight) in classes.into_iter().zip([1.0 - mix, mix]) {
        if let (Ok(class), Some(last)) = (usize::try_from(class), num_classes.checked_sub(1)) {
            label[class.min(last)] += weight;
        }
    }
}

impl Node for Mapping {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let network = network("model", io.inputs.model(IN_MODEL))?;
        let network = &network.generator;
        let config = network.config();
        let classes = [CLASS, CLASS_B].map(|i| io.params.int(i));
        fill_label(&mut self.label, config.c_dim, classes, io.params.float(CLASS_MIX));
        if let Some(latent) = io.inputs.latent(IN_LATENT) {
            if latent.space == Space::Z {
                let z = &latent.data;
                let w = self.latent.map(network, "latent", latent.dim, z, &self.label)?;
                let dim = config.w_dim;
                io.outputs.fill_latent(OUT_LATENT, Space::W, 1, dim, |row| {
                    row.iter_mut().zip(&w.data).for_each(|(o, v)| *o = *v);
                });
            } else {
                pass(io, latent);
            }
        } else {
            io.outputs.set(OUT_LATENT, Value::Empty);
        }
        if let Some(bank) = io.inputs.bank(IN_BANK) {
            let mapped = if bank.space == Space::Z && !bank.is_empty() {
                self.bank.map(network, "bank", bank.dim, &bank.data, &self.label)?
            } else {
                finite_bank(bank)
            };
            io.outputs.set(OUT_BANK, Value::LatentBank(mapped));
        } else {
            io.outputs.set(OUT_BANK, Value::Empty);
        }
        Ok(())
    }
}

/// The bank, with 0 for what is no finite number.
fn finite_bank(bank: &Arc<LatentBank>) -> Arc<LatentBank> {
    if bank.data.iter().all(|v| v.is_finite()) {
        return bank.clone();
    }
    let mut mended = bank.as_ref().clone();
    mended.data.iter_mut().filter(|v| !v.is_finite()).for_each(|v| *v = 0.0);
    Arc::new(mended)
}

/// Rows of z, `dim` values each, to rows of w, without a class.
pub(crate) fn map(
    network: &Generator,
    port: &'static str,
    dim: usize,
    z: &[f32],
) -> Result<Vec<f32>, NodeError> {
    map_labelled(network, port, dim, z, &[])
}

/// Rows of z, `dim` values each, to rows of w. What is no finite number counts as 0. The `label` of
/// all rows has a value for each of the network's classes, or none.
fn map_labelled(
    network: &Generator,
    port: &'static str,
    dim: usize,
    z: &[f32],
    label: &[f32],
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
    let w = || {
        let z = Tensor::from_vec(z, (rows, z_dim), &Device::Cpu)?;
        let label = match label {
            [] => None,
            _ => Some(Tensor::from_vec(label.repeat(rows), (rows, label.len()), &Device::Cpu)?),
        };
        Ok(network.map(&z, label.as_ref())?.flatten_all()?.to_vec1()?)
    };
    w().map_err(|e: ModelError| NodeError::input(port, e))
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Latent, Services};

    use super::super::testing::{golden, reference_model, small_model, some_z};
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

    /// The w of row `row` of the reference's z.
    fn conditional(row: usize, class: i64, class_b: i64, class_mix: f32) -> Vec<f32> {
        let node = Harness::new(&SPEC).param("class", class).param("class_b", class_b);
        let mut node = node.param("class_mix", class_mix).prepare().unwrap();
        node.input("model", reference_model("sg2ada_b"));
        let z = golden("sg2ada_b", "z")[row * 64..][..64].to_vec();
        node.input("latent", Value::Latent(Latent { space: Space::Z, dim: 64, data: z }.into()));
        node.tick().unwrap();
        match node.output("latent") {
            Value::Latent(latent) => latent.data.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn distance(a: &[f32], b: &[f32]) -> f32 {
        assert_eq!(a.len(), b.len());
        a.iter().zip(b).fold(0.0, |m, (a, b)| m.max((a - b).abs()))
    }

    #[test]
    fn classes_equal_the_reference() {
        let ws = golden("sg2ada_b", "ws_psi1");
        // Rows 0 to 2 are of classes 0, 3 and 4, the last of which is the last there is.
        for (row, class) in [(0, 0), (1, 3), (2, 4), (2, 1000)] {
            let expected = &ws[row * 640..][..64];
            assert!(distance(&conditional(row, class, -1, 0.0), expected) < 2e-5, "{class}");
            assert!(distance(&conditional(row, 1, class, 1.0), expected) < 2e-5, "{class}");
            assert!(distance(&conditional(row, 2, -1, 0.0), expected) > 0.01);
        }
    }

    #[test]
    fn classes_fade_without_a_leap() {
        let step = |i: usize| conditional(0, 0, 3, i as f32 / 200.0);
        let way: Vec<_> = (0..=200).map(step).collect();
        let whole = distance(&way[0], &way[200]);
        assert!(way.windows(2).all(|p| distance(&p[0], &p[1]) < 0.05 * whole));
    }

    #[test]
    fn what_does_not_change_is_not_mapped_again() {
        let mut node = node();
        node.input("bank", bank(Space::Z, 512, some_z(1024)));
        let mapped = |node: &mut Harness, z: f32| {
            let latent = Latent { space: Space::Z, dim: 512, data: vec![z; 512] };
            node.input("latent", Value::Latent(latent.into()));
            node.tick().unwrap();
            let Value::LatentBank(mapped) = node.output("bank") else { panic!("no bank") };
            mapped.clone()
        };
        let (first, second) = (mapped(&mut node, 0.1), mapped(&mut node, -0.2));
        assert!(Arc::ptr_eq(&first, &second), "a latent that moves leaves the bank alone");
        node.input("bank", bank(Space::Z, 512, some_z(512)));
        assert_eq!(mapped(&mut node, 0.3).len(), 1);
        node.input("model", reference_model("sg2ada_a"));
        assert!(node.tick().is_err(), "another network maps anew");
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
        let broken = vec![f32::NAN, 2.0, f32::INFINITY];
        node.input("bank", bank(Space::W, 3, broken.clone()));
        let latent = Latent { space: Space::W, dim: 3, data: broken };
        node.input("latent", Value::Latent(latent.into()));
        node.tick().unwrap();
        let Value::LatentBank(passed) = node.output("bank") else { panic!("no bank") };
        assert_eq!(passed.data, [0.0, 2.0, 0.0]);
        let Value::Latent(passed) = node.output("latent") else { panic!("no latent") };
        assert_eq!(passed.data, [0.0, 2.0, 0.0]);
    }
}
