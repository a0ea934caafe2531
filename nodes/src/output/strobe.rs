//! Holds the flashes of final pictures to what is safe.

use std::sync::Arc;
use std::sync::LazyLock;

use lumawire_core::{HostImage, Param, Pixels, Tick};
use rayon::prelude::*;

use crate::gpu::{linear_from_srgb8, srgb8_from_linear};
use crate::post::flash::{FlashCounter, FlashLimits, Grid};

/// The switch of every output.
pub(super) const STROBE_LIMIT: Param = Param::switch("strobe_limit", "Strobe limit", true).doc(
    "Holds flashes to three in any second over a quarter of the picture, as post.strobe_limit \
     does, because more can give viewers seizures. Pictures that do not flash so pass to the bit. \
     Off where the picture is judged elsewhere, or is no show.",
);

/// Three in any second, a quarter of the picture: WCAG 2.2, success criterion 2.3.1, and the
/// guidance of ITU-R BT.1702.
const LIMITS: FlashLimits = FlashLimits { max_flashes: 3, area: 0.25 };

/// Limits pictures of 8-bit sRGB in memory. It knows only the pictures that it was given: what was
/// not drawn did not flash.
#[derive(Default)]
pub(super) struct StrobeLimiter {
    counter: FlashCounter,
    grid: Grid,
    last: Option<Arc<HostImage>>,
}

impl StrobeLimiter {
    /// The picture to show: `image` itself, or where it would flash too often, as much of it over
    /// the last as is allowed.
    pub fn limited(&mut self, image: Arc<HostImage>, tick: Tick) -> Arc<HostImage> {
        if self.last.as_ref().is_some_and(|last| Arc::ptr_eq(last, &image)) {
            return image;
        }
        let second = u64::from(tick.clock.sample_rate_hz);
        measure(&image, &mut self.grid);
        let share = self.counter.share(&self.grid, tick.sample, second, LIMITS);
        let shown = if share >= 1.0 {
            image
        } else {
            let size = (image.width_px, image.height_px);
            let fits = |last: &Arc<HostImage>| (last.width_px, last.height_px) == size;
            let last = match self.last.take().filter(fits) {
                Some(last) => last,
                None => Arc::new(of_cells(self.counter.shown(), size)),
            };
            let mixed = if share > 0.0 { mixed(&last, &image, share) } else { last };
            measure(&mixed, &mut self.grid);
            mixed
        };
        self.counter.show(&self.grid, tick.sample);
        self.last = Some(shown.clone());
        shown
    }

    /// Takes note of a picture that is shown whatever it does: what comes after it is limited.
    pub fn forced(&mut self, image: &Arc<HostImage>, tick: Tick) {
        if self.last.as_ref().is_some_and(|last| Arc::ptr_eq(last, image)) {
            return;
        }
        measure(image, &mut self.grid);
        self.counter.show(&self.grid, tick.sample);
        self.last = Some(image.clone());
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.counter.clear();
        self.last = None;
    }
}

/// Sums in whole numbers, so that their order does not count.
fn measure(image: &HostImage, grid: &mut Grid) {
    static LIGHTS: LazyLock<[u32; 256]> = LazyLock::new(|| {
        std::array::from_fn(|code| (linear_from_srgb8(code as u8) * 65_535.0).round() as u32)
    });
    let (width, height) = (image.width_px as usize, image.height_px as usize);
    let (columns, rows) = Grid::shape(image.width_px, image.height_px);
    (grid.columns, grid.rows) = (columns as usize, rows as usize);
    grid.cells.resize(grid.columns * grid.rows, [0.0; 3]);
    let Pixels::Rgba8(pixels) = &image.pixels else { return };
    let pixels = pixels.as_chunks::<4>().0;
    let (columns, rows) = (grid.columns, grid.rows);
    let lights = &*LIGHTS;
    grid.cells.par_chunks_mut(columns).enumerate().for_each(|(row, cells)| {
        let ys = row * height / rows..(row + 1) * height / rows;
        for (column, cell) in cells.iter_mut().enumerate() {
            let xs = column * width / columns..(column + 1) * width / columns;
            let mut sums = [0_u64; 3];
            for y in ys.clone() {
                let line = pixels.get(y * width + xs.start..y * width + xs.end).unwrap_or_default();
                for [r, g, b, _] in line {
                    for (sum, code) in sums.iter_mut().zip([r, g, b]) {
                        *sum += u64::from(lights[usize::from(*code)]);
                    }
                }
            }
            let full = 65_535.0 * (ys.len() * xs.len()).max(1) as f64;
            *cell = sums.map(|sum| (sum as f64 / full) as f32);
        }
    });
}

