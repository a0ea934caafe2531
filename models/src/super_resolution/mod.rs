//! Small networks that enlarge pictures: ESPCN (Shi et al., "Real-Time Single Image and Video
//! Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural Network", 2016) and
//! SRVGGNetCompact (Wang et al., "Real-ESRGAN", 2021). Both are convolutions at the small size whose
//! last channels are shuffled into the pixels of the large one.

mod card;
mod layout;

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};

pub use card::Card;
pub use layout::Architecture;
use layout::{Follows, Layout, MAX_CONVOLUTIONS};

use crate::ModelError;
use crate::checkpoint::{Named, open_named, read_named};
use crate::stylegan2::plain::{Activation, Chain};

/// What to choose where a file holds something else.
const HELP: &str = "choose an ESPCN or a SRVGGNetCompact (realesr-animevideov3, \
                    realesr-general-x4v3), as .pth or .safetensors";

/// Bounds of what is loaded; published networks have 64 features and kernels of 9 at most.
const MAX_FEATURES: usize = 512;
const MAX_SIDE: usize = 11;
const MAX_SCALE: usize = 8;
/// Pixels of an enlarged picture: 16384².
const MAX_PIXELS: usize = 1 << 28;
/// Least side of a tile, in pixels of the small picture.
const MIN_TILE_PX: usize = 16;
/// Values of a tile between two convolutions, at most: 512 MB, a few times over.
const MAX_TILE_VALUES: usize = 1 << 27;

/// What is known of a network by its weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// The kind of network.
    pub architecture: Architecture,
    /// How many times wider and taller the picture becomes.
    pub scale: usize,
    /// Channels between the convolutions, at most.
    pub num_features: usize,
    /// Number of convolutions.
    pub num_convolutions: usize,
    /// How far a pixel sees in the small picture, to each side.
    pub reach_px: usize,
    /// Number of trained values.
    pub num_parameters: usize,
}

/// A network that enlarges pictures.
pub struct Network {
    config: Config,
    layout: Layout,
    /// By their names in the file.
    tensors: BTreeMap<String, Tensor>,
    chain: Chain,
    /// Values a pixel between two convolutions, at most.
    pixel_values: usize,
    card: Card,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Whether the file is, by the names in it, a network that enlarges pictures, rather than another.
///
/// # Errors
/// A file that cannot be read, or holds no network.
pub fn recognizes(path: &Path) -> Result<bool, ModelError> {
    let mut is_near = false;
    let opened = open_named(path, |names| {
        is_near = Layout::is_near(names);
        Err(ModelError::Missing(String::new()))
    });
    match opened {
        Err(ModelError::Missing(_)) | Ok(_) => Ok(is_near),
        Err(e) => Err(e),
    }
}

impl Network {
    /// Opens a `.pth` of BasicSR or Real-ESRGAN (`params_ema` before `params`), a state dictionary
    /// of an ESPCN, or safetensors of either, told by content; nothing in it is run. Sizes follow
    /// from the shapes.
    ///
    /// # Errors
    /// A damaged file, another network, weights that do not fit each other or are not finite.
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        Self::new(open_named(path, |names| Layout::recognize(names).map(drop)))
    }

