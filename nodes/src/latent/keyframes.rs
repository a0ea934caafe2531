//! `latent.keyframes`

use std::any::Any;

use lumawire_core::{Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role, Unit};

use super::points::{INTERPOLATIONS, INTERPOLATIONS_DOC, between, emit, is_slerp};
use crate::control::phase::Phase;
use crate::control::{finite, take_over};

const IN_BANK: usize = 0;
const IN_JUMP: usize = 1;
const IN_PHASE: usize = 2;
const OUT_KEY: usize = 1;
const NUM_KEYS: usize = 0;
const PERIOD: usize = 1;
const HOLD: usize = 2;
const EASING: usize = 3;
const INTERPOLATION: usize = 4;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "latent.keyframes",
    version: 1,
    label: "Keyframes",
    doc: "Goes from key to key of a bank and back to the first, with rests, and leaps at a trigger. \
        Place p = phase·N + leaps; from key ⌊p⌋ to the next it is t = (frac p − hold)/(1 − hold) \
        along, at least 0: straight t, or smooth t²·(3 − 2t), row by row. Six keys in four seconds \
        is Autolume's loop. A leap goes to the beginning of the next key.",
    rate: Rate::Frame,
    role: Role::Stateful,
    inputs: &[
        Port::required("bank", PortType::LatentBank, "The keys; at least one."),
        Port::optional("jump", PortType::Trigger, "Each hit leaps to the next key."),
        Port::optional("phase", PortType::Control, "Where in the loop, 0..1; wraps."),
    ],
    outputs: &[
        Port::output("latent", PortType::Latent, "The point, `[num_ws, dim]`."),
        Port::output("key", PortType::Control, "Number of the key that it comes from, from 0."),
    ],
    params: &[
        Param::int("num_keys", "Keys", 6, (1, 16)).hard_int(1, 4096).doc(
            "How many of the bank's latents it takes, from the first; all if there are fewer.",
        ),
        Param::float("period_secs", "Period", 4.0, (0.5, 60.0))
            .hard(0.01, 86_400.0)
            .unit(Unit::Secs)
            .doc("Time once round, while no phase comes in."),
        Param::float("hold", "Hold", 0.0, (0.0, 1.0))
            .doc("Share of its time that it rests at a key; at 1 it cuts."),
        Param::choice("easing", "Easing", &["linear", "smooth"])
            .doc("An even pace from key to key, or one that starts and ends slowly."),
        Param::choice("interpolation", "Interpolation", INTERPOLATIONS).doc(INTERPOLATIONS_DOC),
    ],
    build: || Box::new(Keyframes::default()),
};

/// State of `latent.keyframes`.
#[derive(Default)]
struct Keyframes {
    /// Counts keys.
    phase: Phase,
    /// Keys that the leaps have added, within the loop.
    leaps: f64,
}

impl Keyframes {
    /// The place in a loop of `num` keys, 0..`num`, where `place` is due without leaps.
    fn leap(&mut self, place: f64, num: usize, hits: u32) -> f64 {
        let num = num as f64;
        let now = (place + self.leaps).rem_euclid(num);
        if hits > 0 {
            let next = now.floor() + f64::from(hits);
            self.leaps = (self.leaps + next - now).rem_euclid(num);
            return next % num;
        }
        now % num
    }
}

/// How far it is to the next key `fraction` (0..1) of the time after one.
fn ease(fraction: f64, hold: f64, is_smooth: bool) -> f32 {
    if fraction <= hold {
        return 0.0;
    }
    let t = (fraction - hold) / (1.0 - hold);
    (if is_smooth { t * t * (3.0 - 2.0 * t) } else { t }) as f32
}

