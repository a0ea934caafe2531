//! Shaping a control over time.
