//! Where a value lies in a range that the artist sets.

/// Place of `hz` between two frequencies as the ear hears it, 0..1: log(hz/low)/log(high/low). The
/// lower of the two counts as `low`.
pub fn log_place(hz: f32, low_hz: f32, high_hz: f32) -> f32 {
    let (low, high) = (low_hz.min(high_hz), high_hz.max(low_hz).max(low_hz.min(high_hz) * 1.001));
    ((hz.max(1e-3) / low).ln() / (high / low).ln()).clamp(0.0, 1.0)
}

/// Place of `x` between two values, 0..1. The lower of the two counts as `low`.
pub fn linear_place(x: f32, low: f32, high: f32) -> f32 {
    let (low, high) = (low.min(high), low.max(high));
    ((x - low) / (high - low).max(1e-3)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequencies_by_their_logarithm() {
        let at = |hz| log_place(hz, 100.0, 10_000.0);
        assert_eq!([0.0, 100.0, 1_000.0, 10_000.0, 2e4].map(at), [0.0, 0.0, 0.5, 1.0, 1.0]);
        assert_eq!(log_place(1_000.0, 10_000.0, 100.0), 0.5);
        assert!(log_place(500.0, 300.0, 300.0).is_finite());
    }

    #[test]
    fn others_by_themselves() {
        let at = |x| linear_place(x, -60.0, -20.0);
        assert_eq!([-100.0, -60.0, -40.0, -20.0, 0.0].map(at), [0.0, 0.0, 0.5, 1.0, 1.0]);
        assert_eq!(linear_place(-40.0, -20.0, -60.0), 0.5);
        assert!(linear_place(1.0, 1.0, 1.0).is_finite());
    }
}