    /// As [`open`](Self::open), from the bytes of a file.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        Self::new(read_named(bytes, |names| Layout::recognize(names).map(drop)))
    }

    /// The network that is a part of this program: a small SRVGGNetCompact that doubles the size.
    ///
    /// # Errors
    /// None that the tests have not ruled out.
    pub fn built_in() -> Result<Self, ModelError> {
        Self::from_bytes(include_bytes!("../../weights/super_resolution_x2.safetensors"))
    }

    fn new(named: Result<Named, ModelError>) -> Result<Self, ModelError> {
        let named = named.map_err(|error| match error {
            // What reads all networks' files speaks of those that draw.
            ModelError::Unsupported { found, help }
                if ["StyleGAN2", "G_ema"].iter().any(|word| help.contains(word)) =>
            {
                ModelError::unsupported(found, HELP)
            }
            error => error,
        })?;
        let names: Vec<&str> = named.tensors.keys().map(String::as_str).collect();
        let layout = Layout::recognize(&names)?;
        let (config, chain) = build(&layout, &named.tensors)?;
        let pixel_values = pixel_values(&layout, &named.tensors);
        let card = Card::of(&named, &config);
        Ok(Self { config, layout, tensors: named.tensors, chain, pixel_values, card })
    }

    /// What is known of it.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Where it came from.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// Writes a safetensors file with its weights, by the same names, and its card, with this
    /// licence where one is given. It appears under its name only when it is complete.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn save(&self, out: &Path, licence: Option<&str>) -> Result<(), ModelError> {
        card::save(&self.tensors, &self.card.licensed(licence), out)
    }

    /// Enlarges planes of sRGB code values, `[channels, height, width]`, to `[channels,
    /// scale·height, scale·width]`: luminance for ESPCN, red, green and blue for SRVGGNetCompact.
    /// The values are as the network gives them, not clamped. On the CPU, by tiles of `tile_px`
    /// (at least 16) with as much around them as the network sees: what a tile holds does not
    /// depend on their size but for the last bits. Tiles that take more than 2²⁷ values between two
    /// convolutions are made smaller.
    ///
    /// # Errors
    /// Other channels, no pixels, or more than 2²⁸ afterwards; a network that takes too much even by
    /// tiles of 16.
    pub fn enlarge(&self, picture: &Tensor, tile_px: usize) -> Result<Tensor, ModelError> {
        let (channels, height, width) = self.check_size(picture)?;
        let planes = picture.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
        let scale = self.config.scale;
        let tile_px = self.bounded_tile_px(tile_px, (height, width))?;
        let mut out = vec![0.0; channels * height * width * scale * scale];
        for top in (0..height).step_by(tile_px) {
            for left in (0..width).step_by(tile_px) {
                let rows = Stretch::new(top, tile_px, self.config.reach_px, height);
                let columns = Stretch::new(left, tile_px, self.config.reach_px, width);
                let x = cut(&planes, (height, width), &rows, &columns);
                let sums = self.chain.run(&x, rows.len(), columns.len());
                self.place(&sums, &planes, (height, width), &rows, &columns, &mut out);
            }
        }
        Ok(Tensor::from_vec(out, (channels, scale * height, scale * width), &Device::Cpu)?)
    }

    /// As [`enlarge`](Self::enlarge), at once and in candle's own operations: slow, on any device.
    ///
    /// # Errors
    /// As [`enlarge`](Self::enlarge).
    pub fn enlarge_by_definition(&self, picture: &Tensor) -> Result<Tensor, ModelError> {
        let (channels, height, width) = self.check_size(picture)?;
        let picture = picture.unsqueeze(0)?;
        let mut x = picture.clone();
        for (name, follows) in &self.layout.convolutions {
            let of = |part: &str| self.tensors[&format!("{name}.{part}")].to_device(x.device());
            let weight = of("weight")?;
            let bias = of("bias")?.reshape((1, (), 1, 1))?;
            x = x.conv2d(&weight, weight.dim(2)? / 2, 1, 1, 1)?.broadcast_add(&bias)?;
            x = match follows {
                Follows::Nothing => x,
                Follows::Relu => x.relu()?,
                Follows::Tanh => x.tanh()?,
                Follows::Slopes(name) => {
                    let slopes = self.tensors[name].to_device(x.device())?;
                    let below = x.minimum(&x.zeros_like()?)?;
                    let below = below.broadcast_mul(&slopes.reshape((1, (), 1, 1))?)?;
                    (x.relu()? + below)?
                }
            };
        }
        let scale = self.config.scale;
        let x = x.reshape((channels, scale, scale, height, width))?;
        let x = x.permute([0, 3, 1, 4, 2])?;
        let x = x.reshape((channels, scale * height, scale * width))?;
        Ok(match self.config.architecture {
            Architecture::Espcn => x,
            Architecture::Compact => {
                let near = picture.upsample_nearest2d(scale * height, scale * width)?;
                (x + near.squeeze(0)?)?
            }
        })
    }

    fn check_size(&self, picture: &Tensor) -> Result<(usize, usize, usize), ModelError> {
        let (channels, height, width) = picture.dims3()?;
        let expected = self.config.architecture.num_channels();
        if channels != expected {
            let why = format!("a picture of {channels} channels, the network takes {expected}");
            return Err(ModelError::Input(why));
        }
        let scale = self.config.scale;
        let pixels = height.checked_mul(width).and_then(|n| n.checked_mul(scale * scale));
        match pixels {
            Some(1..=MAX_PIXELS) => Ok((channels, height, width)),
            _ => Err(ModelError::Input(format!(
                "a picture of {width} × {height} pixels cannot be made {scale} times as large: \
                 make it smaller first"
            ))),
        }
    }

    /// The largest tile up to `tile_px` whose values are not too many.
    fn bounded_tile_px(
        &self,
        tile_px: usize,
        (height, width): (usize, usize),
    ) -> Result<usize, ModelError> {
        let fits = |tile_px: usize| {
            let side = tile_px.saturating_add(2 * self.config.reach_px);
            let pixels = side.min(height).saturating_mul(side.min(width));
            pixels.saturating_mul(self.pixel_values) <= MAX_TILE_VALUES
        };
        if !fits(MIN_TILE_PX) {
            return Err(ModelError::TooLarge(format!(
                "{} values a pixel, {} pixels around each",
                self.pixel_values, self.config.reach_px
            )));
        }
        let (mut most, mut too_many) = (MIN_TILE_PX, tile_px.max(MIN_TILE_PX).saturating_add(1));
        while too_many - most > 1 {
            let middle = most + (too_many - most) / 2;
            if fits(middle) { most = middle } else { too_many = middle }
        }
        Ok(most)
    }

    /// Shuffles a tile's channels into the pixels of the large picture, the tile's margin left out.
    fn place(
        &self,
        sums: &[f32],
        planes: &[f32],
        (height, width): (usize, usize),
        rows: &Stretch,
        columns: &Stretch,
        out: &mut [f32],
    ) {
        let (scale, area) = (self.config.scale, height * width);
        let tile_area = rows.len() * columns.len();
        let adds_nearest = self.config.architecture == Architecture::Compact;
        for (channel, out) in out.chunks_exact_mut(area * scale * scale).enumerate() {
            let plane = &planes[channel * area..][..area];
            for y in rows.inner.0 * scale..rows.inner.1 * scale {
                let (from_y, phase_y) = (y / scale, y % scale);
                for x in columns.inner.0 * scale..columns.inner.1 * scale {
                    let (from_x, phase_x) = (x / scale, x % scale);
                    let map = (channel * scale + phase_y) * scale + phase_x;
                    let place = (from_y - rows.outer.0) * columns.len() + from_x - columns.outer.0;
                    let near = if adds_nearest { plane[from_y * width + from_x] } else { 0.0 };
                    out[y * width * scale + x] = sums[map * tile_area + place] + near;
                }
            }
        }
    }
}

