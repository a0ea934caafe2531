//! What the sound is doing.
