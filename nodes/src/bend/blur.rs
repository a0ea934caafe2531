//! `bend.blur`

use lumawire_core::{NodeSpec, Param};
use lumawire_models::stylegan2::BendOp;

use super::shared::{BORDER, BendNode, Fresh, NUM_SHARED, border, spec, with_shared};

const SIGMA: usize = 0;
const BORDERS: usize = 1;
const NUM_OWN: usize = 2;

/// The node's description.
pub const SPEC: NodeSpec = spec(
    "bend.blur",
    "Bend: blur",
    "Blurs a layer's features. The plane of every chosen channel is convolved with a Gaussian, cut at \
     3 sigma; by boxes beyond 8 pixels. At its defaults it changes nothing.",
    &with_shared::<NUM_OWN, { NUM_OWN + NUM_SHARED }>(
        [
            Param::float("sigma", "Width", 0.0, (0.0, 0.25)).hard(0.0, 0.5).doc(
                "Standard deviation, as a share of the plane's shorter side: the same in all layers.",
            ),
            BORDER,
        ],
        Fresh::Full,
    ),
    || BendNode::boxed(NUM_OWN, |p| BendOp::Blur { sigma: p.float(SIGMA), border: border(p, BORDERS) }),
);
