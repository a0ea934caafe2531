//! `generate.stylegan2`: a latent to a picture.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use lumawire_core::{
    Encoding, HostImage, Image, Io, Latent, Node, NodeError, NodeSpec, Param, Pixels, Port,
    PortType, PrepareCx, Rate, Role, Space,
};
use lumawire_models::ModelError;
use lumawire_models::accelerator::{Accelerator, Event};
use lumawire_models::stylegan2::{
    Bend, Canvas, Fill, Generator, Model, Noise, NoiseMode, Path, Shaping,
};
use rayon::prelude::*;

use super::mapping::map;
use super::network;
use crate::control::seeded::node_seed;
use crate::gpu::Crossing;
use crate::noise::Field;

const IN_MODEL: usize = 0;
const IN_LATENT: usize = 1;
const IN_BENDS: usize = 2;
const IN_NOISE: usize = 3;

const OUT_IMAGE: usize = 0;

const TRUNCATION: usize = 0;
const TRUNCATION_CUTOFF: usize = 1;
const NOISE_MODE: usize = 2;
const NOISE_STRENGTH: usize = 3;
const NOISE_SEED: usize = 4;
const COLUMNS: usize = 5;
const ROWS: usize = 6;
const FILL: usize = 7;

/// See `doc`.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "generate.stylegan2",
    version: 1,
    label: "StyleGAN2",
    doc: "Draws the picture of a latent. A latent in Z is mapped to W first, one in W goes to all \
          layers, one in W+ has a row for each layer. Truncation moves w towards the network's \
          mean: w_avg + psi·(w - w_avg). The picture is sRGB, (x + 1)/2 of the network's output, \
          not clamped; where a GPU draws it, the same in linear light. Bends change the features of its layers, noise that is wired takes the place \
          of the chosen one. More columns or rows than 4 widen the learned constant and give a \
          wider or taller picture: 7 by 4 is about 16:9. StyleGAN2-ADA (Karras et al., 2020).",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[
        Port::required("model", PortType::Model, "The network."),
        Port::required(
            "latent",
            PortType::Latent,
            "Z [1, z_dim], W [1, w_dim] or W+ [num_ws, w_dim].",
        ),
        Port::optional("bends", PortType::Bends, "Changes of the features, from `bend` nodes."),
        Port::optional("noise", PortType::Noise, "Noise for the layers, from `noise` nodes."),
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
        Param::int("columns", "Columns", 4, (4, 16))
            .hard_int(1, 32)
            .doc("Cells of the learned constant from left to right: 4 as trained, 7 for 16:9."),
        Param::int("rows", "Rows", 4, (4, 16))
            .hard_int(1, 32)
            .doc("Cells of the learned constant from top to bottom: 4 as trained."),
        Param::choice("fill", "Fill", &["mirror", "reflect", "replicate", "wrap"])
            .doc("What the cells around the trained ones hold."),
    ],
    build: || Box::<StyleGan2>::default(),
};

#[derive(Default)]
struct StyleGan2 {
    crossing: Crossing,
}

impl Node for StyleGan2 {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.crossing = Crossing::new(cx.services);
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let network = network("model", io.inputs.model(IN_MODEL))?;
        let generator = &network.generator;
        let latent = io
            .inputs
            .latent(IN_LATENT)
            .ok_or_else(|| NodeError::input("latent", "no latent has arrived"))?;
        let shaping = Shaping {
            noise: noise(io)?,
            bends: bends(io)?,
            rewrites: network.rewrites.clone(),
            canvas: canvas(io),
        };
        let psi = io.params.float(TRUNCATION);
        let cutoff = usize::try_from(io.params.int(TRUNCATION_CUTOFF)).unwrap_or(0);
        let ws = latent_rows(generator, latent)?;
        let ws = generator
            .truncate(&ws, psi, Some(cutoff))
            .map_err(|e| NodeError::input("latent", e))?;
        let frame = Frame { network, ws, shaping };
        let Some(accelerator) = frame.network.generator.accelerator().cloned() else {
            io.outputs.set_image(OUT_IMAGE, frame.draw()?);
            return Ok(());
        };
        let draw_to =
            |frame: &Frame, to| frame.network.generator.draw_to(&frame.ws, &frame.shaping, to);
        let (image, fault) = accelerated(&mut self.crossing, &accelerator, frame, draw_to)?;
        io.outputs.set_image(OUT_IMAGE, image);
        fault.map_or(Ok(()), Err)
    }
}

/// A picture that is to be drawn.
struct Frame {
    network: Arc<Model>,
    /// `[1, num_ws, w_dim]`.
    ws: Tensor,
    shaping: Shaping,
}

