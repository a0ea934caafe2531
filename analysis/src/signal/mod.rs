//! Samples: filters, frames, windows.

pub mod butterworth;
pub mod framer;
pub mod window;

/// Largest sample that the analysis takes, 60 dB over full scale: far beyond any sound, and small
/// enough that no power of a spectrum leaves the range of `f32`.
pub const MAX_SAMPLE: f32 = 1e3;

/// `x` as a sample that cannot poison a state: what is no finite number is silence, and the rest
/// stays within ±[`MAX_SAMPLE`].
pub fn sane(x: f32) -> f32 {
    if x.is_finite() { x.clamp(-MAX_SAMPLE, MAX_SAMPLE) } else { 0.0 }
}

/// Factor of an amplitude for a gain in dB.
pub fn amplitude_from_db(db: f32) -> f32 {
    10.0_f32.powf(db / 20.0)
}

/// Share of the old value that a one-pole average keeps over `dt_secs`, for a time constant in
/// seconds (0 keeps nothing).
pub fn keep_over(dt_secs: f64, time_constant_secs: f64) -> f32 {
    (-dt_secs / time_constant_secs.max(1e-9)).exp() as f32
}
