//! Shaders that a person writes: what their files declare, how they become passes, and the node
//! that draws them. [`wgsl`] and [`isf`] read the two languages; the rest is the same for both.

#![allow(unreachable_pub)]
mod bound;
mod declared;
mod interface;
pub(crate) mod isf;
mod node;
mod program;
mod returns;
mod sound;
mod source;
#[cfg(test)]
mod tests;
mod watch;
pub(crate) mod wgsl;

use std::path::Path;

use lumawire_core::NodeError;

pub(crate) use declared::{Declared, Field, FieldType, Pass, Side, Slot, Texture, TextureKind};
pub use interface::{ShaderFault, interfaces};
pub(crate) use node::{SIZE_PARAMS, UserShader};

/// A language in which a person writes shaders.
pub(crate) struct Language {
    /// What a file declares, from its text alone.
    declare: fn(&Path, &str) -> Result<Declared, NodeError>,
    /// The fragment passes of a file, one after the other.
    compile: fn(&Path, &str, &Declared) -> Result<Compiled, NodeError>,
}

impl Language {
    /// What the file at `path` declares, from its `text` alone.
    ///
    /// # Errors
    /// The fault, by its line; a reader that failed.
    fn declare(&self, path: &Path, text: &str) -> Result<Declared, NodeError> {
        source::on_deep_stack(path, || (self.declare)(path, text))
    }

    /// The module of `text`.
    ///
    /// # Errors
    /// The fault, by its line; a compiler that failed.
    fn compile(&self, path: &Path, text: &str, declared: &Declared) -> Result<Compiled, NodeError> {
        source::on_deep_stack(path, || (self.compile)(path, text, declared))
    }
}

/// A checked fragment shader, the same for all passes of its file: its uniform is at binding 0, its
/// textures follow in the order of `Declared::textures`, and its entry is the only one.
pub(crate) type Compiled = naga::Module;
