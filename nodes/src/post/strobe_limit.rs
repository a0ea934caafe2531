//! Flashes held to what is safe.

use std::any::Any;

use bytemuck::{Pod, Zeroable};
use lumawire_core::{
    Encoding, HostImage, Image, Io, Node, NodeError, NodeSpec, Param, Pixels, Port, PortType,
    PrepareCx, Rate, Role, Value,
};

use super::flash::{FlashCounter, FlashLimits, Grid, MAX_FLASHES};
use crate::gpu::{Effect, Fit, Kernel, Resampler};

const IN_IMAGE: usize = 0;
const OUT_IMAGE: usize = 0;
const ON: usize = 0;
const MAX_FLASHES_PER_SEC: usize = 1;
const AREA: usize = 2;

/// Parts of a cell along each axis, of which the device draws the means.
const MAX_PARTS: u32 = 8;

/// `post.strobe_limit`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.strobe_limit",
    version: 1,
    label: "Strobe limit",
    doc: "Holds flashes to what is safe for viewers with photosensitive epilepsy. A change counts \
          where the relative luminance moves by 10 % of white or more from its last extreme with \
          the darker state below 80 %, or where a saturated red comes or goes \
          (R/(R + G + B) ≥ 0.8, 320·(R − G − B) changing by 20 or more); two opposite changes are \
          a flash (WCAG 2.2, 2.3.1; ITU-R BT.1702). They are counted in each cell of a grid of up \
          to 16 × 9 over the second before. Where another change would let more than area of the \
          cells pass the limit, the picture comes in over the one shown last only as far as it is \
          no change yet, mixed in light within 0..1; all other pictures pass as they are. The \
          outputs do this by themselves; this is for pictures that leave another way, or stricter \
          limits. It reads a small picture back from the device at every frame. A help, and no \
          medical warranty: fine patterns and large dark screens have risks of their own. No \
          latency.",
    rate: Rate::Frame,
    role: Role::Stateful,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "The picture, or what of it is safe.")],
    params: &[
        Param::switch("on", "On", true).doc("Whether flashes are limited."),
        Param::int("max_flashes_per_sec", "Flashes", 3, (1, 3))
            .hard_int(1, MAX_FLASHES as i64)
            .doc("Flashes in any second; more than 3 is not safe."),
        Param::float("area", "Area", 0.25, (0.0, 0.25))
            .hard(0.0, 1.0)
            .doc("Share of the picture that may flash more often: less on a screen that is near."),
    ],
    build: || {
        Box::new(StrobeLimit {
            measure: Effect::new("post.strobe_limit", include_str!("strobe_grid.wgsl"), 1),
            mix: Effect::new("post.strobe_limit", include_str!("strobe_limit.wgsl"), 2),
            stretch: Resampler::default(),
            counter: FlashCounter::default(),
            grid: Grid::default(),
            last: None,
        })
    },
};

#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Shape {
    columns: u32,
    rows: u32,
}

struct StrobeLimit {
    measure: Effect<Shape>,
    mix: Effect<f32>,
    /// Makes what stands in for a last picture of another size.
    stretch: Resampler,
    counter: FlashCounter,
    grid: Grid,
    last: Option<Image>,
}

impl StrobeLimit {
    fn limited(&mut self, io: &Io<'_>, image: &Image) -> Result<Image, NodeError> {
        let (now, second) = (io.tick.sample, u64::from(io.tick.clock.sample_rate_hz));
        let limits = FlashLimits {
            max_flashes: usize::try_from(io.params.int(MAX_FLASHES_PER_SEC)).unwrap_or(1),
            area: io.params.float(AREA),
        };
        let size = (image.width_px, image.height_px);
        let fits = |last: &Image| !last.is_lost() && (last.width_px, last.height_px) == size;
        self.measure(image)?;
        let share = self.counter.share(&self.grid, now, second, limits);
        let shown = if share >= 1.0 {
            image.clone()
        } else {
            let last = match self.last.take().filter(fits) {
                Some(last) => last,
                None => self.stretch.resample(
                    &of_cells(self.counter.shown()),
                    size,
                    Fit::Stretch,
                    Kernel::Nearest,
                )?,
            };
            if share > 0.0 { self.mix.draw(&share, &[&last, image], size)? } else { last }
        };
        if share < 1.0 {
            self.measure(&shown)?;
        }
        self.counter.show(&self.grid, now);
        self.last = Some(shown.clone());
        Ok(shown)
    }

