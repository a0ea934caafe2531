//! GANSpace (Härkönen et al., "GANSpace: Discovering Interpretable GAN Controls", 2020): directions
//! in W along which a network's pictures vary most, found without labels.
//!
//! The principal components of random w are such directions themselves. Those of a layer's
//! activations are carried over to W by linear regression of w on the samples' coordinates.

use std::path::Path;

use candle_core::{Device, Tensor};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use crate::ModelError;
use crate::file::read_bounded;
use crate::pca::{self, Covariance, NUM_PASSES, Pca};
use crate::random::RandomState;
use crate::stylegan2::{Generator, Shaping};

/// The most samples that are drawn.
pub const MAX_SAMPLES: usize = 1_000_000;
/// Samples of w at a time.
const W_BATCH: usize = 2048;
/// The most pictures whose activations are computed at a time, and the most values of them.
const LAYER_BATCH: usize = 32;
const LAYER_BATCH_VALUES: usize = 1 << 23;
/// The most values of the matrix that the analysis of activations holds, 1 GiB.
const MAX_BASIS_VALUES: usize = 1 << 28;
/// The largest file that is read, and the entry of its metadata.
const MAX_FILE_LEN: u64 = 256 << 20;
const ABOUT_KEY: &str = "lumawire_ganspace";
/// Raised when files mean something else than before.
const VERSION: u32 = 1;

/// What to find directions of.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Random latents to draw, 2..[`MAX_SAMPLES`].
    pub num_samples: usize,
    /// Directions to keep; fewer where w has fewer dimensions.
    pub num_components: usize,
    /// The layer whose activations are analysed; `None` for w itself.
    pub layer: Option<usize>,
    /// Class of a conditional network; `None` for all in turn.
    pub class: Option<usize>,
    /// Seed of the latents: the rows of numpy's `RandomState(seed).randn(num_samples, z_dim)`.
    pub seed: u32,
}

/// Where directions come from, as their file keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// Version of the file's format.
    pub version: u32,
    /// The network, such as `sha256:…`.
    pub model: String,
    /// Rows of its W+ latents.
    pub num_ws: usize,
    /// The layer; `None` for w itself.
    pub layer: Option<usize>,
    /// The class; `None` for all or where there are none.
    pub class: Option<usize>,
    /// How many latents were drawn.
    pub num_samples: usize,
    /// Their seed.
    pub seed: u32,
}

/// Directions in W, strongest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Directions {
    /// Mean of the sampled w, `[w_dim]`.
    pub mean: Vec<f32>,
    /// Unit vectors, `[num_components, w_dim]`; the value of largest magnitude in each is positive.
    pub components: Vec<f32>,
    /// How far along each one standard deviation goes, `[num_components]`.
    pub stdev: Vec<f32>,
    /// Share in the variance of what was analysed, `[num_components]`.
    pub explained_variance_ratio: Vec<f32>,
    /// Where they come from.
    pub about: About,
}

/// Finds directions of `generator`, which is called `model` in their file. `progress` is told how
/// much is done, from 0 to 1.
///
/// w: exact, from the covariance, in one go. Activations: randomised, in three goes through the
/// same samples (see [`pca::randomized`]).
pub fn find(
    generator: &Generator,
    model: String,
    settings: &Settings,
    progress: &mut dyn FnMut(f64),
) -> Result<Directions, ModelError> {
    check(generator, settings)?;
    let about = About {
        version: VERSION,
        model,
        num_ws: generator.config().num_ws(),
        layer: settings.layer,
        class: settings.class,
        num_samples: settings.num_samples,
        seed: settings.seed,
    };
    let pca = match settings.layer {
        None => of_w(generator, settings, progress)?,
        Some(layer) => of_layer(generator, settings, layer, progress)?,
    };
    let Pca { mean, components, stdev, explained_variance_ratio } = pca;
    Ok(Directions { mean, components, stdev, explained_variance_ratio, about })
}

fn check(generator: &Generator, settings: &Settings) -> Result<(), ModelError> {
    let config = generator.config();
    let refuse = |why: String| Err(ModelError::Input(why));
    if !(2..=MAX_SAMPLES).contains(&settings.num_samples) {
        return refuse(format!("the number of samples must lie in 2..{MAX_SAMPLES}"));
    }
    if settings.num_components == 0 {
        return refuse("at least 1 component is needed".into());
    }
    let Some(layer) = settings.layer else { return Ok(()) };
    check_layer(generator, layer)?;
    let dim = layer_dim(generator, layer);
    let basis = (settings.num_components + pca::OVERSAMPLING).saturating_mul(dim);
    if basis > MAX_BASIS_VALUES || dim > LAYER_BATCH_VALUES {
        return refuse(format!(
            "{} components of layer {layer}, which has {dim} values, need too much memory: ask for \
             fewer, or choose one of the {} layers before",
            settings.num_components,
            config.num_ws().min(layer)
        ));
    }
    Ok(())
}

