//! `bend.translate`

use lumawire_core::{NodeSpec, Param};
use lumawire_models::stylegan2::BendOp;

use super::shared::{BORDER, BendNode, Fresh, NUM_SHARED, border, spec, with_shared};

const X: usize = 0;
const Y: usize = 1;
const BORDERS: usize = 2;
const NUM_OWN: usize = 3;

/// The node's description.
pub const SPEC: NodeSpec = spec(
    "bend.translate",
    "Bend: move",
    "Moves a layer's features. The plane of every chosen channel is shifted by (x, y) of its size, \
     bilinearly between pixels, and amount crossfades. At its defaults it changes nothing.",
    &with_shared::<NUM_OWN, { NUM_OWN + NUM_SHARED }>(
        [
            Param::float("x", "Right", 0.0, (-0.5, 0.5))
                .hard(-100.0, 100.0)
                .doc("To the right, in widths of the plane."),
            Param::float("y", "Down", 0.0, (-0.5, 0.5))
                .hard(-100.0, 100.0)
                .doc("Downwards, in heights of the plane."),
            BORDER,
        ],
        Fresh::Full,
    ),
    || {
        BendNode::boxed(NUM_OWN, |p| BendOp::Translate {
            x: p.float(X),
            y: p.float(Y),
            border: border(p, BORDERS),
        })
    },
);
