//! A spectrum over time.

use std::any::Any;

use lumawire_core::{
    Bands, Encoding, HostImage, Image, Io, Node, NodeError, NodeSpec, Param, Params, Pixels, Port,
    PortType, PrepareCx, Rate, Role, Unit,
};
use rayon::prelude::*;

use super::axis::{self, Axis};
use super::canvas::{self, light_from_hsv};
use super::colour_map::{self, MAPS};
use crate::gpu::srgb8_from_linear;

const IN_BANDS: usize = 0;
const IN_SIZE: usize = 1;
const OUT_IMAGE: usize = 0;

const SECS: usize = 0;
const DIRECTION: usize = 1;
const AXIS: usize = 2;
const VALUES: usize = 3;
const LOW_HZ: usize = 4;
const HIGH_HZ: usize = 5;
const FLOOR_DB: usize = 6;
const CEILING_DB: usize = 7;
const MAP: usize = 8;
const LOW_HUE: usize = 9;
const LOW_BRIGHTNESS: usize = 10;
const HIGH_HUE: usize = 11;
const SATURATION: usize = 12;
const HIGH_BRIGHTNESS: usize = 13;
const WIDTH: usize = 14;
const HEIGHT: usize = 15;

/// Pixels of the largest picture: 4K.
const MAX_PIXELS: u64 = 3_840 * 2_160;

const RIGHT: usize = 1;
const UP: usize = 2;
const DOWN: usize = 3;

/// `draw.spectrogram`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "draw.spectrogram",
    version: 1,
    label: "Spectrogram",
    doc: "Draws a spectrum or any bands over time, as a picture that moves on with every row. A pixel \
          along time is secs/pixels long, and shows the largest of the rows that fall into it; a row \
          that lasts longer fills several. A pixel across is the largest band in its part of the axis, \
          as in `draw.spectrum`. The time shown ends with the latest row. What was heard moves with \
          the picture: a change of the range of decibels, of the axis or of the seconds counts from \
          then on, one of the colours at once. A new size begins anew. No latency of its own.",
    rate: Rate::Frame,
    role: Role::Stateful,
    inputs: &[
        Port::required("bands", PortType::Bands, "A spectrum's magnitudes, or bands, [hops, bands]."),
        Port::optional("size_of", PortType::Image, "A picture that gives the size; not drawn."),
    ],
    outputs: &[Port::output("image", PortType::Image, "The spectrogram, 8-bit sRGB, opaque.")],
    params: &[
        Param::float("secs", "Time", 5.0, (1.0, 30.0))
            .hard(0.05, 3_600.0)
            .unit(Unit::Secs)
            .doc("How long the picture is."),
        Param::choice("direction", "Moves", &["left", "right", "up", "down"])
            .doc("Where old sound goes. Left and right: low frequencies at the bottom; up and down: \
                  at the left."),
        axis::AXIS,
        axis::VALUES,
        axis::LOW_HZ,
        axis::HIGH_HZ,
        axis::FLOOR_DB,
        axis::CEILING_DB,
        Param::choice("map", "Colours", MAPS).doc(
            "From nothing to full: magma, inferno and viridis as in matplotlib, grey, or from the low \
             colour to the high one.",
        ),
        Param::float("low_hue_turns", "Low hue", 0.7, (0.0, 1.0))
            .hard(-1e4, 1e4)
            .doc("Hue of nothing, with the custom colours."),
        Param::float("low_brightness", "Low brightness", 0.0, (0.0, 1.0))
            .doc("Light of nothing, with the custom colours."),
        Param::float("high_hue_turns", "High hue", 0.5, (0.0, 1.0))
            .hard(-1e4, 1e4)
            .doc("Hue of full, with the custom colours."),
        Param::float("saturation", "Saturation", 0.6, (0.0, 1.0))
            .doc("Saturation of both custom colours."),
        Param::float("high_brightness", "High brightness", 1.0, (0.0, 1.0))
            .doc("Light of full, with the custom colours."),
        canvas::WIDTH,
        canvas::HEIGHT,
    ],
    build: || Box::new(Spectrogram::default()),
};

#[derive(Default)]
struct Spectrogram {
    run_size_px: Option<(u32, u32)>,
    trace: Trace,
}

/// Levels by time and frequency. A ring: column `newest` is the latest.
#[derive(Default)]
struct Trace {
    num_columns: usize,
    num_rows: usize,
    /// Of 255, `[num_columns, num_rows]`.
    levels: Vec<u8>,
    newest: usize,
    /// The part of the newest column that has passed, in columns.
    passed: f64,
}

