//! `generate.super_resolution`: a larger picture by a network.

use std::any::Any;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::{Device, Tensor};
use lumawire_core::{
    Encoding, FileKind, HostImage, Image, Io, Node, NodeError, NodeSpec, Param, Pixels, Port,
    PortType, PrepareCx, Rate, Role, Unit, Value,
};
use lumawire_models::super_resolution::{Architecture, Network};
use rayon::prelude::*;

use crate::gpu::{Fit, Kernel, Resampler, finite, srgb_from_linear};

const IN_IMAGE: usize = 0;
const OUT_IMAGE: usize = 0;

const FILE: usize = 0;
const STRENGTH: usize = 1;
const TILE: usize = 2;

/// What the size grows by where the network is absent: that of the built-in one.
const DEFAULT_SCALE: usize = 2;

/// See `doc`.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "generate.super_resolution",
    version: 1,
    label: "Super resolution",
    doc: "Makes a picture larger by a small network that has learnt what fine detail looks like. \
          It opens ESPCN (Shi et al., 2016) and SRVGGNetCompact (Real-ESRGAN's \
          realesr-animevideov3 and realesr-general-x4v3), as .pth or .safetensors; the network \
          decides how many times larger. Without a file the built-in network doubles the size. It \
          works on sRGB codes of 0 to 1; an ESPCN makes the luminance (Rec. 601), and the colours \
          come from the Lanczos picture, as do alpha and what lies beyond black and white. Where \
          the file is absent, the Lanczos picture of twice the size passes, and it is reported. It \
          runs on the processor: post.upscale is for live pictures of full size. No latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "The larger picture.")],
    params: &[
        Param::file("file", "File", FileKind::Model)
            .doc("Weights: .pth or .safetensors. None: the built-in network."),
        Param::float("strength", "Strength", 1.0, (0.0, 1.0))
            .doc("From the Lanczos picture at 0 to that of the network at 1."),
        Param::int("tile_px", "Tile", 256, (64, 1_024)).hard_int(16, 4_096).unit(Unit::Px).doc(
            "Side of the tiles that are made at a time. It bounds the memory, not the picture.",
        ),
    ],
    build: || Box::<SuperResolution>::default(),
};

#[derive(Default)]
struct SuperResolution {
    resampler: Resampler,
    network: Option<Arc<Network>>,
    /// The file that is named.
    file: Option<PathBuf>,
    /// Whether it is not there.
    is_absent: bool,
}

impl Node for SuperResolution {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.resampler.prepare(cx.services)?;
        self.file = cx.file(FILE);
        self.network = match &self.file {
            Some(path) => from_file(path)?.map(Arc::new),
            None => Some(Arc::new(Network::built_in().map_err(|e| NodeError::param("file", e))?)),
        };
        self.is_absent = self.network.is_none();
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(image) = io.inputs.image(IN_IMAGE) else {
            io.outputs.set(OUT_IMAGE, Value::Empty);
            return Ok(());
        };
        let scale = self.network.as_ref().map_or(DEFAULT_SCALE, |n| n.config().scale);
        let times = |side: u32| side.saturating_mul(scale as u32);
        let size = (times(image.width_px), times(image.height_px));
        let lanczos = self.resampler.resample(image, size, Fit::Stretch, Kernel::Lanczos3)?;
        let strength = io.params.float(STRENGTH);
        let large = match &self.network {
            Some(network) if strength > 0.0 => {
                let tile_px = usize::try_from(io.params.int(TILE)).unwrap_or(0);
                let job = Job { network, strength, tile_px };
                job.draw(&*image.host()?, image.encoding, &*lanczos.host()?)?
            }
            _ => lanczos,
        };
        io.outputs.set_image(OUT_IMAGE, large);
        match &self.file {
            Some(path) if self.is_absent => Err(NodeError::file(
                path,
                "is not there; the picture is made larger by Lanczos, or by the network that was \
                 loaded from it before: choose the file again",
            )),
            _ => Ok(()),
        }
    }

    /// Where the file has gone while the patch runs, its network draws on.
    fn adopt(&mut self, old: &mut dyn Any) {
        if let Some(old) = old.downcast_mut::<Self>()
            && self.is_absent
            && old.file == self.file
        {
            self.network = old.network.take();
        }
    }
}

