//! `generate.stylegan2`: a latent to a picture.

use candle_core::{Device, Tensor};
use lumawire_core::{
    Encoding, HostImage, Image, Io, Latent, Node, NodeError, NodeSpec, Param, Pixels, Port,
    PortType, Rate, Role, Space,
};
use lumawire_models::ModelError;
use lumawire_models::stylegan2::{Generator, Noise, NoiseMode};
use rayon::prelude::*;

use super::generator;
use super::mapping::map;

const IN_MODEL: usize = 0;
const IN_LATENT: usize = 1;

const OUT_IMAGE: usize = 0;

const TRUNCATION: usize = 0;
const TRUNCATION_CUTOFF: usize = 1;
const NOISE_MODE: usize = 2;
const NOISE_STRENGTH: usize = 3;
const NOISE_SEED: usize = 4;

/// See `doc`.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "generate.stylegan2",
    version: 1,
    label: "StyleGAN2",
    doc: "Draws the picture of a latent. A latent in Z is mapped to W first, one in W goes to all \
          layers, one in W+ has a row for each layer. Truncation moves w towards the network's \
          mean: w_avg + psi·(w - w_avg). The picture is sRGB, (x + 1)/2 of the network's output, \
          not clamped. StyleGAN2-ADA (Karras et al., 2020).",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[
        Port::required("model", PortType::Model, "The network."),
        Port::required(
            "latent",
            PortType::Latent,
            "Z [1, z_dim], W [1, w_dim] or W+ [num_ws, w_dim].",
        ),
    ],
    outputs: &[Port::output("image", PortType::Image, "The picture, at the network's size.")],
    params: &[
        Param::float("truncation", "Truncation", 1.0, (0.0, 1.5))
            .hard(-2.0, 2.0)
            .doc("psi: 1 as drawn, 0 the mean picture, below 0 the opposite."),
        Param::int("truncation_cutoff", "Truncated layers", 18, (0, 18))
            .doc("How many layers, from the coarsest, are truncated."),
        Param::choice("noise_mode", "Noise", &["const", "none", "random"])
            .doc("The network's stored noise, none, or noise drawn from the seed."),
        Param::float("noise_strength", "Noise strength", 1.0, (0.0, 2.0))
            .doc("Factor on the trained strength of the noise."),
        Param::int("noise_seed", "Noise seed", 0, (0, 1000))
            .hard_int(0, i64::MAX)
            .doc("Seed of random noise: modulate it to let the noise live."),
    ],
    build: || Box::new(StyleGan2),
};

struct StyleGan2;

impl Node for StyleGan2 {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let network = generator("model", io.inputs.model(IN_MODEL))?;
        let latent = io
            .inputs
            .latent(IN_LATENT)
            .ok_or_else(|| NodeError::input("latent", "no latent has arrived"))?;
        let noise = Noise {
            mode: match io.params.choice(NOISE_MODE) {
                0 => NoiseMode::Const,
                1 => NoiseMode::None,
                _ => NoiseMode::Random,
            },
            strength: io.params.float(NOISE_STRENGTH),
            seed: io.params.int(NOISE_SEED).unsigned_abs(),
        };
        let psi = io.params.float(TRUNCATION);
        let cutoff = usize::try_from(io.params.int(TRUNCATION_CUTOFF)).unwrap_or(0);
        let ws = latent_rows(&network, latent)?;
        let picture = network
            .truncate(&ws, psi, Some(cutoff))
            .and_then(|ws| network.synthesize(&ws, &noise))
            .and_then(|picture| Ok(picture.flatten_all()?.to_vec1::<f32>()?))
            .map_err(|e| NodeError::input("latent", e))?;
        let side = network.config().img_resolution;
        io.outputs.set_image(OUT_IMAGE, image(&picture, side));
        Ok(())
    }
}

/// One w a layer, `[1, num_ws, w_dim]`. What is no finite number counts as 0.
fn latent_rows(network: &Generator, latent: &Latent) -> Result<Tensor, NodeError> {
    let (num_ws, w_dim) = (network.config().num_ws(), network.config().w_dim);
    let finite = |values: &[f32]| -> Vec<f32> {
        values.iter().map(|v| if v.is_finite() { *v } else { 0.0 }).collect()
    };
    let rows = match latent.space {
        Space::Z => map(network, "latent", latent.dim, &latent.data)?,
        Space::W | Space::WPlus => finite(&latent.data),
    };
    let (dim, expected_rows) = match latent.space {
        Space::Z => (w_dim, 1),
        Space::W => (latent.dim, 1),
        Space::WPlus => (latent.dim, num_ws),
    };
    if dim != w_dim || rows.len() != expected_rows * w_dim {
        return Err(NodeError::input(
            "latent",
            format!(
                "has {} rows of {}, the network takes {expected_rows} of {w_dim}",
                latent.num_ws(),
                latent.dim
            ),
        ));
    }
    let rows = Tensor::from_vec(rows, (expected_rows, w_dim), &Device::Cpu);
    let ws = rows.map_err(ModelError::from).and_then(|rows| match expected_rows {
        1 => network.broadcast(&rows),
        _ => Ok(rows.unsqueeze(0)?),
    });
    ws.map_err(|e| NodeError::input("latent", e))
}