    fn measure(&mut self, image: &Image) -> Result<(), NodeError> {
        let (columns, rows) = Grid::shape(image.width_px, image.height_px);
        // The device is busy only where there are many means to be drawn.
        let parts = |len: u32, cells: u32| (len / cells).clamp(1, MAX_PARTS);
        let (across, down) = (parts(image.width_px, columns), parts(image.height_px, rows));
        let shape = Shape { columns: columns * across, rows: rows * down };
        let means = self.measure.draw(&shape, &[image], (shape.columns, shape.rows))?.host()?;
        (self.grid.columns, self.grid.rows) = (columns as usize, rows as usize);
        self.grid.cells.clear();
        self.grid.cells.resize(self.grid.columns * self.grid.rows, [0.0; 3]);
        let Pixels::RgbaF32(values) = &means.pixels else { return Ok(()) };
        let share = 1.0 / (across * down) as f32;
        for (i, mean) in (0..).zip(values.as_chunks::<4>().0) {
            let (x, y) = (i % shape.columns / across, i / shape.columns / down);
            if let Some(cell) = self.grid.cells.get_mut((y * columns + x) as usize) {
                for (sum, light) in cell.iter_mut().zip(mean) {
                    *sum += share * light;
                }
            }
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.counter.clear();
        self.last = None;
    }
}

/// A pixel a cell, of its mean.
fn of_cells(grid: &Grid) -> Image {
    let pixels = grid.cells.iter().flat_map(|[r, g, b]| [*r, *g, *b, 1.0]).collect();
    let host = HostImage {
        width_px: u32::try_from(grid.columns).unwrap_or(0),
        height_px: u32::try_from(grid.rows).unwrap_or(0),
        pixels: Pixels::RgbaF32(pixels),
    };
    Image::from_host(host, Encoding::Linear)
}

impl Node for StrobeLimit {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.measure.prepare(cx.services)?;
        self.mix.prepare(cx.services)?;
        self.stretch.prepare(cx.services)
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let limited = match io.inputs.image(IN_IMAGE) {
            Some(image) if io.params.switch(ON) => Value::Image(self.limited(io, image)?),
            image => {
                // Where no picture comes, what was shown stays, and counts.
                if !io.params.switch(ON) {
                    self.clear();
                }
                image.cloned().map_or(Value::Empty, Value::Image)
            }
        };
        io.outputs.set(OUT_IMAGE, limited);
        Ok(())
    }

    fn reset(&mut self) {
        self.clear();
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        if let Some(old) = old.downcast_mut::<Self>() {
            self.counter = std::mem::take(&mut old.counter);
            self.last = old.last.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::testing::{picture, values};
    use crate::post::flash::testing::max_flashes_per_sec;
    use crate::post::testing::{assert_fresh_is_identity, drawn, node};

    #[test]
    fn a_fresh_one_changes_nothing() {
        assert_fresh_is_identity(&SPEC);
    }

    #[test]
    fn flashes_are_held_to_the_limit_and_slow_ones_pass() {
        let frame =
            |light: f32| picture(70, 40, |_, _| [2.0 * light, 2.0 * light, 2.0 * light, 0.5]);
        let (black, white) = (frame(0.0), frame(1.0));
        for (frames_each, most, passes) in [(3, 3, false), (15, 2, true)] {
            let mut node = node(&SPEC, &[], &black);
            let mut all_pass = true;
            let lights: Vec<f64> = (0..180)
                .map(|i| {
                    let image = if (i / frames_each) % 2 == 0 { &black } else { &white };
                    node.input("image", Value::Image(image.clone()));
                    let found = values(&drawn(&mut node));
                    all_pass &= found == values(image);
                    // As it is shown: within 0..1, over black.
                    f64::from(found[0].clamp(0.0, 1.0) * found[3])
                })
                .collect();
            assert_eq!(max_flashes_per_sec(&lights, 60.0, 0.1, 0.8), most);
            assert_eq!(all_pass, passes);
        }
    }

    #[test]
    fn gaps_and_other_sizes_do_not_let_flashes_through() {
        let frame = |size: (u32, u32), v: f32| picture(size.0, size.1, |_, _| [v, v, v, 1.0]);
        let mut node = node(&SPEC, &[], &frame((40, 20), 0.0));
        for has_gaps in [false, true] {
            node.reset();
            let lights: Vec<f64> = (0..180)
                .map(|i| {
                    let size = if has_gaps || i % 2 == 0 { (40, 20) } else { (34, 18) };
                    if has_gaps {
                        node.input("image", Value::Empty);
                        node.tick().unwrap();
                    }
                    node.input("image", Value::Image(frame(size, f32::from(i / 3 % 2 == 0))));
                    f64::from(values(&drawn(&mut node))[0])
                })
                .collect();
            let fps = if has_gaps { 30.0 } else { 60.0 };
            let found = max_flashes_per_sec(&lights, fps, 0.1, 0.8);
            assert!((2..=3).contains(&found), "{has_gaps}: {found}");
        }
    }

    #[test]
    fn cells_are_means_of_what_is_shown() {
        // Cells of 4 × 8 pixels.
        let image = picture(64, 72, |x, y| [f32::from(x == 5) * 3.0, (y % 2) as f32, -1.0, 0.5]);
        let mut limit = StrobeLimit {
            measure: Effect::new("test", include_str!("strobe_grid.wgsl"), 1),
            mix: Effect::new("test", include_str!("strobe_limit.wgsl"), 2),
            stretch: Resampler::default(),
            counter: FlashCounter::default(),
            grid: Grid::default(),
            last: None,
        };
        limit.measure.prepare(&crate::gpu::testing::services()).unwrap();
        limit.measure(&image).unwrap();
        assert_eq!((limit.grid.columns, limit.grid.rows), (16, 9));
        for (i, cell) in limit.grid.cells.iter().enumerate() {
            assert_eq!(*cell, [if i % 16 == 1 { 0.125 } else { 0.0 }, 0.25, 0.0], "{i}");
        }
    }
}
