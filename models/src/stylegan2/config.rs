//! Sizes of a StyleGAN2 generator.

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::ModelError;
use crate::checkpoint::printable;

/// How a block's picture reaches the output (Karras et al., 2020, figure 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// Every block adds its picture to the up-sampled one of the block before.
    #[default]
    Skip,
    /// Residual blocks; only the last has a picture.
    Resnet,
    /// Plain blocks; only the last has a picture.
    Orig,
}

impl Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Skip => "skip",
            Self::Resnet => "resnet",
            Self::Orig => "orig",
        })
    }
}

/// Sizes of a StyleGAN2 generator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Values of a z.
    pub z_dim: usize,
    /// Values of a w.
    pub w_dim: usize,
    /// Classes of a conditional network; 0 for an unconditional one.
    pub c_dim: usize,
    /// Side of the picture in pixels: 4·2ⁿ, 8..1024.
    pub img_resolution: usize,
    /// Colour channels of the picture: 1 or 3.
    pub img_channels: usize,
    /// Feature channels of the blocks 4², 8², … up to the resolution.
    pub channels: Vec<usize>,
    /// Layers of the mapping network.
    pub num_mapping_layers: usize,
    /// How a block's picture reaches the output.
    pub architecture: Architecture,
    /// Bound of all activations, as networks trained in half precision have it.
    pub conv_clamp: Option<f32>,
}

impl Config {
    /// An unconditional skip network of the published defaults, with
    /// `min(channel_base / resolution, channel_max)` channels in each block.
    pub fn new(img_resolution: usize, channel_base: usize, channel_max: usize) -> Self {
        let channels = resolutions(img_resolution)
            .map(|resolution| (channel_base / resolution).clamp(1, channel_max.max(1)))
            .collect();
        Self {
            z_dim: 512,
            w_dim: 512,
            c_dim: 0,
            img_resolution,
            img_channels: 3,
            channels,
            num_mapping_layers: 8,
            architecture: Architecture::Skip,
            conv_clamp: None,
        }
    }

    /// Rows of a W+ latent: one a convolution, and one for the last toRGB.
    pub fn num_ws(&self) -> usize {
        2 * self.channels.len()
    }

    /// Layers that have features: the learned constant (0) and the convolutions (1, 2, …), coarse to
    /// fine. Row `k - 1` of a W+ latent styles convolution `k`.
    pub fn num_layers(&self) -> usize {
        self.num_ws()
    }

    /// Side of layer `layer`'s features in pixels: 4, 4, 8, 8, 16, …
    pub fn layer_resolution(&self, layer: usize) -> usize {
        4 << (layer / 2).min(self.channels.len() - 1)
    }

    /// Channels of layer `layer`'s features.
    pub fn layer_channels(&self, layer: usize) -> usize {
        self.channels[(layer / 2).min(self.channels.len() - 1)]
    }

    /// Resolutions of the blocks: 4, 8, … `img_resolution`.
    pub fn resolutions(&self) -> impl Iterator<Item = usize> + use<> {
        resolutions(self.img_resolution)
    }

    /// Whether the block at `resolution` draws a picture.
    pub(super) fn has_to_rgb(&self, resolution: usize) -> bool {
        self.architecture == Architecture::Skip || resolution == self.img_resolution
    }

    /// The configuration by the arguments of the published Generator class, as JSON. Fails where one
    /// of them has a value that the code here cannot draw with: an activation other than `lrelu`,
    /// layers of the mapping that are wider or narrower than w, another filter or learning-rate
    /// multiplier, or no noise. Arguments that are not read, such as `w_avg_beta`, are passed over.
    pub fn from_published(json: &str) -> Result<Self, ModelError> {
        serde_json::from_str::<PublishedConfig>(json)
            .map_err(|e| {
                ModelError::Config(format!("metadata `config`: {}", printable(&e.to_string())))
            })?
            .into_config()
    }

    /// The arguments of the published Generator class, with the entry `channels` beside them, since
    /// not every network follows the formula.
    pub fn to_published(&self) -> serde_json::Value {
        let channel_base = self.channels.last().map_or(0, |last| last * self.img_resolution);
        json!({
            "z_dim": self.z_dim,
            "c_dim": self.c_dim,
            "w_dim": self.w_dim,
            "img_resolution": self.img_resolution,
            "img_channels": self.img_channels,
            "mapping_kwargs": { "num_layers": self.num_mapping_layers },
            "synthesis_kwargs": {
                "channel_base": channel_base,
                "channel_max": self.channels.iter().max(),
                "architecture": self.architecture,
                "conv_clamp": self.conv_clamp,
            },
            "channels": self.channels,
        })
    }