/// Planes of -1..1 (one, or three) as a picture of 0..1. What is no finite number is grey.
fn image(planes: &[f32], side: usize) -> Image {
    let area = side * side;
    let mut pixels = vec![1.0; 4 * area];
    let plane = |c: usize| planes.get(c * area..(c + 1) * area).unwrap_or(&planes[..area]);
    let (red, green, blue) = (plane(0), plane(1), plane(2));
    let level = |v: f32| if v.is_finite() { 0.5 * v + 0.5 } else { 0.5 };
    pixels.par_chunks_exact_mut(4).with_min_len(4096).enumerate().for_each(|(i, pixel)| {
        (pixel[0], pixel[1], pixel[2]) = (level(red[i]), level(green[i]), level(blue[i]));
    });
    let side = side as u32;
    let host = HostImage { width_px: side, height_px: side, pixels: Pixels::RgbaF32(pixels) };
    Image::from_host(host, Encoding::Srgb)
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Services, Value};

    use super::super::testing::{small_model, some_z};
    use super::*;

    fn node(latent: Latent) -> Harness {
        let mut node = Harness::new(&SPEC).prepare().unwrap();
        node.input("model", small_model(&Services::default()));
        node.input("latent", Value::Latent(latent.into()));
        node
    }

    fn z() -> Latent {
        Latent { space: Space::Z, dim: 512, data: some_z(512) }
    }

    fn pixels(node: &mut Harness) -> Vec<f32> {
        node.tick().unwrap();
        let Value::Image(image) = node.output("image") else { panic!("no image") };
        assert_eq!((image.width_px, image.height_px, image.encoding), (32, 32, Encoding::Srgb));
        let Pixels::RgbaF32(pixels) = image.host().unwrap().pixels.clone() else { panic!() };
        assert!(pixels.iter().all(|v| v.is_finite()));
        assert!(pixels.iter().skip(3).step_by(4).all(|a| *a == 1.0));
        pixels
    }

    fn network() -> std::sync::Arc<Generator> {
        let Value::Model(handle) = small_model(&Services::default()) else { panic!() };
        generator("model", Some(&handle)).unwrap()
    }

    #[test]
    fn equals_the_network() {
        let mut node = node(z());
        node.set_param("truncation", 0.7_f32);
        node.set_param("truncation_cutoff", 3_i64);
        let found = pixels(&mut node);
        let network = network();
        let z = Tensor::from_vec(some_z(512), (1, 512), &Device::Cpu).unwrap();
        let ws = network.broadcast(&network.map(&z, None).unwrap()).unwrap();
        let ws = network.truncate(&ws, 0.7, Some(3)).unwrap();
        let picture = network.synthesize(&ws, &Noise::default()).unwrap();
        let planes = picture.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        for (i, pixel) in found.chunks_exact(4).enumerate() {
            for c in 0..3 {
                assert!((pixel[c] - (planes[c * 1024 + i] + 1.0) / 2.0).abs() < 1e-6);
            }
        }
        assert_eq!(pixels(&mut node), found);
    }

    #[test]
    fn the_spaces_agree() {
        let expected = pixels(&mut node(z()));
        let w = map(&network(), "latent", 512, &some_z(512)).unwrap();
        let in_w = Latent { space: Space::W, dim: 512, data: w.clone() };
        assert_eq!(pixels(&mut node(in_w)), expected);
        let in_w_plus = Latent { space: Space::WPlus, dim: 512, data: w.repeat(8) };
        assert_eq!(pixels(&mut node(in_w_plus)), expected);
    }

    #[test]
    fn noise_follows_its_parameters() {
        let mut node = node(z());
        let stored = pixels(&mut node);
        node.set_param("noise_mode", "random");
        let first = pixels(&mut node);
        node.set_param("noise_seed", 1_i64);
        let second = pixels(&mut node);
        node.set_param("noise_strength", 0.0_f32);
        let silent = pixels(&mut node);
        node.set_param("noise_mode", "none");
        assert_eq!(pixels(&mut node), silent);
        assert!(stored != first && first != second && second != silent);
    }

    #[test]
    fn misfits_are_refused_with_both_sizes() {
        let misfits = [
            (Space::Z, 64, 64, "set dim to 512"),
            (Space::W, 64, 64, "has 1 rows of 64, the network takes 1 of 512"),
            (Space::WPlus, 512, 5 * 512, "has 5 rows of 512, the network takes 8 of 512"),
        ];
        for (space, dim, len, message) in misfits {
            let mut node = node(Latent { space, dim, data: vec![0.1; len] });
            let error = node.tick().unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
        let mut node = node(z());
        let stranger = lumawire_core::ModelHandle { key: 0, model: std::sync::Arc::new(0_u8) };
        node.input("model", Value::Model(stranger));
        assert!(node.tick().unwrap_err().to_string().contains("no StyleGAN2 network"));
    }

    #[test]
    fn what_is_no_number_stays_out() {
        for space in [Space::Z, Space::W] {
            let mut data = some_z(512);
            data[0] = f32::NAN;
            data[1] = f32::NEG_INFINITY;
            pixels(&mut node(Latent { space, dim: 512, data }));
        }
    }
}