/// Refuses layers that the network does not have.
pub(crate) fn check_layer(generator: &Generator, layer: usize) -> Result<(), ModelError> {
    let last = generator.config().num_layers() - 1;
    if layer > last {
        let why = format!("there is no layer {layer}: this network has layers 0 to {last}");
        return Err(ModelError::Input(why));
    }
    Ok(())
}

/// Values of a layer's activations.
fn layer_dim(generator: &Generator, layer: usize) -> usize {
    let config = generator.config();
    config.layer_channels(layer) * config.layer_resolution(layer).pow(2)
}

fn of_w(
    generator: &Generator,
    settings: &Settings,
    progress: &mut dyn FnMut(f64),
) -> Result<Pca, ModelError> {
    let mut samples = Samples::new(generator, settings.seed, settings.class)?;
    let mut covariance = Covariance::new(generator.config().w_dim)?;
    let mut done = 0;
    while done < settings.num_samples {
        let n = W_BATCH.min(settings.num_samples - done);
        covariance.add(&samples.next(n)?)?;
        done += n;
        progress(done as f64 / settings.num_samples as f64);
    }
    covariance.finish(settings.num_components)
}

fn of_layer(
    generator: &Generator,
    settings: &Settings,
    layer: usize,
    progress: &mut dyn FnMut(f64),
) -> Result<Pca, ModelError> {
    let dim = layer_dim(generator, layer);
    let batch = (LAYER_BATCH_VALUES / dim).clamp(1, LAYER_BATCH);
    let total = (settings.num_samples * NUM_PASSES) as f64;
    let (mut done, mut w) = (0, Vec::new());
    let num_components = settings.num_components.min(generator.config().w_dim);
    let (pca, coordinates) = pca::randomized(num_components, settings.seed, |visit| {
        w.clear();
        let mut samples = Samples::new(generator, settings.seed, settings.class)?;
        let mut left = settings.num_samples;
        while left > 0 {
            let n = batch.min(left);
            let batch = samples.next(n)?;
            let ws = generator.broadcast(&batch)?;
            let features = generator.activations(&ws, &Shaping::default(), layer)?;
            visit(&features.flatten_from(1)?)?;
            w.push(batch);
            left -= n;
            done += n;
            progress(done as f64 / total);
        }
        Ok(())
    })?;
    let w = Tensor::cat(&w, 0)?;
    let (components, stdev) = regress(&coordinates, &w)?;
    let mean = w.mean(0)?.to_vec1()?;
    Ok(Pca { mean, components, stdev, explained_variance_ratio: pca.explained_variance_ratio })
}

/// The directions in W that go with `coordinates` `[n, k]` of samples on their principal
/// components, and how far along them one standard deviation of a coordinate goes, by least squares
/// from the samples' `w` `[n, w_dim]` (section 3 of the paper). As coordinates have mean 0 and no
/// correlation, each direction is Σ x·(w - mean w)/Σ x² on its own.
fn regress(coordinates: &Tensor, w: &Tensor) -> Result<(Vec<f32>, Vec<f32>), ModelError> {
    let n = coordinates.dim(0)?;
    let w = w.broadcast_sub(&w.mean_keepdim(0)?)?;
    let power = coordinates.sqr()?.sum(0)?.to_vec1::<f32>()?;
    let mut components = Vec::with_capacity(power.len() * w.dim(1)?);
    let mut stdevs = Vec::with_capacity(power.len());
    for (mut direction, power) in coordinates.t()?.matmul(&w)?.to_vec2::<f32>()?.into_iter().zip(power) {
        let stdev = (power / (n as f32 - 1.0)).sqrt();
        let length = direction.iter().map(|v| v * v).sum::<f32>().sqrt();
        direction.iter_mut().for_each(|v| *v /= length.max(f32::MIN_POSITIVE));
        pca::orient(&mut direction);
        components.extend(direction);
        stdevs.push(stdev * length / power.max(f32::MIN_POSITIVE));
    }
    Ok((components, stdevs))
}

/// Random w of a network: z by numpy's `RandomState(seed).randn(…)` in order, mapped.
pub(crate) struct Samples<'a> {
    generator: &'a Generator,
    random: RandomState,
    class: Option<usize>,
    num_drawn: usize,
}

impl<'a> Samples<'a> {
    /// Of class `class`, or of all classes in turn.
    pub fn new(
        generator: &'a Generator,
        seed: u32,
        class: Option<usize>,
    ) -> Result<Self, ModelError> {
        let c_dim = generator.config().c_dim;
        if let Some(class) = class.filter(|class| *class >= c_dim) {
            return Err(ModelError::Input(match c_dim {
                0 => "this network has no classes: leave the class out".into(),
                _ => format!("there is no class {class}: this network has 0 to {}", c_dim - 1),
            }));
        }
        Ok(Self { generator, random: RandomState::new(seed), class, num_drawn: 0 })
    }