    /// Refuses sizes that no network has, before anything is allocated by them.
    pub fn validate(&self) -> Result<(), ModelError> {
        let check = |name: &str, value: usize, min: usize, max: usize| {
            if (min..=max).contains(&value) {
                Ok(())
            } else {
                Err(ModelError::Config(format!("{name} is {value}, outside {min}..{max}")))
            }
        };
        check("z_dim", self.z_dim, 1, 4096)?;
        check("w_dim", self.w_dim, 1, 4096)?;
        check("c_dim", self.c_dim, 0, 4096)?;
        check("num_mapping_layers", self.num_mapping_layers, 1, 32)?;
        check("img_resolution", self.img_resolution, 8, 1024)?;
        if !self.img_resolution.is_power_of_two() {
            return Err(ModelError::Config(format!(
                "img_resolution is {}, which is no power of two",
                self.img_resolution
            )));
        }
        if !matches!(self.img_channels, 1 | 3) {
            return Err(ModelError::Config(format!(
                "img_channels is {}, neither 1 nor 3",
                self.img_channels
            )));
        }
        let num_blocks = self.resolutions().count();
        check("number of blocks", self.channels.len(), num_blocks, num_blocks)?;
        self.channels.iter().try_for_each(|&c| check("a block's channels", c, 1, 2048))?;
        // Published networks stay below 2^25 values a layer; a hostile file could ask for anything.
        let values = self.channels.iter().zip(self.resolutions()).map(|(c, r)| c * r * r);
        check("values in a layer", values.max().unwrap_or(0), 0, 1 << 27)?;
        match self.conv_clamp {
            Some(clamp) if !(clamp.is_finite() && clamp > 0.0) => {
                Err(ModelError::Config(format!("conv_clamp is {clamp}, not above 0")))
            }
            _ => Ok(()),
        }
    }
}

fn resolutions(img_resolution: usize) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(4), |r| Some(r * 2)).take_while(move |&r| r <= img_resolution)
}

/// The arguments of the published Generator class, as converted checkpoints carry them.
#[derive(Deserialize)]
struct PublishedConfig {
    z_dim: usize,
    #[serde(default)]
    c_dim: usize,
    w_dim: usize,
    img_resolution: usize,
    img_channels: usize,
    #[serde(default)]
    mapping_kwargs: MappingArguments,
    #[serde(default)]
    synthesis_kwargs: SynthesisArguments,
    /// Not among the published arguments: channels of the blocks where no formula gives them.
    channels: Option<Vec<usize>>,
}

#[derive(Deserialize)]
#[serde(default)]
struct MappingArguments {
    num_layers: usize,
    lr_multiplier: f64,
    activation: String,
    /// Absent or `null`: `w_dim`.
    embed_features: Option<usize>,
    /// Absent or `null`: `w_dim`.
    layer_features: Option<usize>,
}

impl Default for MappingArguments {
    fn default() -> Self {
        Self {
            num_layers: 8,
            lr_multiplier: 0.01,
            activation: "lrelu".into(),
            embed_features: None,
            layer_features: None,
        }
    }
}

#[derive(Deserialize)]
#[serde(default)]
struct SynthesisArguments {
    channel_base: usize,
    channel_max: usize,
    architecture: Architecture,
    conv_clamp: Option<f32>,
    activation: String,
    resample_filter: Vec<f32>,
    use_noise: bool,
}

impl Default for SynthesisArguments {
    fn default() -> Self {
        Self {
            channel_base: 32768,
            channel_max: 512,
            architecture: Architecture::Skip,
            conv_clamp: None,
            activation: "lrelu".into(),
            resample_filter: vec![1.0, 3.0, 3.0, 1.0],
            use_noise: true,
        }
    }
}

impl PublishedConfig {
    fn into_config(self) -> Result<Config, ModelError> {
        let (m, s) = (self.mapping_kwargs, self.synthesis_kwargs);
        let known = SynthesisArguments::default();
        let unknown = |name: &str, value: String| {
            let value = printable(&value);
            let why = format!("{name} is {value}, which this build cannot draw with");
            Err(ModelError::Config(why))
        };
        if m.lr_multiplier != MappingArguments::default().lr_multiplier {
            return unknown("mapping_kwargs.lr_multiplier", m.lr_multiplier.to_string());
        }
        if m.activation != MappingArguments::default().activation {
            return unknown("mapping_kwargs.activation", m.activation);
        }
        for (name, features) in [
            ("mapping_kwargs.embed_features", m.embed_features),
            ("mapping_kwargs.layer_features", m.layer_features),
        ] {
            if let Some(features) = features.filter(|&features| features != self.w_dim) {
                return unknown(name, features.to_string());
            }
        }
        if !s.use_noise {
            return unknown("synthesis_kwargs.use_noise", "false".into());
        }
        if s.activation != known.activation {
            return unknown("synthesis_kwargs.activation", s.activation);
        }
        if s.resample_filter != known.resample_filter {
            return unknown("synthesis_kwargs.resample_filter", format!("{:?}", s.resample_filter));
        }
        // A resolution beyond the bound is refused by `validate`.
        let regular = Config::new(self.img_resolution.min(4096), s.channel_base, s.channel_max);
        Ok(Config {
            z_dim: self.z_dim,
            w_dim: self.w_dim,
            c_dim: self.c_dim,
            img_resolution: self.img_resolution,
            img_channels: self.img_channels,
            num_mapping_layers: m.num_layers,
            architecture: s.architecture,
            conv_clamp: s.conv_clamp,
            channels: self.channels.unwrap_or(regular.channels),
        })
    }
}
