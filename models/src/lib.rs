//! Neural networks in candle: configuration, loading, forward passes.

pub mod random;
