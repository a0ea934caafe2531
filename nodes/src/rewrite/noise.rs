//! `rewrite.noise`

use lumawire_core::{NodeSpec, Param};
use lumawire_models::stylegan2::RewriteOp;

use super::shared::{FIRST_LAYER, LAST_LAYER, RewriteNode, SEED, spec};

const AMOUNT: usize = 0;
const SEED_PARAM: usize = 1;
const NUM_OWN: usize = 2;

/// The node's description.
pub const SPEC: NodeSpec = spec(
    "rewrite.noise",
    "Rewrite: noise",
    "Adds noise to a network's weights. Each weight of the chosen convolutions becomes \
     w + amount·σ·n, where σ is the deviation of its layer's weights and n is standard normal, \
     drawn once for all frames.",
    &[
        Param::float("amount", "Amount", 0.0, (0.0, 1.0))
            .hard(-100.0, 100.0)
            .doc("Strength of the noise against the weights."),
        SEED,
        FIRST_LAYER,
        LAST_LAYER,
    ],
    || {
        Box::new(RewriteNode {
            num_own: NUM_OWN,
            op: |p| RewriteOp::Noise {
                amount: p.float(AMOUNT),
                seed: p.int(SEED_PARAM).unsigned_abs(),
            },
        })
    },
);
