//! The editor: a view over the graph document, which stays the single source of truth.
//!
//! [`Editor::ui`] draws one frame of the whole window into any egui `Ui`: the desktop's window, the
//! headless screenshot and the tests call the same function. What a person does becomes
//! [`Command`]s; what changes the patch becomes `Edit`s of the document, under one history. The show
//! runs in a [`session`], on threads of its own, and is only ever asked.

pub mod canvas;
mod chooser;
pub mod command;
pub mod cx;
pub mod document;
mod editor;
mod emblem;
pub mod files;
pub mod finder;
mod fuzzy;
pub mod headless;
pub mod icon;
pub mod inspector;
mod keys;
pub mod kit;
pub mod menu;
pub mod palette;
pub mod preview;
pub mod problems;
pub mod render;
pub mod script;
pub mod session;
#[cfg(test)]
mod testing;
pub mod theme;
pub mod transport;
pub mod window;
mod worker;

pub use command::{Action, Command};
pub use document::{Document, SaveError};
pub use editor::Editor;
pub use kit::{Kit, Overview};
