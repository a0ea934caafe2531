//! Compressing and expanding what lies beyond a threshold.

use super::normalise::normalise;

/// On which side of the threshold a curve acts; a value at the threshold is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// On what is greater.
    Above,
    /// On what is less.
    Below,
}

/// How it acts there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// T + (x − T)·ratio, continuous.
    Knee,
    /// x·ratio, which leaps at the threshold T: maua-stylegan2's `compress` and `expand`.
    Scale,
}

/// Compresses (ratio below 1) or expands (above 1) one value.
pub fn beyond(x: f32, threshold: f32, ratio: f32, side: Side, form: Form) -> f32 {
    let acts = match side {
        Side::Above => x > threshold,
        Side::Below => x < threshold,
    };
    match form {
        _ if !acts => x,
        Form::Knee => threshold + (x - threshold) * ratio,
        Form::Scale => x * ratio,
    }
}

/// A whole signal, compressed or expanded and then stretched to 0..1: maua's `compress` and `expand`.
pub fn compress(values: &[f32], threshold: f32, ratio: f32, side: Side) -> Vec<f32> {
    let bent = values.iter().map(|&x| beyond(x, threshold, ratio, side, Form::Scale));
    normalise(&bent.collect::<Vec<_>>(), 0.0, 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{max_abs_diff, reference};

    #[test]
    fn equals_maua() {
        let x = reference("latent/x1.bin");
        for (file, threshold, ratio, side) in [
            ("compress_x1_t0.5_r0.3", 0.5, 0.3, Side::Above),
            ("compress_x1_t0.5_r0.3_inv", 0.5, 0.3, Side::Below),
            ("expand_x1_t0.8_r10", 0.8, 10.0, Side::Above),
        ] {
            let expected = reference(&format!("latent/{file}.bin"));
            let error = max_abs_diff(&compress(&x, threshold, ratio, side), &expected);
            assert!(error < 1e-6, "{file}: {error}");
        }
    }

    #[test]
    fn a_knee_is_continuous() {
        let bend = |x| beyond(x, 0.5, 0.5, Side::Above, Form::Knee);
        assert_eq!([0.25, 0.5, 0.75, 1.0].map(bend), [0.25, 0.5, 0.625, 0.75]);
    }
}
