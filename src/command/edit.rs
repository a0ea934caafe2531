//! What the program lends the editor.

#[allow(dead_code)] // until the command that opens the editor
pub mod overview;
