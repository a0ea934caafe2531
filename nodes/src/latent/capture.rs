//! `latent.capture`

use std::any::Any;
use std::sync::Arc;

use lumawire_core::{
    Io, Latent, LatentBank, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role, Space,
    Value,
};

use super::points::is_finite;
use crate::control::take_over;

const IN_LATENT: usize = 0;
const IN_STORE: usize = 1;
const IN_CLEAR: usize = 2;
const OUT_BANK: usize = 0;
const OUT_COUNT: usize = 1;
const OUT_SLOT: usize = 2;
const NUM_SLOTS: usize = 0;
const MODE: usize = 1;
const SLOT: usize = 2;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "latent.capture",
    version: 1,
    label: "Capture latent",
    doc: "Stores the latent of the moment at a trigger, for a bank of what was found while playing. \
        Slot i is latent i of the bank, which ends with the highest slot in use; a slot that is not \
        in use shows the latent that comes in, and so does the bank before the first is stored. In \
        mode `next` the slots fill in turn, and after the last the oldest is overwritten; in mode \
        `slot` the one that `slot` names is. Wire the bank to `latent.pick`, `latent.mean` or \
        `latent.loop`. Fewer slots hide what the others hold. What is stored survives edits of the patch, but not \
        a change of its clock, and is not saved in it; storing \
        a latent of another space or shape forgets the others.",
    rate: Rate::Frame,
    role: Role::Stateful,
    inputs: &[
        Port::required("latent", PortType::Latent, "What is stored, `[num_ws, dim]`."),
        Port::optional("store", PortType::Trigger, "Stores it."),
        Port::optional("clear", PortType::Trigger, "Forgets all; before a store of the same tick."),
    ],
    outputs: &[
        Port::output("bank", PortType::LatentBank, "The slots, `[num, num_ws, dim]`."),
        Port::output("count", PortType::Control, "How many slots are in use."),
        Port::output(
            "slot",
            PortType::Control,
            "The slot that was stored last; −1 before, or if there are not as many.",
        ),
    ],
    params: &[
        Param::int("num_slots", "Slots", 8, (1, 32)).hard_int(1, 256).doc("How many there are."),
        Param::choice("mode", "Mode", &["next", "slot"]).doc("Which slot a trigger fills."),
        Param::int("slot", "Slot", 0, (0, 31))
            .hard_int(0, 255)
            .doc("The slot to fill in mode `slot`, from 0."),
    ],
    build: || Box::new(Capture::default()),
};

/// Space and length of a row.
type Shape = (Space, usize);

/// State of `latent.capture`.
#[derive(Default)]
struct Capture {
    shape: Option<Shape>,
    slots: Vec<Option<Vec<f32>>>,
    next: usize,
    stored_last: Option<usize>,
    /// What is put out, and the memory for the next.
    bank: Option<Arc<LatentBank>>,
    spare: Option<Arc<LatentBank>>,
    /// Whether the bank is no longer what the slots hold.
    is_stale: bool,
    /// How many slots there are; those beyond keep what they hold until there are as many again.
    num_slots: usize,
}

impl Capture {
    fn clear(&mut self) {
        (self.next, self.stored_last, self.is_stale) = (0, None, true);
        self.slots.clear();
    }

    fn store(&mut self, latent: &Latent, slot: usize) {
        let shape = Some((latent.space, latent.dim));
        let fits = |kept: &Vec<f32>| kept.len() == latent.data.len();
        if self.shape != shape || !self.slots.iter().flatten().all(fits) {
            self.slots.clear();
            self.shape = shape;
        }
        if self.slots.len() <= slot {
            self.slots.resize(slot + 1, None);
        }
        self.slots[slot].get_or_insert_default().clone_from(&latent.data);
        (self.stored_last, self.is_stale) = (Some(slot), true);
    }

    /// Makes the bank of the slots, with `live` where nothing is stored.
    fn fill(&mut self, live: &Latent) {
        let used = &self.slots[..self.slots.len().min(self.num_slots)];
        let first = used.iter().flatten().next();
        let live_fits = self.shape == Some((live.space, live.dim))
            && first.is_some_and(|kept| kept.len() == live.data.len());
        let empty = match first {
            Some(kept) if !live_fits => kept,
            _ => &live.data,
        };
        let (space, dim) = match (first, self.shape) {
            (Some(_), Some(shape)) => shape,
            _ => (live.space, live.dim),
        };
        let mut spare = self.spare.take().unwrap_or_else(|| Arc::new(empty_bank()));
        let bank = Arc::make_mut(&mut spare);
        (bank.space, bank.dim, bank.num_ws) = (space, dim, empty.len() / dim.max(1));
        bank.data.clear();
        for slot in 0..used.len().max(1) {
            let kept = used.get(slot).and_then(Option::as_ref).unwrap_or(empty);
            let finite = kept.iter().map(|v| if v.is_finite() { *v } else { 0.0 });
            bank.data.extend(finite);
        }
        self.spare = self.bank.replace(spare);
        self.is_stale = false;
    }
}

fn empty_bank() -> LatentBank {
    LatentBank { space: Space::Z, num_ws: 1, dim: 1, data: Vec::new() }
}

