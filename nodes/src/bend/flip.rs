//! `bend.flip`

use lumawire_core::{NodeSpec, Param};
use lumawire_models::stylegan2::BendOp;

use super::shared::{BendNode, Fresh, NUM_SHARED, spec, with_shared};

const HORIZONTAL: usize = 0;
const VERTICAL: usize = 1;
const NUM_OWN: usize = 2;

/// The node's description.
pub const SPEC: NodeSpec = spec(
    "bend.flip",
    "Bend: flip",
    "Swaps left and right, or top and bottom, of a layer's features. With an amount of 0.5 the \
     chosen channels become symmetric. At its defaults it changes nothing.",
    &with_shared::<NUM_OWN, { NUM_OWN + NUM_SHARED }>(
        [
            Param::switch("horizontal", "Left and right", false).doc("Swaps left and right."),
            Param::switch("vertical", "Top and bottom", false).doc("Swaps top and bottom."),
        ],
        Fresh::Full,
    ),
    || {
        BendNode::boxed(NUM_OWN, |p| BendOp::Flip {
            horizontal: p.switch(HORIZONTAL),
            vertical: p.switch(VERTICAL),
        })
    },
);