    /// The next `n`, `[n, w_dim]`.
    pub fn next(&mut self, n: usize) -> Result<Tensor, ModelError> {
        let config = self.generator.config();
        let mut z = vec![0.0; n * config.z_dim];
        self.random.fill_normal(&mut z);
        let z = Tensor::from_vec(z, (n, config.z_dim), &Device::Cpu)?;
        let first = self.num_drawn;
        self.num_drawn += n;
        if config.c_dim == 0 {
            return self.generator.map(&z, None);
        }
        let mut labels = vec![0.0_f32; n * config.c_dim];
        for (i, label) in labels.chunks_exact_mut(config.c_dim).enumerate() {
            label[self.class.unwrap_or((first + i) % config.c_dim)] = 1.0;
        }
        let labels = Tensor::from_vec(labels, (n, config.c_dim), &Device::Cpu)?;
        self.generator.map(&z, Some(&labels))
    }
}

impl Directions {
    /// Values of a direction.
    pub fn w_dim(&self) -> usize {
        self.mean.len()
    }

    /// Number of directions.
    pub fn num_components(&self) -> usize {
        self.stdev.len()
    }

    /// Direction `i`, `[w_dim]`, as long as one standard deviation; `None` beyond the last.
    pub fn step(&self, i: usize) -> Option<impl Iterator<Item = f32> + '_> {
        let stdev = *self.stdev.get(i)?;
        let component = self.components.get(i * self.w_dim()..(i + 1) * self.w_dim())?;
        Some(component.iter().map(move |v| v * stdev))
    }

    /// The bytes of a safetensors file: `mean`, `components`, `stdev`, `explained_variance_ratio`
    /// in f32, and [`About`] as JSON in the metadata entry `lumawire_ganspace`.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ModelError> {
        let bytes = |values: &[f32]| -> Vec<u8> {
            values.iter().flat_map(|v| v.to_le_bytes()).collect()
        };
        let (k, w_dim) = (self.num_components(), self.w_dim());
        let arrays = [
            ("components", vec![k, w_dim], bytes(&self.components)),
            ("explained_variance_ratio", vec![k], bytes(&self.explained_variance_ratio)),
            ("mean", vec![w_dim], bytes(&self.mean)),
            ("stdev", vec![k], bytes(&self.stdev)),
        ];
        let views = arrays
            .iter()
            .map(|(name, shape, bytes)| {
                Ok((*name, TensorView::new(Dtype::F32, shape.clone(), bytes)?))
            })
            .collect::<Result<Vec<_>, ModelError>>()?;
        let about = serde_json::to_string(&self.about)
            .map_err(|e| ModelError::Input(format!("cannot be described: {e}")))?;
        Ok(safetensors::serialize(views, Some([(ABOUT_KEY.to_owned(), about)].into()))?)
    }

    /// Reads a file that [`to_bytes`](Self::to_bytes) made, and checks it.
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        Self::from_bytes(&read_bounded(path, MAX_FILE_LEN)?)
    }

    /// As [`load`](Self::load), from the bytes of a file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        let refuse = |why: &str| {
            ModelError::Input(format!("{why}: make it with `lumawire ganspace`"))
        };
        let file = SafeTensors::deserialize(bytes)?;
        let (_, metadata) = SafeTensors::read_metadata(bytes)?;
        let about = metadata.metadata().as_ref().and_then(|m| m.get(ABOUT_KEY));
        let about = about.ok_or_else(|| refuse("holds no GANSpace directions"))?;
        let about: About = serde_json::from_str(about)
            .map_err(|e| refuse(&format!("does not say where its directions come from ({e})")))?;
        if about.version > VERSION {
            return Err(ModelError::Input(format!(
                "has version {} of its format, this build reads up to {VERSION}: update Lumawire",
                about.version
            )));
        }
        let array = |name: &str| -> Result<(Vec<usize>, Vec<f32>), ModelError> {
            let view = file.tensor(name).map_err(|_| refuse(&format!("holds no `{name}`")))?;
            if view.dtype() != Dtype::F32 {
                return Err(refuse(&format!("holds `{name}` in another form than f32")));
            }
            let values: Vec<f32> =
                view.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
            if values.iter().any(|v| !v.is_finite()) {
                return Err(ModelError::NotFinite(name.to_owned()));
            }
            Ok((view.shape().to_vec(), values))
        };
        let (shape, components) = array("components")?;
        let (mean_shape, mean) = array("mean")?;
        let (stdev_shape, stdev) = array("stdev")?;
        let (ratio_shape, explained_variance_ratio) = array("explained_variance_ratio")?;
        let fits = matches!(shape[..], [k, w_dim] if k > 0 && w_dim > 0
            && mean_shape == [w_dim] && stdev_shape == [k] && ratio_shape == [k]);
        if !fits {
            return Err(refuse(&format!(
                "has misfitting shapes: components {shape:?}, mean {mean_shape:?}, stdev \
                 {stdev_shape:?}, explained_variance_ratio {ratio_shape:?}"
            )));
        }
        Ok(Self { mean, components, stdev, explained_variance_ratio, about })
    }
}
