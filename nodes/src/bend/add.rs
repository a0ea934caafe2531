//! `bend.add`

use lumawire_core::{NodeSpec, Param};
use lumawire_models::stylegan2::BendOp;

use super::shared::{BendNode, Fresh, NUM_SHARED, spec, with_shared};

const VALUE: usize = 0;
const NUM_OWN: usize = 1;

/// The node's description.
pub const SPEC: NodeSpec = spec(
    "bend.add",
    "Bend: add",
    "Adds a value to a layer's features: x + value in the chosen channels, so that what they stand \
     for appears everywhere. At its defaults it changes nothing.",
    &with_shared::<NUM_OWN, { NUM_OWN + NUM_SHARED }>(
        [Param::float("value", "Value", 0.0, (-2.0, 2.0))
            .hard(-1000.0, 1000.0)
            .doc("The value; features mostly lie within −1..3.")],
        Fresh::Full,
    ),
    || BendNode::boxed(NUM_OWN, |p| BendOp::Add { value: p.float(VALUE) }),
);
