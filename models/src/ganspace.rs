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
/// The most values of the matrices that the analysis of activations holds, 3 GiB.
const MAX_BASIS_VALUES: usize = 3 << 28;
/// The largest file that is read, and the most rows of w that it may name.
const MAX_FILE_LEN: u64 = 256 << 20;
const MAX_NUM_WS: usize = 64;
/// The entry of its metadata.
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
    let num_components = num_kept(generator, settings);
    if too_large(num_components, dim) {
        return refuse(format!(
            "{num_components} components of layer {layer}, which has {dim} values, need too much \
             memory: ask for fewer, or choose an earlier layer"
        ));
    }
    Ok(())
}

/// Directions to keep: w has no more than its dimensions.
fn num_kept(generator: &Generator, settings: &Settings) -> usize {
    settings.num_components.min(generator.config().w_dim)
}

/// Whether this many components of samples of `dim` values exceed the memory: [`pca::randomized`]
/// holds three matrices.
fn too_large(num_components: usize, dim: usize) -> bool {
    let num_values = (3 * (num_components + pca::OVERSAMPLING)).saturating_mul(dim);
    num_values > MAX_BASIS_VALUES || dim > LAYER_BATCH_VALUES
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
    let num_components = num_kept(generator, settings);
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
    for (mut direction, power) in
        coordinates.t()?.matmul(&w)?.to_vec2::<f32>()?.into_iter().zip(power)
    {
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
    pub fn step(&self, i: usize) -> Option<impl Iterator<Item = f32> + Clone + '_> {
        let stdev = *self.stdev.get(i)?;
        let component = self.components.get(i * self.w_dim()..(i + 1) * self.w_dim())?;
        Some(component.iter().map(move |v| v * stdev))
    }

    /// The bytes of a safetensors file: `mean`, `components`, `stdev`, `explained_variance_ratio`
    /// in f32, and [`About`] as JSON in the metadata entry `lumawire_ganspace`.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ModelError> {
        let bytes =
            |values: &[f32]| -> Vec<u8> { values.iter().flat_map(|v| v.to_le_bytes()).collect() };
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
        let refuse =
            |why: &str| ModelError::Input(format!("{why}: make it with `lumawire ganspace`"));
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
        if !(1..=MAX_NUM_WS).contains(&about.num_ws) {
            return Err(refuse(&format!("names a network of {} rows of w", about.num_ws)));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stylegan2::Config;

    fn network() -> Generator {
        let mut config = Config::new(32, 1024, 32);
        (config.z_dim, config.w_dim, config.num_mapping_layers) = (24, 20, 2);
        Generator::stand_in(config, 1).unwrap()
    }

    fn conditional() -> Generator {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/reference/stylegan2");
        Generator::load(&root.join("sg2ada_b.model.safetensors"), &Device::Cpu).unwrap()
    }

    fn settings(layer: Option<usize>) -> Settings {
        Settings { num_samples: 300, num_components: 6, layer, class: None, seed: 5 }
    }

    fn found(generator: &Generator, settings: &Settings) -> Directions {
        find(generator, "test".into(), settings, &mut |_| ()).unwrap()
    }

    fn refused(generator: &Generator, settings: &Settings) -> String {
        find(generator, "test".into(), settings, &mut |_| ()).unwrap_err().to_string()
    }

    #[test]
    fn directions_of_w_are_its_principal_components() {
        let network = network();
        let settings = Settings { num_samples: W_BATCH + 500, ..settings(None) };
        let mut told = Vec::new();
        let directions =
            find(&network, "test".into(), &settings, &mut |done| told.push(done)).unwrap();
        assert_eq!(told.last(), Some(&1.0));
        let mut z = vec![0.0; settings.num_samples * 24];
        RandomState::new(5).fill_normal(&mut z);
        let z = Tensor::from_vec(z, (settings.num_samples, 24), &Device::Cpu).unwrap();
        let mut covariance = Covariance::new(20).unwrap();
        covariance.add(&network.map(&z, None).unwrap()).unwrap();
        let pca = covariance.finish(6).unwrap();
        let pairs = [
            (&directions.mean, &pca.mean),
            (&directions.components, &pca.components),
            (&directions.stdev, &pca.stdev),
            (&directions.explained_variance_ratio, &pca.explained_variance_ratio),
        ];
        for (a, b) in pairs {
            assert_eq!(a.len(), b.len());
            assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5), "{a:?} {b:?}");
        }
    }

    #[test]
    fn regression_recovers_a_planted_map() {
        // Two coordinates without correlation, and w = mean + 2·x·(0, 1, 0) - 3·y·(0.6, 0, 0.8).
        let x: Vec<f32> = (0..8).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
        let y: Vec<f32> = (0..8).map(|i| if i < 4 { 0.5 } else { -0.5 }).collect();
        let coordinates: Vec<[f32; 2]> = x.iter().zip(&y).map(|(x, y)| [*x, *y]).collect();
        let w: Vec<[f32; 3]> = coordinates
            .iter()
            .map(|[x, y]| [7.0 - 3.0 * 0.6 * y, 2.0 * x - 1.0, 3.0 - 3.0 * 0.8 * y])
            .collect();
        let coordinates = Tensor::from_vec(coordinates.concat(), (8, 2), &Device::Cpu).unwrap();
        let w = Tensor::from_vec(w.concat(), (8, 3), &Device::Cpu).unwrap();
        let (components, stdev) = regress(&coordinates, &w).unwrap();
        let expected = [0.0, 1.0, 0.0, 0.6, 0.0, 0.8];
        assert!(components.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6));
        let one = (8.0_f32 / 7.0).sqrt(); // deviation of ±1
        assert!((stdev[0] - 2.0 * one).abs() < 1e-6 && (stdev[1] - 1.5 * one).abs() < 1e-6);
    }

    /// A step along the first direction of a layer moves its activations further than steps of the
    /// same length along random directions do.
    #[test]
    fn directions_of_a_layer_move_its_activations_most() {
        let network = network();
        let layer = 4;
        let directions = found(&network, &settings(Some(layer)));
        assert_eq!((directions.num_components(), directions.w_dim()), (6, 20));
        let ratio = &directions.explained_variance_ratio;
        assert!(ratio.is_sorted_by(|a, b| a >= b) && ratio.iter().sum::<f32>() <= 1.0);
        let mean = Tensor::new(&directions.mean[..], &Device::Cpu).unwrap();
        let moved_by = |step: &[f32]| {
            let step = Tensor::new(step, &Device::Cpu).unwrap();
            let w = Tensor::stack(&[(&mean + &step).unwrap(), (&mean - &step).unwrap()], 0);
            let ws = network.broadcast(&w.unwrap()).unwrap();
            let features = network.activations(&ws, &Shaping::default(), layer).unwrap();
            let difference = (features.get(0).unwrap() - features.get(1).unwrap()).unwrap();
            difference.sqr().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap().sqrt()
        };
        let step: Vec<f32> = directions.step(0).unwrap().collect();
        let length = |v: &[f32]| v.iter().map(|v| v * v).sum::<f32>().sqrt();
        assert!((length(&step) - directions.stdev[0]).abs() < 1e-5);
        let mut random = RandomState::new(1);
        let others: Vec<f32> = (0..20)
            .map(|_| {
                let mut other = vec![0.0; 20];
                random.fill_normal(&mut other);
                let scale = length(&step) / length(&other);
                moved_by(&other.iter().map(|v| v * scale).collect::<Vec<_>>())
            })
            .collect();
        let mean_of_others = others.iter().sum::<f32>() / others.len() as f32;
        assert!(moved_by(&step) > 1.1 * mean_of_others, "{} {others:?}", moved_by(&step));
    }

    #[test]
    fn files_keep_everything() {
        let network = network();
        for layer in [None, Some(2)] {
            let directions = found(&network, &settings(layer));
            let bytes = directions.to_bytes().unwrap();
            assert_eq!(Directions::from_bytes(&bytes).unwrap(), directions);
            assert_eq!(found(&network, &settings(layer)).to_bytes().unwrap(), bytes);
            for len in [0, 7, 40, bytes.len() / 2, bytes.len() - 1] {
                assert!(Directions::from_bytes(&bytes[..len]).is_err(), "cut to {len}");
            }
        }
    }

    #[test]
    fn misshapen_and_foreign_files_say_so() {
        let good = found(&network(), &settings(None));
        let error = |change: fn(&mut Directions)| {
            let mut bad = good.clone();
            change(&mut bad);
            let bytes = bad.to_bytes().unwrap();
            Directions::from_bytes(&bytes).unwrap_err().to_string()
        };
        assert!(error(|d| d.stdev[1] = f32::NAN).contains("`stdev`"));
        assert!(error(|d| d.about.version = 9).contains("update Lumawire"));
        assert!(error(|d| d.about.num_ws = 1 << 40).contains("rows of w"));
        let about = serde_json::to_string(&good.about).unwrap();
        let array = |shape: &[usize]| {
            let bytes = vec![0; 4 * shape.iter().product::<usize>()];
            (shape.to_vec(), bytes)
        };
        let file = |mean: &[usize], stdev: &[usize]| {
            let arrays = [
                ("components", array(&[6, 20])),
                ("explained_variance_ratio", array(&[6])),
                ("mean", array(mean)),
                ("stdev", array(stdev)),
            ];
            let views = arrays.iter().map(|(name, (shape, bytes))| {
                (*name, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap())
            });
            let metadata = [(ABOUT_KEY.to_owned(), about.clone())];
            safetensors::serialize(views, Some(metadata.into())).unwrap()
        };
        assert!(Directions::from_bytes(&file(&[20], &[6])).is_ok());
        for bad in [file(&[19], &[6]), file(&[20], &[5]), file(&[4, 5], &[6])] {
            let error = Directions::from_bytes(&bad).unwrap_err().to_string();
            assert!(error.contains("misfitting shapes"), "{error}");
        }
        let model = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../tests/reference/stylegan2/sg2ada_a.model.safetensors");
        let error = Directions::load(&model).unwrap_err().to_string();
        assert!(error.contains("holds no GANSpace directions"), "{error}");
    }

    #[test]
    fn classes_are_drawn_in_turn_or_alone() {
        let network = conditional();
        let all = found(&network, &settings(None));
        let one = found(&network, &Settings { class: Some(2), ..settings(None) });
        assert_ne!(all.mean, one.mean);
        let error = refused(&network, &Settings { class: Some(5), ..settings(None) });
        assert!(error.contains("0 to 4"), "{error}");
    }

    #[test]
    fn there_are_no_more_directions_than_w_has_dimensions() {
        let network = network();
        let most = |layer| Settings { num_components: usize::MAX, ..settings(layer) };
        let w_dim = network.config().w_dim;
        for layer in [None, Some(3)] {
            assert!(found(&network, &most(layer)).num_components() <= w_dim, "{layer:?}");
        }
    }

    #[test]
    fn what_cannot_be_analysed_is_refused() {
        let network = network();
        assert!(refused(&network, &settings(Some(8))).contains("layers 0 to 7"));
        assert!(refused(&network, &settings(Some(0))).contains("all samples are equal"));
        let few = Settings { num_samples: 1, ..settings(None) };
        assert!(refused(&network, &few).contains("2..1000000"));
        // 512 channels of 64², and of 128².
        assert!(!too_large(32, 512 << 12) && too_large(512, 512 << 12) && too_large(32, 512 << 14));
    }
}
