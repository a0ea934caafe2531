//! The noise that a generator adds to its features.

use std::sync::Arc;

use lumawire_models::stylegan2::NoiseField;

/// What lies behind the handle on a wire of noise.
pub struct Field(pub Arc<dyn NoiseField>);