impl Node for Capture {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(live) = io.inputs.latent(IN_LATENT) else { return Ok(()) };
        let num_slots = usize::try_from(io.params.int(NUM_SLOTS)).unwrap_or(1).max(1);
        if io.inputs.trigger(IN_CLEAR) > 0 {
            self.clear();
        }
        self.is_stale |= self.num_slots != num_slots;
        self.num_slots = num_slots;
        if io.inputs.trigger(IN_STORE) > 0 && is_finite(live) {
            let slot = if io.params.choice(MODE) == 0 {
                self.next
            } else {
                usize::try_from(io.params.int(SLOT)).unwrap_or(0)
            };
            let slot = slot.min(num_slots - 1);
            self.next = (slot + 1) % num_slots;
            self.store(live, slot);
        }
        let num_used = self.slots.len().min(num_slots);
        let count = self.slots[..num_used].iter().flatten().count();
        let shows_live = count == 0 || count < num_used;
        if self.is_stale || shows_live || self.bank.is_none() {
            self.fill(live);
        }
        if let Some(bank) = &self.bank {
            io.outputs.set(OUT_BANK, Value::LatentBank(bank.clone()));
        }
        io.outputs.set_control(OUT_COUNT, count as f32);
        let stored_last = self.stored_last.filter(|slot| *slot < num_slots);
        io.outputs.set_control(OUT_SLOT, stored_last.map_or(-1.0, |slot| slot as f32));
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

    use super::*;

    fn bank(node: &Harness) -> LatentBank {
        match node.output("bank") {
            Value::LatentBank(bank) => bank.as_ref().clone(),
            other => panic!("{other:?}"),
        }
    }

    /// A tick with the latent `[v, v + 0.5]` in W, after which the bank's first column is given.
    fn tick(node: &mut Harness, v: f32, store: u32, clear: u32) -> Vec<f32> {
        let data = vec![v, v + 0.5];
        node.input("latent", Value::Latent(Latent { space: Space::W, dim: 2, data }.into()));
        node.input("store", Value::Trigger(store));
        node.input("clear", Value::Trigger(clear));
        node.tick().unwrap();
        bank(node).data.iter().step_by(2).copied().collect()
    }

    #[test]
    fn fills_slot_after_slot_and_overwrites_the_oldest() {
        let mut node = Harness::new(&SPEC).param("num_slots", 2_i64).prepare().unwrap();
        assert_eq!(tick(&mut node, 1.0, 0, 0), [1.0], "the live latent, before the first");
        assert_eq!((node.control("count"), node.control("slot")), (0.0, -1.0));
        assert_eq!(tick(&mut node, 2.0, 1, 0), [2.0]);
        assert_eq!(tick(&mut node, 3.0, 0, 0), [2.0]);
        assert_eq!(tick(&mut node, 4.0, 5, 0), [2.0, 4.0], "one latent, however many hits");
        assert_eq!(tick(&mut node, 5.0, 1, 0), [5.0, 4.0]);
        assert_eq!((node.control("count"), node.control("slot")), (2.0, 0.0));
        assert_eq!(tick(&mut node, 6.0, 1, 1), [6.0]);
        assert_eq!(tick(&mut node, 7.0, 0, 1), [7.0]);
    }

    #[test]
    fn overwrites_the_slot_that_is_named() {
        let node = Harness::new(&SPEC).param("mode", "slot").param("slot", 2_i64);
        let mut node = node.prepare().unwrap();
        assert_eq!(tick(&mut node, 1.0, 1, 0), [1.0, 1.0, 1.0]);
        assert_eq!(tick(&mut node, 2.0, 0, 0), [2.0, 2.0, 1.0], "empty slots are live");
        node.set_param("slot", 0_i64);
        assert_eq!(tick(&mut node, 3.0, 1, 0), [3.0, 3.0, 1.0]);
        assert_eq!(tick(&mut node, 4.0, 0, 0), [3.0, 4.0, 1.0]);
        node.set_param("slot", 200_i64);
        assert_eq!(tick(&mut node, 5.0, 1, 0).len(), 8, "the last slot there is");
        node.set_param("num_slots", 1_i64);
        assert_eq!(tick(&mut node, 6.0, 0, 0), [3.0]);
        assert_eq!((node.control("count"), node.control("slot")), (1.0, -1.0));
        node.set_param("num_slots", 8_i64);
        assert_eq!(tick(&mut node, 7.0, 0, 0), [3.0, 7.0, 1.0, 7.0, 7.0, 7.0, 7.0, 5.0]);
        assert_eq!((node.control("count"), node.control("slot")), (3.0, 7.0));
    }

    #[test]
    fn broken_and_foreign_latents_do_no_harm() {
        let mut node = Harness::new(&SPEC).prepare().unwrap();
        tick(&mut node, 1.0, 1, 0);
        assert_eq!(tick(&mut node, f32::NAN, 1, 0), [1.0]);
        let plus = Latent { space: Space::WPlus, dim: 2, data: vec![7.0; 6] };
        node.input("latent", Value::Latent(plus.into()));
        node.input("store", Value::Trigger(0));
        node.tick().unwrap();
        assert_eq!(bank(&node).data, [1.0, 1.5], "kept while another generator is tried");
        node.input("store", Value::Trigger(1));
        node.tick().unwrap();
        let bank = bank(&node);
        assert_eq!((bank.space, bank.num_ws, bank.len()), (Space::WPlus, 3, 2));
        assert_eq!(bank.data, [7.0; 12], "the slot before is empty, and live");
    }

    #[test]
    fn survives_an_edit() {
        let mut old = Harness::new(&SPEC).prepare().unwrap();
        tick(&mut old, 1.0, 1, 0);
        tick(&mut old, 2.0, 1, 0);
        let mut new = Harness::new(&SPEC).prepare().unwrap();
        new.node_mut().adopt(old.node_mut());
        assert_eq!(tick(&mut new, 9.0, 0, 0), [1.0, 2.0]);
        new.reset();
        assert_eq!(tick(&mut new, 9.0, 0, 0), [9.0]);
    }
}
