//! A picture file.

use std::any::Any;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits};
use lumawire_core::{
    Encoding, FileKind, HostImage, Image, Io, Node, NodeError, NodeSpec, Param, Pixels, Port,
    PortType, PrepareCx, Rate, Role, Services,
};
use lumawire_models::file::read_bounded;

use super::shown::Shown;
use super::test_card::test_card;

const OUT_IMAGE: usize = 0;
const FILE: usize = 0;

/// The largest file that is read.
const MAX_FILE_BYTES: u64 = 512 << 20;
/// Longest side in pixels.
const MAX_SIDE_PX: u32 = 16_384;
/// Pixels of the largest picture, as many as a device takes.
const MAX_PIXELS: u64 = 1 << 26;

/// `source.image`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "source.image",
    version: 1,
    label: "Image",
    doc: "Shows a picture file. It opens PNG and JPEG, told by their content, of 8 or 16 bits, grey or \
          colour, with alpha, turned as their Exif orientation says; the numbers are taken for sRGB. \
          Sides up to 16384 pixels and 67 million pixels in all. Where the file is absent, the picture \
          that was read from it before stays, or else a test card shows, and it is told; a damaged \
          file is an error. Without a file the test card shows.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[],
    outputs: &[Port::output("image", PortType::Image, "The picture.")],
    params: &[Param::file("file", "File", FileKind::Image).doc("The picture: PNG or JPEG.")],
    build: || Box::new(Still::default()),
};

#[derive(Default)]
struct Still {
    shown: Option<Shown>,
    services: Services,
    /// The file that is named.
    file: Option<PathBuf>,
    /// Whether it is not there.
    is_absent: bool,
}

impl Node for Still {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.file = cx.file(FILE);
        self.is_absent = self.file.as_ref().is_some_and(|path| !path.exists());
        let picture = match &self.file {
            Some(path) if !self.is_absent => read(path)?,
            _ => test_card(),
        };
        self.services = cx.services.clone();
        self.shown = Some(Shown::new(picture, cx.services));
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        if let Some(shown) = &mut self.shown {
            io.outputs.set_image(OUT_IMAGE, shown.image(&self.services));
        }
        match &self.file {
            Some(path) if self.is_absent => Err(NodeError::file(
                path,
                "is not there; the picture that was read from it before stays, or else a test card \
                 shows: choose the file again",
            )),
            _ => Ok(()),
        }
    }

    /// Where the file has gone while the patch runs, its picture stays.
    fn adopt(&mut self, old: &mut dyn Any) {
        if let Some(old) = old.downcast_mut::<Self>()
            && self.is_absent
            && old.file == self.file
        {
            self.shown = old.shown.take();
        }
    }
}

fn read(path: &Path) -> Result<Image, NodeError> {
    let bytes = read_bounded(path, MAX_FILE_BYTES).map_err(|e| NodeError::file(path, e))?;
    decode(bytes).map_err(|reason| NodeError::file(path, reason))
}

fn decode(bytes: Vec<u8>) -> Result<Image, String> {
    let fault = |e: image::ImageError| match e {
        image::ImageError::Unsupported(_) => {
            "is no PNG or JPEG: save the picture as one of them".to_owned()
        }
        e => format!("cannot be read: {e}"),
    };
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let mut decoder = reader.map_err(|e| e.to_string())?.into_decoder().map_err(fault)?;
    let (width, height) = decoder.dimensions();
    if width > MAX_SIDE_PX
        || height > MAX_SIDE_PX
        || u64::from(width) * u64::from(height) > MAX_PIXELS
    {
        return Err(format!(
            "is {width} × {height} pixels, which is too large: sides up to {MAX_SIDE_PX} and {} \
             million pixels in all; save it smaller",
            MAX_PIXELS / 1_000_000
        ));
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_PIXELS * 16);
    decoder.set_limits(limits).map_err(fault)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(fault)?;
    image.apply_orientation(orientation);
    Ok(from_dynamic(image))
}

/// 8 bits stay so; 16 bits become reals.
fn from_dynamic(image: DynamicImage) -> Image {
    let (width_px, height_px) = (image.width(), image.height());
    let has_8_bits = matches!(
        image,
        DynamicImage::ImageLuma8(_)
            | DynamicImage::ImageLumaA8(_)
            | DynamicImage::ImageRgb8(_)
            | DynamicImage::ImageRgba8(_)
    );
    let pixels = if has_8_bits {
        Pixels::Rgba8(image.into_rgba8().into_raw())
    } else {
        Pixels::RgbaF32(image.into_rgba32f().into_raw())
    };
    Image::from_host(HostImage { width_px, height_px, pixels }, Encoding::Srgb)
}

#[cfg(test)]
mod tests {
    use image::{
        ExtendedColorType, ImageEncoder, codecs::jpeg::JpegEncoder, codecs::png::PngEncoder,
    };
    use lumawire_core::harness::Harness;
    use lumawire_core::{ParamValue, Value};

    use super::*;
    use crate::gpu::linear_from_srgb;
    use crate::gpu::testing::{pixel, services, values};

    fn png(bytes: &[u8], size: (u32, u32), color: ExtendedColorType) -> Vec<u8> {
        let mut file = Vec::new();
        PngEncoder::new(&mut file).write_image(bytes, size.0, size.1, color).unwrap();
        file
    }

