//! The sound as a line.

use std::any::Any;
use std::f32::consts::{PI, TAU};

use lumawire_core::{
    AudioBlock, Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Unit,
};

use super::canvas::{self, light_from_hsv};
use crate::gpu::{Form, MAX_STROKES, Meet, Stroke, Strokes};

const IN_AUDIO: usize = 0;
const IN_SIZE: usize = 1;
const OUT_IMAGE: usize = 0;

const MODE: usize = 0;
const TRIGGER: usize = 1;
const WINDOW_SECS: usize = 2;
const GAIN: usize = 3;
const RADIUS: usize = 4;
const LINE_PERCENT: usize = 5;
const SOFTNESS_PERCENT: usize = 6;
const BEAM: usize = 7;
const HUE: usize = 8;
const SATURATION: usize = 9;
const BRIGHTNESS: usize = 10;
const ALPHA: usize = 11;
const WIDTH: usize = 12;
const HEIGHT: usize = 13;

/// Longest window.
const MAX_WINDOW_SECS: f32 = 1.0;
/// Share of the circle's window over which its end fades into what leads to its start.
const SEAM: f32 = 0.1;

/// `draw.scope`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "draw.scope",
    version: 1,
    label: "Scope",
    doc: "Draws the sound's wave as an oscilloscope does, on clear ground. line: time from left to \
          right, full scale half the height up and down. circle: time once round, from the top \
          clockwise, outwards where the wave is positive; its end fades into its start. xy: the left \
          channel across and the right one up (Lissajous figures; a circle for a sine and a cosine). \
          Line and circle show the mean of all channels. With the trigger, they begin at the last \
          rise through 0 that leaves a whole window, between samples by a straight line, so that a \
          steady tone stands still. As a beam the line is the trace of a spot of light of Gaussian \
          form: bright where it turns, dark where it is fast. No latency.",
    rate: Rate::Frame,
    role: Role::Stateful,
    inputs: &[
        Port::required("audio", PortType::Audio, "The sound."),
        Port::optional("size_of", PortType::Image, "A picture that gives the size; not drawn."),
    ],
    outputs: &[Port::output("image", PortType::Image, "The line on clear ground, linear.")],
    params: &[
        Param::choice("mode", "Mode", &["line", "circle", "xy"]).doc("How the wave lies."),
        Param::switch("trigger", "Trigger", true)
            .doc("Begins at a rise through 0, so that tones stand still."),
        Param::float("window_secs", "Window", 0.02, (0.005, 0.2))
            .hard(0.001, MAX_WINDOW_SECS)
            .unit(Unit::Secs)
            .doc("How much sound is shown."),
        Param::float("gain", "Gain", 1.0, (0.0, 8.0)).hard(0.0, 1_000.0).doc("Factor on the wave."),
        Param::float("radius", "Radius", 0.5, (0.0, 1.0))
            .hard(0.0, 4.0)
            .doc("The circle's radius at silence, in halves of the height."),
        Param::float("line_percent", "Line", 0.4, (0.1, 3.0))
            .hard(0.01, 50.0)
            .doc("Width of the line in % of the height."),
        Param::float("softness_percent", "Softness", 0.0, (0.0, 3.0))
            .hard(0.0, 50.0)
            .doc("Width over which the line's edge fades, in % of the height."),
        Param::switch("beam", "Beam", false)
            .doc("Draws the light of a moving spot, brighter where it is slow."),
        canvas::HUE,
        canvas::SATURATION,
        canvas::BRIGHTNESS,
        canvas::ALPHA,
        canvas::WIDTH,
        canvas::HEIGHT,
    ],
    build: || Box::new(Scope::default()),
};

/// What the latest samples were: left, right and the mean of all channels.
type Sample = [f32; 3];

struct Scope {
    painter: Strokes,
    run_size_px: Option<(u32, u32)>,
    history: Vec<Sample>,
    /// Samples of `history` that are kept.
    max_len: usize,
    strokes: Vec<Stroke>,
}

impl Default for Scope {
    fn default() -> Self {
        Self {
            painter: Strokes::new("draw.scope"),
            run_size_px: None,
            history: Vec::new(),
            max_len: 0,
            strokes: Vec::new(),
        }
    }
}

