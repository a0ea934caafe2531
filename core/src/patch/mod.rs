//! The patch file, `name.lumawire`: JSON in one canonical form, sorted, a node or a wire a line,
//! defaults left out, layout and canvas last, so that a diff shows what was meant.
//!
//! ```json
//! {
//!   "format": "lumawire-patch",
//!   "version": 1,
//!   "clock": { "sample_rate_hz": 48000, "fps": [60, 1] },
//!   "nodes": {
//!     "onset_1": { "kind": "analysis.onset@1" },
//!     "walk_1": { "kind": "latent.walk@1", "mode": "mute", "params": { "speed": 0.25 } }
//!   },
//!   "wires": [
//!     "onset_1.strength -> walk_1.speed * 0.5"
//!   ],
//!   "layout": {
//!     "onset_1": [40, 80]
//!   }
//! }
//! ```

mod canvas;
mod error;
mod file;
mod files;
mod fragment;
mod json;
pub mod migrate;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use error::PatchError;
pub use file::{load, save};
pub use files::{FileUse, files, rebase};
pub use fragment::{Pasted, fragment, paste};
pub use read::{Loaded, parse};
pub use write::to_text;

/// What `format` must say.
pub const FORMAT: &str = "lumawire-patch";

/// Bytes that a patch file may have: media and models lie beside it, not in it.
pub const MAX_BYTES: u64 = 64 * 1024 * 1024;