/// One axis of a tile: the pixels that it gives, and those that it reads.
struct Stretch {
    inner: (usize, usize),
    outer: (usize, usize),
}

impl Stretch {
    fn new(start: usize, len: usize, reach: usize, side: usize) -> Self {
        let end = (start + len).min(side);
        Self { inner: (start, end), outer: (start.saturating_sub(reach), (end + reach).min(side)) }
    }

    fn len(&self) -> usize {
        self.outer.1 - self.outer.0
    }
}

/// A tile of all planes.
fn cut(
    planes: &[f32],
    (height, width): (usize, usize),
    rows: &Stretch,
    columns: &Stretch,
) -> Vec<f32> {
    let lines = planes
        .chunks_exact(height * width)
        .flat_map(|plane| plane.chunks_exact(width).take(rows.outer.1).skip(rows.outer.0));
    lines.flat_map(|line| &line[columns.outer.0..columns.outer.1]).copied().collect()
}

/// Values a pixel that the largest convolution reads or writes. Kernels of 3 pixels read their inputs
/// where they lie; others have each pixel's neighbours copied side by side.
fn pixel_values(layout: &Layout, tensors: &BTreeMap<String, Tensor>) -> usize {
    let weights =
        layout.convolutions.iter().filter_map(|(name, _)| tensors.get(&format!("{name}.weight")));
    let values = weights.filter_map(|weight| match *weight.dims() {
        [outputs, inputs, 3, _] => Some(outputs.max(inputs)),
        [outputs, inputs, side, _] => Some(outputs.max(inputs * side * side)),
        _ => None,
    });
    values.max().unwrap_or(0)
}

