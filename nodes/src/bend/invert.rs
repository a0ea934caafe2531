//! `bend.invert`

use lumawire_core::NodeSpec;
use lumawire_models::stylegan2::BendOp;

use super::shared::{BendNode, Fresh, NUM_SHARED, spec, with_shared};

/// The node's description.
pub const SPEC: NodeSpec = spec(
    "bend.invert",
    "Bend: invert",
    "Negates a layer's features: −x in the chosen channels. At amount 0.5 they vanish. A fresh node \
     has amount 0 and changes nothing.",
    &with_shared::<0, NUM_SHARED>([], Fresh::Off),
    || BendNode::boxed(0, |_| BendOp::Invert),
);
