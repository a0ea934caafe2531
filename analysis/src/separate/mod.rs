//! What sings and what strikes: medians along time and frequency.

pub mod effects;
pub mod hpss;
pub mod hpss_rows;
pub mod median;
pub mod row_median;