impl Node for Scope {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.run_size_px = cx.size_px;
        // Two windows and the circle's seam, so that a trigger is found.
        let longest = f64::from(MAX_WINDOW_SECS) * f64::from(cx.clock.sample_rate_hz);
        self.max_len = (2.0 * longest) as usize + 2;
        self.painter.prepare(cx.services)
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        if let Some(audio) = io.inputs.audio(IN_AUDIO) {
            self.hear(audio);
        }
        let p = io.params;
        let size = canvas::size_px(
            (p.int(WIDTH), p.int(HEIGHT)),
            io.inputs.image(IN_SIZE),
            self.run_size_px,
        );
        let rate_hz = io.tick.clock.sample_rate_hz as f32;
        // Each sample is a stroke.
        let max_window = (MAX_STROKES - 1).min(self.max_len / 2) as f32;
        let window = (p.float(WINDOW_SECS) * rate_hz).clamp(2.0, max_window);
        let view = View {
            size: (size.0 as f32, size.1 as f32),
            mode: p.choice(MODE),
            gain: p.float(GAIN),
            radius: p.float(RADIUS),
            window,
        };
        let start = self.start(window, p.switch(TRIGGER) && view.mode != MODE_XY);
        let [r, g, b] = light_from_hsv(p.float(HUE), p.float(SATURATION), p.float(BRIGHTNESS));
        let pen = Pen {
            radius_px: 0.005 * p.float(LINE_PERCENT) * view.size.1,
            softness_px: 0.01 * p.float(SOFTNESS_PERCENT) * view.size.1,
            is_beam: p.switch(BEAM),
            colour: [r, g, b, p.float(ALPHA)],
        };
        self.trace(&view, &pen, start);
        let meet = if pen.is_beam { Meet::Add } else { Meet::Max };
        let image = self.painter.draw(&self.strokes, meet, size)?;
        io.outputs.set_image(OUT_IMAGE, image);
        Ok(())
    }

    fn reset(&mut self) {
        self.history.clear();
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        if let Some(old) = old.downcast_mut::<Self>() {
            self.history = std::mem::take(&mut old.history);
        }
    }
}

const MODE_LINE: usize = 0;
const MODE_CIRCLE: usize = 1;
const MODE_XY: usize = 2;

/// Where samples lie in the picture.
struct View {
    size: (f32, f32),
    mode: usize,
    gain: f32,
    radius: f32,
    /// Samples that are shown.
    window: f32,
}

impl View {
    /// The place of a sample that is `t` samples after the window's start.
    fn place(&self, t: f32, [left, right, mean]: Sample) -> [f32; 2] {
        let (width, height) = self.size;
        let half = 0.5 * height;
        match self.mode {
            MODE_CIRCLE => {
                let radius = (self.radius + self.gain * mean * 0.5).max(0.0) * half;
                let (sin, cos) = (t / self.window * TAU).sin_cos();
                [0.5 * width + radius * sin, half - radius * cos]
            }
            MODE_XY => [0.5 * width + self.gain * left * half, half - self.gain * right * half],
            _ => [t / self.window * width, half - self.gain * mean * half],
        }
    }

    /// The way in pixels that the beam's spot makes in one sample where it is as bright as white.
    fn usual_step_px(&self) -> f32 {
        let (width, height) = self.size;
        let way = match self.mode {
            MODE_LINE => width,
            MODE_CIRCLE => PI * self.radius.max(0.1) * height,
            _ => 8.0 * height,
        };
        way / self.window
    }
}

struct Pen {
    radius_px: f32,
    softness_px: f32,
    is_beam: bool,
    colour: [f32; 4],
}

impl Pen {
    fn stroke(&self, from: [f32; 2], to: [f32; 2], usual_step_px: f32) -> Stroke {
        if !self.is_beam {
            let stroke = Stroke::new(Form::Round, from, to, self.radius_px, self.colour);
            return stroke.soft(self.softness_px);
        }
        // The spot's deviation is half the line's half width, so that it looks as wide.
        let sigma_px = (self.radius_px * 0.7 + 0.5 * self.softness_px).max(0.5);
        // Of a spot at its usual pace, the trace's middle has alpha 1.
        let energy = usual_step_px * (2.0 * PI).sqrt() * sigma_px;
        let [r, g, b, a] = self.colour;
        Stroke::new(Form::Beam, from, to, sigma_px, [r, g, b, a * energy])
    }
}

impl Scope {
    fn hear(&mut self, audio: &AudioBlock) {
        let sane = |v: Option<&f32>| v.copied().filter(|v| v.is_finite()).unwrap_or(0.0);
        let (left, right) =
            (audio.channel(0), audio.channel(1.min(audio.num_channels().max(1) - 1)));
        for i in 0..audio.len() {
            self.history.push([sane(left.get(i)), sane(right.get(i)), audio.mono(i)]);
        }
        // Moved seldom, by as much again.
        if self.history.len() > 2 * self.max_len {
            self.history.drain(..self.history.len() - self.max_len);
        }
    }

