//! `bend.threshold`

use lumawire_core::{NodeSpec, Param};
use lumawire_models::stylegan2::{BendOp, Keep};

use super::shared::{BendNode, Fresh, NUM_SHARED, spec, with_shared};

const LEVEL: usize = 0;
const KEEP: usize = 1;
const NUM_OWN: usize = 2;

/// The node's description.
pub const SPEC: NodeSpec = spec(
    "bend.threshold",
    "Bend: threshold",
    "Cuts off a layer's weak features: 0 where x < level, in the chosen channels; the rest stays, or \
     becomes 1. A fresh node has amount 0 and changes nothing.",
    &with_shared::<NUM_OWN, { NUM_OWN + NUM_SHARED }>(
        [
            Param::float("level", "Level", 0.5, (-1.0, 3.0))
                .hard(-1000.0, 1000.0)
                .doc("What lies below becomes 0; features mostly lie within −1..3."),
            Param::choice("keep", "Rest", &["value", "one"])
                .doc("What becomes of the rest: its value, or 1 (a binary picture)."),
        ],
        Fresh::Off,
    ),
    || {
        BendNode::boxed(NUM_OWN, |p| BendOp::Threshold {
            level: p.float(LEVEL),
            keep: if p.choice(KEEP) == 0 { Keep::Value } else { Keep::One },
        })
    },
);
