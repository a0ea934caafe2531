//! Every node kind, one file each. To add one: write the file, name it in its folder's `mod.rs`,
//! and list its `SPEC` below.

pub mod analysis;
pub mod control;
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
    // analysis
    // control
    // map
    // latent
    // generate
    &generate::mapping::SPEC,
    &generate::model::SPEC,
    &generate::stylegan2::SPEC,
    // post
    // output
];

/// The registry of all node kinds.
pub fn registry() -> Registry {
    Registry::new(ALL.iter().copied())
}
