//! What a row is divided by.

/// The size of a row, as librosa's `util.normalize` takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Norm {
    /// The largest magnitude.
    Max,
    /// The sum of magnitudes.
    L1,
    /// The root of the sum of squares.
    L2,
    /// 1: the row stays as it is.
    None,
}

impl Norm {
    /// Ids of the norms, for a choice.
    pub const OPTIONS: &'static [&'static str] = &["max", "sum", "l2", "none"];

    /// The norm at an index of [`Self::OPTIONS`]; `None` beyond them.
    pub fn from_index(index: usize) -> Self {
        [Self::Max, Self::L1, Self::L2].get(index).copied().unwrap_or(Self::None)
    }

    /// The size of `row`.
    pub fn of(self, row: &[f32]) -> f64 {
        let magnitudes = row.iter().map(|&v| f64::from(v.abs()));
        match self {
            Self::Max => magnitudes.fold(0.0, f64::max),
            Self::L1 => magnitudes.sum(),
            Self::L2 => magnitudes.map(|m| m * m).sum::<f64>().sqrt(),
            Self::None => 1.0,
        }
    }

    /// Divides `row` by its size. One that is too faint for that stays as it is.
    pub fn apply(self, row: &mut [f32]) {
        let size = self.of(row);
        if self != Self::None && size >= f64::from(f32::MIN_POSITIVE) {
            row.iter_mut().for_each(|v| *v = (f64::from(*v) / size) as f32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_get_size_one_but_silence_stays() {
        for (index, size) in [4.0, 7.0, 5.0, 1.0].into_iter().enumerate() {
            let norm = Norm::from_index(index);
            let mut row = [3.0, -4.0];
            assert_eq!(norm.of(&row), size);
            norm.apply(&mut row);
            assert_eq!(row, [(3.0 / size) as f32, (-4.0 / size) as f32]);
            let mut silence = [0.0, 1e-42];
            norm.apply(&mut silence);
            assert_eq!(silence, [0.0, 1e-42]);
        }
    }
}