    /// The place in the history, between samples, where a window begins that ends by its end.
    fn start(&self, window: f32, triggers: bool) -> f64 {
        let last = self.history.len() as f64 - 1.0 - f64::from(window);
        if !triggers || last < 1.0 {
            return last;
        }
        let latest = last.floor() as usize;
        let earliest = latest.saturating_sub(window as usize).max(1);
        let rise = (earliest..=latest)
            .rev()
            .find(|&i| self.history[i - 1][2] < 0.0 && self.history[i][2] >= 0.0);
        rise.map_or(last, |i| {
            let (a, b) = (f64::from(self.history[i - 1][2]), f64::from(self.history[i][2]));
            i as f64 - 1.0 + a / (a - b)
        })
    }

    /// The sample at a place between samples, by a straight line; silence before the first.
    fn at(&self, place: f64) -> Sample {
        let whole = place.floor();
        let t = (place - whole) as f32;
        let get = |i: f64| {
            let i = if i >= 0.0 { self.history.get(i as usize) } else { None };
            i.copied().unwrap_or_default()
        };
        let (a, b) = (get(whole), get(whole + 1.0));
        [0, 1, 2].map(|c| a[c] + (b[c] - a[c]) * t)
    }

    /// Fills `strokes`: one from each sample to the next, first and last between samples.
    fn trace(&mut self, view: &View, pen: &Pen, start: f64) {
        let mut strokes = std::mem::take(&mut self.strokes);
        strokes.clear();
        let window = f64::from(view.window);
        let usual_step_px = view.usual_step_px();
        let point = |t: f64| {
            let sample = self.at(start + t);
            if view.mode != MODE_CIRCLE {
                return view.place(t as f32, sample);
            }
            let share = ((t / window) as f32 - (1.0 - SEAM)).max(0.0) / SEAM;
            let before = self.at(start + t - window);
            view.place(t as f32, [0, 1, 2].map(|c| sample[c] + (before[c] - sample[c]) * share))
        };
        let mut from = point(0.0);
        // The first whole sample after the start, and on to the window's end.
        let mut t = start.floor() + 1.0 - start;
        loop {
            let end = t.min(window);
            let to = point(end);
            // A part of a sample takes a part of its time.
            strokes.push(pen.stroke(from, to, usual_step_px));
            if t >= window {
                break;
            }
            from = to;
            t += 1.0;
        }
        self.strokes = strokes;
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Image, ParamValue, Value};

    use super::*;
    use crate::gpu::testing::{services, values};

    const RATE_HZ: f32 = 48_000.0;

    fn sound(len: usize, sample: impl Fn(f32) -> [f32; 2]) -> AudioBlock {
        let mut block = AudioBlock::silent(2, len);
        for i in 0..len {
            let [left, right] = sample(i as f32 / RATE_HZ);
            block.channel_mut(0)[i] = left;
            block.channel_mut(1)[i] = right;
        }
        block
    }

    fn shown(params: &[(&str, ParamValue)], block: AudioBlock) -> Image {
        let mut node = Harness::new(&SPEC).services(&services()).size_px(96, 64);
        for (id, value) in params {
            node.set_param(id, value.clone());
        }
        let mut node = node.prepare().unwrap();
        node.input("audio", Value::Audio(block.into()));
        node.tick().unwrap();
        let Value::Image(image) = node.output("image") else { panic!("no picture") };
        image.clone()
    }

    fn alphas(image: &Image) -> Vec<f32> {
        values(image).iter().skip(3).step_by(4).copied().collect()
    }

    fn sine(phase: f32) -> AudioBlock {
        sound(4_000, move |t| {
            let v = 0.5 * (TAU * (200.0 * t + phase)).sin();
            [v, v]
        })
    }

    /// The mean row of each column's light.
    fn rows(image: &Image) -> Vec<f32> {
        let (width, alphas) = (image.width_px as usize, alphas(image));
        let column = |x: usize| {
            let cells = || alphas.iter().skip(x).step_by(width).enumerate();
            let sum: f32 = cells().map(|(_, a)| a).sum();
            cells().map(|(y, a)| (y as f32 + 0.5) * a).sum::<f32>() / sum
        };
        (0..width).map(column).collect()
    }

    #[test]
    fn a_line_is_the_wave_from_its_rise_on() {
        // Two periods of 200 Hz in 10 ms: at column x the wave is sin(4π·x/width).
        let image = shown(&[("window_secs", 0.01_f32.into())], sine(0.13));
        for (x, row) in rows(&image).into_iter().enumerate() {
            let wave = 0.5 * (2.0 * TAU * (x as f32 + 0.5) / 96.0).sin();
            let expected = 32.0 - wave * 32.0;
            assert!((row - expected).abs() < 0.5, "column {x}: {row} for {expected}");
        }
    }

    #[test]
    fn a_tone_stands_still_with_the_trigger_alone() {
        let of = |phase: f32, trigger: bool| {
            alphas(&shown(
                &[("trigger", trigger.into()), ("line_percent", 5.0_f32.into())],
                sine(phase),
            ))
        };
        let distance = |a: Vec<f32>, b: Vec<f32>| {
            a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
        };
        assert!(distance(of(0.0, true), of(0.37, true)) < 0.05);
        assert!(distance(of(0.0, false), of(0.37, false)) > 0.5);
    }

