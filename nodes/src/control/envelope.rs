//! `control.envelope`

use std::any::Any;

use lumawire_core::{Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role, Unit};

use super::{finite, take_over};

const IN_TRIGGER: usize = 0;
const IN_VELOCITY: usize = 1;
const OUT_VALUE: usize = 0;
const OUT_END: usize = 1;
const ATTACK: usize = 0;
const HOLD: usize = 1;
const DECAY: usize = 2;
const CURVE: usize = 3;
const RETRIGGER: usize = 4;

const FROM_ZERO: usize = 1;
const WHEN_IDLE: usize = 2;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "control.envelope",
    version: 1,
    label: "Envelope",
    doc: "Answers a trigger with a rise, a hold and a decay. \
        With t seconds since the hit: from where it stood to the peak in a straight line over the \
        attack; the peak over the hold; peak·(1 − u)^curve over the decay, u running 0..1; then 0. \
        The peak is 1, or the velocity at the hit. The value follows from t alone, so it is the \
        same at every frame rate.",
    rate: Rate::Inherit,
    role: Role::Stateful,
    inputs: &[
        Port::required("trigger", PortType::Trigger, "Starts the envelope."),
        Port::optional("velocity", PortType::Control, "Height of the peak, read at the hit."),
    ],
    outputs: &[
        Port::output("value", PortType::Control, "The envelope, 0 to the peak."),
        Port::output("end", PortType::Trigger, "Comes once when the decay is over."),
    ],
    params: &[
        Param::float("attack_secs", "Attack", 0.005, (0.0, 2.0))
            .hard(0.0, 3600.0)
            .unit(Unit::Secs)
            .doc("Time to the peak."),
        Param::float("hold_secs", "Hold", 0.0, (0.0, 2.0))
            .hard(0.0, 3600.0)
            .unit(Unit::Secs)
            .doc("Time at the peak."),
        Param::float("decay_secs", "Decay", 0.4, (0.0, 5.0))
            .hard(0.0, 3600.0)
            .unit(Unit::Secs)
            .doc("Time from the peak to 0."),
        Param::float("curve", "Curve", 2.0, (0.25, 8.0))
            .hard(0.01, 100.0)
            .doc("Exponent of the decay: 1 is straight, above 1 falls fast at first."),
        Param::choice("retrigger", "Retrigger", &["from_value", "from_zero", "when_idle"]).doc(
            "What a hit does to a running envelope: it rises again from where it stands, starts \
             again from 0, or waits until the running one is over.",
        ),
    ],
    build: || Box::new(Envelope::default()),
};

/// State of `control.envelope`.
#[derive(Default)]
struct Envelope {
    run: Option<Run>,
}

/// An envelope under way.
#[derive(Clone, Copy)]
struct Run {
    started_secs: f64,
    from: f32,
    peak: f32,
}

/// Times and form of an envelope, in seconds.
struct Shape {
    attack: f64,
    hold: f64,
    decay: f64,
    curve: f32,
}

impl Run {
    /// The value at `secs`, or `None` when it is over.
    fn value(&self, secs: f64, shape: &Shape) -> Option<f32> {
        let t = secs - self.started_secs;
        let decayed = t - shape.attack - shape.hold;
        if t < shape.attack {
            Some(self.from + (self.peak - self.from) * (t / shape.attack) as f32)
        } else if decayed < 0.0 {
            Some(self.peak)
        } else if decayed < shape.decay {
            Some(self.peak * (1.0 - (decayed / shape.decay) as f32).powf(shape.curve))
        } else if t == 0.0 {
            // An envelope of no length still shows for the tick that it was hit in.
            Some(self.peak)
        } else {
            None
        }
    }
}

impl Node for Envelope {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let secs = io.tick.secs();
        let shape = Shape {
            attack: f64::from(io.params.float(ATTACK)),
            hold: f64::from(io.params.float(HOLD)),
            decay: f64::from(io.params.float(DECAY)),
            curve: io.params.float(CURVE),
        };
        let value = self.run.and_then(|run| run.value(secs, &shape));
        let ended = self.run.is_some() && value.is_none();
        let retrigger = io.params.choice(RETRIGGER);
        let starts =
            io.inputs.trigger(IN_TRIGGER) > 0 && (retrigger != WHEN_IDLE || value.is_none());
        self.run = match (starts, value) {
            (true, _) => Some(Run {
                started_secs: secs,
                from: if retrigger == FROM_ZERO { 0.0 } else { value.unwrap_or(0.0) },
                peak: finite(io, IN_VELOCITY).unwrap_or(1.0),
            }),
            (false, Some(_)) => self.run,
            (false, None) => None,
        };
        let value = self.run.and_then(|run| run.value(secs, &shape));
        io.outputs.set_control(OUT_VALUE, value.unwrap_or(0.0));
        io.outputs.set_trigger(OUT_END, u32::from(ended));
        Ok(())
    }

    fn reset(&mut self) {
        self.run = None;
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        take_over(self, old);
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Clock, Fps, Value};

    use super::*;

    /// At 8 frames a second: attack 2 frames, hold 1, decay 4.
    fn node(retrigger: &str) -> Harness {
        let clock = Clock { fps: Fps::new(8, 1), ..Clock::default() };
        let node = Harness::new(&SPEC).clock(clock).rate(Rate::Frame);
        node.param("attack_secs", 0.25_f32)
            .param("hold_secs", 0.125_f32)
            .param("decay_secs", 0.5_f32)
            .param("curve", 2.0_f32)
            .param("retrigger", retrigger)
            .prepare()
            .unwrap()
    }

    fn run(node: &mut Harness, hits: &[u32]) -> Vec<f32> {
        let tick = |n: &u32| {
            node.input("trigger", Value::Trigger(*n));
            node.tick().unwrap();
            node.control("value")
        };
        hits.iter().map(tick).collect()
    }

    fn assert_close(a: &[f32], b: &[f32]) {
        assert!(a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5), "{a:?}");
    }

    #[test]
    fn rises_holds_and_decays() {
        let mut env = node("from_value");
        let y = run(&mut env, &[0, 1, 0, 0, 0, 0, 0, 0, 0]);
        assert_close(&y, &[0.0, 0.0, 0.5, 1.0, 1.0, 0.5625, 0.25, 0.0625, 0.0]);
        assert_eq!(env.trigger("end"), 1);
        run(&mut env, &[0]);
        assert_eq!(env.trigger("end"), 0);
    }

    #[test]
    fn a_second_hit_follows_the_rule() {
        let hits = [1, 0, 0, 0, 1, 0, 0];
        let (head, hit) = ([0.0, 0.5, 1.0, 1.0], 0.5625);
        for (rule, tail) in [
            ("from_value", [hit, (hit + 1.0) / 2.0, 1.0]),
            ("from_zero", [0.0, 0.5, 1.0]),
            ("when_idle", [hit, 0.25, 0.0625]),
        ] {
            assert_close(&run(&mut node(rule), &hits), &[&head[..], &tail].concat());
        }
    }

    #[test]
    fn velocity_scales_the_peak() {
        let mut env = node("from_value");
        env.input("velocity", Value::Control(0.3));
        assert_close(&run(&mut env, &[1, 0, 0]), &[0.0, 0.15, 0.3]);
    }

    #[test]
    fn no_time_at_all_is_one_tick() {
        let node = Harness::new(&SPEC).param("attack_secs", 0.0_f32).param("decay_secs", 0.0_f32);
        assert_close(&run(&mut node.prepare().unwrap(), &[1, 0]), &[1.0, 0.0]);
    }
}
