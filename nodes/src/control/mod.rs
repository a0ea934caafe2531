//! Shaping controls and triggers in time.
