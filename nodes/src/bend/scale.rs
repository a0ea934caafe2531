//! `bend.scale`

use lumawire_core::{NodeSpec, Param};
use lumawire_models::stylegan2::BendOp;

use super::shared::{BendNode, Fresh, NUM_SHARED, spec, with_shared};

const FACTOR: usize = 0;
const NUM_OWN: usize = 1;

/// The node's description.
pub const SPEC: NodeSpec = spec(
    "bend.scale",
    "Bend: scale",
    "Multiplies a layer's features: factor · x in the chosen channels. Above 1 it exaggerates what \
     they stand for, below 0 it turns it round. At its defaults it changes nothing.",
    &with_shared::<NUM_OWN, { NUM_OWN + NUM_SHARED }>(
        [Param::float("factor", "Factor", 1.0, (-1.0, 4.0)).hard(-100.0, 100.0).doc("The factor.")],
        Fresh::Full,
    ),
    || BendNode::boxed(NUM_OWN, |p| BendOp::Scale { factor: p.float(FACTOR) }),
);