impl Node for Spectrogram {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.run_size_px = cx.size_px;
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let p = io.params;
        let size = canvas::size_px(
            (p.int(WIDTH), p.int(HEIGHT)),
            io.inputs.image(IN_SIZE),
            self.run_size_px,
        );
        if u64::from(size.0) * u64::from(size.1) > MAX_PIXELS {
            let reason =
                format!("{} × {} is larger than 4K: choose a smaller size", size.0, size.1);
            return Err(NodeError::param("width_px", reason));
        }
        let direction = p.choice(DIRECTION);
        let (width, height) = (size.0 as usize, size.1 as usize);
        let is_upright = direction >= UP;
        let (columns, rows) = if is_upright { (height, width) } else { (width, height) };
        self.trace.fit(columns, rows);
        if let Some(bands) = io.inputs.bands(IN_BANDS) {
            let nyquist_hz = 0.5 * io.tick.clock.sample_rate_hz as f32;
            self.trace.hear(bands, &axis_of(p, nyquist_hz), f64::from(p.float(SECS)));
        }
        let colours = colour_map::table(p.choice(MAP), ends(p));
        io.outputs.set_image(OUT_IMAGE, self.trace.picture(size, direction, &colours));
        Ok(())
    }

    fn reset(&mut self) {
        self.trace = Trace::default();
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        if let Some(old) = old.downcast_mut::<Self>() {
            self.trace = std::mem::take(&mut old.trace);
        }
    }
}

fn axis_of(p: Params<'_>, nyquist_hz: f32) -> Axis {
    Axis {
        values: p.choice(VALUES),
        spread: p.choice(AXIS),
        low_hz: p.float(LOW_HZ),
        high_hz: p.float(HIGH_HZ),
        floor_db: p.float(FLOOR_DB),
        ceiling_db: p.float(CEILING_DB),
        nyquist_hz,
    }
}

/// The custom map's two colours.
fn ends(p: Params<'_>) -> [[u8; 3]; 2] {
    [(LOW_HUE, LOW_BRIGHTNESS), (HIGH_HUE, HIGH_BRIGHTNESS)].map(|(hue, brightness)| {
        light_from_hsv(p.float(hue), p.float(SATURATION), p.float(brightness))
            .map(srgb8_from_linear)
    })
}

impl Trace {
    fn fit(&mut self, num_columns: usize, num_rows: usize) {
        if (self.num_columns, self.num_rows) != (num_columns, num_rows) {
            let levels = vec![0; num_columns * num_rows];
            *self = Self { num_columns, num_rows, levels, newest: 0, passed: 0.0 };
        }
    }

    fn hear(&mut self, bands: &Bands, axis: &Axis, secs: f64) {
        if self.levels.is_empty() {
            return;
        }
        // Columns that a row lasts.
        let per_row = (bands.hop_secs.max(1e-6) * self.num_columns as f64 / secs).min(1e6);
        for row in bands.fresh() {
            self.passed += per_row;
            // A column begins with the row that reaches into it.
            let num_new = self.passed.floor().min(self.num_columns as f64) as usize;
            self.passed -= self.passed.floor();
            self.add(row, axis, num_new);
        }
    }

    /// Takes a row into the newest column, after `num_new` have begun, all of which it fills.
    fn add(&mut self, row: &[f32], axis: &Axis, num_new: usize) {
        let num_rows = self.num_rows;
        let level = |y: usize| {
            let (u0, u1) = (y as f32 / num_rows as f32, (y + 1) as f32 / num_rows as f32);
            (axis.level(row, u0, u1) * 255.0).round() as u8
        };
        let column = |newest: usize| newest * num_rows..(newest + 1) * num_rows;
        if num_new == 0 {
            let newest = &mut self.levels[column(self.newest)];
            newest.iter_mut().enumerate().for_each(|(y, v)| *v = (*v).max(level(y)));
            return;
        }
        self.newest = (self.newest + 1) % self.num_columns;
        let first = self.newest;
        let fresh = &mut self.levels[column(first)];
        fresh.iter_mut().enumerate().for_each(|(y, v)| *v = level(y));
        for _ in 1..num_new {
            self.newest = (self.newest + 1) % self.num_columns;
            self.levels.copy_within(column(first), self.newest * num_rows);
        }
    }

    /// The picture of all columns, the newest at the edge that old sound leaves.
    fn picture(
        &self,
        (width_px, height_px): (u32, u32),
        direction: usize,
        colours: &[[u8; 3]; 256],
    ) -> Image {
        let (width, height) = (width_px as usize, height_px as usize);
        let level = |x: usize, y: usize| {
            // How long ago, in columns, and the row from low to high.
            let (age, row) = match direction {
                RIGHT => (x, height - 1 - y),
                UP => (height - 1 - y, x),
                DOWN => (y, x),
                _ => (width - 1 - x, height - 1 - y),
            };
            let column = (self.newest + self.num_columns - age) % self.num_columns;
            self.levels[column * self.num_rows + row]
        };
        let mut pixels = vec![255; width * height * 4];
        pixels.par_chunks_exact_mut(width * 4).enumerate().for_each(|(y, line)| {
            for (x, pixel) in line.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                pixel[..3].copy_from_slice(&colours[usize::from(level(x, y))]);
            }
        });
        let host = HostImage { width_px, height_px, pixels: Pixels::Rgba8(pixels) };
        Image::from_host(host, Encoding::Srgb)
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{ParamValue, Value};

