//! `bend.sharpen`

use lumawire_core::{NodeSpec, Param};
use lumawire_models::stylegan2::BendOp;

use super::shared::{BORDER, BendNode, Fresh, NUM_SHARED, border, spec, with_shared};

const STRENGTH: usize = 0;
const SIGMA: usize = 1;
const BORDERS: usize = 2;
const NUM_OWN: usize = 3;

/// The node's description.
pub const SPEC: NodeSpec = spec(
    "bend.sharpen",
    "Bend: sharpen",
    "Sharpens a layer's features: x + strength·(x − blur(x)) in the chosen channels (unsharp \
     masking, with the blur of `bend.blur`). At its defaults it changes nothing.",
    &with_shared::<NUM_OWN, { NUM_OWN + NUM_SHARED }>(
        [
            Param::float("strength", "Strength", 0.0, (0.0, 4.0))
                .hard(-100.0, 100.0)
                .doc("How much of the difference is added."),
            Param::float("sigma", "Width", 0.1, (0.0, 0.25))
                .hard(0.0, 0.5)
                .doc("Standard deviation of the blur, as a share of the plane's shorter side."),
            BORDER,
        ],
        Fresh::Full,
    ),
    || {
        BendNode::boxed(NUM_OWN, |p| BendOp::Sharpen {
            sigma: p.float(SIGMA),
            strength: p.float(STRENGTH),
            border: border(p, BORDERS),
        })
    },
);
