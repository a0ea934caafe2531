//! A threshold with hysteresis.

/// Open while a signal is above a threshold: it opens at x ≥ threshold and closes at x < threshold −
/// hysteresis, so that what trembles about the threshold counts once. Closed at first.
#[derive(Debug, Clone, Copy, Default)]
pub struct Gate {
    is_open: bool,
}

impl Gate {
    /// Takes the next value, and says whether the gate is open now. NaN closes it.
    pub fn push(&mut self, x: f32, threshold: f32, hysteresis: f32) -> bool {
        let margin = if self.is_open { hysteresis } else { 0.0 };
        self.is_open = x >= threshold - margin;
        self.is_open
    }

    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        self.is_open
    }
}

/// Where in a whole signal the gate is open.
pub fn gate(values: &[f32], threshold: f32, hysteresis: f32) -> Vec<bool> {
    let mut gate = Gate::default();
    values.iter().map(|&x| gate.push(x, threshold, hysteresis)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_trembles_counts_once() {
        let open = gate(&[0.4, 0.5, 0.46, 0.5, 0.44, 0.46, 0.5], 0.5, 0.05);
        assert_eq!(open, [false, true, true, true, false, false, true]);
    }
}
