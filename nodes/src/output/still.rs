//! One picture.

use lumawire_core::{NodeSpec, Param, Rate, Role, Unit};

use super::master::{BLACKOUT, FREEZE, LEVEL};
use super::picture::{self, FinalPicture};
use super::strobe::STROBE_LIMIT;

const FIT: usize = 1;

/// Shows the picture live and writes one frame to a file.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "output.still",
    version: 1,
    label: "Still",
    doc: "Shows the picture live and writes one frame to a file. Pictures are laid over black \
          and become 8-bit sRGB: round(255 · srgb(clamp(light · alpha, 0, 1))). The size is the \
          run's, or else the picture's own.",
    rate: Rate::Frame,
    role: Role::Sink,
    inputs: picture::INPUTS,
    outputs: picture::OUTPUTS,
    params: &[
        Param::float("at_secs", "At", 0.0, (0.0, 600.0))
            .hard(0.0, 86_400.0)
            .unit(Unit::Secs)
            .rebuild()
            .doc("Which frame: the first at or after this time."),
        picture::FIT,
        STROBE_LIMIT,
        LEVEL,
        BLACKOUT,
        FREEZE,
    ],
    build: || Box::new(FinalPicture::new(FIT)),
};
