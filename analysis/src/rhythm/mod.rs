//! Onsets, tempo and beats.