/// A picture of `size` whose cells have these means: stands in for a last one of another size.
fn of_cells(grid: &Grid, (width_px, height_px): (u32, u32)) -> HostImage {
    let codes: Vec<[u8; 4]> = grid
        .cells
        .iter()
        .map(|light| light.map(srgb8_from_linear))
        .map(|[r, g, b]| [r, g, b, 255])
        .collect();
    let (width, height) = (width_px as usize, height_px as usize);
    // As `measure` cuts them.
    let cell = |at: usize, num: usize, len: usize| ((at + 1) * num - 1) / len.max(1);
    let pixels = (0..height)
        .flat_map(|y| (0..width).map(move |x| (x, y)))
        .flat_map(|(x, y)| {
            let i = cell(y, grid.rows, height) * grid.columns + cell(x, grid.columns, width);
            codes.get(i).copied().unwrap_or([0, 0, 0, 255])
        })
        .collect();
    HostImage { width_px, height_px, pixels: Pixels::Rgba8(pixels) }
}

/// `share` of `to` over `from`, in light.
fn mixed(from: &HostImage, to: &HostImage, share: f32) -> Arc<HostImage> {
    let (Pixels::Rgba8(from), Pixels::Rgba8(next)) = (&from.pixels, &to.pixels) else {
        return Arc::new(to.clone());
    };
    let mix = |(from, to): (&u8, &u8)| {
        let (from, to) = (linear_from_srgb8(*from), linear_from_srgb8(*to));
        srgb8_from_linear(from + share * (to - from))
    };
    let pixels = from.par_iter().zip(next).with_min_len(65_536).map(mix).collect();
    Arc::new(HostImage {
        width_px: to.width_px,
        height_px: to.height_px,
        pixels: Pixels::Rgba8(pixels),
    })
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Encoding, Image, Value};

    use super::super::{sequence, still, video};
    use super::*;
    use crate::post::flash::testing::max_flashes_per_sec;

    const SMALL: (u32, u32) = (32, 18);

    fn image(size: (u32, u32), code: impl Fn(u32, u32) -> u8) -> Image {
        let pixels = (0..size.1).flat_map(|y| (0..size.0).map(move |x| (x, y)));
        let pixels = pixels.flat_map(|(x, y)| [code(x, y), code(x, y), code(x, y), 255]).collect();
        let image =
            HostImage { width_px: size.0, height_px: size.1, pixels: Pixels::Rgba8(pixels) };
        Image::from_host(image, Encoding::Srgb)
    }

    fn codes(image: &Image) -> Vec<u8> {
        match &image.host().unwrap().pixels {
            Pixels::Rgba8(pixels) => pixels.clone(),
            Pixels::RgbaF32(_) => panic!("not 8 bits"),
        }
    }

    fn shown(node: &mut Harness, image: &Image) -> Vec<u8> {
        node.input("image", Value::Image(image.clone()));
        node.tick().unwrap();
        match node.output("picture") {
            Value::Image(image) => codes(image),
            other => panic!("{other:?}"),
        }
    }

    /// Light of the first pixel at each of 240 frames, 60 a second.
    fn lights(mut node: Harness, code: impl Fn(u32) -> u8) -> Vec<f64> {
        (0..240)
            .map(|frame| {
                let pixels = shown(&mut node, &image(SMALL, |_, _| code(frame)));
                f64::from(linear_from_srgb8(pixels[0]))
            })
            .collect()
    }

    #[test]
    fn every_output_limits_flashes_unless_told_not_to() {
        let flashing = |frame: u32| if (frame / 3).is_multiple_of(2) { 0 } else { 255 };
        for spec in [&still::SPEC, &sequence::SPEC, &video::SPEC] {
            let node = Harness::new(spec).prepare().unwrap();
            let found = max_flashes_per_sec(&lights(node, flashing), 60.0, 0.1, 0.8);
            assert!((2..=3).contains(&found), "{}: {found}", spec.kind);
            let node = Harness::new(spec).param("strobe_limit", false).prepare().unwrap();
            let found = max_flashes_per_sec(&lights(node, flashing), 60.0, 0.1, 0.8);
            assert_eq!(found, 10, "{}", spec.kind);
        }
    }

    #[test]
    fn what_does_not_flash_passes_to_the_bit() {
        let passes_at = |size: (u32, u32), code: &dyn Fn(u32, u32, u32) -> u8| {
            let mut node = Harness::new(&sequence::SPEC).prepare().unwrap();
            (0..200).all(|frame| {
                let image = image(size, |x, y| code(frame, x, y));
                shown(&mut node, &image) == codes(&image)
            })
        };
        let passes = |code: &dyn Fn(u32, u32, u32) -> u8| passes_at(SMALL, code);
        assert!(passes(&|frame, _, _| frame as u8), "a fade");
        assert!(passes(&|frame, x, y| ((x + 2 * y + frame) % 256) as u8), "a picture that moves");
        assert!(passes(&|frame, _, _| if (frame / 15) % 2 == 0 { 0 } else { 255 }), "2 Hz");
        let corner = |frame: u32, x: u32, y: u32| {
            if x < 16 && y < 8 { ((frame / 3) % 2) as u8 * 255 } else { 128 }
        };
        assert!(passes(&corner), "less than a quarter of the picture");
        let noise = |frame: u32, x: u32, y: u32| {
            let v = (x + 320 * y + 57_600 * frame).wrapping_mul(747_796_405).wrapping_add(1);
            let v = ((v >> ((v >> 28) + 4)) ^ v).wrapping_mul(277_803_737);
            (v >> 24) as u8
        };
        assert!(passes_at((320, 180), &noise), "noise");
    }

    #[test]
    fn sizes_that_alternate_are_limited_too() {
        let flashing = |frame: u32| if (frame / 3).is_multiple_of(2) { 0 } else { 255 };
        let mut node = Harness::new(&sequence::SPEC).prepare().unwrap();
        let lights: Vec<f64> = (0..240)
            .map(|frame| {
                let size = if frame % 2 == 0 { SMALL } else { (37, 41) };
                let pixels = shown(&mut node, &image(size, |_, _| flashing(frame)));
                assert_eq!(pixels.len() as u32, size.0 * size.1 * 4);
                f64::from(linear_from_srgb8(pixels[0]))
            })
            .collect();
        let found = max_flashes_per_sec(&lights, 60.0, 0.1, 0.8);
        assert!((2..=3).contains(&found), "{found}");
    }

    #[test]
    fn cells_make_a_picture_of_their_means() {
        let mut grid = Grid::default();
        let codes = |x: u32, y: u32| (x / 2 * 16 + y / 3) as u8;
        // Cells of 2 × 3 pixels of one code each.
        let host = image((32, 27), codes).host().unwrap();
        measure(&host, &mut grid);
        assert_eq!(of_cells(&grid, (32, 27)).pixels, host.pixels);
        let mut other = Grid::default();
        measure(&of_cells(&grid, (53, 41)), &mut other);
        let means = grid.cells.iter().flatten().zip(other.cells.iter().flatten());
        assert!(means.into_iter().all(|(a, b)| (a - b).abs() < 1e-3));
    }

    #[test]
    fn a_reset_repeats() {
        let mut node = Harness::new(&sequence::SPEC).prepare().unwrap();
        let run = |node: &mut Harness| -> Vec<Vec<u8>> {
            (0..90_u8).map(|i| shown(node, &image(SMALL, |_, _| (i % 2) * 200))).collect()
        };
        let first = run(&mut node);
        node.reset();
        assert_eq!(run(&mut node), first);
    }
}
