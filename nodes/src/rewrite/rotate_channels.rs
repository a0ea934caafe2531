//! `rewrite.rotate_channels`

use lumawire_core::{NodeSpec, Param};
use lumawire_models::stylegan2::RewriteOp;

use super::shared::{FIRST_LAYER, LAST_LAYER, RewriteNode, spec};

const SHIFT: usize = 0;
const NUM_OWN: usize = 1;

/// The node's description.
pub const SPEC: NodeSpec = spec(
    "rewrite.rotate_channels",
    "Rewrite: rotate channels",
    "Lets each channel of a layer do what another did. The kernels and biases of the chosen \
     convolutions move on by shift output channels, round the end; between whole numbers \
     neighbours are interpolated. What comes after takes one feature for another.",
    &[
        Param::float("shift", "Shift", 0.0, (-16.0, 16.0))
            .hard(-4096.0, 4096.0)
            .doc("By how many channels; a layer's number of channels is once round."),
        FIRST_LAYER,
        LAST_LAYER,
    ],
    || {
        Box::new(RewriteNode {
            num_own: NUM_OWN,
            op: |p| RewriteOp::RotateChannels { shift: p.float(SHIFT) },
        })
    },
);
