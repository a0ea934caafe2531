//! `rewrite.scale`

use lumawire_core::{NodeSpec, Param};
use lumawire_models::stylegan2::RewriteOp;

use super::shared::{FIRST_LAYER, LAST_LAYER, RewriteNode, SEED, spec};

const AMOUNT: usize = 0;
const MEAN: usize = 1;
const DEVIATION: usize = 2;
const SEED_PARAM: usize = 3;
const NUM_OWN: usize = 4;

/// The node's description.
pub const SPEC: NodeSpec = spec(
    "rewrite.scale",
    "Rewrite: scale",
    "Scales a network's weights by random factors. Each weight of the chosen convolutions becomes \
     w·(1 + amount·(f − 1)) with f drawn from N(mean, deviation) once for all frames. A mean of −1 \
     turns what a layer looks for into its opposite. Each convolution scales its outputs back to \
     unit deviation, so a factor that all weights share changes no more than the sign.",
    &[
        Param::float("amount", "Amount", 0.0, (0.0, 1.0))
            .hard(-10.0, 10.0)
            .doc("From the trained weights, 0, to the scaled ones, 1."),
        Param::float("mean", "Mean", -1.0, (-2.0, 2.0))
            .hard(-100.0, 100.0)
            .doc("Mean of the factor."),
        Param::float("deviation", "Deviation", 0.5, (0.0, 2.0))
            .hard(0.0, 100.0)
            .doc("Standard deviation of the factor from weight to weight."),
        SEED,
        FIRST_LAYER,
        LAST_LAYER,
    ],
    || {
        Box::new(RewriteNode {
            num_own: NUM_OWN,
            op: |p| RewriteOp::Scale {
                amount: p.float(AMOUNT),
                mean: p.float(MEAN),
                deviation: p.float(DEVIATION),
                seed: p.int(SEED_PARAM).unsigned_abs(),
            },
        })
    },
);
