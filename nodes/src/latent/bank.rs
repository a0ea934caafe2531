//! `latent.bank`

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use half::{bf16, f16};
use lumawire_core::{
    FileKind, Io, LatentBank, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate,
    Role, Space, Value,
};
use lumawire_models::file::read_bounded;
use lumawire_models::random::RandomState;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use super::npy::{self, Array};
use super::{list, npz};

const SEEDS: usize = 0;
const DIM: usize = 1;
const FILE: usize = 2;
const SPACE: usize = 3;

/// The most latents that seeds make.
const MAX_SEEDS: usize = 4096;
/// The largest file that is read.
const MAX_FILE_BYTES: u64 = 1 << 30;
/// Arrays that a file is searched for, before its first of floats counts.
const ARRAY_NAMES: [&str; 4] = ["latents", "z", "ws", "w"];
/// Those of them that say that the file lies in W or W+.
const W_NAMES: [&str; 2] = ["ws", "w"];

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "latent.bank",
    version: 1,
    label: "Latent bank",
    doc: "Holds latents, drawn from seeds or read from a file. \
        From seeds: row i is numpy's `RandomState(seed_i).randn(dim)` as f32, in Z, \
        `[num_seeds, 1, dim]`: the latents that StyleGAN's own tools draw. The seed of the run \
        does not move them. From a file of f16, f32 or f64: a `.npy`, or the array \
        `latents`, `z`, `ws` or `w`, else the first of floats, of an `.npz` (such as StyleGAN's \
        projector writes) or a `.safetensors`; `[dim]`, `[num, dim]` or `[num, num_ws, dim]`; \
        in W+ `[num_ws, dim]` is one latent. A file that is not there is told; the seeds stand in.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[],
    outputs: &[Port::output("bank", PortType::LatentBank, "The latents, `[num, num_ws, dim]`.")],
    params: &[
        Param::text("seeds", "Seeds", "0-11")
            .rebuild()
            .doc("Seeds and ranges of them, such as `3, 17, 99-104`; unused with a file."),
        Param::int("dim", "Dimensions", 512, (16, 512))
            .hard_int(1, 8192)
            .rebuild()
            .doc("Values of a latent drawn from a seed: the generator's z_dim."),
        Param::file("file", "File", FileKind::Latents).doc("Latents to read instead of seeds."),
        Param::choice("space", "Space", &["auto", "z", "w", "w_plus"]).rebuild().doc(
            "The space in which the file's latents lie. auto: several rows a latent are W+, one \
             is W in an array called `w` or `ws`, else Z. Seeds always lie in Z.",
        ),
    ],
    build: || Box::new(Bank::default()),
};

/// An array, and its name in the file; empty where it has none.
type Named = (String, Array);

#[derive(Default)]
struct Bank {
    bank: Option<Arc<LatentBank>>,
    /// The file that is named.
    file: Option<PathBuf>,
    /// Whether it is not there.
    is_absent: bool,
}

impl Node for Bank {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.file = cx.file(FILE);
        self.is_absent = self.file.as_ref().is_some_and(|path| !path.exists());
        let bank = match &self.file {
            Some(path) if !self.is_absent => from_file(path, cx.params.choice(SPACE))?,
            _ => {
                let seeds = parse_seeds(cx.params.text(SEEDS))
                    .map_err(|reason| NodeError::param("seeds", reason))?;
                from_seeds(&seeds, usize::try_from(cx.params.int(DIM)).unwrap_or(1))
            }
        };
        self.bank = Some(bank.into());
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        if let Some(bank) = &self.bank {
            io.outputs.set(0, Value::LatentBank(bank.clone()));
        }
        match &self.file {
            Some(path) if self.is_absent => Err(NodeError::file(
                path,
                "is not there; the latents that were read from it before stay in use, or else \
                 those of the seeds: choose the file again",
            )),
            _ => Ok(()),
        }
    }

    /// Where the file has gone while the patch runs, its latents stay.
    fn adopt(&mut self, old: &mut dyn Any) {
        if let Some(old) = old.downcast_mut::<Self>()
            && self.is_absent
            && old.file == self.file
        {
            self.bank = old.bank.take();
        }
    }
}

