//! A spectrum as bars or a line.

use std::any::Any;
use std::f32::consts::{FRAC_PI_2, TAU};

use lumawire_core::{
    Bands, Io, Node, NodeError, NodeSpec, Param, Params, Port, PortType, PrepareCx, Rate, Role,
    Unit,
};

use super::axis::{self, Axis};
use super::canvas::{self, light_from_hsv};
use crate::gpu::{Form, Meet, Stroke, Strokes};

const IN_BANDS: usize = 0;
const IN_SIZE: usize = 1;
const OUT_IMAGE: usize = 0;

const STYLE: usize = 0;
const NUM_BARS: usize = 1;
const AXIS: usize = 2;
const VALUES: usize = 3;
const LOW_HZ: usize = 4;
const HIGH_HZ: usize = 5;
const FLOOR_DB: usize = 6;
const CEILING_DB: usize = 7;
const RELEASE_SECS: usize = 8;
const PEAK_SECS: usize = 9;
const MIRROR: usize = 10;
const CIRCULAR: usize = 11;
const RADIUS: usize = 12;
const GAP: usize = 13;
const LINE_PERCENT: usize = 14;
const COLOUR_BY: usize = 15;
const LOW_HUE: usize = 16;
const HIGH_HUE: usize = 17;
const SATURATION: usize = 18;
const BRIGHTNESS: usize = 19;
const ALPHA: usize = 20;
const WIDTH: usize = 21;
const HEIGHT: usize = 22;

const MAX_BARS: i64 = 1_024;

const STYLE_BARS: usize = 0;
const STYLE_LINE: usize = 1;

/// `draw.spectrum`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "draw.spectrum",
    version: 1,
    label: "Spectrum",
    doc: "Draws a spectrum or any bands as bars, a line or a filled shape, on clear ground. Each bar is \
          the largest band in its part of the axis (where none lies there, the straight line between \
          its neighbours), of all rows since the last frame, so that no hit is missed. It rises at \
          once and falls by exp(−t/release); the peak above it falls by its whole range in the \
          peak's seconds. In the circle the axis goes once round from the top, clockwise, and levels \
          point outwards from the radius. No latency of its own.",
    rate: Rate::Frame,
    role: Role::Stateful,
    inputs: &[
        Port::required(
            "bands",
            PortType::Bands,
            "A spectrum's magnitudes, or bands, [hops, bands].",
        ),
        Port::optional("size_of", PortType::Image, "A picture that gives the size; not drawn."),
    ],
    outputs: &[Port::output("image", PortType::Image, "The spectrum on clear ground, linear.")],
    params: &[
        Param::choice("style", "Style", &["bars", "line", "filled"]).doc("What is drawn."),
        Param::int("num_bars", "Bars", 64, (4, 256))
            .hard_int(2, MAX_BARS)
            .doc("Number of bars, or of the line's points."),
        axis::AXIS,
        axis::VALUES,
        axis::LOW_HZ,
        axis::HIGH_HZ,
        axis::FLOOR_DB,
        axis::CEILING_DB,
        Param::float("release_secs", "Release", 0.15, (0.0, 1.0))
            .hard(0.0, 60.0)
            .unit(Unit::Secs)
            .doc("Time constant of the fall: to 37 % of the level."),
        Param::float("peak_secs", "Peaks", 0.0, (0.0, 5.0))
            .hard(0.0, 600.0)
            .unit(Unit::Secs)
            .doc("How long a peak takes from top to bottom; 0 shows none."),
        Param::choice("mirror", "Mirror", &["none", "levels", "axis", "both"]).doc(
            "levels: up and down (or out and in) from the middle; axis: low frequencies in the \
             middle (or at the top), high ones on both sides; or both.",
        ),
        Param::switch("circular", "Circle", false).doc("Lays the axis round a circle."),
        Param::float("radius", "Radius", 0.5, (0.0, 1.0))
            .hard(0.0, 4.0)
            .doc("The circle's radius at level 0, in halves of the height."),
        Param::float("gap", "Gap", 0.25, (0.0, 0.9))
            .hard(0.0, 0.99)
            .doc("Space between bars, of 1."),
        Param::float("line_percent", "Line", 0.5, (0.1, 3.0))
            .hard(0.01, 50.0)
            .doc("Width of the line and height of the peaks, in % of the height."),
        Param::choice("colour_by", "Colour by", &["frequency", "level"])
            .doc("What goes from the low hue to the high one."),
        Param::float("low_hue_turns", "Low hue", 0.95, (0.0, 1.0))
            .hard(-1e4, 1e4)
            .doc("Colour of low frequencies or levels: 0 red, 1/3 green, 2/3 blue."),
        Param::float("high_hue_turns", "High hue", 0.55, (0.0, 1.0))
            .hard(-1e4, 1e4)
            .doc("Colour of high frequencies or levels."),
        Param::float("saturation", "Saturation", 0.8, (0.0, 1.0))
            .doc("0 is white, 1 the full colours."),
        canvas::BRIGHTNESS,
        canvas::ALPHA,
        canvas::WIDTH,
        canvas::HEIGHT,
    ],
    build: || Box::new(Spectrum::default()),
};

