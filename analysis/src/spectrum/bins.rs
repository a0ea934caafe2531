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

/// |c|^exponent, 0 where |c|² is no finite number.
pub fn raised(c: Complex32, exponent: f32) -> f32 {
    match exponent {
        1.0 => magnitude(c),
        2.0 => power(c),
        e => magnitude(c).powf(e),
    }
}

/// The magnitudes of a row, `[bins]`, into `out`, in its memory where that suffices.
pub fn magnitudes_into(row: &[Complex32], out: &mut Vec<f32>) {
    out.clear();
    out.extend(row.iter().map(|&c| magnitude(c)));
}

/// 10·log₁₀ of a power, −100 dB at the least.
pub fn db_from_power(power: f32) -> f32 {
    10.0 * power.max(1e-10).log10()
}
