//! `bend.ablate`

use lumawire_core::NodeSpec;
use lumawire_models::stylegan2::BendOp;

use super::shared::{BendNode, Fresh, NUM_SHARED, spec, with_shared};

/// The node's description.
pub const SPEC: NodeSpec = spec(
    "bend.ablate",
    "Bend: ablate",
    "Silences some of a layer's features: 0 in the chosen channels, which shows what they were for. \
     A fresh node has amount 0 and changes nothing.",
    &with_shared::<0, NUM_SHARED>([], Fresh::Off),
    || BendNode::boxed(0, |_| BendOp::Ablate),
);
