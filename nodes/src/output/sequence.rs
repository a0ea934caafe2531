//! Numbered pictures.

use lumawire_core::{NodeSpec, Param, Rate, Role};

use super::master::{BLACKOUT, FREEZE, LEVEL};
use super::picture::{self, FinalPicture};
use super::strobe::STROBE_LIMIT;

const FIT: usize = 1;

/// Shows the picture live and writes one numbered file a frame.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "output.sequence",
    version: 1,
    label: "Image sequence",
    doc: "Shows the picture live and writes one numbered file a frame. Pictures are laid over \
          black and become 8-bit sRGB: round(255 · srgb(clamp(light · alpha, 0, 1))). The size \
          is the run's, or else the picture's own.",
    rate: Rate::Frame,
    role: Role::Sink,
    inputs: picture::INPUTS,
    outputs: picture::OUTPUTS,
    params: &[
        Param::int("digits", "Digits", 6, (1, 12))
            .rebuild()
            .doc("Digits of the number in each file's name, with leading zeros."),
        picture::FIT,
        STROBE_LIMIT,
        LEVEL,
        BLACKOUT,
        FREEZE,
    ],
    build: || Box::new(FinalPicture::new(FIT)),
};
