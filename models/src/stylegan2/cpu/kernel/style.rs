//! Products of a matrix and a vector, for the styles.

use super::super::simd::{Kernel, Vector, get, put};

/// out[n] = Σ_k x[k] · matrix[k][n] for one panel.
pub struct MatrixVector<'a> {
    /// `[k, vectors · lanes]`.
    pub matrix: &'a [f32],
    pub x: &'a [f32],
    /// `[vectors · lanes]`.
    pub out: &'a mut [f32],
}

impl Kernel for MatrixVector<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let step = self.out.len();
        for v in (0..step).step_by(V::LANES) {
            // Four sums, as each addition waits for the one before.
            let mut sums = [V::splat(0.0); 4];
            let quads = self.x.len() / 4;
            for k in 0..quads {
                for i in 0..4 {
                    let row = get::<V>(&self.matrix[(4 * k + i) * step + v..]);
                    sums[i] = row.mul_add(V::splat(self.x[4 * k + i]), sums[i]);
                }
            }
            for k in 4 * quads..self.x.len() {
                let row = get::<V>(&self.matrix[k * step + v..]);
                sums[0] = row.mul_add(V::splat(self.x[k]), sums[0]);
            }
            let [a, b, c, d] = sums;
            put(&mut self.out[v..], a.add(b).add(c.add(d)));
        }
    }
}
