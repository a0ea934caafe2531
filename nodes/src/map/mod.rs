//! From one value to another, without memory.

pub mod band;
pub mod chroma_note;
pub mod curve;
pub mod math;
pub mod mix;
pub mod range;

/// Reads a file of `tests/reference/latent/`.
#[cfg(test)]
pub(crate) fn reference(name: &str) -> Vec<f32> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/reference/latent");
    let bytes = std::fs::read(format!("{folder}/{name}.bin")).unwrap();
    bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}
