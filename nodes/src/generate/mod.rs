//! Networks that draw.
