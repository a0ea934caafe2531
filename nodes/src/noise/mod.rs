//! The noise that a generator adds to its features. What travels on a wire is a description, filled
//! in layer by layer when the generator asks: it needs not know the network's sizes.

pub(crate) mod fields;

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

/// Sets output `i` to `field`, of whose content `content` tells all.
fn emit(io: &mut Io<'_>, i: usize, content: impl Hash, field: impl NoiseField + 'static) {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    let field = Arc::new(Field(Arc::new(field)));
    io.outputs.set(i, Value::Noise(Handle::new(hasher.finish(), field)));
}