/// The network in the file at `path`, or `None` where there is no file.
fn from_file(path: &Path) -> Result<Option<Network>, NodeError> {
    match std::fs::metadata(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(NodeError::file(path, e)),
        Ok(_) => Network::open(path).map(Some).map_err(|e| NodeError::file(path, e)),
    }
}

/// One picture's work.
struct Job<'a> {
    network: &'a Network,
    strength: f32,
    tile_px: usize,
}

impl Job<'_> {
    /// `small` by the network, mixed with `lanczos`, which is linear and has the size of the result.
    fn draw(
        &self,
        small: &HostImage,
        encoding: Encoding,
        lanczos: &HostImage,
    ) -> Result<Image, NodeError> {
        let config = self.network.config();
        let (width, height) = (small.width_px as usize, small.height_px as usize);
        let texels = codes(small, encoding);
        let made = self.enlarge(&texels, (height, width))?;
        let area = width * height * config.scale * config.scale;
        let large_width = width * config.scale;
        let mut pixels = codes(lanczos, Encoding::Linear);
        pixels.par_chunks_exact_mut(4).with_min_len(4096).enumerate().for_each(|(i, pixel)| {
            let (x, y) = (i % large_width / config.scale, i / large_width / config.scale);
            let texel = &texels[(y * width + x) * 4..][..3];
            // The network knows nothing beyond black and white.
            if texel.iter().any(|code| !(0.0..=1.0).contains(code)) {
                return;
            }
            match config.architecture {
                Architecture::Espcn => {
                    let change = made[i].clamp(0.0, 1.0) - luma(pixel);
                    pixel[..3].iter_mut().for_each(|code| *code += self.strength * change);
                }
                Architecture::Compact => {
                    for (c, code) in pixel[..3].iter_mut().enumerate() {
                        *code += self.strength * (made[c * area + i].clamp(0.0, 1.0) - *code);
                    }
                }
            }
        });
        let (width_px, height_px) = (lanczos.width_px, lanczos.height_px);
        let pixels = Pixels::RgbaF32(pixels);
        Ok(Image::from_host(HostImage { width_px, height_px, pixels }, Encoding::Srgb))
    }

    /// What the network makes of the picture, in planes.
    fn enlarge(
        &self,
        texels: &[f32],
        (height, width): (usize, usize),
    ) -> Result<Vec<f32>, NodeError> {
        let architecture = self.network.config().architecture;
        let channels = architecture.num_channels();
        let mut planes = vec![0.0; channels * height * width];
        for (i, texel) in texels.chunks_exact(4).enumerate() {
            match architecture {
                Architecture::Espcn => planes[i] = luma(texel).clamp(0.0, 1.0),
                Architecture::Compact => {
                    for (c, code) in texel.iter().take(3).enumerate() {
                        planes[c * height * width + i] = code.clamp(0.0, 1.0);
                    }
                }
            }
        }
        let made = || {
            let picture = Tensor::from_vec(planes, (channels, height, width), &Device::Cpu)?;
            let made = self.network.enlarge(&picture, self.tile_px)?;
            Ok(made.flatten_all()?.to_vec1::<f32>()?)
        };
        made().map_err(|e: lumawire_models::ModelError| NodeError::input("image", e))
    }
}

/// Luminance of sRGB codes as ESPCN's training data have it (Rec. 601).
fn luma(code: &[f32]) -> f32 {
    0.299 * code[0] + 0.587 * code[1] + 0.114 * code[2]
}