/// The seeds of a list such as `3, 17, 99-104`, at most 4096.
pub fn parse_seeds(text: &str) -> Result<Vec<u32>, String> {
    list::numbers(text, "seed", MAX_SEEDS)
}

fn from_seeds(seeds: &[u32], dim: usize) -> LatentBank {
    let mut data = vec![0.0; seeds.len() * dim];
    for (row, seed) in data.chunks_mut(dim).zip(seeds) {
        RandomState::new(*seed).fill_normal(row);
    }
    LatentBank { space: Space::Z, num_ws: 1, dim, data }
}

fn from_file(path: &Path, space: usize) -> Result<LatentBank, NodeError> {
    let err = |reason: String| NodeError::file(path, reason);
    let read: fn(&[u8]) -> Result<Named, String> = match path.extension().and_then(|e| e.to_str()) {
        Some("npy") => |bytes| Ok((String::new(), npy::read(bytes)?)),
        Some("npz") => from_npz,
        Some("safetensors") => from_safetensors,
        _ => {
            let help = "is no .npy, .npz or .safetensors: save the latents as one of them";
            return Err(err(help.to_owned()));
        }
    };
    let bytes = read_bounded(path, MAX_FILE_BYTES).map_err(|e| err(e.to_string()))?;
    read(&bytes).and_then(|(name, array)| arrange(array, &name, space)).map_err(err)
}

/// The array that counts, with its name.
fn from_safetensors(bytes: &[u8]) -> Result<Named, String> {
    let file = SafeTensors::deserialize(bytes).map_err(|e| format!("is damaged: {e}"))?;
    let mut names = file.names();
    names.sort_unstable();
    for name in preferred(&names) {
        let tensor = file.tensor(name).map_err(|e| e.to_string())?;
        if let Some(data) = floats(&tensor) {
            return Ok(((*name).to_owned(), Array { shape: tensor.shape().to_vec(), data }));
        }
    }
    Err("holds no tensor of floats".to_owned())
}

/// The array that counts, with its name.
fn from_npz(bytes: &[u8]) -> Result<Named, String> {
    let mut entries = npz::arrays(bytes)?;
    // The known names first, in their order; the others as they come.
    let rank = |name: &str| ARRAY_NAMES.iter().position(|n| *n == name);
    entries.sort_by_key(|entry| rank(entry.name).unwrap_or(ARRAY_NAMES.len()));
    let mut reason = "holds no array".to_owned();
    for entry in entries {
        match entry.unpack().and_then(|bytes| npy::read(&bytes)) {
            Ok(array) => return Ok((entry.name.to_owned(), array)),
            Err(why) => reason = format!("`{}` {why}", entry.name),
        }
    }
    Err(reason)
}

/// The names in the order in which they count.
fn preferred<'a>(names: &'a [&'a str]) -> impl Iterator<Item = &'a &'a str> {
    ARRAY_NAMES.iter().filter(|n| names.contains(n)).chain(names)
}

/// The numbers of a tensor of floats.
fn floats(tensor: &TensorView<'_>) -> Option<Vec<f32>> {
    let data = tensor.data();
    match tensor.dtype() {
        Dtype::F32 => Some(npy::numbers(data, f32::from_le_bytes)),
        Dtype::F64 => Some(npy::numbers(data, |b| f64::from_le_bytes(b) as f32)),
        Dtype::F16 => Some(npy::numbers(data, |b| f16::from_le_bytes(b).to_f32())),
        Dtype::BF16 => Some(npy::numbers(data, |b| bf16::from_le_bytes(b).to_f32())),
        _ => None,
    }
}

