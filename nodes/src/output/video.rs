//! A film.

use lumawire_core::{NodeSpec, Param, Rate, Role};

use super::master::{BLACKOUT, FREEZE, LEVEL};
use super::picture::{self, FinalPicture};
use super::strobe::STROBE_LIMIT;

const FIT: usize = 3;

/// Shows the picture live and writes it to a film.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "output.video",
    version: 1,
    label: "Video",
    doc: "Shows the picture live and writes it to a film. Pictures are laid over black and \
          become 8-bit sRGB: round(255 · srgb(clamp(light · alpha, 0, 1))). The size is the \
          run's, or else the picture's own, without the last column or row of an odd size (a \
          single one is doubled).",
    rate: Rate::Frame,
    role: Role::Sink,
    inputs: picture::INPUTS,
    outputs: picture::OUTPUTS,
    params: &[
        Param::choice("codec", "Codec", &["auto", "h264", "h265", "vp9", "prores", "ffv1"])
            .rebuild()
            .doc("How the film is coded; auto is what suits the file, ffv1 loses nothing."),
        Param::int("quality_crf", "Quality (CRF)", 18, (0, 51))
            .rebuild()
            .doc("Constant rate factor of h264, h265 and vp9: lower is better and larger."),
        Param::switch("sound", "Sound", true)
            .rebuild()
            .doc("Whether the run's sound is written too."),
        picture::FIT,
        STROBE_LIMIT,
        LEVEL,
        BLACKOUT,
        FREEZE,
    ],
    build: || Box::new(FinalPicture::even(FIT)),
};
