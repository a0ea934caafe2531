//! The noise that a generator adds to its features. What travels on a wire is a description, filled
//! in layer by layer when the generator asks: it needs not know the network's sizes.

mod fields;
mod time;

pub mod gaussian;
pub mod layers;
pub mod mask;
pub mod mix;
pub mod perlin;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use lumawire_core::{Handle, Io, NodeError, Value};
use lumawire_models::stylegan2::NoiseField;

/// What lies behind the handle on a wire of noise.
pub struct Field(pub Arc<dyn NoiseField>);

/// The field behind a handle that arrived at `port`.
pub(crate) fn field(port: &'static str, handle: &Handle) -> Result<Arc<dyn NoiseField>, NodeError> {
    let field = handle
        .get::<Field>()
        .ok_or_else(|| NodeError::input(port, "is no noise: wire a `noise` node here"))?;
    Ok(field.0.clone())
}

/// As [`field`], for an input that must be wired: an error before anything has arrived.
fn required(port: &'static str, handle: Option<&Handle>) -> Result<Arc<dyn NoiseField>, NodeError> {
    field(port, handle.ok_or_else(|| NodeError::input(port, "no noise has arrived"))?)
}

/// Sets output `i` to `field`; `content` tells all that it depends on.
fn emit(io: &mut Io<'_>, i: usize, content: impl Hash, field: impl NoiseField + 'static) {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    let field = Arc::new(Field(Arc::new(field)));
    io.outputs.set(i, Value::Noise(Handle::new(hasher.finish(), field)));
}

#[cfg(test)]
mod testing {
    use lumawire_core::harness::Harness;

    use super::*;

    /// A field that has one value in each layer: `level` · layer.
    pub struct Flat(pub f32);

    impl NoiseField for Flat {
        fn fill(&self, layer: usize, _: usize, _: usize, out: &mut [f32]) {
            out.fill(self.0 * layer as f32);
        }
    }

    pub fn value(key: u64, field: impl NoiseField + 'static) -> Value {
        Value::Noise(Handle::new(key, Arc::new(Field(Arc::new(field)))))
    }

    /// White noise of seed `seed`.
    pub fn white(seed: u64) -> Value {
        struct White(u64);
        impl NoiseField for White {
            fn fill(&self, layer: usize, _: usize, _: usize, out: &mut [f32]) {
                lumawire_models::stylegan2::noise::fill_normal(self.0, layer as u64, out);
            }
        }
        value(seed, White(seed))
    }

    /// The key of what the node put out, and its picture of layer `layer`.
    pub fn picture(node: &Harness, layer: usize, height: usize, width: usize) -> (u64, Vec<f32>) {
        picture_of(node.output("noise"), layer, height, width)
    }

    pub fn picture_of(value: &Value, layer: usize, height: usize, width: usize) -> (u64, Vec<f32>) {
        let Value::Noise(handle) = value else { panic!("no noise") };
        let mut out = vec![f32::NAN; height * width];
        field("noise", handle).unwrap().fill(layer, height, width, &mut out);
        (handle.key, out)
    }

    pub fn power(picture: &[f32]) -> f32 {
        picture.iter().map(|v| v * v).sum::<f32>() / picture.len() as f32
    }
}