impl Frame {
    /// Width and height.
    fn size_px(&self) -> (u32, u32) {
        let resolution = self.network.generator.config().img_resolution;
        let (height, width) = self.shaping.canvas.size_px(resolution);
        (width as u32, height as u32)
    }

    /// Draws it on the processor.
    fn draw(&self) -> Result<Image, NodeError> {
        let picture = self
            .network
            .generator
            .synthesize_by(Path::Fast, &self.ws, &self.shaping)
            .and_then(|picture| Ok(picture.flatten_all()?.to_vec1::<f32>()?))
            .map_err(|e| NodeError::input("latent", e))?;
        let (width, height) = self.size_px();
        Ok(image(&picture, width as usize, height as usize))
    }
}

/// The picture of `frame`, which `draw_to` asks for. Where the accelerator fails, the processor draws
/// it, and what went wrong comes along.
fn accelerated(
    crossing: &mut Crossing,
    accelerator: &Arc<dyn Accelerator>,
    frame: Frame,
    draw_to: impl FnOnce(&Frame, u64) -> Result<Box<dyn Event>, ModelError>,
) -> Result<(Image, Option<NodeError>), NodeError> {
    let frame = Arc::new(frame);
    let again = frame.clone();
    let redraw = Box::new(move || again.draw());
    let size_px = frame.size_px();
    match crossing.draw(accelerator, size_px, |to| draw_to(&frame, to), redraw) {
        Ok(image) => Ok((image, None)),
        // What does not fit the network is refused by the processor too.
        Err(error) => {
            let image = frame.draw()?;
            let reason = format!("{error}; the processor draws in its place");
            Ok((image, Some(NodeError::device(accelerator.name(), reason))))
        }
    }
}

fn noise(io: &Io<'_>) -> Result<Noise, NodeError> {
    let mode = match io.inputs.noise(IN_NOISE) {
        Some(handle) => {
            let field = handle.get::<Field>().ok_or_else(|| {
                NodeError::input("noise", "is no noise: wire a `noise` node here")
            })?;
            NoiseMode::Field(field.0.clone())
        }
        None => match io.params.choice(NOISE_MODE) {
            0 => NoiseMode::Const,
            1 => NoiseMode::None,
            _ => NoiseMode::Random,
        },
    };
    Ok(Noise {
        mode,
        strength: io.params.float(NOISE_STRENGTH),
        seed: node_seed(io.tick.seed, io.params.int(NOISE_SEED)),
        ..Noise::default()
    })
}

fn bends(io: &Io<'_>) -> Result<Vec<Bend>, NodeError> {
    let Some(handle) = io.inputs.bends(IN_BENDS) else { return Ok(Vec::new()) };
    let bends = handle
        .get::<Vec<Bend>>()
        .ok_or_else(|| NodeError::input("bends", "are no bends: wire a `bend` node here"))?;
    Ok(bends.to_vec())
}

