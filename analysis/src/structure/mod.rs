//! Sections of a piece, and the moments where one begins.

pub mod drop;
pub mod fingerprint;
pub mod kmeans;
pub mod laplacian;
pub mod marks;
pub mod novelty;
pub mod recurrence;
pub mod segment;
pub mod sync;