    fn node(name: &str, file: &[u8]) -> Result<(tempfile::TempDir, Harness), NodeError> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(name), file).unwrap();
        let node = Harness::new(&SPEC).base_dir(dir.path()).services(&services());
        node.param("file", ParamValue::file(name)).prepare().map(|node| (dir, node))
    }

    fn picture(node: &mut Harness) -> Image {
        let _ = node.tick();
        let Value::Image(image) = node.output("image") else { panic!("no picture") };
        image.clone()
    }

    #[test]
    fn codes_of_8_bits_become_light_and_alpha_stays() {
        let file = png(&[255, 188, 0, 255, 10, 20, 30, 51], (2, 1), ExtendedColorType::Rgba8);
        let (_dir, mut node) = node("a.png", &file).unwrap();
        let image = picture(&mut node);
        assert_eq!(image.encoding, Encoding::Linear, "it lies on the device");
        let [r, g, b, a] = pixel(&image, 0, 0);
        assert_eq!((r, b, a), (1.0, 0.0, 1.0));
        assert!((g - linear_from_srgb(188.0 / 255.0)).abs() < 3e-4);
        assert!((pixel(&image, 1, 0)[3] - 0.2).abs() < 1e-4);
    }

    #[test]
    fn all_16_bits_count() {
        // Two greys that 8 bits cannot tell apart.
        let file = png(
            &[30_000_u16, 30_050].map(u16::to_ne_bytes).concat(),
            (2, 1),
            ExtendedColorType::L16,
        );
        let image = decode(file).unwrap();
        let found = values(&image);
        assert!(
            (found[0] - 30_000.0 / 65_535.0).abs() < 1e-6
                && (found[4] - 30_050.0 / 65_535.0).abs() < 1e-6
        );
    }

    #[test]
    fn a_jpeg_is_turned_as_its_exif_says() {
        // Left half red, right half blue, 16 × 8.
        let pixels: Vec<u8> =
            (0..128).flat_map(|i| if i % 16 < 8 { [254, 0, 0] } else { [0, 0, 254] }).collect();
        let mut file = Vec::new();
        let mut encoder = JpegEncoder::new_with_quality(&mut file, 95);
        // A TIFF of one entry: orientation 6, to be turned a quarter clockwise.
        let exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        encoder.set_exif_metadata(exif.to_vec()).unwrap();
        encoder.write_image(&pixels, 16, 8, ExtendedColorType::Rgb8).unwrap();
        let image = decode(file).unwrap();
        assert_eq!((image.width_px, image.height_px), (8, 16));
        let (top, bottom) = (pixel(&image, 4, 2), pixel(&image, 4, 13));
        assert!(
            top[0] > 0.9 && top[2] < 0.1 && bottom[0] < 0.1 && bottom[2] > 0.9,
            "{top:?} {bottom:?}"
        );
    }

    #[test]
    fn an_absent_file_leaves_its_picture_or_a_test_card_and_a_notice() {
        let (dir, mut old) = node("a.png", &png(&[9; 3], (1, 1), ExtendedColorType::Rgb8)).unwrap();
        assert_eq!(picture(&mut old).width_px, 1);
        std::fs::remove_file(dir.path().join("a.png")).unwrap();
        let make = |name: &str| {
            let node = Harness::new(&SPEC).base_dir(dir.path()).services(&services());
            node.param("file", ParamValue::file(name)).prepare().unwrap()
        };
        let mut other = make("b.png");
        other.node_mut().adopt(old.node_mut());
        assert!(matches!(other.tick(), Err(NodeError::File { .. })));
        assert_eq!(picture(&mut other).width_px, test_card().width_px);
        let mut new = make("a.png");
        new.node_mut().adopt(old.node_mut());
        assert!(matches!(new.tick(), Err(NodeError::File { .. })));
        assert_eq!(picture(&mut new).width_px, 1);
        let mut none = Harness::new(&SPEC).services(&services()).prepare().unwrap();
        none.tick().unwrap();
    }

    #[test]
    fn what_is_no_picture_is_told() {
        let why = |name: &str, bytes: &[u8]| node(name, bytes).err().unwrap().to_string();
        assert!(why("a.png", b"GIF89a no picture").contains("PNG or JPEG"));
        let mut cut = png(&[7; 300], (10, 10), ExtendedColorType::Rgb8);
        cut.truncate(60);
        assert!(why("cut.png", &cut).contains("cannot be read"));
        // A header that promises 100 000 × 100 000 pixels.
        let mut vast = png(&[7; 3], (1, 1), ExtendedColorType::Rgb8);
        vast[16..24].copy_from_slice(&[0, 1, 134, 160, 0, 1, 134, 160]);
        let crc = crc32(&vast[12..29]);
        vast[29..33].copy_from_slice(&crc.to_be_bytes());
        assert!(why("vast.png", &vast).contains("too large"), "{}", why("vast.png", &vast));
    }

    /// PNG's check of a chunk.
    fn crc32(bytes: &[u8]) -> u32 {
        let bit = |crc: u32, _| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
        !bytes.iter().fold(!0, |crc, b| (0..8).fold(crc ^ u32::from(*b), bit))
    }

    #[test]
    fn a_lost_device_gets_the_picture_again() {
        let own = Services::default();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.png"), png(&[255; 3], (1, 1), ExtendedColorType::Rgb8))
            .unwrap();
        let node = Harness::new(&SPEC).base_dir(dir.path()).services(&own);
        let mut node = node.param("file", ParamValue::file("a.png")).prepare().unwrap();
        let gpu = crate::gpu::Gpu::of(&own).unwrap();
        gpu.device().destroy();
        let _ = gpu.device().poll(wgpu::PollType::wait_indefinitely());
        assert_eq!(pixel(&picture(&mut node), 0, 0), [1.0; 4]);
    }
}
