//! `latent.pads`

use std::any::Any;
use std::sync::Arc;

use lumawire_core::{
    Io, Latent, LatentBank, Node, NodeError, NodeSpec, Param, ParamValue, Port, PortType,
    PrepareCx, Rate, Role, Space, Unit, Value,
};

use super::points::{
    INTERPOLATIONS, INTERPOLATIONS_DOC, between, blend, emit, is_finite, is_slerp,
};
use super::slots::{STORED_DOC, Slots};

const IN_LATENT: usize = 0;
const IN_CLEAR_ALL: usize = 1;
const OUT_BANK: usize = 1;
const OUT_ACTIVE: usize = 2;
const OUT_COUNT: usize = 3;
const STORE: usize = 0;
const CLEAR: usize = 1;
const GLIDE_SECS: usize = 2;
const RELEASE: usize = 3;
const WEIGHTS: usize = 4;
const INTERPOLATION: usize = 5;
const STORED: usize = 6;
const FIRST_PAD: usize = 7;

const NUM_PADS: usize = 16;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "latent.pads",
    version: 1,
    label: "Latent pads",
    doc: "Latents on sixteen buttons: bind them to the notes of a MIDI controller, to OSC, or wire \
        them. A pad that is pressed goes to its latent; several held together go to their mean. While \
        `store` is on, a press stores the latent that comes in, over what was there; while `clear` is \
        on, a press empties the pad. Until a pad is pressed, and where none that is pressed holds \
        anything, the latent that comes in passes. Several latents meet as in `latent.mean`: in Z at \
        the mean of their lengths. The patch keeps what is stored.",
    rate: Rate::Frame,
    role: Role::Stateful,
    inputs: &[
        Port::optional("latent", PortType::Latent, "What passes and is stored, `[num_ws, dim]`."),
        Port::optional("clear_all", PortType::Trigger, "Empties all pads."),
    ],
    outputs: &[
        Port::output("latent", PortType::Latent, "Where the pads are, `[num_ws, dim]`."),
        Port::output(
            "bank",
            PortType::LatentBank,
            "The pads up to the last in use, `[num, num_ws, dim]`; empty ones show the latent that \
             comes in.",
        ),
        Port::output(
            "active",
            PortType::Control,
            "The pad that was pressed last, from 0; −1 before.",
        ),
        Port::output("count", PortType::Control, "How many pads hold a latent."),
    ],
    params: &[
        Param::switch("store", "Store", false).doc("While it is on, pads that are pressed store."),
        Param::switch("clear", "Clear", false)
            .doc("While it is on, pads that are pressed are emptied."),
        Param::float("glide_secs", "Glide", 0.3, (0.0, 5.0))
            .hard(0.0, 600.0)
            .unit(Unit::Secs)
            .doc("How long the way to other pads takes: 3x² − 2x³ of it at x of the time."),
        Param::choice("release", "Release", &["stay", "live"]).doc(
            "When pads are let go: `stay` where they were until another is pressed, or back to the \
             latent that comes in (`live`).",
        ),
        Param::choice("weights", "Weights", &["equal", "velocity"])
            .doc("Of pads that are held together: equal, or how hard each is pressed."),
        Param::choice("interpolation", "Interpolation", INTERPOLATIONS).doc(INTERPOLATIONS_DOC),
        Param::text("stored", "Stored", "").rebuild().doc(STORED_DOC),
        pad("pad_1", "Pad 1"),
        pad("pad_2", "Pad 2"),
        pad("pad_3", "Pad 3"),
        pad("pad_4", "Pad 4"),
        pad("pad_5", "Pad 5"),
        pad("pad_6", "Pad 6"),
        pad("pad_7", "Pad 7"),
        pad("pad_8", "Pad 8"),
        pad("pad_9", "Pad 9"),
        pad("pad_10", "Pad 10"),
        pad("pad_11", "Pad 11"),
        pad("pad_12", "Pad 12"),
        pad("pad_13", "Pad 13"),
        pad("pad_14", "Pad 14"),
        pad("pad_15", "Pad 15"),
        pad("pad_16", "Pad 16"),
    ],
    build: || Box::<Pads>::default(),
};

const fn pad(id: &'static str, label: &'static str) -> Param {
    Param::float(id, label, 0.0, (0.0, 1.0)).doc("Pressed while it is above 0: how hard.")
}

/// Where the output comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Place {
    /// The pads that count, a bit each; none for the latent that comes in.
    pads: u16,
    /// The state of the slots that they are of.
    version: u64,
}

