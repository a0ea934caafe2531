//! The engine, its transports and the offline render
