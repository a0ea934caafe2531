//! The tensors of any network by the names in its file, for networks other than StyleGAN2.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::Tensor;

use super::module::Found;
use super::source::Source;
use super::{Container, contents, tensor};
use crate::ModelError;

/// What is in a network's file.
pub struct Named {
    /// What wraps the tensors.
    pub container: Container,
    /// f32, on the CPU, by their names in the file.
    pub tensors: BTreeMap<String, Tensor>,
    /// What safetensors say beside the tensors.
    pub metadata: BTreeMap<String, String>,
    /// Name of the file, without folders; empty for bytes in memory.
    pub source: String,
    /// SHA-256 of the file, in hexadecimal digits.
    pub source_sha256: String,
}

/// Opens a file of any known container, told by its content, whose names pass `check`; only then
/// are the values read. Nothing in it is ever run.
pub fn open_named(
    path: &Path,
    check: impl FnOnce(&[&str]) -> Result<(), ModelError>,
) -> Result<Named, ModelError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    read(&mut Source::open(path)?, name, check)
}

/// As [`open_named`], from the bytes of a file.
pub fn read_named(
    bytes: &[u8],
    check: impl FnOnce(&[&str]) -> Result<(), ModelError>,
) -> Result<Named, ModelError> {
    read(&mut Source::from_bytes(bytes), String::new(), check)
}

fn read(
    source: &mut Source<'_>,
    name: String,
    check: impl FnOnce(&[&str]) -> Result<(), ModelError>,
) -> Result<Named, ModelError> {
    let (container, Found { views, .. }, metadata) = contents(source)?;
    check(&views.keys().map(String::as_str).collect::<Vec<_>>())?;
    let tensors = tensor::read_all(source, &views)?;
    let source_sha256 = source.sha256()?;
    Ok(Named { container, tensors, metadata, source: name, source_sha256 })
}