fn canvas(io: &Io<'_>) -> Canvas {
    let cells = |i| usize::try_from(io.params.int(i)).unwrap_or(4).clamp(1, Canvas::MAX_CELLS);
    Canvas {
        columns: cells(COLUMNS),
        rows: cells(ROWS),
        fill: match io.params.choice(FILL) {
            0 => Fill::Mirror,
            1 => Fill::Reflect,
            2 => Fill::Replicate,
            _ => Fill::Wrap,
        },
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
fn image(planes: &[f32], width: usize, height: usize) -> Image {
    let area = width * height;
    let mut pixels = vec![1.0; 4 * area];
    let plane = |c: usize| planes.get(c * area..(c + 1) * area).unwrap_or(&planes[..area]);
    let (red, green, blue) = (plane(0), plane(1), plane(2));
    let level = |v: f32| if v.is_finite() { 0.5 * v + 0.5 } else { 0.5 };
    pixels.par_chunks_exact_mut(4).with_min_len(4096).enumerate().for_each(|(i, pixel)| {
        (pixel[0], pixel[1], pixel[2]) = (level(red[i]), level(green[i]), level(blue[i]));
    });
    let (width_px, height_px) = (width as u32, height as u32);
    Image::from_host(
        HostImage { width_px, height_px, pixels: Pixels::RgbaF32(pixels) },
        Encoding::Srgb,
    )
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Handle, Services, Value};

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
        super::super::network("model", Some(&handle)).unwrap().generator.clone()
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
        let picture = network.synthesize(&ws, &Shaping::default()).unwrap();
        let planes = picture.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        for (i, pixel) in found.chunks_exact(4).enumerate() {
            for c in 0..3 {
                assert!((pixel[c] - (planes[c * 1024 + i] + 1.0) / 2.0).abs() < 1e-6);
            }
        }
        assert_eq!(pixels(&mut node), found);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_processor_draws_the_same_where_the_accelerator_fails() {
        use lumawire_models::stylegan2::Precision;

        use crate::gpu::simulated::{Pace, Simulated};

        let model = small_model(&Services::default());
        let Value::Model(handle) = &model else { panic!("no model") };
        let generator = super::super::network("model", Some(handle)).unwrap().generator.clone();
        let mut node = node(z());
        node.input("model", model.clone());
        let expected = pixels(&mut node);
        let simulated = Simulated::new(Pace::Late, None);
        let accelerator: Arc<dyn Accelerator> = simulated.clone();
        generator.use_accelerator(&accelerator, Precision::default()).unwrap();
        simulated.lose();
        for _ in 0..2 {
            let error = node.tick().unwrap_err().to_string();
            assert!(error.contains("simulated accelerator"), "{error}");
            assert!(
                error.ends_with("it fell off the bus; the processor draws in its place"),
                "{error}"
            );
            let Value::Image(image) = node.output("image") else { panic!("no image") };
            assert_eq!(image.encoding, Encoding::Srgb);
            assert_eq!(image.host().unwrap().pixels, Pixels::RgbaF32(expected.clone()));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn pictures_of_an_accelerator_are_light_at_the_size_of_the_canvas() {
        use crate::gpu::simulated::{Pace, Simulated};

        let network = Arc::new(Model { generator: network(), rewrites: Vec::new() });
        let ws = Tensor::from_vec(some_z(8 * 512), (1, 8, 512), &Device::Cpu).unwrap();
        let canvas = Canvas { columns: 7, ..Canvas::default() };
        let frame = Frame { network, ws, shaping: Shaping { canvas, ..Shaping::default() } };
        let simulated = Simulated::new(Pace::Late, None);
        let accelerator: Arc<dyn Accelerator> = simulated.clone();
        // 0.5 as a half.
        let texels = [0x00, 0x38].repeat(56 * 32 * 4);
        let draw_to = |_: &Frame, to| simulated.draw(to, &texels);
        let mut crossing = Crossing::default();
        let (image, fault) = accelerated(&mut crossing, &accelerator, frame, draw_to).unwrap();
        assert_eq!(fault, None);
        let found = (image.width_px, image.height_px, image.encoding);
        assert_eq!(found, (56, 32, Encoding::Linear));
        let Pixels::RgbaF32(pixels) = &image.host().unwrap().pixels else { panic!("reals") };
        assert_eq!(*pixels, vec![0.5; 56 * 32 * 4]);
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
        let stranger = lumawire_core::Handle::new(0, std::sync::Arc::new(0_u8));
        node.input("model", Value::Model(stranger));
        assert!(node.tick().unwrap_err().to_string().contains("no StyleGAN2 network"));
    }

    /// A field that is the same everywhere.
    struct Flat(f32);

    impl lumawire_models::stylegan2::NoiseField for Flat {
        fn fill(&self, _: usize, _: usize, _: usize, out: &mut [f32]) {
            out.fill(self.0);
        }
    }

    #[test]
    fn bends_and_noise_arrive() {
        use lumawire_models::stylegan2::{BendOp, Channels};
        let plain = pixels(&mut node(z()));
        let bent = |amount| {
            let op = BendOp::Scale { factor: 0.0 };
            let bend = Bend { layer: 3, channels: Channels::All, op, amount };
            let mut node = node(z());
            node.input("bends", Value::Bends(Handle::new(1, std::sync::Arc::new(vec![bend]))));
            pixels(&mut node)
        };
        assert_eq!(bent(0.0), plain);
        assert_ne!(bent(1.0), plain);
        let noisy = |level| {
            let mut node = node(z());
            let field = Field(std::sync::Arc::new(Flat(level)));
            node.input("noise", Value::Noise(Handle::new(2, std::sync::Arc::new(field))));
            pixels(&mut node)
        };
        let mut silent = node(z());
        silent.set_param("noise_mode", "none");
        assert_eq!(noisy(0.0), pixels(&mut silent));
        assert_eq!(noisy(f32::NAN), noisy(0.0));
        assert_ne!(noisy(1.0), noisy(0.0));
        let mut node = node(z());
        node.input("bends", Value::Bends(Handle::new(0, std::sync::Arc::new(0_u8))));
        assert!(node.tick().unwrap_err().to_string().contains("wire a `bend` node"));
    }

    #[test]
    fn a_wider_canvas_draws_a_wider_picture() {
        let mut node = node(z());
        node.set_param("columns", 7_i64);
        node.tick().unwrap();
        let Value::Image(image) = node.output("image") else { panic!("no image") };
        assert_eq!((image.width_px, image.height_px), (56, 32));
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