    use super::*;

    fn node(params: &[(&str, ParamValue)]) -> Harness {
        let mut node = Harness::new(&SPEC).size_px(20, 8);
        let usual = [
            ("axis", ParamValue::from("as_is")),
            ("values", "level".into()),
            ("map", "grey".into()),
            ("secs", 2.0_f32.into()),
        ];
        for (id, value) in usual.iter().chain(params) {
            node.set_param(id, value.clone());
        }
        node.prepare().unwrap()
    }

    /// Feeds rows of four bands that last `hop_secs`; gives the grey at column and row of pixels.
    fn show(node: &mut Harness, rows: &[[f32; 4]], hop_secs: f64) -> Vec<u8> {
        let mut bands = Bands::default();
        bands.hop_secs = hop_secs;
        bands.begin(4);
        for row in rows {
            bands.push().copy_from_slice(row);
        }
        node.input("bands", Value::Bands(bands.into()));
        node.tick().unwrap();
        let Value::Image(image) = node.output("image") else { panic!("no picture") };
        let host = image.host().unwrap();
        let Pixels::Rgba8(pixels) = &host.pixels else { panic!("8 bits") };
        pixels.iter().step_by(4).copied().collect()
    }

    #[test]
    fn a_row_is_a_column_that_moves_on() {
        let mut node = node(&[]);
        // 20 columns are 2 s: a row of 0.1 s is one column.
        let first = show(&mut node, &[[1.0, 0.0, 0.0, 0.5]], 0.1);
        let column =
            |all: &[u8], x: usize| -> Vec<u8> { all.iter().skip(x).step_by(20).copied().collect() };
        assert_eq!(column(&first, 19), [128, 128, 0, 0, 0, 0, 255, 255]);
        assert_eq!(first.iter().filter(|v| **v > 0).count(), 4);
        let later = show(&mut node, &[[0.0; 4]; 3], 0.1);
        assert_eq!(column(&later, 16), column(&first, 19));
        assert_eq!(later.iter().filter(|v| **v > 0).count(), 4);
        // After 20 columns it has left.
        let gone = show(&mut node, &[[0.0; 4]; 17], 0.1);
        assert!(gone.iter().all(|v| *v == 0));
    }

    #[test]
    fn time_is_the_rows_own_at_every_hop() {
        // Two seconds of a level that rises in time: every column shows the time that it stands for.
        for hop_secs in [0.01, 0.03, 0.1, 0.25] {
            let mut node = node(&[]);
            let num = (2.0 / hop_secs) as usize;
            let rows: Vec<[f32; 4]> = (0..num).map(|i| [(i + 1) as f32 / num as f32; 4]).collect();
            let all = show(&mut node, &rows, hop_secs);
            for (x, grey) in all.iter().enumerate().take(20) {
                let expected = (x + 1) as f32 / 20.0 * 255.0;
                let found = f32::from(*grey);
                let slack = 255.0 * (hop_secs as f32 / 2.0 + 1.0 / 20.0) + 2.0;
                assert!(
                    (found - expected).abs() <= slack,
                    "{hop_secs}: {x}: {found} for {expected}"
                );
            }
        }
    }

    #[test]
    fn it_moves_in_every_direction() {
        let lit = |direction: &str| {
            let mut node = node(&[("direction", direction.into())]);
            let all = show(
                &mut node,
                &[[1.0, 0.0, 0.0, 0.0]],
                if direction.ends_with("t") { 0.1 } else { 0.25 },
            );
            let lit: Vec<(usize, usize)> =
                (0..160).filter(|i| all[*i] > 0).map(|i| (i % 20, i / 20)).collect();
            lit
        };
        assert_eq!(lit("left"), [(19, 6), (19, 7)]);
        assert_eq!(lit("right"), [(0, 6), (0, 7)]);
        assert_eq!(lit("up"), (0..5).map(|x| (x, 7)).collect::<Vec<_>>());
        assert_eq!(lit("down"), (0..5).map(|x| (x, 0)).collect::<Vec<_>>());
    }

    #[test]
    fn frames_may_take_rows_in_any_portions() {
        let rows: Vec<[f32; 4]> = (0..40).map(|i| [(i * 7 % 11) as f32 / 11.0; 4]).collect();
        let run = |portion: usize| {
            let mut node = node(&[]);
            rows.chunks(portion).map(|part| show(&mut node, part, 0.037)).last().unwrap()
        };
        assert_eq!(run(1), run(40));
        assert_eq!(run(3), run(40));
    }

    #[test]
    fn sizes_are_bounded() {
        let node = node(&[("width_px", 8_192_i64.into()), ("height_px", 8_192_i64.into())]);
        assert!({ node }.tick().is_err());
    }

    #[test]
    fn after_a_reset_all_repeats() {
        let mut node = node(&[]);
        let once = show(&mut node, &[[0.3; 4], [0.8; 4]], 0.1);
        node.reset();
        assert_eq!(show(&mut node, &[[0.3; 4], [0.8; 4]], 0.1), once);
    }
}
