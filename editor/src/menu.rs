//! The menu bar.
