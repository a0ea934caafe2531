//! Networks in files of several programs, opened without Python and without running anything.
//!
//! | container | written by |
//! |---|---|
//! | pickle | NVIDIA's stylegan2-ada-pytorch, and stylegan3 where it trains a StyleGAN2 |
//! | torch zip, torch legacy | `torch.save`: rosinality's stylegan2-pytorch and its kin |
//! | safetensors | this program, and others |
//!
//! All give a [`Checkpoint`]: the averaged generator's weights as f32 by the published names.

mod card;
mod layout;
mod module;
mod named;
mod pickle;
mod safetensors;
mod source;
mod tensor;
mod text;
mod torch;
mod zip;

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::path::Path;

use candle_core::{Device, Tensor};

pub use card::Card;
pub use layout::Layout;
pub(crate) use named::{Named, open_named, read_named};
pub use text::printable;

use crate::ModelError;
use crate::random::RandomState;
use crate::stylegan2::{Config, Generator, infer_config, mean_w};
use module::{Found, Traits};
use source::Source;
use torch::Contents;

/// What wraps the tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// A bare pickle, as NVIDIA's programs write them.
    Pickle,
    /// `torch.save` since version 1.6.
    TorchZip,
    /// `torch.save` before version 1.6.
    TorchLegacy,
    /// safetensors.
    Safetensors,
}

/// Format of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// What wraps the tensors.
    pub container: Container,
    /// Who named the tensors.
    pub layout: Layout,
}

impl Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pickle => "pickle",
            Self::TorchZip => "torch zip",
            Self::TorchLegacy => "torch legacy",
            Self::Safetensors => "safetensors",
        })
    }
}

impl Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layout = match self.layout {
            Layout::Ada => "StyleGAN2-ADA's names",
            Layout::Rosinality => "rosinality's names",
        };
        write!(f, "{}, {layout}", self.container)
    }
}

/// A StyleGAN2 generator's weights and sizes, as they were in a file.
#[derive(Clone)]
pub struct Checkpoint {
    /// Format of the file.
    pub format: Format,
    /// Sizes of the network.
    pub config: Config,
    /// Weights by the names of the published checkpoints, f32, on the CPU.
    pub tensors: BTreeMap<String, Tensor>,
    /// Name of the file, without folders; empty for bytes in memory.
    pub source: String,
    /// SHA-256 of the file, in hexadecimal digits.
    pub source_sha256: String,
    /// What the user should know of the import.
    pub notes: Vec<String>,
    /// The card in the file, where this program wrote it.
    pub origin: Option<Card>,
}

/// Opens a file of any known format, told by its content. Nothing in it is ever run, and memory stays
/// within a small multiple of the file's length. Fails where the file is damaged, is something else,
/// or was trained with settings that this build cannot draw with.
pub fn open(path: &Path) -> Result<Checkpoint, ModelError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    read(&mut Source::open(path)?, name)
}

/// As [`open`], from the bytes of a file.
pub fn open_bytes(bytes: &[u8]) -> Result<Checkpoint, ModelError> {
    read(&mut Source::from_bytes(bytes), String::new())
}

/// Fails where a weight is missing, misshapen or not finite: where the network could not be built.
pub fn check(checkpoint: &Checkpoint) -> Result<(), ModelError> {
    Generator::from_checkpoint(checkpoint.clone(), &Device::Cpu).map(drop)
}

/// Reads a pickle as data and forgets it: what tests for robustness call.
#[doc(hidden)]
pub fn read_pickle(bytes: &[u8]) -> Result<(), ModelError> {
    let mut source = Source::from_bytes(bytes);
    let span = source.span();
    pickle::read(&mut source, span).map(drop)
}

fn read(source: &mut Source<'_>, name: String) -> Result<Checkpoint, ModelError> {
    let (container, found, mut metadata) = contents(source)?;
    let Found { views, mut traits, notes, num_modules: _ } = found;
    let (layout, views) = layout::recognize(views)?;
    if layout == Layout::Ada && traits.conv_clamp.is_none() {
        // No weight tells; the published networks were trained with it.
        traits.conv_clamp = Some(Some(256.0));
    }
    let views = layout::published(layout, views);
    let tensors = tensor::read_all(source, &views)?;
    let config = metadata.remove(card::CONFIG_KEY);
    let origin = metadata.remove(card::CARD_KEY);
    let origin = origin.map(|json| serde_json::from_str(&json)).transpose();
    let mut checkpoint = Checkpoint {
        format: Format { container, layout },
        config: match config {
            Some(json) => Config::from_published(&json)?,
            None => Config { conv_clamp: traits.conv_clamp.flatten(), ..infer_config(&tensors)? },
        },
        tensors,
        source: name,
        source_sha256: source.sha256()?,
        notes,
        // A card that another program spoilt is no reason to refuse the network.
        origin: origin.unwrap_or_default(),
    };
    checkpoint.config.validate()?;
    checkpoint.check_filters()?;
    checkpoint.fill_gaps(&traits)?;
    Ok(checkpoint)
}

/// The container, the tensors of the network in it, and what safetensors say beside them.
fn contents(
    source: &mut Source<'_>,
) -> Result<(Container, Found, BTreeMap<String, String>), ModelError> {
    let container = sniff(&source.head(64)?)?;
    let (found, metadata) = match container {
        Container::Safetensors => {
            let safetensors::Contents { views, metadata } = safetensors::read(source)?;
            (Found { views, ..Found::default() }, metadata)
        }
        Container::Pickle => (find(source, Contents::read_pickle)?, BTreeMap::new()),
        Container::TorchZip => (find(source, Contents::read_zip)?, BTreeMap::new()),
        Container::TorchLegacy => {
            let whole = source.span();
            (find(source, |source| Contents::read_legacy(source, whole))?, BTreeMap::new())
        }
    };
    Ok((container, found, metadata))
}

