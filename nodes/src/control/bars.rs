//! `control.bars`

use std::any::Any;

use lumawire_core::{Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role};

use super::{finite, take_over};

const IN_BEAT: usize = 0;
const IN_PHASE: usize = 1;
const IN_RESET: usize = 2;
const OUT_PHRASE_PHASE: usize = 0;
const OUT_BAR_PHASE: usize = 1;
const OUT_BAR: usize = 2;
const OUT_BEAT: usize = 3;
const OUT_PHRASE_START: usize = 4;
const OUT_BAR_START: usize = 5;
const BEATS_PER_BAR: usize = 0;
const BARS_PER_PHRASE: usize = 1;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "control.bars",
    version: 1,
    label: "Bars",
    doc: "Counts beats into bars, and bars into phrases, so that loops of 1, 4, 8 or 16 bars keep to \
          the music. With n beats since the one and φ the phase in the beat, of B beats a bar and P \
          bars a phrase: the phase in the bar is the fraction of (n + φ)/B, that in the phrase the \
          fraction of (n + φ)/(B·P). The first beat that comes is the one, and so is the nearest to \
          a reset: the beat that just was, or, from φ = ½ on, the one to come.",
    rate: Rate::Inherit,
    role: Role::Stateful,
    inputs: &[
        Port::required("beat", PortType::Trigger, "Each hit is a beat."),
        Port::optional(
            "phase",
            PortType::Control,
            "Phase in the beat, 0..1; without it phases move in steps.",
        ),
        Port::optional("reset", PortType::Trigger, "The one is here: bar and phrase begin."),
    ],
    outputs: &[
        Port::output("phrase_phase", PortType::Control, "Phase in the phrase, in [0, 1)."),
        Port::output("bar_phase", PortType::Control, "Phase in the bar, in [0, 1)."),
        Port::output("bar", PortType::Control, "Number of the bar in the phrase: 0, 1, … P − 1."),
        Port::output("beat", PortType::Control, "Number of the beat in the bar: 0, 1, … B − 1."),
        Port::output("phrase_start", PortType::Trigger, "A phrase begins."),
        Port::output("bar_start", PortType::Trigger, "A bar begins."),
    ],
    params: &[
        Param::int("beats_per_bar", "Beats a bar", 4, (1, 12))
            .hard_int(1, 1_000)
            .doc("B: 4 for most dance music, 3 for a waltz."),
        Param::int("bars_per_phrase", "Bars a phrase", 4, (1, 32))
            .hard_int(1, 1_000)
            .doc("P: 4, 8 or 16 for most dance music; 1 makes phrases of a bar."),
    ],
    build: || Box::new(Bars::default()),
};

/// State of `control.bars`.
#[derive(Default)]
struct Bars {
    /// Beats since the one; −1 while it is to come, `None` before the first beat.
    beats: Option<i64>,
}