impl Node for Keyframes {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(bank) = io.inputs.bank(IN_BANK) else { return Ok(()) };
        if bank.is_empty() {
            return Err(NodeError::input("bank", "holds no latent: give it at least one"));
        }
        let num = usize::try_from(io.params.int(NUM_KEYS)).unwrap_or(1).clamp(1, bank.len());
        let rate_hz = num as f64 / f64::from(io.params.float(PERIOD));
        let keys = self.phase.cycles(io.tick.secs(), rate_hz);
        let keys = finite(io, IN_PHASE).map_or(keys, |phase| f64::from(phase) * num as f64);
        let place = self.leap(keys, num, io.inputs.trigger(IN_JUMP));
        let hold = f64::from(io.params.float(HOLD));
        let t = ease(place.fract(), hold, io.params.choice(EASING) == 1);
        let i = place as usize % num;
        let slerps = is_slerp(io.params.choice(INTERPOLATION), bank.space);
        emit(io, bank.space, bank.num_ws, bank.dim, |rows| {
            between(bank.get(i), bank.get((i + 1) % num), bank.dim, t, slerps, rows);
        });
        io.outputs.set_control(OUT_KEY, i as f32);
        Ok(())
    }

    fn reset(&mut self) {
        *self = Self::default();
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        take_over(self, old);
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Clock, Fps, LatentBank, Space, Value};

    use super::*;

    /// Key i is the number i·i, so that every place has a value of its own.
    fn node(fps: u32) -> Harness {
        let clock = Clock { fps: Fps::new(fps, 1), ..Clock::default() };
        Harness::new(&SPEC).clock(clock)
    }

    fn prepare(node: Harness) -> Harness {
        let mut node = node.prepare().unwrap();
        let data = (0..8).map(|i| (i * i) as f32).collect();
        let bank = LatentBank { space: Space::W, num_ws: 1, dim: 1, data };
        node.input("bank", Value::LatentBank(bank.into()));
        node
    }

    fn tick(node: &mut Harness, jumps: u32) -> f32 {
        node.input("jump", Value::Trigger(jumps));
        node.tick().unwrap();
        match node.output("latent") {
            Value::Latent(latent) => latent.data[0],
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_new_instance_goes_on_where_the_old_one_was() {
        let jumps = |frame: u32| u32::from(frame == 10);
        let mut old = prepare(node(30));
        let moved: Vec<f32> = (0..25).map(|f| tick(&mut old, jumps(f))).collect();
        let mut new = prepare(node(30));
        let unmoved: Vec<f32> = (0..25).map(|_| tick(&mut new, 0)).collect();
        assert_ne!(unmoved[24], moved[24]);
        new.node_mut().adopt(old.node_mut());
        let mut whole = prepare(node(30));
        let expected: Vec<f32> = (0..60).map(|f| tick(&mut whole, jumps(f))).collect();
        let found: Vec<f32> = (25..60).map(|_| tick(&mut new, 0)).collect();
        assert_eq!(found, expected[25..]);
    }

    #[test]
    fn six_keys_in_four_seconds_at_every_frame_rate() {
        for fps in [24, 30, 60] {
            let mut node = prepare(node(fps));
            for frame in 0..10 * fps {
                let found = tick(&mut node, 0);
                let place = f64::from(frame) / f64::from(fps) * 1.5 % 6.0;
                let (i, t) = (place.floor(), place.fract());
                let (a, b) = (i * i, if i == 5.0 { 0.0 } else { (i + 1.0) * (i + 1.0) });
                // A frame off the key by rounding would be a whole key off.
                let expected = a + (b - a) * t;
                assert!((f64::from(found) - expected).abs() < 1e-3, "{fps} {frame}: {found}");
            }
        }
    }

    #[test]
    fn rests_and_eases() {
        let mut rests = prepare(node(16).param("hold", 0.5_f32).param("num_keys", 2_i64));
        let y: Vec<f32> = (0..64).map(|_| tick(&mut rests, 0)).collect();
        // Two seconds a key: rest for 16 frames, go for 16.
        assert!(y[..=16].iter().all(|v| *v == 0.0) && y[32..=48].iter().all(|v| *v == 1.0));
        assert_eq!((y[24], y[56]), (0.5, 0.5));
        let mut smooth = prepare(node(16).param("easing", "smooth").param("num_keys", 2_i64));
        let y: Vec<f32> = (0..64).map(|_| tick(&mut smooth, 0)).collect();
        assert!((y[8] - 0.15625).abs() < 1e-6 && (y[16] - 0.5).abs() < 1e-6);
        let mut cuts = prepare(node(16).param("hold", 1.0_f32));
        assert!((0..64).all(|_| tick(&mut cuts, 0).sqrt().fract() == 0.0));
    }

    #[test]
    fn leaps_to_the_beginning_of_the_next_key() {
        let mut node = prepare(node(4).param("period_secs", 24.0_f32));
        // 16 frames a key.
        for _ in 0..5 {
            tick(&mut node, 0);
        }
        assert_eq!(tick(&mut node, 1), 1.0);
        assert_eq!(node.control("key"), 1.0);
        let y: Vec<f32> = (0..16).map(|_| tick(&mut node, 0)).collect();
        assert!((y[7] - 2.5).abs() < 1e-5 && (y[15] - 4.0).abs() < 1e-5, "{y:?}");
        assert_eq!(tick(&mut node, 4), 0.0, "from key 2 to key 6 is round the end");
        node.reset();
        assert_eq!(tick(&mut node, 0), 0.0);
    }

    #[test]
    fn a_phase_says_where() {
        let mut node = prepare(node(30));
        node.input("phase", Value::Control(2.75));
        assert_eq!(tick(&mut node, 0), 0.5 * (16.0 + 25.0));
        node.input("phase", Value::Control(f32::NAN));
        assert!(tick(&mut node, 0).is_finite());
    }
}
