//! `lumawire effects`: every picture effect at three settings, on one sheet.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use image::imageops::FilterType;
use image::{Rgb, RgbImage};
use lumawire_core::{Encoding, HostImage, Image, Pixels, Services};
use lumawire_nodes::gpu::srgb8_from_linear;
use lumawire_nodes::post::showcase::{SHOWINGS, draw};

use crate::error::CommandError;
use crate::sheet::{Row, Sheet};

/// Side of the pictures, and of what the sheet shows of them, in pixels.
const SIDE_PX: u32 = 256;
const CELL_PX: u32 = 192;
/// By how much a moving picture moves a frame, in pixels.
const STEP_PX: u32 = 3;

/// What `effects` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to: a name that ends in `.png`.
    pub out: PathBuf,
    /// The picture to draw (PNG, JPEG); else a drawn one.
    #[arg(long, value_name = "FILE")]
    pub picture: Option<PathBuf>,
    /// Only effects whose kind contains this.
    #[arg(long, value_name = "TEXT")]
    pub only: Option<String>,
}

/// Draws the sheet.
pub fn run(args: &Args) -> Result<ExitCode, CommandError> {
    let picture = match &args.picture {
        Some(path) => open(path)?,
        None => drawn(),
    };
    let is_wanted = |kind: &str| args.only.as_ref().is_none_or(|only| kind.contains(only.as_str()));
    let shown: Vec<_> = SHOWINGS.iter().filter(|s| is_wanted(s.spec.kind)).collect();
    let labels = shown.iter().map(|s| vec![s.spec.label.to_owned(), s.spec.kind.to_owned()]);
    let sheet = Sheet {
        title: vec!["Picture effects".into(), "three settings of each".into()],
        columns: ["as it was", "slight", "more", "most"].map(str::to_owned).to_vec(),
        group: 0,
        rows: labels.map(|label| Row::plain(label, 4)).collect(),
        cell_px: CELL_PX,
    };
    let mut drawing = sheet.begin()?;
    let services = Services::default();
    let other = ring();
    for (i, showing) in shown.iter().enumerate() {
        drawing.put(i, 0, &picture);
        for (setting, column) in showing.settings.into_iter().zip(1..) {
            let moved = |frames_left: usize| shifted(&picture, frames_left as u32 * STEP_PX);
            let image = draw(showing.spec, setting, &services, &other, moved).map_err(|error| {
                CommandError::Usage(format!("`{}`: {error}", showing.spec.kind))
            })?;
            drawing.put(i, column, &over_grey(&image)?);
        }
    }
    drawing.save(&args.out)?;
    println!("wrote {}: {} effects", args.out.display(), shown.len());
    Ok(ExitCode::SUCCESS)
}

fn open(path: &std::path::Path) -> Result<RgbImage, CommandError> {
    let io = |error: image::ImageError| CommandError::Usage(format!("{}: {error}", path.display()));
    let picture = image::ImageReader::open(path)
        .map_err(|error| CommandError::Usage(format!("{}: {error}", path.display())))?
        .with_guessed_format()
        .map_err(|error| CommandError::Usage(format!("{}: {error}", path.display())))?
        .decode()
        .map_err(io)?;
    Ok(picture.resize_to_fill(SIDE_PX, SIDE_PX, FilterType::CatmullRom).to_rgb8())
}

/// Discs, stripes and a slope of all hues: something for every effect.
fn drawn() -> RgbImage {
    RgbImage::from_fn(SIDE_PX, SIDE_PX, |x, y| {
        let (u, v) = (f64::from(x) / f64::from(SIDE_PX), f64::from(y) / f64::from(SIDE_PX));
        let hue =
            |turn: f64| (0.5 + 0.5 * (std::f64::consts::TAU * (u + turn)).cos()) * (1.0 - 0.7 * v);
        let mut colour = [hue(0.0), hue(1.0 / 3.0), hue(2.0 / 3.0)];
        let from_disc = (u - 0.35).hypot(v - 0.4);
        if from_disc < 0.2 {
            let light = 1.0 - from_disc * 3.0;
            colour = [light, 0.85 * light, 0.4 * light];
        }
        if (u - 0.7).abs() < 0.15 && (v - 0.65).abs() < 0.2 {
            let is_light = ((u * 40.0) as u32 + (v * 40.0) as u32).is_multiple_of(2);
            colour = if is_light { [0.95; 3] } else { [0.05; 3] };
        }
        Rgb(colour.map(|v| (v.clamp(0.0, 1.0) * 255.0) as u8))
    })
}

/// A soft ring: what goes into the other inputs.
fn ring() -> Image {
    let ring = RgbImage::from_fn(SIDE_PX, SIDE_PX, |x, y| {
        let (u, v) =
            (f64::from(x) / f64::from(SIDE_PX) - 0.5, f64::from(y) / f64::from(SIDE_PX) - 0.5);
        let light = (-((u.hypot(v) - 0.3) / 0.1).powi(2)).exp();
        Rgb([light, light * 0.8, light * 0.6].map(|v| (255.0 * v) as u8))
    });
    shifted(&ring, 0)
}

/// The picture moved to the left, round its edges.
fn shifted(picture: &RgbImage, by_px: u32) -> Image {
    let (width_px, height_px) = picture.dimensions();
    let pixels = picture.enumerate_pixels().flat_map(|(x, y, _)| {
        let Rgb([r, g, b]) = *picture.get_pixel((x + by_px) % width_px, y);
        [r, g, b, 255]
    });
    let host = HostImage { width_px, height_px, pixels: Pixels::Rgba8(pixels.collect()) };
    Image::from_host(host, Encoding::Srgb)
}

/// A picture in light over a dark grey, as 8 bit: what is transparent is seen.
fn over_grey(image: &Image) -> Result<RgbImage, CommandError> {
    const GREY: f32 = 0.03;
    let host: Arc<HostImage> =
        image.host().map_err(|error| CommandError::Usage(error.to_string()))?;
    Ok(RgbImage::from_fn(host.width_px, host.height_px, |x, y| {
        let i = 4 * (y * host.width_px + x) as usize;
        match &host.pixels {
            Pixels::RgbaF32(v) => {
                let alpha = v[i + 3].clamp(0.0, 1.0);
                let over = |c: usize| srgb8_from_linear(v[i + c] * alpha + GREY * (1.0 - alpha));
                Rgb([over(0), over(1), over(2)])
            }
            Pixels::Rgba8(v) => Rgb([v[i], v[i + 1], v[i + 2]]),
        }
    }))
}