fn find(
    source: &mut Source<'_>,
    read: impl FnOnce(&mut Source<'_>) -> Result<Contents, ModelError>,
) -> Result<Found, ModelError> {
    let mut contents = read(source)?;
    module::find(source, &mut contents)
}

/// Tells the container by a file's first bytes.
fn sniff(head: &[u8]) -> Result<Container, ModelError> {
    let text = String::from_utf8_lossy(head).trim_start().to_ascii_lowercase();
    let other = |found: &str, help: &str| Err(ModelError::unsupported(found, help));
    match head {
        [] => other("empty", "get it again"),
        _ if head.starts_with(b"PK\x03\x04") => Ok(Container::TorchZip),
        _ if safetensors::is_header(head) => Ok(Container::Safetensors),
        _ if head.starts_with(&torch::LEGACY_HEAD) => Ok(Container::TorchLegacy),
        [0x80, 2..=5, ..] => Ok(Container::Pickle),
        _ if text.starts_with("<!doctype") || text.starts_with("<html") => other(
            "a web page, no network: the download went wrong",
            "open its address in a browser, and save what that offers",
        ),
        _ if text.starts_with("version https://git-lfs") => {
            other("a pointer of Git LFS, no network", "fetch the file itself with `git lfs pull`")
        }
        [0x1f, 0x8b, ..] => other("compressed with gzip", "unpack it first"),
        [b'7', b'z', ..] | [b'R', b'a', b'r', ..] => other("an archive", "unpack it first"),
        [0x89, b'H', b'D', b'F', ..] => other(
            "a file of HDF5",
            "choose a .pkl, .pt or .safetensors file of a StyleGAN2 network",
        ),
        _ => other(
            "no checkpoint of a known format",
            "choose a .pkl, .pt or .safetensors file of a StyleGAN2 network",
        ),
    }
}

impl Checkpoint {
    /// Bytes of all values in memory.
    pub fn num_bytes(&self) -> usize {
        self.tensors.values().map(|tensor| size_of::<f32>() * tensor.elem_count()).sum()
    }

    /// Number of trained values.
    pub fn num_parameters(&self) -> usize {
        let is_trained = |name: &str| {
            ["resample_filter", "noise_const", "w_avg"].iter().all(|buffer| !name.ends_with(buffer))
        };
        let trained = self.tensors.iter().filter(|(name, _)| is_trained(name));
        trained.map(|(_, tensor)| tensor.elem_count()).sum()
    }

    /// Only the filter [1, 3, 3, 1] is built in. rosinality's programs store it times 4, the gain of
    /// up-sampling; once checked, these are left out, for nothing reads them.
    fn check_filters(&mut self) -> Result<(), ModelError> {
        const TAPS: [f32; 4] = [1.0, 3.0, 3.0, 1.0];
        let sum = if self.format.layout == Layout::Rosinality { 16.0 } else { 64.0 };
        let expected: Vec<f32> = TAPS.iter().flat_map(|a| TAPS.map(|b| a * b / sum)).collect();
        for (name, filter) in &self.tensors {
            if name.ends_with("resample_filter") {
                let taps = filter.flatten_all()?.to_vec1::<f32>()?;
                let same = taps.len() == expected.len()
                    && taps.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-6);
                if !same {
                    let name = printable(name);
                    let why = format!("`{name}` is a filter that this build cannot draw with");
                    return Err(ModelError::Config(why));
                }
            }
        }
        if self.format.layout == Layout::Rosinality {
            self.tensors.retain(|name, _| !name.ends_with("resample_filter"));
        }
        Ok(())
    }

    /// Makes what some programs leave out: noise pictures, and the mean w.
    fn fill_gaps(&mut self, traits: &Traits) -> Result<(), ModelError> {
        for layer in 1..self.config.num_layers() {
            let convolution = layout::convolution(layer - 1);
            if traits.without_noise.contains(&convolution) {
                self.insert_noise(layer, |_| 0.0)?;
                let silent = Tensor::zeros((), candle_core::DType::F32, &Device::Cpu)?;
                self.tensors.entry(format!("{convolution}.noise_strength")).or_insert(silent);
            }
        }
        if self.format.layout == Layout::Rosinality {
            self.fill_rosinality_noise()?;
        }
        if !self.tensors.contains_key("mapping.w_avg") {
            let mean = mean_w(&self.tensors, &self.config)?;
            self.tensors.insert("mapping.w_avg".to_owned(), mean);
            self.notes.push("without a mean w: it was taken over 16384 random w".to_owned());
        }
        Ok(())
    }

    /// Old files of rosinality's have no noise pictures: the program drew new ones each time.
    fn fill_rosinality_noise(&mut self) -> Result<(), ModelError> {
        if self.tensors.keys().any(|name| name.ends_with("noise_const")) {
            return Ok(());
        }
        let mut random = RandomState::new(0);
        for layer in 1..self.config.num_layers() {
            self.insert_noise(layer, |_| random.normal() as f32)?;
        }
        self.notes.push("without noise pictures: they were made up".to_owned());
        Ok(())
    }

    /// Sets the noise picture of the convolution that is layer `layer`, where it has none.
    fn insert_noise(
        &mut self,
        layer: usize,
        value: impl FnMut(usize) -> f32,
    ) -> Result<(), ModelError> {
        let key = format!("{}.noise_const", layout::convolution(layer - 1));
        if !self.tensors.contains_key(&key) {
            let side = self.config.layer_resolution(layer);
            let values: Vec<f32> = (0..side * side).map(value).collect();
            let noise = Tensor::from_vec(values, (side, side), &Device::Cpu)?;
            self.tensors.insert(key, noise);
        }
        Ok(())
    }
}
