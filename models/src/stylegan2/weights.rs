//! Named weights, from a checkpoint or made up, checked as they are taken.

use std::collections::BTreeMap;

use candle_core::Tensor;

use super::config::{Architecture, Config};
use crate::ModelError;

/// The configuration, as far as names and shapes tell it: nothing tells `conv_clamp`, which is
/// `None`.
pub(crate) fn infer_config(tensors: &BTreeMap<String, Tensor>) -> Result<Config, ModelError> {
    Weights::new(tensors.clone()).infer_config()
}

/// Tensors by the names of the published checkpoints, all f32.
pub(super) struct Weights {
    tensors: BTreeMap<String, Tensor>,
}

impl Weights {
    pub fn new(tensors: BTreeMap<String, Tensor>) -> Self {
        Self { tensors }
    }

    /// The weight `key`, which must have this shape.
    pub fn get(&self, key: &str, shape: &[usize]) -> Result<Tensor, ModelError> {
        let tensor = self.find(key)?;
        if tensor.dims() != shape {
            return Err(ModelError::Shape {
                key: key.to_owned(),
                expected: shape.to_vec(),
                found: tensor.dims().to_vec(),
            });
        }
        let values = tensor.flatten_all()?.to_vec1::<f32>()?;
        if values.iter().any(|v| !v.is_finite()) {
            return Err(ModelError::NotFinite(key.to_owned()));
        }
        Ok(tensor.clone())
    }

    /// The numbers of the weight `key`, which must have this shape.
    pub fn values(&self, key: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        Ok(self.get(key, shape)?.flatten_all()?.to_vec1()?)
    }

    /// The single number `key`, stored as `[]` or `[1]`.
    pub fn scalar(&self, key: &str) -> Result<f32, ModelError> {
        let shape = if self.find(key)?.rank() == 0 { &[][..] } else { &[1] };
        Ok(self.get(key, shape)?.flatten_all()?.to_vec1::<f32>()?[0])
    }

    fn find(&self, key: &str) -> Result<&Tensor, ModelError> {
        self.tensors.get(key).ok_or_else(|| ModelError::Missing(key.to_owned()))
    }

    /// Size of axis `axis` of `key`.
    fn size(&self, key: &str, axis: usize) -> Result<usize, ModelError> {
        self.find(key)?.dims().get(axis).copied().ok_or_else(|| {
            ModelError::Config(format!("weight `{key}` has too few axes to tell the sizes from"))
        })
    }

    fn infer_config(&self) -> Result<Config, ModelError> {
        let has = |key: &str| self.tensors.contains_key(key);
        let channels = (2..=10)
            .map(|n| format!("synthesis.b{}.conv1.weight", 1 << n))
            .take_while(|key| has(key))
            .map(|key| self.size(&key, 0))
            .collect::<Result<Vec<_>, _>>()?;
        let Some(img_resolution) = channels.len().checked_sub(1).map(|n| 4 << n) else {
            return Err(ModelError::Missing("synthesis.b4.conv1.weight".to_owned()));
        };
        let w_dim = self.size("mapping.fc0.weight", 0)?;
        let c_dim =
            if has("mapping.embed.weight") { self.size("mapping.embed.weight", 1)? } else { 0 };
        let embedded = if c_dim > 0 { w_dim } else { 0 };
        let architecture = if has(&format!("synthesis.b{img_resolution}.skip.weight")) {
            Architecture::Resnet
        } else if has("synthesis.b4.torgb.weight") {
            Architecture::Skip
        } else {
            Architecture::Orig
        };
        Ok(Config {
            z_dim: self.size("mapping.fc0.weight", 1)?.saturating_sub(embedded),
            w_dim,
            c_dim,
            img_resolution,
            img_channels: self.size(&format!("synthesis.b{img_resolution}.torgb.weight"), 0)?,
            channels,
            num_mapping_layers: (0..).take_while(|i| has(&format!("mapping.fc{i}.weight"))).count(),
            architecture,
            conv_clamp: None,
        })
    }
}
