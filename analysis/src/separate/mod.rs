//! What sings and what strikes: medians along time and frequency.

pub mod median;
pub mod row_median;
