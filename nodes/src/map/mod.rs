//! From one value to another, without memory.
