//! Networks to test engines with, and how far their features lie from plain tensor operations.

use candle_core::{Device, Tensor};

use super::config::{Architecture, Config};
use super::{Generator, LayerOutput, LayerWeights, Path, Shaping, Tap};
use crate::random::RandomState;

/// A network, and what an engine takes of it.
pub struct Network {
    pub generator: Generator,
    pub layers: Vec<LayerWeights>,
    pub constant: Vec<f32>,
    pub ws: Tensor,
}

impl Network {
    pub fn new(channels: &[usize], architecture: Architecture, conv_clamp: Option<f32>) -> Self {
        let mut config = Config::new(2 << channels.len(), 1, 1);
        config.channels = channels.to_vec();
        (config.z_dim, config.w_dim, config.num_mapping_layers) = (12, 12, 1);
        (config.architecture, config.conv_clamp) = (architecture, conv_clamp);
        let generator = Generator::stand_in(config, 3).unwrap();
        let layers = (1..generator.config().num_layers())
            .map(|layer| generator.layer_weights(layer).unwrap().clone())
            .collect();
        let mut z = vec![0.0; 12];
        RandomState::new(1).fill_normal(&mut z);
        let z = Tensor::from_vec(z, (1, 12), &Device::Cpu).unwrap();
        let ws = generator.broadcast(&generator.map(&z, None).unwrap()).unwrap();
        let constant = generator.activations(&ws, &Shaping::default(), 0).unwrap();
        Self { generator, layers, constant: values(&constant), ws }
    }

    /// The picture, and the features of all layers.
    pub fn reference(&self, shaping: &Shaping) -> (Tensor, Vec<Tensor>) {
        self.with_features(|tap| {
            let drawn =
                self.generator.synthesize_tapped(Path::Reference, &self.ws, shaping, tap).unwrap();
            drawn.map(|pictures| pictures.squeeze(0).unwrap())
        })
    }

    /// What `draw` draws, and the features of all layers.
    pub fn with_features(
        &self,
        draw: impl FnOnce(&mut Tap<'_>) -> Option<Tensor>,
    ) -> (Tensor, Vec<Tensor>) {
        let layers: Vec<usize> = (0..=self.layers.len()).collect();
        let mut features = Vec::new();
        let mut take = |output: LayerOutput| features.push(output.features);
        let mut tap = Tap { layers: &layers, take: &mut take, stop_after: false };
        let picture = draw(&mut tap).unwrap();
        (picture, features)
    }
}

pub fn values(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

/// The largest difference against the standard deviation.
pub fn error(found: &Tensor, expected: &Tensor) -> f32 {
    assert_eq!(found.dims(), expected.dims());
    let (found, expected) = (values(found), values(expected));
    let mean = expected.iter().sum::<f32>() / expected.len() as f32;
    let variance =
        expected.iter().map(|v| (v - mean) * (v - mean)).sum::<f32>() / expected.len() as f32;
    let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
    assert!(found.iter().all(|v| v.is_finite()));
    worst.fold(0.0, f32::max) / variance.sqrt()
}