/// The array `name` as latents of option `space`.
fn arrange(array: Array, name: &str, space: usize) -> Result<LatentBank, String> {
    let Array { shape, data } = array;
    let space = match space {
        1 => Space::Z,
        2 => Space::W,
        3 => Space::WPlus,
        _ if matches!(*shape, [_, num_ws, _] if num_ws > 1) => Space::WPlus,
        _ if W_NAMES.contains(&name) => Space::W,
        _ => Space::Z,
    };
    let (num_ws, dim) = match (shape.as_slice(), space) {
        ([num_ws, dim], Space::WPlus) | ([_, num_ws, dim], Space::WPlus) => (*num_ws, *dim),
        ([dim] | [_, dim] | [_, 1, dim], Space::Z | Space::W) => (1, *dim),
        ([_, num_ws, _], _) => {
            return Err(format!("has {num_ws} rows a latent: set the space to w_plus"));
        }
        _ => {
            return Err(format!("has shape {shape:?}: [num, dim] or [num, num_ws, dim] is needed"));
        }
    };
    if data.is_empty() {
        return Err("holds no latent".to_owned());
    }
    if data.iter().any(|v| !v.is_finite()) {
        return Err("holds numbers that are not finite: save it again without them".to_owned());
    }
    Ok(LatentBank { space, num_ws, dim, data })
}

#[cfg(test)]
mod tests {
    use lumawire_core::ParamValue;
    use lumawire_core::harness::Harness;

    use super::super::npy::tests::file as npy_file;
    use super::*;

    fn bank(node: Harness) -> Result<Arc<LatentBank>, NodeError> {
        let mut node = node.prepare()?;
        node.tick()?;
        match node.output("bank") {
            Value::LatentBank(bank) => Ok(bank.clone()),
            other => panic!("{other:?}"),
        }
    }

