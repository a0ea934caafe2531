//! `latent.capture`

use std::any::Any;
use std::sync::Arc;

use lumawire_core::{
    Io, Latent, LatentBank, Node, NodeError, NodeSpec, Param, ParamValue, Port, PortType,
    PrepareCx, Rate, Role, Space, Value,
};

use super::points::is_finite;
use super::slots::{STORED_DOC, Slots};

const IN_LATENT: usize = 0;
const IN_STORE: usize = 1;
const IN_CLEAR: usize = 2;
const OUT_BANK: usize = 0;
const OUT_COUNT: usize = 1;
const OUT_SLOT: usize = 2;
const NUM_SLOTS: usize = 0;
const MODE: usize = 1;
const SLOT: usize = 2;
const STORED: usize = 3;

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
        `latent.loop`. Fewer slots hide what the others hold. The patch keeps what is stored; \
        storing \
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
        Param::text("stored", "Stored", "").rebuild().doc(STORED_DOC),
    ],
    build: || Box::new(Capture::default()),
};

/// State of `latent.capture`.
#[derive(Default)]
struct Capture {
    /// Those beyond `num_slots` keep what they hold until there are as many again.
    slots: Slots,
    next: usize,
    stored_last: Option<usize>,
    /// What is put out, and the memory for the next.
    bank: Option<Arc<LatentBank>>,
    spare: Option<Arc<LatentBank>>,
    /// What the bank was made of: the slots' version, and how many there are.
    filled: (u64, usize),
}

impl Capture {
    fn clear(&mut self) {
        (self.next, self.stored_last) = (0, None);
        self.slots.clear();
    }

    /// Makes the bank of the slots, with `live` where nothing is stored.
    fn fill(&mut self, live: &Latent, num_slots: usize) {
        let mut spare = self.spare.take().unwrap_or_else(|| Arc::new(empty_bank()));
        self.slots.fill(Some(live), num_slots, Arc::make_mut(&mut spare));
        self.spare = self.bank.replace(spare);
        self.filled = (self.slots.version(), num_slots);
    }
}

fn empty_bank() -> LatentBank {
    LatentBank { space: Space::Z, num_ws: 1, dim: 1, data: Vec::new() }
}

impl Node for Capture {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.slots = Slots::read(cx.params.text(STORED))
            .map_err(|reason| NodeError::param("stored", reason))?;
        self.next = self.slots.len();
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(live) = io.inputs.latent(IN_LATENT) else { return Ok(()) };
        let num_slots = usize::try_from(io.params.int(NUM_SLOTS)).unwrap_or(1).max(1);
        if io.inputs.trigger(IN_CLEAR) > 0 {
            self.clear();
        }
        if io.inputs.trigger(IN_STORE) > 0 && is_finite(live) {
            let slot = if io.params.choice(MODE) == 0 {
                self.next % num_slots
            } else {
                usize::try_from(io.params.int(SLOT)).unwrap_or(0)
            };
            let slot = slot.min(num_slots - 1);
            self.next = slot + 1;
            self.stored_last = Some(slot);
            self.slots.store(live, slot);
        }
        let num_used = self.slots.len().min(num_slots);
        let count = self.slots.count(num_slots);
        let shows_live = count == 0 || count < num_used;
        let is_stale = self.filled != (self.slots.version(), num_slots);
        if is_stale || shows_live || self.bank.is_none() {
            self.fill(live, num_slots);
        }
        if let Some(bank) = &self.bank {
            io.outputs.set(OUT_BANK, Value::LatentBank(bank.clone()));
        }
        io.outputs.set_control(OUT_COUNT, count as f32);
        let stored_last = self.stored_last.filter(|slot| *slot < num_slots);
        io.outputs.set_control(OUT_SLOT, stored_last.map_or(-1.0, |slot| slot as f32));
        Ok(())
    }

    fn keepsake(&mut self) -> Option<(&'static str, ParamValue)> {
        Some((SPEC.params[STORED].id, self.slots.keepsake()?))
    }

    fn reset(&mut self) {
        let mut slots = std::mem::take(&mut self.slots);
        slots.reset();
        *self = Self { next: slots.len(), slots, ..Self::default() };
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
    fn the_patch_keeps_what_is_stored() {
        let mut old = Harness::new(&SPEC).prepare().unwrap();
        tick(&mut old, 1.0, 1, 0);
        tick(&mut old, 2.0, 1, 0);
        let (param, text) = old.node_mut().keepsake().unwrap();
        assert_eq!(param, "stored");
        let mut new = Harness::new(&SPEC).param("stored", text).prepare().unwrap();
        assert_eq!(tick(&mut new, 9.0, 0, 0), [1.0, 2.0]);
        assert_eq!(tick(&mut new, 3.0, 1, 0), [1.0, 2.0, 3.0], "goes on behind them");
        new.reset();
        assert_eq!(tick(&mut new, 9.0, 0, 0), [1.0, 2.0]);
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
