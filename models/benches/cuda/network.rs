//! A network, where it draws to, and its weights as files.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use candle_core::{Device, Tensor};
use half::f16;
use lumawire_models::accelerator::driver::Cuda;
use lumawire_models::accelerator::{Accelerator, Event, Memory};
use lumawire_models::random::RandomState;
use lumawire_models::stylegan2::{
    Affine, Config, Generator, LayerWeights, Path, Precision, Shaping,
};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::times::{Times, elapsed};
use crate::{NUM_WARM_UPS, Outcome};

/// A network and where it draws to.
pub struct Network {
    pub generator: Generator,
    /// One latent.
    pub ws: Tensor,
    /// Another, to tell pictures apart.
    pub other_ws: Tensor,
    pub target: Memory,
    /// Where the peer finds files, and engines their weights.
    pub folder: tempfile::TempDir,
}

impl Network {
    pub fn new(config: Config, cuda: &Arc<Cuda>) -> Outcome<Self> {
        let generator = Generator::stand_in(config, 0)?;
        let config = generator.config();
        let mut z = vec![0.0; 2 * config.z_dim];
        RandomState::new(0).fill_normal(&mut z);
        let z = Tensor::from_vec(z, (2, config.z_dim), &Device::Cpu)?;
        let ws = generator.broadcast(&generator.map(&z, None)?)?;
        let accelerator: Arc<dyn Accelerator> = cuda.clone();
        let target = Memory::new(&accelerator, 8 * config.img_resolution * config.img_resolution)?;
        let (ws, other_ws) = (ws.narrow(0, 0, 1)?, ws.narrow(0, 1, 1)?);
        let network = Self { generator, ws, other_ws, target, folder: tempfile::tempdir()? };
        export(&network.generator, &network.ws, &network.weights())?;
        Ok(network)
    }

    /// The file of its weights.
    pub fn weights(&self) -> PathBuf {
        self.folder.path().join("weights.safetensors")
    }

    /// The network on an accelerator.
    pub fn engine(
        &self,
        accelerator: Arc<dyn Accelerator>,
        precision: Precision,
    ) -> Outcome<Engine<'_>> {
        let generator = Generator::load(&self.weights(), &Device::Cpu)?;
        generator.use_accelerator(&accelerator, precision)?;
        Ok(Engine { network: self, generator })
    }
}

/// A network on an accelerator.
pub struct Engine<'a> {
    network: &'a Network,
    generator: Generator,
}

impl Engine<'_> {
    /// Asks for a picture; the event is reached when it is drawn.
    pub fn draw(&self) -> Outcome<Box<dyn Event>> {
        self.draw_of(&self.network.ws)
    }

    fn draw_of(&self, ws: &Tensor) -> Outcome<Box<dyn Event>> {
        Ok(self.generator.draw_to(ws, &Shaping::default(), self.network.target.address())?)
    }

    /// The picture of `ws` as it is for the screen: RGBA halves, linear light.
    pub fn screen(&self, cuda: &Cuda, ws: &Tensor) -> Outcome<Vec<f16>> {
        let target = &self.network.target;
        // What an earlier picture left there must not count.
        cuda.write(target.address(), &vec![0xff; target.num_bytes()])?;
        self.draw_of(ws)?.wait()?;
        let mut picture = vec![f16::ZERO; target.num_bytes() / size_of::<f16>()];
        cuda.read(target.address(), bytemuck::cast_slice_mut(&mut picture))?;
        Ok(picture)
    }

    /// The picture before that, `[img_channels, height, width]`.
    pub fn picture(&self) -> Outcome<Vec<f32>> {
        // The best path would draw on the processor where the GPU fails.
        let shaping = Shaping::default();
        let drawn = self.generator.synthesize_by(Path::Accelerated, &self.network.ws, &shaping)?;
        Ok(drawn.flatten_all()?.to_vec1()?)
    }

    /// Times of `count` pictures one right after the other, by marks on the GPU, and of some that
    /// are waited for one by one, by the computer's clock.
    pub fn times(&self, cuda: &Cuda, count: usize) -> Outcome<Times> {
        for _ in 0..NUM_WARM_UPS {
            self.draw()?;
        }
        let mut marks = vec![cuda.mark_time()?];
        for _ in 0..count {
            self.draw()?;
            marks.push(cuda.mark_time()?);
        }
        let streamed = elapsed(cuda, &marks)?;
        let mut waited = Vec::new();
        for _ in 0..count.div_ceil(4) {
            let start = Instant::now();
            self.draw()?.wait()?;
            waited.push(start.elapsed().as_secs_f64() * 1e3);
        }
        Ok(Times { streamed, waited })
    }
}

