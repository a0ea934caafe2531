//! Sections of a piece, and the moments where one begins.
