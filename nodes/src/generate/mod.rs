//! Networks that draw.

mod store;

pub mod mapping;
pub mod model;
pub mod stylegan2;

use std::sync::Arc;

use lumawire_core::{Handle, NodeError};
use lumawire_models::stylegan2::Model;

/// The StyleGAN2 network behind a handle that arrived at `port`.
pub(crate) fn network(
    port: &'static str,
    handle: Option<&Handle>,
) -> Result<Arc<Model>, NodeError> {
    let handle = handle.ok_or_else(|| NodeError::input(port, "no network has arrived"))?;
    handle.get().ok_or_else(|| {
        NodeError::input(port, "is no StyleGAN2 network: wire a `generate.model` here")
    })
}

#[cfg(test)]
pub(crate) mod testing {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Services, Value};

    /// A small stand-in, as `generate.model` puts it out.
    pub fn small_model(services: &Services) -> Value {
        let mut node = Harness::new(&super::model::SPEC)
            .services(services)
            .param("standin_resolution", "32")
            .param("standin_detail", "2048")
            .prepare()
            .unwrap();
        node.tick().unwrap();
        node.output("model").clone()
    }

    /// The numbers of RandomState(0).
    pub fn some_z(len: usize) -> Vec<f32> {
        let mut z = vec![0.0; len];
        lumawire_models::random::RandomState::new(0).fill_normal(&mut z);
        z
    }
}
