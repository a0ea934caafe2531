//! `bend.rotate`

use std::f32::consts::PI;

use lumawire_core::{NodeSpec, Param, Unit};
use lumawire_models::stylegan2::BendOp;

use super::shared::{BORDER, BendNode, Fresh, NUM_SHARED, border, spec, with_shared};

const ANGLE: usize = 0;
const BORDERS: usize = 1;
const NUM_OWN: usize = 2;

/// The node's description.
pub const SPEC: NodeSpec = spec(
    "bend.rotate",
    "Bend: turn",
    "Turns a layer's features about the centre. The plane of every chosen channel is turned, \
     bilinearly between pixels, and amount crossfades. At its defaults it changes nothing.",
    &with_shared::<NUM_OWN, { NUM_OWN + NUM_SHARED }>(
        [
            Param::float("angle_radians", "Angle", 0.0, (-PI, PI))
                .hard(-1e4, 1e4)
                .unit(Unit::Radians)
                .doc("Anticlockwise on the screen."),
            BORDER,
        ],
        Fresh::Full,
    ),
    || {
        BendNode::boxed(NUM_OWN, |p| BendOp::Rotate {
            radians: p.float(ANGLE),
            border: border(p, BORDERS),
        })
    },
);
