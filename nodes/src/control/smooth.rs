//! `control.smooth`

use std::any::Any;

use lumawire_analysis::envelope::follow::{FollowSettings, Follower};
use lumawire_analysis::envelope::gaussian::{GaussianSmoother, reach};
use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Timing, Unit,
};

use super::finite;
use crate::analysis::look_ahead::{HEARING, looks_ahead};

const IN: usize = 0;
const MODE: usize = 0;
const ATTACK: usize = 1;
const RELEASE: usize = 2;
const WIDTH: usize = 3;
const HOLD: usize = 4;
const FUTURE_WEIGHT: usize = 5;
const HEARING_PARAM: usize = 6;

/// The widest Gaussian, in seconds.
const MAX_WIDTH_SECS: f32 = 10.0;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "control.smooth",
    version: 1,
    label: "Smooth",
    doc: "Smooths a control over time. \
        `attack_release` is a one-pole: y += (x − y)·(1 − exp(−dt/τ)), with τ the attack while x \
        rises above y and the release while it falls, `hold_secs` after it last rose at the \
        earliest; it starts at the first value and lags by τ. \
        `gaussian` is a mean weighted with exp(−t²/2w²) up to 4w away, w being the width, of the \
        values that there are. Causal it is of the past alone and lags by w·√(2/π). Looking ahead \
        it is of both sides, the future times `future_weight`, as maua-stylegan2's but never from \
        the end of the sound into its start: 4w of latency, which an offline render makes good; a \
        width that is modulated beyond the set one is cut off there. \
        Widths are in seconds, so that it looks the same at every frame rate.",
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
        Param::float("hold_secs", "Hold", 0.0, (0.0, 2.0))
            .hard(0.0, 3600.0)
            .unit(Unit::Secs)
            .doc("How long `attack_release` stays at its height before it falls."),
        Param::float("future_weight", "Future", 1.0, (0.0, 1.0))
            .doc("Weight of what comes later where the Gaussian looks ahead: 1 is centred."),
        HEARING,
    ],
    build: || Box::new(Smooth::default()),
};

/// State of `control.smooth`.
#[derive(Default)]
struct Smooth {
    follower: Follower,
    gaussian: GaussianSmoother,
    latency_samples: u64,
    last: f32,
}

impl Node for Smooth {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        let dt_secs = cx.clock.dt_secs(cx.rate);
        let ticks = |secs: f32| f64::from(secs) / dt_secs;
        let ahead = cx.params.choice(MODE) == 1
            && cx.params.float(FUTURE_WEIGHT) > 0.0
            && looks_ahead(cx, HEARING_PARAM);
        let num_ahead = if ahead { reach(ticks(cx.params.float(WIDTH))) } else { 0 };
        self.gaussian = GaussianSmoother::new(ticks(MAX_WIDTH_SECS), num_ahead);
        let samples = num_ahead as f64 * dt_secs * f64::from(cx.clock.sample_rate_hz);
        self.latency_samples = samples.round() as u64;
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        if let Some(x) = finite(io, IN) {
            let (params, dt_secs) = (io.params, io.tick.dt_secs());
            let settings = FollowSettings {
                attack_secs: params.float(ATTACK),
                hold_secs: params.float(HOLD),
                release_secs: params.float(RELEASE),
            };
            let followed = self.follower.push(x, dt_secs, &settings);
            let width_ticks = f64::from(params.float(WIDTH)) / dt_secs;
            // Both run on, so that the mode can change in the middle; the one in use is worth its
            // time alone.
            self.last = if params.choice(MODE) == 0 {
                self.gaussian.hold(x);
                followed
            } else {
                self.gaussian.push(x, width_ticks, params.float(FUTURE_WEIGHT))
            };
        }
        io.outputs.set_control(0, self.last);
        Ok(())
    }

    fn timing(&self, inputs: &[Timing]) -> Timing {
        Timing::punctual(inputs).late(self.latency_samples)
    }

    fn reset(&mut self) {
        self.follower = Follower::default();
        self.gaussian.clear();
        self.last = 0.0;
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        if let Some(old) = old.downcast_ref::<Self>() {
            self.follower = old.follower;
            self.gaussian.adopt(&old.gaussian);
            self.last = old.last;
        }
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
    fn looking_ahead_it_is_centred_and_says_how_late() {
        let (x, expected) = (reference("x1"), reference("gauss_x1_s5_causal0"));
        let make = |future_weight: f32| {
            let node = at_fps(50).param("mode", "gaussian").param("width_secs", 0.1_f32);
            node.param("future_weight", future_weight).looks_ahead().prepare().unwrap()
        };
        // 20 frames of 960 samples.
        assert_eq!(make(1.0).timing(&[Timing::default()]).latency_samples, 19_200);
        let y = run(&mut make(1.0), &x);
        let e: Vec<f32> = (-20..=20).map(|k| (-0.02 * (k * k) as f32).exp()).collect();
        let total: f32 = e.iter().sum();
        for n in 20..180 {
            let mean = (0..41).map(|k| e[k] * x[n + k - 20]).sum::<f32>() / total;
            assert!((y[n + 20] - mean).abs() < 1e-5, "{n}");
        }
        let mut causal = make(0.0);
        assert_eq!(causal.timing(&[Timing::default()]).latency_samples, 0);
        assert!((run(&mut causal, &x)[100] - expected[100]).abs() < 1e-6);
    }

    #[test]
    fn a_peak_is_held() {
        let node = at_fps(10).param("attack_secs", 0.0_f32).param("release_secs", 0.0_f32);
        let mut node = node.param("hold_secs", 0.2_f32).prepare().unwrap();
        assert_eq!(run(&mut node, &[0.0, 1.0, 0.5, 0.4, 0.3]), [0.0, 1.0, 1.0, 1.0, 0.3]);
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
