//! Random numbers by index: the same seed and index give the same number, in whatever order they
//! are asked for.

/// 64 well-mixed bits of `index` under `seed` (the finaliser of SplitMix64: Steele, Lea and Flood,
/// 2014).
pub(crate) fn mix(seed: u64, index: u64) -> u64 {
    let mut z = seed.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The seed of a node: that of the run mixed with its own parameter.
pub(crate) fn node_seed(run_seed: u64, param: i64) -> u64 {
    mix(mix(run_seed, 0), param.cast_unsigned())
}

/// Uniform in [0, 1).
pub(crate) fn uniform(seed: u64, index: u64) -> f32 {
    // 24 bits fill the mantissa of an f32.
    (mix(seed, index) >> 40) as f32 / 16_777_216.0
}

/// Fills `out` with standard normal numbers `first..first + out.len()` (Box and Muller, 1958).
pub(crate) fn fill_normal(seed: u64, first: u64, out: &mut [f32]) {
    for (pair, index) in out.chunks_mut(2).zip((first..).step_by(2)) {
        // The first of the two lies in (0, 1], so that its logarithm is finite.
        let radius = (-2.0 * f64::from(1.0 - uniform(seed, index)).ln()).sqrt();
        let angle = std::f64::consts::TAU * f64::from(uniform(seed, index + 1));
        let values = [radius * angle.cos(), radius * angle.sin()];
        for (o, v) in pair.iter_mut().zip(values) {
            *o = v as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixes_as_splitmix64() {
        // The published sequence of SplitMix64 from seed 1234567.
        let expected = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973];
        assert_eq!([mix(1_234_567, 0), mix(1_234_567, 1)], expected);
    }

    #[test]
    fn is_uniform_and_normal() {
        let n = 20_000_u64;
        let mean: f64 = (0..n).map(|i| f64::from(uniform(5, i))).sum::<f64>() / n as f64;
        assert!((mean - 0.5).abs() < 0.01, "{mean}");
        let mut values = vec![0.0; n as usize];
        fill_normal(5, 0, &mut values);
        let moment = |k: i32| values.iter().map(|v| f64::from(*v).powi(k)).sum::<f64>() / n as f64;
        assert!(moment(1).abs() < 0.03 && moment(3).abs() < 0.1);
        assert!((moment(2) - 1.0).abs() < 0.04 && (moment(4) - 3.0).abs() < 0.25);
    }
}