/// Checks the weights against each other and packs them.
fn build(
    layout: &Layout,
    tensors: &BTreeMap<String, Tensor>,
) -> Result<(Config, Chain), ModelError> {
    let (mut chain, mut inputs) = (Chain::default(), layout.architecture.num_channels());
    let (mut reach_px, mut num_features, mut num_parameters) = (0, 0, 0);
    for (name, follows) in &layout.convolutions {
        let key = format!("{name}.weight");
        let weight = tensors.get(&key).ok_or_else(|| ModelError::Missing(key.clone()))?;
        let &[outputs, _, side, _] = weight.dims() else {
            return Err(ModelError::Config(format!("`{key}` is no convolution of a picture")));
        };
        let fits = (1..=MAX_FEATURES).contains(&outputs) && side <= MAX_SIDE && side % 2 == 1;
        if !fits {
            let why = format!("`{key}` with {outputs} outputs and a kernel of {side} pixels");
            return Err(ModelError::TooLarge(why));
        }
        let values = take(tensors, &key, &[outputs, inputs, side, side])?;
        let bias = take(tensors, &format!("{name}.bias"), &[outputs])?;
        let activation = match follows {
            Follows::Nothing => Activation::None,
            Follows::Relu => Activation::Relu,
            Follows::Tanh => Activation::Tanh,
            Follows::Slopes(key) => Activation::Prelu(take(tensors, key, &[outputs])?),
        };
        if let Activation::Prelu(slopes) = &activation {
            num_parameters += slopes.len();
        }
        num_parameters += values.len() + bias.len();
        chain.push(&values, (outputs, inputs, side), &bias, activation);
        reach_px += side / 2;
        if *follows != Follows::Nothing {
            num_features = num_features.max(outputs);
        }
        inputs = outputs;
    }
    let (channels, num_convolutions) =
        (layout.architecture.num_channels(), layout.convolutions.len());
    let scale = (1..=MAX_SCALE).find(|scale| channels * scale * scale == inputs);
    let scale = scale.ok_or_else(|| {
        let why = format!("its last {inputs} channels are no square of {channels} channels");
        ModelError::Config(why)
    })?;
    let is_whole = layout.convolutions.last().is_some_and(|(_, last)| *last == Follows::Nothing);
    if !is_whole || num_convolutions > MAX_CONVOLUTIONS {
        return Err(ModelError::Missing("the last convolution".to_owned()));
    }
    let architecture = layout.architecture;
    let config =
        Config { architecture, scale, num_features, num_convolutions, reach_px, num_parameters };
    Ok((config, chain))
}

/// The numbers of the weight `key`, which must have this shape and be finite.
fn take(
    tensors: &BTreeMap<String, Tensor>,
    key: &str,
    shape: &[usize],
) -> Result<Vec<f32>, ModelError> {
    let tensor = tensors.get(key).ok_or_else(|| ModelError::Missing(key.to_owned()))?;
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
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ESPCN whose second convolution has this many inputs and this side.
    fn network(features: usize, side: usize) -> Network {
        let shapes = [[features, 1, 3, 3], [1, features, side, side], [4, 1, 3, 3]]
            .map(|shape| shape.to_vec());
        let mut tensors = std::collections::HashMap::new();
        for (i, shape) in (1..).zip(&shapes) {
            let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
            tensors.insert(format!("conv{i}.weight"), zeros(shape));
            tensors.insert(format!("conv{i}.bias"), zeros(&shape[..1]));
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.safetensors");
        candle_core::safetensors::save(&tensors, &path).unwrap();
        Network::open(&path).unwrap()
    }

    #[test]
    fn tiles_are_made_so_small_that_memory_holds_them() {
        let all = (4_096, 4_096);
        let small = network(64, 3);
        assert_eq!((small.pixel_values, small.config.reach_px), (64, 3));
        assert_eq!(small.bounded_tile_px(256, all).unwrap(), 256);
        // (1442 + 6)² · 64 is the last below 2²⁷.
        assert_eq!(small.bounded_tile_px(4_096, all).unwrap(), 1_442);
        assert_eq!(small.bounded_tile_px(4_096, (100, 200)).unwrap(), 4_096);
        assert_eq!(small.bounded_tile_px(0, all).unwrap(), 16);
        let large = network(512, 11);
        assert_eq!((large.pixel_values, large.config.reach_px), (512 * 121, 7));
        // (32 + 14)² · 61952.
        assert_eq!(large.bounded_tile_px(4_096, all).unwrap(), 32);
        let too_large = Network { pixel_values: 1 << 20, ..large };
        assert!(matches!(too_large.bounded_tile_px(16, all), Err(ModelError::TooLarge(_))));
        assert_eq!(too_large.bounded_tile_px(16, (8, 8)).unwrap(), 16);
    }
}
