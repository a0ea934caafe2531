//! `control.smooth`

use std::any::Any;
use std::collections::VecDeque;

use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Unit,
};

use super::{finite, one_pole_gain, take_over};

const IN: usize = 0;
const MODE: usize = 0;
const ATTACK: usize = 1;
const RELEASE: usize = 2;
const WIDTH: usize = 3;

/// The widest Gaussian, in seconds.
const MAX_WIDTH_SECS: f32 = 10.0;
/// Where the Gaussian is cut off, in widths.
const CUTOFF: f64 = 4.0;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "control.smooth",
    version: 1,
    label: "Smooth",
    doc: "Smooths a control over time. \
        `attack_release` is a one-pole: y += (x − y)·(1 − exp(−dt/τ)), with τ the attack while x \
        rises above y and the release while it falls; it starts at the first value and lags by τ. \
        `gaussian` is a mean of the past weighted with exp(−t²/2w²) up to 4w back, w being the \
        width; it lags by w·√(2/π) and takes the values that there are where fewer came. \
        Both look backwards alone and look the same at every frame rate.",
    rate: Rate::Inherit,
    role: Role::Stateful,
    inputs: &[Port::required("in", PortType::Control, "The control to smooth.")],
    outputs: &[Port::output("out", PortType::Control, "The smoothed control.")],
    params: &[
        Param::choice("mode", "Mode", &["attack_release", "gaussian"])
            .doc("Which of the two smoothings."),
        Param::float("attack_secs", "Attack", 0.01, (0.0, 2.0))
            .hard(0.0, 3600.0)
            .unit(Unit::Secs)
            .doc("Time constant upwards: 63 % of a step is reached after it."),
        Param::float("release_secs", "Release", 0.2, (0.0, 5.0))
            .hard(0.0, 3600.0)
            .unit(Unit::Secs)
            .doc("Time constant downwards."),
        Param::float("width_secs", "Width", 0.1, (0.0, 2.0))
            .hard(0.0, MAX_WIDTH_SECS)
            .unit(Unit::Secs)
            .doc("Standard deviation of the Gaussian."),
    ],
    build: || Box::new(Smooth::default()),
};

/// State of `control.smooth`.
#[derive(Default)]
struct Smooth {
    level: Option<f32>,
    /// The newest value first.
    past: VecDeque<f32>,
    kernel: Vec<f32>,
    /// Width that the kernel was made for, in ticks.
    kernel_width: f64,
    max_taps: usize,
}

impl Smooth {
    fn attack_release(&mut self, x: f32, gain_up: f32, gain_down: f32) -> f32 {
        let y = self.level.unwrap_or(x);
        y + (x - y) * if x > y { gain_up } else { gain_down }
    }

    fn gaussian(&mut self, width_ticks: f64) -> f32 {
        if self.kernel_width != width_ticks || self.kernel.is_empty() {
            self.kernel_width = width_ticks;
            // The tap at the cut-off itself counts, however its product is rounded.
            let num_taps = (CUTOFF * width_ticks + 1e-6) as usize + 1;
            self.kernel.clear();
            self.kernel.extend((0..num_taps.min(self.max_taps)).map(|k| {
                let z = if k == 0 { 0.0 } else { k as f64 / width_ticks };
                (-0.5 * z * z).exp() as f32
            }));
        }
        let (mut sum, mut weights) = (0.0, 0.0);
        for (k, x) in self.kernel.iter().zip(&self.past) {
            sum += k * x;
            weights += k;
        }
        sum / weights
    }
}

impl Node for Smooth {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        let dt_secs = cx.clock.dt_secs(cx.rate);
        self.max_taps = (CUTOFF * f64::from(MAX_WIDTH_SECS) / dt_secs) as usize + 1;
        self.past.reserve(self.max_taps);
        self.kernel.reserve(self.max_taps);
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        if let Some(x) = finite(io, IN) {
            let dt_secs = io.tick.dt_secs();
            self.past.truncate(self.max_taps.saturating_sub(1));
            self.past.push_front(x);
            let y = if io.params.choice(MODE) == 0 {
                let gain = |i| one_pole_gain(dt_secs, io.params.float(i));
                self.attack_release(x, gain(ATTACK), gain(RELEASE))
            } else {
                self.gaussian(f64::from(io.params.float(WIDTH)) / dt_secs)
            };
            self.level = Some(y).filter(|y| y.is_finite());
        }
        io.outputs.set_control(0, self.level.unwrap_or(0.0));
        Ok(())
    }

    fn reset(&mut self) {
        self.level = None;
        self.past.clear();
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        take_over(self, old);
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Clock, Fps};

    use super::*;
    use crate::map::reference;

    fn at_fps(fps: u32) -> Harness {
        let clock = Clock { fps: Fps::new(fps, 1), ..Clock::default() };
        Harness::new(&SPEC).clock(clock).rate(Rate::Frame)
    }

    fn run(node: &mut Harness, values: &[f32]) -> Vec<f32> {
        node.controls("in", "out", values)
    }

    #[test]
    fn steps_as_a_one_pole_at_every_frame_rate() {
        for fps in [30, 60, 120] {
            let n = fps as usize;
            let node = at_fps(fps).param("attack_secs", 0.5_f32).param("release_secs", 2.0_f32);
            let mut node = node.prepare().unwrap();
            run(&mut node, &[0.0]);
            let up = *run(&mut node, &vec![1.0; n]).last().unwrap();
            assert!((up - (1.0 - (-2.0_f32).exp())).abs() < 1e-4, "{fps}: {up}");
            let down = *run(&mut node, &vec![0.0; n]).last().unwrap();
            assert!((down - up * (-0.5_f32).exp()).abs() < 1e-4, "{fps}: {down}");
        }
    }

    #[test]
    fn gaussian_equals_the_causal_filter_of_maua() {
        // gaussian_filter(x1, sigma=5 frames, causal=0), which wraps within its first 20 frames.
        let (x, expected) = (reference("x1"), reference("gauss_x1_s5_causal0"));
        let node = at_fps(50).param("mode", "gaussian").param("width_secs", 0.1_f32);
        let y = run(&mut node.prepare().unwrap(), &x);
        for (i, (y, e)) in y.iter().zip(&expected).enumerate().skip(20) {
            assert!((y - e).abs() < 1e-6, "frame {i}: {y} against {e}");
        }
        assert_eq!(y[0], x[0]);
    }

    #[test]
    fn a_gap_in_the_numbers_is_passed_over() {
        for mode in ["attack_release", "gaussian"] {
            let mut node = at_fps(60).param("mode", mode).prepare().unwrap();
            let y = run(&mut node, &[0.5, f32::NAN, f32::INFINITY, 0.5]);
            assert_eq!(y, [0.5; 4], "{mode}");
        }
    }

    #[test]
    fn without_width_it_is_a_wire() {
        let node = at_fps(60).param("mode", "gaussian").param("width_secs", 0.0_f32);
        assert_eq!(run(&mut node.prepare().unwrap(), &[0.1, 0.9, 0.4]), [0.1, 0.9, 0.4]);
    }
}
