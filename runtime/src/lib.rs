//! The engine, its transports and the offline render

pub mod output;
pub mod transport;