/// State of `latent.pads`.
#[derive(Default)]
struct Pads {
    slots: Slots,
    /// How hard each pad was pressed in the last tick.
    pressed: [f32; NUM_PADS],
    /// Pads that are held and were not pressed to store or clear.
    playing: [bool; NUM_PADS],
    /// The pads that count, and how hard they were pressed.
    chord: [f32; NUM_PADS],
    active: Option<usize>,
    place: Place,
    bank: Option<Arc<LatentBank>>,
    spare: Option<Arc<LatentBank>>,
    bank_version: u64,
    /// What is put out, and its shape.
    shape: Option<(Space, usize)>,
    now: Vec<f32>,
    /// Where the way began, how far it has come, 0..1, and where it goes.
    from: Vec<f32>,
    way: f32,
    goal: Vec<f32>,
}

impl Pads {
    /// Takes what was pressed in this tick.
    fn press(&mut self, io: &Io<'_>, live: Option<&Latent>) {
        let (stores, clears) = (io.params.switch(STORE), io.params.switch(CLEAR));
        let follows = io.params.choice(RELEASE) == 1;
        let pressure = |pad: usize| io.params.float(FIRST_PAD + pad).clamp(0.0, 1.0);
        // First what was let go: a pad that is pressed in the same tick begins anew.
        for pad in 0..NUM_PADS {
            self.playing[pad] &= pressure(pad) > 0.0;
        }
        for pad in 0..NUM_PADS {
            let v = pressure(pad);
            let before = std::mem::replace(&mut self.pressed[pad], v);
            if v > 0.0 && before == 0.0 {
                match live {
                    _ if clears => self.slots.forget(pad),
                    Some(live) if stores => self.slots.store(live, pad),
                    _ if stores => {}
                    _ => self.play(pad),
                }
            }
            if self.playing[pad] {
                self.chord[pad] = v;
            } else if follows {
                self.chord[pad] = 0.0;
            }
        }
    }

    /// A pad that is pressed while others are held joins them; else it begins anew.
    fn play(&mut self, pad: usize) {
        if !self.playing.contains(&true) {
            self.chord.fill(0.0);
        }
        self.playing[pad] = true;
        self.active = Some(pad);
    }

    /// The bank of the pads, and where nothing is stored what comes in.
    fn fill_bank(&mut self, live: Option<&Latent>) {
        let shows_live = self.slots.count(NUM_PADS) < self.slots.len().max(1);
        if self.bank.is_some() && !shows_live && self.bank_version == self.slots.version() {
            return;
        }
        let empty = || LatentBank { space: Space::Z, num_ws: 1, dim: 1, data: Vec::new() };
        let mut spare = self.spare.take().unwrap_or_else(|| Arc::new(empty()));
        self.slots.fill(live, NUM_PADS, Arc::make_mut(&mut spare));
        self.spare = self.bank.replace(spare);
        self.bank_version = self.slots.version();
    }

    /// Sets `goal` to where the pads lead; its space and row length. `None` where there is nothing.
    fn aim(&mut self, live: Option<&Latent>, by_velocity: bool) -> Option<(Space, usize)> {
        let used = |pad: &usize| self.chord[*pad] > 0.0 && self.slots.is_used(*pad);
        let bits = (0..NUM_PADS).filter(used).map(|pad| 1_u16 << pad);
        let pads = bits.fold(0, |all, bit| all | bit);
        let bank = self.bank.as_deref().filter(|bank| !bank.is_empty());
        let place = Place { pads, version: self.slots.version() };
        let shape = match (bank, live) {
            (Some(bank), _) if pads > 0 => {
                let weight = |pad: usize| if by_velocity { self.chord[pad] } else { 1.0 };
                let held = (0..NUM_PADS).filter(|pad| pads >> pad & 1 > 0);
                let total: f32 = held.clone().map(weight).sum();
                self.goal.resize(bank.stride(), 0.0);
                blend(bank, held.map(|pad| (pad, weight(pad) / total)), &mut self.goal);
                (bank.space, bank.dim)
            }
            (_, Some(live)) => {
                self.goal.clone_from(&live.data);
                (live.space, live.dim)
            }
            // Nothing comes in: stays where it is, or begins at the first pad that holds something.
            (Some(bank), None) if self.shape.is_none() => {
                let first = (0..bank.len()).find(|pad| self.slots.is_used(*pad))?;
                self.goal.clear();
                self.goal.extend_from_slice(bank.get(first));
                (bank.space, bank.dim)
            }
            _ => return self.shape,
        };
        if place != self.place {
            self.place = place;
            self.from.clone_from(&self.now);
            self.way = 0.0;
        }
        Some(shape)
    }
}

