//! `bend.morphology`

use lumawire_core::{NodeSpec, Param};
use lumawire_models::stylegan2::BendOp;

use super::shared::{BendNode, Fresh, NUM_SHARED, spec, with_shared};

const RADIUS: usize = 0;
const MODE: usize = 1;
const NUM_OWN: usize = 2;

/// The node's description.
pub const SPEC: NodeSpec = spec(
    "bend.morphology",
    "Bend: grow or shrink",
    "Grows or shrinks the strong parts of a layer's features. Each pixel of the chosen channels \
     becomes the maximum (dilate) or the minimum (erode) of a square about it. At its defaults it \
     changes nothing.",
    &with_shared::<NUM_OWN, { NUM_OWN + NUM_SHARED }>(
        [
            Param::float("radius", "Radius", 0.0, (0.0, 0.25)).hard(0.0, 1.0).doc(
                "Half the square's side, as a share of the plane's shorter side: the same in all \
                 layers. Between whole pixels it crossfades.",
            ),
            Param::choice("mode", "Mode", &["dilate", "erode"])
                .doc("Whether strong parts grow or shrink."),
        ],
        Fresh::Full,
    ),
    || {
        BendNode::boxed(NUM_OWN, |p| {
            let radius = p.float(RADIUS);
            if p.choice(MODE) == 0 { BendOp::Dilate { radius } } else { BendOp::Erode { radius } }
        })
    },
);
