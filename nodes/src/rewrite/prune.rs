//! `rewrite.prune`

use lumawire_core::{NodeSpec, Param};
use lumawire_models::stylegan2::RewriteOp;

use super::shared::{FIRST_LAYER, LAST_LAYER, RewriteNode, spec};

const SHARE: usize = 0;
const NUM_OWN: usize = 1;

/// The node's description.
pub const SPEC: NodeSpec = spec(
    "rewrite.prune",
    "Rewrite: prune",
    "Takes a network's smallest weights away. In each of the chosen convolutions the given share \
     of the weights, those nearest to 0, becomes 0: detail goes first, what the layer is for last.",
    &[
        Param::float("share", "Share", 0.0, (0.0, 1.0)).doc("Share of the weights that goes."),
        FIRST_LAYER,
        LAST_LAYER,
    ],
    || {
        Box::new(RewriteNode {
            num_own: NUM_OWN,
            op: |p| RewriteOp::Prune { share: p.float(SHARE) },
        })
    },
);
