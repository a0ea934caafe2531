//! The size of a spectrum's bins.

use num_complex::Complex32;

/// |c|², 0 where that is no finite number.
pub fn power(c: Complex32) -> f32 {
    let power = c.norm_sqr();
    if power.is_finite() { power } else { 0.0 }
}

/// |c|, 0 where |c|² is no finite number.
pub fn magnitude(c: Complex32) -> f32 {
    power(c).sqrt()
}

/// 10·log₁₀ of a power, −100 dB at the least.
pub fn db_from_power(power: f32) -> f32 {
    10.0 * power.max(1e-10).log10()
}
