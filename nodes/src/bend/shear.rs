//! `bend.shear`

use lumawire_core::{NodeSpec, Param};
use lumawire_models::stylegan2::BendOp;

use super::shared::{BORDER, BendNode, Fresh, NUM_SHARED, border, spec, with_shared};

const X: usize = 0;
const Y: usize = 1;
const BORDERS: usize = 2;
const NUM_OWN: usize = 3;

/// The node's description.
pub const SPEC: NodeSpec = spec(
    "bend.shear",
    "Bend: shear",
    "Slants a layer's features about the centre. In every chosen channel rows slide sideways by x \
     times their distance below the centre, then columns up and down by y times theirs to the \
     right; bilinear, and amount crossfades. At its defaults it changes nothing.",
    &with_shared::<NUM_OWN, { NUM_OWN + NUM_SHARED }>(
        [
            Param::float("x", "Rows", 0.0, (-1.0, 1.0))
                .hard(-10.0, 10.0)
                .doc("Slope of what stood upright: 1 leans by 45 degrees, its foot to the right."),
            Param::float("y", "Columns", 0.0, (-1.0, 1.0))
                .hard(-10.0, 10.0)
                .doc("Slope of what lay flat: 1 drops by 45 degrees to the right."),
            BORDER,
        ],
        Fresh::Full,
    ),
    || {
        BendNode::boxed(NUM_OWN, |p| BendOp::Shear {
            x: p.float(X),
            y: p.float(Y),
            border: border(p, BORDERS),
        })
    },
);