/// Writes a checkpoint of the published names. Its mapping network is of zeros: latents are mapped
/// before.
fn export(generator: &Generator, ws: &Tensor, file: &std::path::Path) -> Outcome<()> {
    let config = generator.config();
    // Layer 0 is the constant as it is.
    let constant = generator.activations(ws, &Shaping::default(), 0)?;
    let constant = constant.flatten_all()?.to_vec1::<f32>()?;
    let zeros = vec![0.0; config.w_dim * config.w_dim.max(config.z_dim)];
    let mut tensors = Tensors::default();
    tensors.put("mapping.w_avg", &[config.w_dim], &zeros[..config.w_dim]);
    for i in 0..config.num_mapping_layers {
        let inputs = if i == 0 { config.z_dim } else { config.w_dim };
        let shape = [config.w_dim, inputs];
        tensors.put(&format!("mapping.fc{i}.weight"), &shape, &zeros[..config.w_dim * inputs]);
        tensors.put(&format!("mapping.fc{i}.bias"), &shape[..1], &zeros[..config.w_dim]);
    }
    tensors.put("synthesis.b4.const", &[config.channels[0], 4, 4], &constant);
    for layer in (1..config.num_layers()).filter_map(|layer| generator.layer_weights(layer)) {
        let LayerWeights { inputs, outputs, resolution, .. } = *layer;
        let block = format!("synthesis.b{resolution}");
        let key = |name: &str| format!("{block}.conv{}.{name}", usize::from(!layer.up));
        tensors.put_affine(&key("affine"), &layer.affine);
        tensors.put(&key("weight"), &[outputs, inputs, 3, 3], &layer.weight);
        tensors.put(&key("bias"), &[outputs], &layer.bias);
        tensors.put(&key("noise_const"), &[resolution, resolution], &layer.noise);
        let strength = std::slice::from_ref(&layer.noise_strength);
        tensors.put(&key("noise_strength"), &[], strength);
        if let Some(to_rgb) = &layer.to_rgb {
            let (key, channels) = (|name| format!("{block}.torgb.{name}"), to_rgb.bias.len());
            tensors.put_affine(&key("affine"), &to_rgb.affine);
            tensors.put(&key("weight"), &[channels, outputs, 1, 1], &to_rgb.weight);
            tensors.put(&key("bias"), &[channels], &to_rgb.bias);
        }
    }
    let views = tensors.0.into_iter().map(|(name, shape, values)| {
        Ok((name, TensorView::new(Dtype::F32, shape, bytemuck::cast_slice(values))?))
    });
    let views = views.collect::<Result<Vec<_>, safetensors::SafeTensorError>>()?;
    let metadata = HashMap::from([("config".to_owned(), config.to_published().to_string())]);
    Ok(safetensors::serialize_to_file(views, Some(metadata), file)?)
}

/// Names, shapes and values.
#[derive(Default)]
struct Tensors<'a>(Vec<(String, Vec<usize>, &'a [f32])>);

impl<'a> Tensors<'a> {
    fn put(&mut self, name: &str, shape: &[usize], values: &'a [f32]) {
        self.0.push((name.to_owned(), shape.to_vec(), values));
    }

    fn put_affine(&mut self, prefix: &str, affine: &'a Affine) {
        let outputs = affine.bias.len();
        let w_dim = affine.weight.len() / outputs.max(1);
        self.put(&format!("{prefix}.weight"), &[outputs, w_dim], &affine.weight);
        self.put(&format!("{prefix}.bias"), &[outputs], &affine.bias);
    }
}
