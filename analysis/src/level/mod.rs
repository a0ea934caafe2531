//! Loudness and pitch.
