//! `bend.zoom`

use lumawire_core::{NodeSpec, Param};
use lumawire_models::stylegan2::BendOp;

use super::shared::{BORDER, BendNode, Fresh, NUM_SHARED, border, spec, with_shared};

const FACTOR: usize = 0;
const BORDERS: usize = 1;
const NUM_OWN: usize = 2;

/// The node's description.
pub const SPEC: NodeSpec = spec(
    "bend.zoom",
    "Bend: zoom",
    "Enlarges or shrinks a layer's features about the centre. The plane of every chosen channel is \
     sampled at c + (p − c)/factor, bilinearly, and amount crossfades. At its defaults it changes \
     nothing.",
    &with_shared::<NUM_OWN, { NUM_OWN + NUM_SHARED }>(
        [
            Param::float("factor", "Factor", 1.0, (0.25, 4.0))
                .hard(0.01, 100.0)
                .doc("Above 1 enlarges."),
            BORDER,
        ],
        Fresh::Full,
    ),
    || {
        BendNode::boxed(NUM_OWN, |p| BendOp::Zoom {
            factor: p.float(FACTOR),
            border: border(p, BORDERS),
        })
    },
);
