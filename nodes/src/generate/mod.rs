//! Networks that draw.

mod store;

pub mod mapping;
pub mod model;
pub mod stylegan2;
pub mod super_resolution;

pub use store::Placement;

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
    use std::sync::Arc;

    use candle_core::Device;
    use lumawire_core::harness::Harness;
    use lumawire_core::{Handle, Services, Value};
    use lumawire_models::stylegan2::{Generator, Model};

    /// Path of a file of `tests/reference/stylegan2/`.
    fn reference_path(name: &str) -> String {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/reference/stylegan2");
        format!("{folder}/{name}.safetensors")
    }

    /// A network of the reference, such as `sg2ada_a`.
    pub fn reference_model(name: &str) -> Value {
        let path = reference_path(&format!("{name}.model"));
        let generator = Generator::load(path.as_ref(), &Device::Cpu).unwrap();
        let key = generator.content_key();
        let model = Model { generator: Arc::new(generator), rewrites: Vec::new() };
        Value::Model(Handle { key, value: Arc::new(model) })
    }

    /// What the original code made of that network: a tensor of its golden data.
    pub fn golden(model: &str, name: &str) -> Vec<f32> {
        let bytes = std::fs::read(reference_path(&format!("{model}.goldens"))).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let tensor = file.tensor(name).unwrap();
        tensor.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
    }

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
