//! Every node kind, one file each. To add one: write the file, name it in its folder's `mod.rs`,
//! and list its `SPEC` below.

pub mod analysis;
pub mod control;
pub mod dsp;
pub mod generate;
pub mod latent;
pub mod map;
pub mod output;
pub mod post;
pub mod source;

use lumawire_core::{NodeSpec, Registry};

/// All node kinds, by folder. `the_list_is_complete` fails when a file is missing here.
pub const ALL: &[&NodeSpec] = &[
    // source
    &source::audio::SPEC,
    // analysis
    &analysis::centroid::SPEC,
    &analysis::channel::SPEC,
    &analysis::chroma::SPEC,
    &analysis::filter::SPEC,
    &analysis::hpss::SPEC,
    &analysis::istft::SPEC,
    &analysis::level::SPEC,
    &analysis::mel::SPEC,
    &analysis::mix_audio::SPEC,
    &analysis::onset::SPEC,
    &analysis::rms::SPEC,
    &analysis::stft::SPEC,
    // control
    // map
    // latent
    // generate
    // post
    // output
];

/// The registry of all node kinds.
pub fn registry() -> Registry {
    Registry::new(ALL.iter().copied())
}
