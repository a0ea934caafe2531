//! Named weights, from a safetensors file or made up, checked as they are taken.

use std::collections::BTreeMap;

use candle_core::safetensors::Load;
use candle_core::{DType, Device, Tensor};
use safetensors::{Dtype, SafeTensors};

use super::config::{Architecture, Config, PublishedConfig};
use crate::ModelError;

/// Tensors by the names of the published checkpoints, all f32.
pub(super) struct Weights {
    tensors: BTreeMap<String, Tensor>,
}

impl Weights {
    /// Weights that were made in memory.
    pub fn new(tensors: BTreeMap<String, Tensor>) -> Self {
        Self { tensors }
    }

    /// The weights in the bytes of a safetensors file, and their configuration: from the metadata
    /// entry `config` (the published Generator's arguments as JSON), or else from names and shapes.
    pub fn read(bytes: &[u8], device: &Device) -> Result<(Self, Config), ModelError> {
        let file = SafeTensors::deserialize(bytes)?;
        let mut tensors = BTreeMap::new();
        for (name, view) in file.tensors() {
            // Only floats are weights; whatever else a file carries is not worth its memory.
            if !matches!(view.dtype(), Dtype::F16 | Dtype::BF16 | Dtype::F32 | Dtype::F64) {
                continue;
            }
            tensors.insert(name, view.load(device)?.to_dtype(DType::F32)?);
        }
        let weights = Self { tensors };
        let (_, metadata) = SafeTensors::read_metadata(bytes)?;
        let config = match metadata.metadata().as_ref().and_then(|m| m.get("config")) {
            Some(json) => serde_json::from_str::<PublishedConfig>(json)
                .map_err(|e| ModelError::Config(format!("metadata `config`: {e}")))?
                .into_config()?,
            None => weights.infer_config()?,
        };
        Ok((weights, config))
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
        let w_dim = self.size("mapping.w_avg", 0)?;
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
            // No weight tells; all published networks of this layout were trained with it.
            conv_clamp: Some(256.0),
        })
    }
}