/// sRGB codes and alpha; 0 for what is no finite number.
fn codes(image: &HostImage, encoding: Encoding) -> Vec<f32> {
    let code = |light: f32| srgb_from_linear(finite(light));
    match (&image.pixels, encoding) {
        (Pixels::RgbaF32(pixels), Encoding::Srgb) => {
            pixels.par_iter().map(|v| finite(*v)).collect()
        }
        (Pixels::RgbaF32(pixels), Encoding::Linear) => {
            crate::gpu::map_pixels(pixels, |&[r, g, b, a]| [code(r), code(g), code(b), finite(a)])
        }
        (Pixels::Rgba8(pixels), Encoding::Srgb) => {
            crate::gpu::map_pixels(pixels, |p| p.map(|v| f32::from(v) / 255.0))
        }
        (Pixels::Rgba8(pixels), Encoding::Linear) => {
            let code = |v: u8| code(f32::from(v) / 255.0);
            crate::gpu::map_pixels(pixels, |&[r, g, b, a]| {
                [code(r), code(g), code(b), f32::from(a) / 255.0]
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::ParamValue;
    use lumawire_core::harness::Harness;

    use super::*;
    use crate::gpu::linear_from_srgb;
    use crate::gpu::testing::{picture, services, values};

    fn reference() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/reference/super_resolution")
    }

    fn fresh() -> Harness {
        Harness::new(&SPEC).base_dir(reference()).services(&services())
    }

    fn drawn(node: &Harness) -> Image {
        match node.output("image") {
            Value::Image(image) => image.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn run(node: Harness, image: &Image) -> Image {
        let mut node = node.prepare().unwrap();
        node.input("image", Value::Image(image.clone()));
        node.tick().unwrap();
        drawn(&node)
    }

    /// An opaque picture of code values between 0.2 and 0.8, linear.
    fn soft(width: u32, height: u32) -> Image {
        picture(width, height, |x, y| {
            let code = |k: f32| 0.5 + 0.3 * (0.4 * x as f32 + k * y as f32).sin();
            [linear_from_srgb(code(0.3)), linear_from_srgb(code(0.7)), linear_from_srgb(0.4), 1.0]
        })
    }

    fn lanczos(image: &Image, scale: u32) -> Vec<f32> {
        let mut resampler = Resampler::default();
        resampler.prepare(&services()).unwrap();
        let size = (image.width_px * scale, image.height_px * scale);
        codes(
            &resampler
                .resample(image, size, Fit::Stretch, Kernel::Lanczos3)
                .unwrap()
                .host()
                .unwrap(),
            Encoding::Linear,
        )
    }

    #[test]
    fn a_compact_network_makes_the_colours() {
        let image = soft(14, 11);
        let network = Network::open(&reference().join("compact_x4.pth")).unwrap();
        let texels = codes(&image.host().unwrap(), Encoding::Linear);
        let plane = |c: usize| texels.iter().skip(c).step_by(4);
        let planes: Vec<f32> = (0..3).flat_map(plane).copied().collect();
        let planes = Tensor::from_vec(planes, (3, 11, 14), &Device::Cpu).unwrap();
        let made = network.enlarge_by_definition(&planes).unwrap();
        let made = made.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let smooth = lanczos(&image, 4);
        for strength in [1.0, 0.4_f32] {
            let node = fresh().param("file", ParamValue::file("compact_x4.pth"));
            let found = run(node.param("strength", strength), &image);
            assert_eq!((found.width_px, found.height_px), (56, 44));
            assert_eq!(found.encoding, Encoding::Srgb);
            for (i, pixel) in values(&found).chunks_exact(4).enumerate() {
                for c in 0..3 {
                    let (base, made) = (smooth[4 * i + c], made[c * 56 * 44 + i].clamp(0.0, 1.0));
                    let expected = base + strength * (made - base);
                    assert!((pixel[c] - expected).abs() < 1e-4, "{i}: {pixel:?} {expected}");
                }
                assert_eq!(pixel[3], 1.0);
            }
        }
    }

    #[test]
    fn an_espcn_makes_the_luminance_and_leaves_the_colours() {
        let image = soft(14, 11);
        let network = Network::open(&reference().join("espcn_x3.pth")).unwrap();
        let texels = codes(&image.host().unwrap(), Encoding::Linear);
        let small: Vec<f32> = texels.chunks_exact(4).map(luma).collect();
        let small = Tensor::from_vec(small, (1, 11, 14), &Device::Cpu).unwrap();
        let made = network.enlarge_by_definition(&small).unwrap();
        let made = made.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let smooth = lanczos(&image, 3);
        let found = run(fresh().param("file", ParamValue::file("espcn_x3.pth")), &image);
        for (i, pixel) in values(&found).chunks_exact(4).enumerate() {
            assert!((luma(pixel) - made[i].clamp(0.0, 1.0)).abs() < 1e-4, "{i}");
            // Differences of the channels are what colour is.
            for c in 0..2 {
                let difference = smooth[4 * i + c] - smooth[4 * i + c + 1];
                assert!((pixel[c] - pixel[c + 1] - difference).abs() < 1e-4, "{i}");
            }
        }
    }

    #[test]
    fn strength_zero_and_an_absent_file_give_the_lanczos_picture() {
        let image = soft(9, 8);
        let close = |found: &Image, scale| {
            let found = codes(&found.host().unwrap(), found.encoding);
            let expected = lanczos(&image, scale);
            assert_eq!(found.len(), expected.len());
            assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-5));
        };
        let node = fresh().param("file", ParamValue::file("compact_x4.pth"));
        close(&run(node.param("strength", 0.0_f32), &image), 4);
        let mut node = fresh().param("file", ParamValue::file("gone.pth")).prepare().unwrap();
        node.input("image", Value::Image(image.clone()));
        for _ in 0..2 {
            assert!(matches!(node.tick(), Err(NodeError::File { .. })));
        }
        close(&drawn(&node), 2);
    }

    #[test]
    fn a_file_that_goes_away_leaves_its_network() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("net.pth");
        std::fs::copy(reference().join("compact_x4.pth"), &path).unwrap();
        let make = || {
            let node = Harness::new(&SPEC).base_dir(dir.path()).services(&services());
            node.param("file", ParamValue::file("net.pth")).prepare().unwrap()
        };
        let mut old = make();
        std::fs::remove_file(&path).unwrap();
        let mut new = make();
        new.node_mut().adopt(old.node_mut());
        new.input("image", Value::Image(soft(6, 5)));
        assert!(new.tick().is_err());
        assert_eq!(drawn(&new).width_px, 24);
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("bad.pth"), b"no weights").unwrap();
        let node = Harness::new(&SPEC).base_dir(dir.path()).services(&services());
        let node = node.param("file", ParamValue::file("bad.pth"));
        let error = node.prepare().err().expect("refused");
        assert!(error.to_string().contains("realesr"), "{error}");
    }

    #[test]
    fn what_is_no_colour_stays_out_of_the_network() {
        let image = picture(9, 7, |x, y| match (x, y) {
            (2, 2) => [f32::NAN, 0.1, 0.1, 1.0],
            (5, 3) => [30.0, 20.0, 0.1, 1.0],
            _ => [0.2, 0.3, 0.4, 0.5],
        });
        let found = values(&run(fresh(), &image));
        assert!(found.iter().all(|v| v.is_finite()));
        // Brighter than white stays so, by Lanczos.
        assert!(found[(7 * 18 + 11) * 4] > 2.0);
        assert!((found[3] - 0.5).abs() < 1e-3);
    }

    #[test]
    fn the_built_in_network_is_closer_to_a_sharp_edge_than_lanczos() {
        // A disc, exactly covered at both sizes.
        let disc = |x: f32, y: f32, px: f32| {
            let inside = (0..64).filter(|i| {
                let (u, v) = ((i % 8) as f32 / 8.0 + 0.0625, (i / 8) as f32 / 8.0 + 0.0625);
                (x + px * u - 16.0).hypot(y + px * v - 16.0) < 10.0
            });
            0.05 + 0.7 * inside.count() as f32 / 64.0
        };
        let image = picture(32, 32, |x, y| {
            let light = disc(x as f32, y as f32, 1.0);
            [light, light, light, 1.0]
        });
        let error = |codes: &[f32]| {
            let squared = codes.chunks_exact(4).enumerate().map(|(i, pixel)| {
                let light = disc((i % 64) as f32 / 2.0, (i / 64) as f32 / 2.0, 0.5);
                (pixel[0] - srgb_from_linear(light)).powi(2)
            });
            squared.sum::<f32>()
        };
        let found = values(&run(fresh(), &image));
        let (network, lanczos) = (error(&found), error(&lanczos(&image, 2)));
        assert!(network < 0.7 * lanczos, "{network} for {lanczos}");
    }

    #[test]
    fn no_picture_gives_no_picture() {
        let mut node = fresh().prepare().unwrap();
        node.tick().unwrap();
        assert!(matches!(node.output("image"), Value::Empty));
    }
}
