//! The computations that take the time, each written once over vectors of any width.

pub mod fir;
pub mod product;
pub mod style;
pub mod winograd;
