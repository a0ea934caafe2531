//! numpy's legacy random numbers: an artist's favourite seeds give the same latents here as in the
//! tools that drew them with `numpy.random.RandomState(seed).randn(...)`.

use rand_mt::Mt;

/// `numpy.random.RandomState`: MT19937, with the polar method for normal deviates (Marsaglia and
/// Bray, 1964) and its second deviate kept for the next call.
pub struct RandomState {
    generator: Mt,
    kept: Option<f64>,
}

impl RandomState {
    /// The state that `RandomState(seed)` starts from.
    pub fn new(seed: u32) -> Self {
        Self { generator: Mt::new(seed), kept: None }
    }

    /// The next value of `random_sample()`: uniform in [0, 1) with 53 bits.
    pub fn uniform(&mut self) -> f64 {
        let high = f64::from(self.generator.next_u32() >> 5);
        let low = f64::from(self.generator.next_u32() >> 6);
        (high * 67_108_864.0 + low) / 9_007_199_254_740_992.0
    }

    /// The next value of `randn()`: standard normal.
    pub fn normal(&mut self) -> f64 {
        if let Some(kept) = self.kept.take() {
            return kept;
        }
        loop {
            let x1 = 2.0 * self.uniform() - 1.0;
            let x2 = 2.0 * self.uniform() - 1.0;
            let r2 = x1 * x1 + x2 * x2;
            if r2 < 1.0 && r2 != 0.0 {
                let scale = (-2.0 * r2.ln() / r2).sqrt();
                self.kept = Some(scale * x1);
                return scale * x2;
            }
        }
    }

    /// Fills `out` with `randn(...)` cast to `f32`.
    pub fn fill_normal(&mut self, out: &mut [f32]) {
        out.fill_with(|| self.normal() as f32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_numpy() {
        // numpy.random.RandomState(0).randn(4) and RandomState(42).random_sample(2)
        let mut state = RandomState::new(0);
        let expected =
            [1.764052345967664, 0.4001572083672233, 0.9787379841057392, 2.240893199201458];
        for e in expected {
            assert!((state.normal() - e).abs() < 1e-14);
        }
        let mut state = RandomState::new(42);
        assert_eq!(state.uniform(), 0.3745401188473625);
        assert_eq!(state.uniform(), 0.9507143064099162);
    }
}