    #[test]
    fn a_sine_and_a_cosine_are_a_circle() {
        let block = sound(4_000, |t| {
            let (sin, cos) = (TAU * 300.0 * t).sin_cos();
            [0.75 * cos, 0.75 * sin]
        });
        let image = shown(&[("mode", "xy".into())], block);
        let (mut on, mut off) = (0.0_f32, 0.0_f32);
        for (i, alpha) in alphas(&image).into_iter().enumerate() {
            let (x, y) = ((i % 96) as f32 + 0.5 - 48.0, (i / 96) as f32 + 0.5 - 32.0);
            if (x.hypot(y) - 24.0).abs() < 1.5 { on += alpha } else { off += alpha }
        }
        // The circle's length is 151 pixels, its line 0.256 wide.
        assert!(off == 0.0 && (on / (TAU * 24.0 * 0.256) - 1.0).abs() < 0.05, "{on} {off}");
    }

    #[test]
    fn silence_is_a_whole_circle_of_the_radius() {
        let params = [("mode", "circle".into()), ("line_percent", 3.0_f32.into())];
        let image = shown(&params, AudioBlock::silent(1, 4_000));
        let all = alphas(&image);
        for i in 0..64 {
            let (sin, cos) = (TAU * i as f32 / 64.0).sin_cos();
            let (x, y) = (48.0 + 16.0 * sin, 32.0 - 16.0 * cos);
            assert!(all[y as usize * 96 + x as usize] > 0.3, "{i}");
        }
        assert_eq!(all[32 * 96 + 48], 0.0);
    }

    #[test]
    fn a_circle_closes_over_any_sound() {
        let block = sound(4_000, |t| [8.0 * t - 0.3; 2]);
        let image = shown(&[("mode", "circle".into()), ("trigger", false.into())], block);
        let mut scope = Scope { max_len: 96_000, ..Scope::default() };
        scope.hear(&sound(4_000, |t| [8.0 * t - 0.3; 2]));
        let view =
            View { size: (96.0, 64.0), mode: MODE_CIRCLE, gain: 1.0, radius: 0.5, window: 960.0 };
        let pen = Pen { radius_px: 1.0, softness_px: 0.0, is_beam: false, colour: [1.0; 4] };
        scope.trace(&view, &pen, scope.start(960.0, false));
        let (first, last) = (scope.strokes[0].from_px, scope.strokes.last().unwrap().to_px);
        assert!((first[0] - last[0]).hypot(first[1] - last[1]) < 0.05, "{first:?} {last:?}");
        assert!(alphas(&image).iter().sum::<f32>() > 10.0);
    }

    #[test]
    fn a_beam_is_brighter_where_it_is_slow() {
        // A square wave: flat parts are slow, its flanks fast.
        let block = sound(4_000, |t| [if (200.0 * t).fract() < 0.5 { 0.5 } else { -0.5 }; 2]);
        let params = [("beam", true.into()), ("window_secs", 0.01_f32.into())];
        let image = shown(&params, block);
        let all = alphas(&image);
        let (flat, flank) = (all[16 * 96 + 12], all[32 * 96 + 24].max(all[32 * 96 + 23]));
        assert!(flat > 0.5 && flank < 0.2 * flat, "{flat} {flank}");
    }

    #[test]
    fn what_is_no_number_is_silence() {
        let image = shown(&[], sound(4_000, |_| [f32::NAN, f32::INFINITY]));
        assert!(rows(&image).into_iter().all(|row| (row - 32.0).abs() < 0.01));
    }

    #[test]
    fn after_a_reset_all_repeats_and_blocks_may_be_of_any_length() {
        let wave = |t: f32| [(TAU * 310.0 * t).sin(); 2];
        let run = |node: &mut Harness, lens: &[usize]| {
            let whole = sound(lens.iter().sum(), wave);
            let mut from = 0;
            for len in lens {
                let mut block = AudioBlock::silent(2, *len);
                for c in 0..2 {
                    block.channel_mut(c).copy_from_slice(&whole.channel(c)[from..from + len]);
                }
                from += len;
                node.input("audio", Value::Audio(block.into()));
                node.tick().unwrap();
            }
            let Value::Image(image) = node.output("image") else { panic!("no picture") };
            values(image)
        };
        let make = || Harness::new(&SPEC).services(&services()).size_px(48, 32).prepare().unwrap();
        let mut node = make();
        let once = run(&mut node, &[800, 800, 2_400]);
        node.reset();
        assert_eq!(run(&mut node, &[800, 800, 2_400]), once);
        assert_eq!(run(&mut make(), &[4_000]), once);
    }
}