impl Node for Pads {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.slots = Slots::read(cx.params.text(STORED))
            .map_err(|reason| NodeError::param("stored", reason))?;
        self.place.version = self.slots.version();
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let live = io.inputs.latent(IN_LATENT).map(Arc::as_ref);
        let live = live.filter(|live| !live.data.is_empty() && is_finite(live));
        if io.inputs.trigger(IN_CLEAR_ALL) > 0 {
            self.slots.clear();
        }
        self.press(io, live);
        self.fill_bank(live);
        let begins = self.shape.is_none();
        let shape = self.aim(live, io.params.choice(WEIGHTS) == 1);
        if let Some((space, dim)) = shape {
            let fits = self.shape == shape && self.from.len() == self.goal.len();
            let glide_secs = f64::from(io.params.float(GLIDE_SECS));
            let step = io.tick.clock.dt_secs(io.tick.rate) / glide_secs;
            self.way = if begins || !fits || glide_secs <= 0.0 {
                1.0
            } else {
                (f64::from(self.way) + step).min(1.0) as f32
            };
            self.shape = shape;
            self.now.resize(self.goal.len(), 0.0);
            if self.way < 1.0 {
                let t = self.way * self.way * (3.0 - 2.0 * self.way);
                let slerps = is_slerp(io.params.choice(INTERPOLATION), space);
                between(&self.from, &self.goal, dim, t, slerps, &mut self.now);
            } else {
                self.now.copy_from_slice(&self.goal);
            }
            let now = &self.now;
            emit(io, space, now.len() / dim.max(1), dim, |rows| rows.copy_from_slice(now));
        }
        if let Some(bank) = self.bank.as_ref().filter(|bank| !bank.data.is_empty()) {
            io.outputs.set(OUT_BANK, Value::LatentBank(bank.clone()));
        }
        io.outputs.set_control(OUT_ACTIVE, self.active.map_or(-1.0, |pad| pad as f32));
        io.outputs.set_control(OUT_COUNT, self.slots.count(NUM_PADS) as f32);
        Ok(())
    }

    fn keepsake(&mut self) -> Option<(&'static str, ParamValue)> {
        Some((SPEC.params[STORED].id, self.slots.keepsake()?))
    }

    fn reset(&mut self) {
        let mut slots = std::mem::take(&mut self.slots);
        slots.reset();
        let place = Place { pads: 0, version: slots.version() };
        *self = Self { slots, place, ..Self::default() };
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        let Some(old) = old.downcast_mut::<Self>() else { return };
        std::mem::swap(self, old);
        self.slots.follow(&mut old.slots);
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Clock, Fps};

    use super::*;

    fn node() -> Harness {
        let clock = Clock { fps: Fps::new(10, 1), ..Clock::default() };
        Harness::new(&SPEC).clock(clock).param("glide_secs", 0.0_f32).param("interpolation", "lerp")
    }

    fn live(node: &mut Harness, v: f32) {
        let latent = Latent { space: Space::W, dim: 2, data: vec![v, -v] };
        node.input("latent", Value::Latent(latent.into()));
    }

    /// The first number that is put out after a tick.
    fn tick(node: &mut Harness) -> f32 {
        node.tick().unwrap();
        match node.output("latent") {
            Value::Latent(latent) => {
                assert_eq!(latent.data[1], -latent.data[0]);
                latent.data[0]
            }
            other => panic!("{other:?}"),
        }
    }

    /// Presses and lets go of a pad, with `shift` on.
    fn tap(node: &mut Harness, pad: usize, shift: Option<&str>) -> f32 {
        if let Some(shift) = shift {
            node.set_param(shift, true);
        }
        node.set_param(&format!("pad_{pad}"), 1.0_f32);
        let v = tick(node);
        node.set_param(&format!("pad_{pad}"), 0.0_f32);
        if let Some(shift) = shift {
            node.set_param(shift, false);
        }
        node.tick().unwrap();
        v
    }

    /// Pads 1, 2 and 16 hold 1, 2 and 16; 5 comes in.
    fn stored() -> Harness {
        let mut node = node().prepare().unwrap();
        for pad in [1, 2, 16] {
            live(&mut node, pad as f32);
            assert_eq!(tap(&mut node, pad, Some("store")), pad as f32);
        }
        live(&mut node, 5.0);
        assert_eq!(tick(&mut node), 5.0, "storing recalls nothing");
        node
    }

    #[test]
    fn fresh_it_passes_what_comes_in() {
        let mut node = Harness::new(&SPEC).prepare().unwrap();
        for v in [1.0, 2.0] {
            live(&mut node, v);
            assert_eq!(tick(&mut node), v);
            assert_eq!((node.control("active"), node.control("count")), (-1.0, 0.0));
        }
    }

    #[test]
    fn a_press_recalls_and_several_are_their_mean() {
        let mut node = stored();
        assert_eq!(node.control("count"), 3.0);
        assert_eq!(tap(&mut node, 2, None), 2.0);
        assert_eq!(tick(&mut node), 2.0, "and stays");
        node.set_param("pad_1", 1.0_f32);
        assert_eq!(tick(&mut node), 1.0, "the one let go does not count");
        node.set_param("pad_16", 0.25_f32);
        assert_eq!(tick(&mut node), 8.5);
        assert_eq!(node.control("active"), 15.0);
        node.set_param("weights", "velocity");
        assert_eq!(tick(&mut node), 4.0, "(1 + 16 / 4) / 1.25");
        node.set_param("pad_1", 0.0_f32);
        node.set_param("weights", "equal");
        assert_eq!(tick(&mut node), 8.5, "fingers leave one after the other");
        node.set_param("pad_7", 1.0_f32);
        assert_eq!(tick(&mut node), 8.5, "an empty pad adds nothing");
        node.set_param("pad_16", 0.0_f32);
        node.set_param("pad_7", 0.0_f32);
        tick(&mut node);
        assert_eq!(tap(&mut node, 7, None), 5.0, "an empty pad alone: what comes in");
    }

    #[test]
    fn let_go_it_may_go_back_to_what_comes_in() {
        let mut node = stored();
        node.set_param("release", "live");
        node.set_param("pad_1", 1.0_f32);
        node.set_param("pad_2", 1.0_f32);
        assert_eq!(tick(&mut node), 1.5);
        node.set_param("pad_1", 0.0_f32);
        assert_eq!(tick(&mut node), 2.0);
        node.set_param("pad_2", 0.0_f32);
        assert_eq!(tick(&mut node), 5.0);
    }

    #[test]
    fn pads_are_written_over_and_cleared() {
        let mut node = stored();
        assert_eq!(tap(&mut node, 1, None), 1.0);
        live(&mut node, 9.0);
        assert_eq!(tap(&mut node, 1, Some("store")), 9.0, "it plays what it holds now");
        tap(&mut node, 1, Some("clear"));
        assert_eq!(node.control("count"), 2.0);
        node.input("clear_all", Value::Trigger(1));
        live(&mut node, 3.0);
        assert_eq!(tick(&mut node), 3.0);
        assert_eq!(node.control("count"), 0.0);
    }

    #[test]
    fn it_glides_by_its_curve_from_where_it_is() {
        let mut node = stored();
        node.set_param("glide_secs", 0.4_f32);
        node.set_param("pad_2", 1.0_f32);
        let x = |t: f32| t * t * (3.0 - 2.0 * t);
        for t in [0.25, 0.5, 0.75, 1.0, 1.0] {
            assert!((tick(&mut node) - (5.0 - 3.0 * x(t))).abs() < 1e-6, "{t}");
        }
        node.set_param("pad_2", 0.0_f32);
        node.set_param("pad_16", 1.0_f32);
        tick(&mut node);
        let half = tick(&mut node);
        assert!((half - 9.0).abs() < 1e-5, "{half}");
        node.set_param("pad_16", 0.0_f32);
        node.set_param("pad_1", 1.0_f32);
        let back = tick(&mut node);
        assert!((back - (half + (1.0 - half) * x(0.25))).abs() < 1e-5, "from where it was: {back}");
    }

    #[test]
    fn the_bank_has_the_pads() {
        let node = stored();
        let Value::LatentBank(bank) = node.output("bank") else { panic!("no bank") };
        let firsts: Vec<f32> = bank.data.iter().step_by(2).copied().collect();
        let mut expected = vec![5.0; 16];
        (expected[0], expected[1], expected[15]) = (1.0, 2.0, 16.0);
        assert_eq!(firsts, expected);
    }

    #[test]
    fn the_patch_keeps_what_is_stored() {
        let mut old = stored();
        let (param, text) = old.node_mut().keepsake().unwrap();
        assert_eq!((param, old.node_mut().keepsake()), ("stored", None));
        let mut again = node().param("stored", text.clone()).prepare().unwrap();
        assert_eq!(tick(&mut again), 1.0, "without an input, the first that is there");
        assert_eq!(again.control("count"), 3.0);
        assert_eq!(tap(&mut again, 16, None), 16.0);
        again.reset();
        assert_eq!(tap(&mut again, 2, None), 2.0);

        // In the middle of a way the patch takes it: nothing jumps.
        old.set_param("glide_secs", 1.0_f32);
        old.set_param("pad_2", 1.0_f32);
        tick(&mut old);
        let mut new = node().param("stored", text).param("glide_secs", 1.0_f32);
        new.set_param("pad_2", 1.0_f32);
        let mut new = new.prepare().unwrap();
        new.node_mut().adopt(old.node_mut());
        live(&mut new, 5.0);
        let t = 0.2_f32;
        assert!((tick(&mut new) - (5.0 - 3.0 * t * t * (3.0 - 2.0 * t))).abs() < 1e-6);
        let error = node().param("stored", "z 2 nonsense").prepare().err().unwrap();
        assert!(matches!(error, NodeError::Param { param: "stored", .. }), "{error}");
    }
}