impl Node for Bars {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let phase = finite(io, IN_PHASE).map_or(0.0, |p| f64::from(p).rem_euclid(1.0));
        let bar = io.params.int(BEATS_PER_BAR).max(1);
        let phrase = bar * io.params.int(BARS_PER_PHRASE).max(1);
        // Before the first beat the count stands just before the one.
        let before = self.beats.unwrap_or(-1);
        let mut after = before.saturating_add(i64::from(io.inputs.trigger(IN_BEAT)));
        let mut starts = [bar, phrase].map(|len| after.div_euclid(len) - before.div_euclid(len));
        if io.inputs.trigger(IN_RESET) > 0 {
            after = if phase < 0.5 { 0 } else { -1 };
            starts = [i64::from(after == 0); 2];
        }
        if self.beats.is_some() || after > before || io.inputs.trigger(IN_RESET) > 0 {
            self.beats = Some(after);
        }
        let position = |len: i64| {
            let part = after.rem_euclid(len) as f64 + phase;
            // Rounding must not reach 1.
            if self.beats.is_some() { (part / len as f64).min(1.0 - 1e-7) as f32 } else { 0.0 }
        };
        let beats = self.beats.unwrap_or(0);
        io.outputs.set_control(OUT_PHRASE_PHASE, position(phrase));
        io.outputs.set_control(OUT_BAR_PHASE, position(bar));
        io.outputs.set_control(OUT_BAR, beats.rem_euclid(phrase).div_euclid(bar) as f32);
        io.outputs.set_control(OUT_BEAT, beats.rem_euclid(bar) as f32);
        io.outputs.set_trigger(OUT_PHRASE_START, u32::try_from(starts[1]).unwrap_or(0));
        io.outputs.set_trigger(OUT_BAR_START, u32::try_from(starts[0]).unwrap_or(0));
        Ok(())
    }

    fn reset(&mut self) {
        self.beats = None;
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        take_over(self, old);
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::Value;
    use lumawire_core::harness::Harness;

    use super::*;

    /// Runs ticks of a quarter beat, the first of them on a beat.
    fn run(node: &mut Harness, num_ticks: usize) -> Vec<[f32; 4]> {
        let tick = |i: usize| {
            node.input("beat", Value::Trigger(u32::from(i.is_multiple_of(4))));
            node.input("phase", Value::Control((i % 4) as f32 * 0.25));
            node.tick().unwrap();
            let starts = [node.trigger("bar_start"), node.trigger("phrase_start")];
            let starts = starts.map(|n| n as f32);
            [node.control("bar_phase"), node.control("phrase_phase"), starts[0], starts[1]]
        };
        (0..num_ticks).map(tick).collect()
    }

    #[test]
    fn phases_are_ramps_and_starts_come_at_their_ends() {
        for (bar, phrase) in [(4, 4), (3, 8), (1, 1), (7, 2)] {
            let node = Harness::new(&SPEC).param("beats_per_bar", bar as i64);
            let mut node = node.param("bars_per_phrase", phrase as i64).prepare().unwrap();
            for (i, found) in run(&mut node, 500).into_iter().enumerate() {
                let (bar, phrase) = (4 * bar, 4 * bar * phrase);
                let part = |len: usize| (i % len) as f32 / len as f32;
                let start = |len: usize| f32::from(u8::from(i % len == 0));
                let expected = [part(bar), part(phrase), start(bar), start(phrase)];
                assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{i}");
            }
        }
    }

    #[test]
    fn the_one_is_the_beat_nearest_to_a_reset() {
        // Ticks after a beat, and the beat that follows the reset's tick.
        for (ticks, next) in [(1, 1.0), (3, 0.0)] {
            let mut node = Harness::new(&SPEC).prepare().unwrap();
            run(&mut node, 8 + ticks);
            node.input("beat", Value::Trigger(0));
            node.input("phase", Value::Control(ticks as f32 * 0.25));
            node.input("reset", Value::Trigger(1));
            node.tick().unwrap();
            assert_eq!(node.trigger("bar_start"), u32::from(ticks == 1));
            node.input("reset", Value::Trigger(0));
            let found = run(&mut node, 1);
            assert_eq!(node.control("beat"), next);
            assert_eq!(found[0][2..], [1.0 - next; 2]);
        }
    }

    #[test]
    fn nothing_moves_before_the_first_beat_and_several_in_a_tick_count() {
        let mut node = Harness::new(&SPEC).prepare().unwrap();
        node.input("phase", Value::Control(0.7));
        node.tick().unwrap();
        assert_eq!((node.control("bar_phase"), node.control("phrase_phase")), (0.0, 0.0));
        node.input("phase", Value::Control(f32::NAN));
        node.input("beat", Value::Trigger(10));
        node.tick().unwrap();
        assert_eq!((node.control("bar"), node.control("beat")), (2.0, 1.0));
        assert_eq!((node.trigger("bar_start"), node.trigger("phrase_start")), (3, 1));
    }
}