    /// The bank of a file of these bytes.
    fn of_file(name: &str, bytes: &[u8], space: &str) -> Result<Arc<LatentBank>, NodeError> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(name), bytes).unwrap();
        let node = Harness::new(&SPEC).base_dir(dir.path()).param("space", space);
        bank(node.param("file", ParamValue::file(name)))
    }

    #[test]
    fn an_absent_file_leaves_the_latents_that_were_there_or_the_seeds() {
        let dir = tempfile::tempdir().unwrap();
        let node = || {
            let named =
                Harness::new(&SPEC).base_dir(dir.path()).param("seeds", "5").param("dim", 16_i64);
            named.param("file", ParamValue::file("z.npy")).prepare().unwrap()
        };
        let latents = |node: &mut Harness| {
            let told = node.tick();
            let Value::LatentBank(bank) = node.output("bank") else { panic!("no bank") };
            (bank.data.clone(), told.is_err())
        };
        let (of_seeds, told) = latents(&mut node());
        assert!(told && of_seeds == from_seeds(&[5], 16).data);
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 16), }\n";
        let bytes = npy_file(header, &le_bytes(32));
        std::fs::write(dir.path().join("z.npy"), bytes).unwrap();
        let mut there = node();
        let (of_file, told) = latents(&mut there);
        assert!(!told && of_file.len() == 32);
        std::fs::remove_file(dir.path().join("z.npy")).unwrap();
        let mut gone = node();
        gone.node_mut().adopt(there.node_mut());
        assert_eq!(latents(&mut gone), (of_file, true));
    }

    fn le_bytes(n: usize) -> Vec<u8> {
        (0..n).flat_map(|i| (i as f32).to_le_bytes()).collect()
    }

    #[test]
    fn seeds_draw_what_numpy_draws() {
        let node = |seed| Harness::new(&SPEC).param("seeds", "42, 0-1").seed(seed);
        let bank = |seed| bank(node(seed).param("dim", 4_i64)).unwrap();
        let found = bank(0);
        assert_eq!((found.space, found.len(), found.num_ws, found.dim), (Space::Z, 3, 1, 4));
        // numpy.random.RandomState(0).randn(4)
        let numpy = [1.764052345967664, 0.4001572083672233, 0.9787379841057392, 2.240893199201458];
        assert_eq!(found.get(1), numpy.map(|v: f64| v as f32));
        assert_eq!(found, bank(9), "the seed of the run is none of its business");
    }

    #[test]
    fn a_bad_list_of_seeds_is_named() {
        let err = bank(Harness::new(&SPEC).param("seeds", "5-3")).unwrap_err();
        assert_eq!(
            err.to_string(),
            "parameter `seeds`: `5-3` runs backwards: put the lower number first"
        );
    }

    #[test]
    fn reads_npy_in_the_chosen_space() {
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
        let bytes = npy_file(header, &le_bytes(6));
        let shape = |space| of_file("x.npy", &bytes, space).map(|b| (b.len(), b.num_ws, b.dim));
        assert_eq!(shape("w").unwrap(), (2, 1, 3));
        assert_eq!(shape("w_plus").unwrap(), (1, 2, 3));
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, 2), }";
        let bytes = npy_file(header, &le_bytes(12));
        let plus = of_file("x.npy", &bytes, "w_plus").unwrap();
        assert_eq!((plus.len(), plus.get(1)), (2, &[6.0, 7.0, 8.0, 9.0, 10.0, 11.0][..]));
        let err = of_file("x.npy", &bytes, "z").unwrap_err();
        assert!(err.to_string().ends_with("set the space to w_plus"), "{err}");
    }

    #[test]
    fn reads_safetensors_by_name() {
        let view = |data| TensorView::new(Dtype::F32, vec![2, 2], data).unwrap();
        let (first, wanted) = (vec![0; 16], le_bytes(4));
        let tensors = [("a_first", view(&first)), ("latents", view(&wanted))];
        let bytes = safetensors::serialize(tensors, None).unwrap();
        assert_eq!(of_file("x.safetensors", &bytes, "z").unwrap().get(1), [2.0, 3.0]);
        assert!(of_file("x.safetensors", &bytes[..20], "z").is_err());
    }

    #[test]
    fn reads_npz_by_name() {
        let plain: &[u8] = include_bytes!("../../../tests/reference/latent/projected_w.npz");
        let packed = include_bytes!("../../../tests/reference/latent/projected_w_deflated.npz");
        for (bytes, space) in [(plain, "auto"), (packed, "auto"), (plain, "w_plus")] {
            let found = of_file("projected_w.npz", bytes, space).unwrap();
            let shape = (found.space, found.len(), found.num_ws, found.dim);
            assert_eq!(shape, (Space::WPlus, 1, 2, 3));
            assert_eq!(found.data, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        }
    }

    #[test]
    fn shape_and_name_tell_the_space() {
        let space = |shape: &[usize], name: &str| {
            let array = Array { shape: shape.to_vec(), data: vec![0.5; shape.iter().product()] };
            arrange(array, name, 0).map(|bank| (bank.space, bank.len(), bank.num_ws))
        };
        assert_eq!(space(&[4], ""), Ok((Space::Z, 1, 1)));
        assert_eq!(space(&[3, 4], "latents"), Ok((Space::Z, 3, 1)));
        assert_eq!(space(&[3, 4], "w"), Ok((Space::W, 3, 1)));
        assert_eq!(space(&[3, 1, 4], "ws"), Ok((Space::W, 3, 1)));
        assert_eq!(space(&[3, 2, 4], ""), Ok((Space::WPlus, 3, 2)));
        assert!(space(&[1, 3, 2, 4], "").is_err());
    }

    #[test]
    fn unusable_files_say_why() {
        let nan = [1.0_f32, f32::NAN].iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>();
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
        let err = of_file("x.npy", &npy_file(header, &nan), "z").unwrap_err();
        assert!(err.to_string().contains("not finite"), "{err}");
        assert!(of_file("x.pkl", b"", "z").is_err());
        let node = Harness::new(&SPEC).param("file", ParamValue::file("no/such.npy"));
        assert!(matches!(bank(node), Err(NodeError::File { .. })));
    }
}
