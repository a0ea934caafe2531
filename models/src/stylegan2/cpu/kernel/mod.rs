//! The computations that take the time, each written once over vectors of any width.
//!
//! Vectors are handled in plain loops: within closures and iterators the compiler would call their
//! operations instead of inlining them, as it compiles those without the instruction set.
#![allow(clippy::needless_range_loop)]

pub mod fir;
pub mod product;
pub mod style;
pub mod up_winograd;
pub mod winograd;
