//! `source.notes`

use std::any::Any;

use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Timing,
};

use super::presses::{self, Presses};

const OUT_CHROMA: usize = 0;
const OUT_NOTE: usize = 1;
const OUT_VELOCITY: usize = 2;
const OUT_GATE: usize = 3;
const OUT_NUM_HELD: usize = 4;
const OUT_HIT: usize = 5;
const NOTE: usize = 1;
const VELOCITY: usize = 2;
const NUM_HELD: usize = 3;
const HITS: usize = 4;
/// The first of the twelve pitch classes.
const FIRST_CLASS: usize = 5;
const NUM_CLASSES: usize = 12;

const fn class(id: &'static str, label: &'static str) -> Param {
    Param::float(id, label, 0.0, (0.0, 1.0))
        .momentary()
        .doc("Velocity of the loudest held note of this name in any octave; 0 where there is none.")
}

/// `source.notes`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "source.notes",
    version: 1,
    label: "Notes",
    doc: "The keys that are held on MIDI keyboards, as a chroma that everything takes which takes \
          that of a sound. It needs no binding: it hears the keys of all devices that are open, on \
          its channel. What it shows are its parameters, so OSC may play it as well. A row each \
          block, [12] from C, of velocities 0..1. No latency: a key counts with the block in which \
          it came.",
    rate: Rate::Block,
    role: Role::Stateful,
    inputs: &[],
    outputs: &[
        Port::output("chroma", PortType::Chroma, "Velocities of the held notes, [hops, 12]."),
        Port::output(
            "note",
            PortType::Control,
            "MIDI number of the last note, 0..127; 60 is middle C.",
        ),
        Port::output("velocity", PortType::Control, "Velocity of the last note, 0..1; it stays."),
        Port::output("gate", PortType::Control, "1 as long as any key is held, else 0."),
        Port::output("num_held", PortType::Control, "Number of held keys."),
        Port::output("hit", PortType::Trigger, "Keys struck since the last tick."),
    ],
    params: &[
        Param::int("channel", "Channel", 0, (0, 16)).doc("MIDI channel 1..16; 0 hears all."),
        Param::int("note", "Note", 60, (0, 127))
            .momentary()
            .doc("MIDI number of the note struck last."),
        Param::float("velocity", "Velocity", 0.0, (0.0, 1.0))
            .momentary()
            .doc("How hard it was struck."),
        Param::int("num_held", "Held", 0, (0, 127))
            .momentary()
            .hard_int(0, 2_048)
            .doc("Number of held keys."),
        Param::int("hits", "Hits", 0, (0, 100))
            .momentary()
            .hard_int(presses::RANGE.0, presses::RANGE.1)
            .doc("How many keys were struck: counted up from outside."),
        class("c", "C"),
        class("c_sharp", "C♯"),
        class("d", "D"),
        class("d_sharp", "D♯"),
        class("e", "E"),
        class("f", "F"),
        class("f_sharp", "F♯"),
        class("g", "G"),
        class("g_sharp", "G♯"),
        class("a", "A"),
        class("a_sharp", "A♯"),
        class("b", "B"),
    ],
    build: || Box::<Notes>::default(),
};

/// State of `source.notes`.
#[derive(Default)]
struct Notes {
    hits: Presses,
}

impl Node for Notes {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.hits = Presses::new(cx.params.int(HITS));
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let (params, dt_secs) = (io.params, io.tick.dt_secs());
        if let Some(chroma) = io.outputs.chroma(OUT_CHROMA) {
            chroma.begin(NUM_CLASSES);
            chroma.hop_secs = dt_secs;
            for (i, x) in chroma.push().iter_mut().enumerate() {
                *x = params.float(FIRST_CLASS + i);
            }
        }
        let num_held = params.int(NUM_HELD);
        io.outputs.set_control(OUT_NOTE, params.int(NOTE) as f32);
        io.outputs.set_control(OUT_VELOCITY, params.float(VELOCITY));
        io.outputs.set_control(OUT_GATE, f32::from(u8::from(num_held > 0)));
        io.outputs.set_control(OUT_NUM_HELD, num_held as f32);
        io.outputs.set_trigger(OUT_HIT, self.hits.take(params.int(HITS)));
        Ok(())
    }

    fn timing(&self, _: &[Timing]) -> Timing {
        Timing::default()
    }

    fn reset(&mut self) {
        self.hits.reset();
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        crate::control::take_over(self, old);
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::Value;
    use lumawire_core::harness::Harness;

    use super::*;

    #[test]
    fn what_is_held_is_a_row_of_chroma() {
        let mut node = Harness::new(&SPEC).prepare().unwrap();
        node.tick().unwrap();
        assert_eq!((node.control("gate"), node.trigger("hit")), (0.0, 0));
        for (id, v) in [("c", 0.5_f32), ("g_sharp", 1.0), ("b", 0.25)] {
            node.set_param(id, v);
        }
        for (id, v) in [("num_held", 3_i64), ("hits", 2), ("note", 71)] {
            node.set_param(id, v);
        }
        node.tick().unwrap();
        let Value::Chroma(chroma) = node.output("chroma") else { panic!("no chroma") };
        let row = [0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.25];
        assert_eq!((chroma.num_fresh(), chroma.latest()), (1, Some(&row[..])));
        let seen = ["gate", "num_held", "note"].map(|id| node.control(id));
        assert_eq!((seen, node.trigger("hit")), ([1.0, 3.0, 71.0], 2));
    }
}