struct Spectrum {
    painter: Strokes,
    run_size_px: Option<(u32, u32)>,
    /// Levels that fall, 0..1.
    levels: Vec<f32>,
    peaks: Vec<f32>,
    strokes: Vec<Stroke>,
}

impl Default for Spectrum {
    fn default() -> Self {
        Self {
            painter: Strokes::new("draw.spectrum"),
            run_size_px: None,
            levels: Vec::new(),
            peaks: Vec::new(),
            strokes: Vec::new(),
        }
    }
}

impl Node for Spectrum {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.run_size_px = cx.size_px;
        self.painter.prepare(cx.services)
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let p = io.params;
        self.fall(p, io.tick.dt_secs() as f32);
        if let Some(bands) = io.inputs.bands(IN_BANDS) {
            let nyquist_hz = 0.5 * io.tick.clock.sample_rate_hz as f32;
            self.rise(bands, &axis_of(p, nyquist_hz));
        }
        let size = canvas::size_px(
            (p.int(WIDTH), p.int(HEIGHT)),
            io.inputs.image(IN_SIZE),
            self.run_size_px,
        );
        self.strokes.clear();
        let view = View::new(p, size);
        match view.style {
            STYLE_BARS => self.bars(&view),
            STYLE_LINE => self.line(&view),
            _ => self.fill(&view),
        }
        if p.float(PEAK_SECS) > 0.0 {
            self.draw_peaks(&view);
        }
        let image = self.painter.draw(&self.strokes, Meet::Max, size)?;
        io.outputs.set_image(OUT_IMAGE, image);
        Ok(())
    }

    fn reset(&mut self) {
        self.levels.clear();
        self.peaks.clear();
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        if let Some(old) = old.downcast_mut::<Self>() {
            self.levels = std::mem::take(&mut old.levels);
            self.peaks = std::mem::take(&mut old.peaks);
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

impl Spectrum {
    fn fall(&mut self, p: Params<'_>, dt_secs: f32) {
        let num_bars = usize::try_from(p.int(NUM_BARS)).unwrap_or(2);
        self.levels.resize(num_bars, 0.0);
        self.peaks.resize(num_bars, 0.0);
        let release_secs = p.float(RELEASE_SECS);
        let factor = if release_secs > 0.0 { (-dt_secs / release_secs).exp() } else { 0.0 };
        self.levels.iter_mut().for_each(|v| *v *= factor);
        let peak_secs = p.float(PEAK_SECS);
        let drop = if peak_secs > 0.0 { dt_secs / peak_secs } else { 1.0 };
        self.peaks.iter_mut().for_each(|v| *v = (*v - drop).max(0.0));
    }

    fn rise(&mut self, bands: &Bands, axis: &Axis) {
        let num = self.levels.len() as f32;
        // Without a new row, the latest still sounds.
        let latest = if bands.num_fresh() == 0 { bands.latest() } else { None };
        for row in bands.fresh().chain(latest) {
            for (i, (level, peak)) in self.levels.iter_mut().zip(&mut self.peaks).enumerate() {
                let new = axis.level(row, i as f32 / num, (i + 1) as f32 / num);
                *level = level.max(new);
                *peak = peak.max(*level);
            }
        }
    }

    /// The level at `u` of the axis, by a straight line between the bars' middles.
    fn level(&self, u: f32) -> f32 {
        let place = (u * self.levels.len() as f32 - 0.5).max(0.0);
        let first = (place as usize).min(self.levels.len().saturating_sub(1));
        let get = |i: usize| self.levels.get(i).or(self.levels.last()).copied().unwrap_or(0.0);
        let (a, b) = (get(first), get(first + 1));
        a + (b - a) * (place - first as f32)
    }

    fn bars(&mut self, view: &View) {
        let num = self.levels.len() as f32;
        for (i, &level) in self.levels.iter().enumerate() {
            let u = (i as f32 + 0.5) / num;
            if level <= 0.0 {
                continue;
            }
            for side in view.sides() {
                let base = if view.mirrors_levels { -level } else { 0.0 };
                let (from, to) = (view.place(u, base, *side), view.place(u, level, *side));
                let radius = 0.5 * view.bar_px(num, level) * (1.0 - view.gap);
                self.strokes.push(Stroke::new(Form::Butt, from, to, radius, view.colour(u, level)));
            }
        }
    }

    fn line(&mut self, view: &View) {
        let num = self.levels.len();
        let signs: &[f32] = if view.mirrors_levels { &[1.0, -1.0] } else { &[1.0] };
        for sign in signs {
            for side in view.sides() {
                let point = |i: usize| {
                    let u = (i as f32 + 0.5) / num as f32;
                    (u, self.levels[i], view.place(u, sign * self.levels[i], *side))
                };
                for i in 1..num {
                    let ((u0, v0, from), (u1, v1, to)) = (point(i - 1), point(i));
                    let colour = view.colour(0.5 * (u0 + u1), 0.5 * (v0 + v1));
                    self.strokes.push(Stroke::new(
                        Form::Round,
                        from,
                        to,
                        0.5 * view.line_px,
                        colour,
                    ));
                }
                let closes = view.is_circular && view.sides().len() == 1 && num > 1;
                if closes {
                    let ((u, v, from), (.., to)) = (point(num - 1), point(0));
                    let colour = view.colour(u, v);
                    self.strokes.push(Stroke::new(
                        Form::Round,
                        from,
                        to,
                        0.5 * view.line_px,
                        colour,
                    ));
                }
            }
        }
    }

    /// A stroke a pixel along the axis, which neither overlap nor leave gaps where it is straight.
    fn fill(&mut self, view: &View) {
        let num = view.num_columns();
        for i in 0..num {
            let u = (i as f32 + 0.5) / num as f32;
            let level = self.level(u);
            if level <= 0.0 {
                continue;
            }
            for side in view.sides() {
                let base = if view.mirrors_levels { -level } else { 0.0 };
                let (from, to) = (view.place(u, base, *side), view.place(u, level, *side));
                let radius = 0.5 * view.bar_px(num as f32, level).max(1.0);
                self.strokes.push(Stroke::new(Form::Butt, from, to, radius, view.colour(u, level)));
            }
        }
    }

    fn draw_peaks(&mut self, view: &View) {
        let num = self.peaks.len() as f32;
        let signs: &[f32] = if view.mirrors_levels { &[1.0, -1.0] } else { &[1.0] };
        for (i, &peak) in self.peaks.iter().enumerate().filter(|(_, p)| **p > 0.0) {
            let u = (i as f32 + 0.5) / num;
            let half = view.line_px / view.reach_px();
            for (side, sign) in view.sides().iter().flat_map(|s| signs.iter().map(move |g| (s, g)))
            {
                let from = view.place(u, sign * (peak - half), *side);
                let to = view.place(u, sign * peak, *side);
                let radius = 0.5 * view.bar_px(num, peak) * (1.0 - view.gap);
                self.strokes.push(Stroke::new(Form::Butt, from, to, radius, view.colour(u, 1.0)));
            }
        }
    }
}

/// Where levels lie in the picture.
struct View {
    size: (f32, f32),
    style: usize,
    mirrors_levels: bool,
    mirrors_axis: bool,
    is_circular: bool,
    radius_px: f32,
    gap: f32,
    line_px: f32,
    by_level: bool,
    hues: (f32, f32),
    saturation: f32,
    brightness: f32,
    alpha: f32,
}

impl View {
    fn new(p: Params<'_>, (width, height): (u32, u32)) -> Self {
        let mirror = p.choice(MIRROR);
        let height = height as f32;
        Self {
            size: (width as f32, height),
            style: p.choice(STYLE),
            mirrors_levels: mirror == 1 || mirror == 3,
            mirrors_axis: mirror >= 2,
            is_circular: p.switch(CIRCULAR),
            radius_px: p.float(RADIUS) * 0.5 * height,
            gap: p.float(GAP),
            line_px: 0.01 * p.float(LINE_PERCENT) * height,
            by_level: p.choice(COLOUR_BY) == 1,
            hues: (p.float(LOW_HUE), p.float(HIGH_HUE)),
            saturation: p.float(SATURATION),
            brightness: p.float(BRIGHTNESS),
            alpha: p.float(ALPHA),
        }
    }

    /// Which halves of the axis are drawn.
    fn sides(&self) -> &'static [f32] {
        if self.mirrors_axis { &[1.0, -1.0] } else { &[1.0] }
    }

    /// Pixels of level 1.
    fn reach_px(&self) -> f32 {
        let (_, height) = self.size;
        let whole = if self.is_circular {
            (0.5 * height - self.radius_px).max(0.05 * height)
        } else {
            height
        };
        if self.mirrors_levels && !self.is_circular { 0.5 * whole } else { whole }
    }

    /// The place of `u` on the axis at `level`, which may be negative where levels are mirrored.
    fn place(&self, u: f32, level: f32, side: f32) -> [f32; 2] {
        let (width, height) = self.size;
        let along = if self.mirrors_axis { 0.5 + 0.5 * side * u } else { u };
        if self.is_circular {
            // A mirrored axis begins at the top, and its ends meet at the bottom.
            let turns = if self.mirrors_axis { along - 0.5 } else { along };
            let radius = (self.radius_px + level * self.reach_px()).max(0.0);
            let (sin, cos) = (turns * TAU - FRAC_PI_2).sin_cos();
            return [0.5 * width + radius * cos, 0.5 * height + radius * sin];
        }
        let zero = if self.mirrors_levels { 0.5 * height } else { height };
        [along * width, zero - level * self.reach_px()]
    }

    /// Pixels of one of `num` parts of the axis; of the circle at half the level.
    fn bar_px(&self, num: f32, level: f32) -> f32 {
        let (width, _) = self.size;
        let half = if self.mirrors_axis { 0.5 } else { 1.0 };
        let whole = if self.is_circular {
            TAU * (self.radius_px + 0.5 * level * self.reach_px()).max(1.0)
        } else {
            width
        };
        half * whole / num
    }

    /// Pixels along the axis where they are farthest apart.
    fn num_columns(&self) -> usize {
        let (width, height) = self.size;
        let whole = if self.is_circular { TAU * 0.5 * height } else { width };
        let half = if self.mirrors_axis { 0.5 } else { 1.0 };
        ((half * whole).ceil() as usize).clamp(1, 1 << 16)
    }

    fn colour(&self, u: f32, level: f32) -> [f32; 4] {
        let t = if self.by_level { level } else { u };
        let hue = self.hues.0 + (self.hues.1 - self.hues.0) * t;
        let [r, g, b] = light_from_hsv(hue, self.saturation, self.brightness);
        [r, g, b, self.alpha]
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Image, ParamValue, Value};

    use super::*;
    use crate::gpu::testing::{services, values};

    fn node(params: &[(&str, ParamValue)]) -> Harness {
        let mut node = Harness::new(&SPEC).services(&services()).size_px(80, 40);
        for (id, value) in
            [("axis", "as_is".into()), ("values", "level".into()), ("num_bars", 4_i64.into())]
                .iter()
                .chain(params)
        {
            node.set_param(id, ParamValue::clone(value));
        }
        node.prepare().unwrap()
    }

    fn show(node: &mut Harness, rows: &[&[f32]]) -> Vec<f32> {
        let mut bands = Bands::default();
        bands.begin(rows.first().map_or(4, |r| r.len()));
        for row in rows {
            bands.push().copy_from_slice(row);
        }
        node.input("bands", Value::Bands(bands.into()));
        node.tick().unwrap();
        let Value::Image(image) = node.output("image") else { panic!("no picture") };
        alphas(image)
    }

    fn alphas(image: &Image) -> Vec<f32> {
        values(image).iter().skip(3).step_by(4).copied().collect()
    }

    /// Lit pixels of column `x`.
    fn height(alphas: &[f32], x: usize) -> f32 {
        alphas.iter().skip(x).step_by(80).sum()
    }

    const ROW: &[f32] = &[1.0, 0.5, 0.25, 0.0];

    #[test]
    fn bars_are_as_high_as_their_levels() {
        let all = show(&mut node(&[]), &[ROW]);
        for (bar, level) in ROW.iter().enumerate() {
            let found = height(&all, 20 * bar + 10);
            assert!((found - 40.0 * level).abs() < 0.05, "bar {bar}: {found}");
            // A quarter of each bar's 20 pixels is gap: 2.5 on each side.
            assert_eq!(height(&all, 20 * bar), 0.0);
            assert!((height(&all, 20 * bar + 2) - 20.0 * level).abs() < 0.05);
        }
        // They stand on the ground.
        assert!(all[39 * 80 + 30] > 0.99 && all[20 * 80 + 30] > 0.99 && all[19 * 80 + 30] < 0.01);
    }

    #[test]
    fn a_fill_is_the_line_between_the_bars() {
        let all = show(&mut node(&[("style", "filled".into())]), &[ROW]);
        for (x, level) in [(10, 1.0), (20, 0.75), (30, 0.5), (40, 0.375), (60, 0.125), (75, 0.0)] {
            let found = height(&all, x);
            assert!((found - 40.0 * level).abs() < 0.7, "column {x}: {found}");
        }
    }

    #[test]
    fn mirrors_mirror() {
        let both = show(&mut node(&[("mirror", "both".into())]), &[ROW]);
        for y in 0..40 {
            for x in 0..80 {
                let here = both[y * 80 + x];
                assert!((here - both[y * 80 + 79 - x]).abs() < 1e-3, "{x} {y}");
                assert!((here - both[(39 - y) * 80 + x]).abs() < 1e-3, "{x} {y}");
            }
        }
        assert!((height(&both, 45) - 40.0).abs() < 0.1 && height(&both, 75) < 0.1);
    }

    #[test]
    fn a_circle_points_outwards_from_the_top_on() {
        let params =
            [("circular", true.into()), ("num_bars", 4_i64.into()), ("gap", 0.0_f32.into())];
        let all = show(&mut node(&params), &[&[1.0, 0.0, 0.0, 0.0]]);
        // The first of four bars lies at 45° clockwise from the top.
        let at = |r: f32, degrees: f32| {
            let (sin, cos) = degrees.to_radians().sin_cos();
            all[(20.0 - r * cos) as usize * 80 + (40.0 + r * sin) as usize]
        };
        assert_eq!(
            (at(15.0, 45.0), at(15.0, 135.0), at(15.0, 225.0), at(5.0, 45.0)),
            (1.0, 0.0, 0.0, 0.0)
        );
    }

    #[test]
    fn levels_fall_by_their_time_constant_and_peaks_evenly() {
        let params = [
            ("release_secs", 0.1_f32.into()),
            ("peak_secs", 2.0_f32.into()),
            ("line_percent", 2.5_f32.into()),
        ];
        let mut node = node(&params);
        show(&mut node, &[ROW]);
        let mut last = Vec::new();
        for _ in 0..30 {
            last = show(&mut node, &[&[0.0; 4]]);
        }
        // After 0.5 s: exp(−5) of the level, and three quarters of the peak.
        let found = height(&last, 10);
        let level = 40.0 * (-5.0_f32).exp();
        assert!((found - level - 1.0).abs() < 0.05, "{found}");
        assert!(last[10 * 80 + 10] > 0.9 && last[8 * 80 + 10] < 0.1);
    }

    #[test]
    fn all_rows_since_the_last_frame_count_and_the_latest_stays() {
        let mut node = node(&[("release_secs", 0.0_f32.into())]);
        let all = show(&mut node, &[&[0.0; 4], &[0.0, 1.0, 0.0, 0.0], &[0.5, 0.0, 0.0, 0.0]]);
        assert!((height(&all, 30) - 40.0).abs() < 0.05 && (height(&all, 10) - 20.0).abs() < 0.05);
        let mut silent = Bands::default();
        silent.begin(4);
        silent.push().copy_from_slice(&[0.5; 4]);
        silent.begin(4);
        node.input("bands", Value::Bands(silent.into()));
        node.tick().unwrap();
        let Value::Image(image) = node.output("image") else { panic!("no picture") };
        assert!((height(&alphas(image), 30) - 20.0).abs() < 0.05);
    }
}
