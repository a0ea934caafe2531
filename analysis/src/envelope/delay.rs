//! Giving a signal later.

use std::collections::VecDeque;

/// The last values, to be read at any age.
#[derive(Debug, Clone, Default)]
pub struct DelayLine {
    /// The newest first.
    past: VecDeque<f32>,
    max_ticks: usize,
}

impl DelayLine {
    /// For delays of up to `max_ticks` ticks.
    pub fn new(max_ticks: usize) -> Self {
        Self { past: VecDeque::with_capacity(max_ticks + 1), max_ticks: max_ticks + 1 }
    }

    /// Takes the next value.
    pub fn push(&mut self, x: f32) {
        self.past.truncate(self.max_ticks.saturating_sub(1));
        self.past.push_front(x);
    }

    /// The newest value.
    pub fn newest(&self) -> Option<f32> {
        self.past.front().copied()
    }

    /// The value of `ticks` before the newest, in a straight line between two; `initial` where that
    /// lies before the first.
    pub fn at(&self, ticks: f64, initial: f32) -> f32 {
        let newer = ticks as usize;
        let get = |ticks: usize| self.past.get(ticks).copied().unwrap_or(initial);
        let fraction = (ticks - newer as f64) as f32;
        if fraction > 0.0 {
            get(newer) + (get(newer + 1) - get(newer)) * fraction
        } else {
            get(newer)
        }
    }

    /// Forgets all values.
    pub fn clear(&mut self) {
        self.past.clear();
    }
}

/// A whole signal of `rate_hz` values a second, `delay_secs` later and as long as before: `initial`
/// comes first, the end is lost.
pub fn delay(values: &[f32], rate_hz: f64, delay_secs: f64, initial: f32) -> Vec<f32> {
    let ticks = (delay_secs * rate_hz).clamp(0.0, values.len() as f64);
    let mut line = DelayLine::new(ticks.ceil() as usize + 1);
    let next = |&x: &f32| {
        line.push(x);
        line.at(ticks, initial)
    };
    values.iter().map(next).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_so_much_later() {
        let x = [1.0, 2.0, 4.0];
        assert_eq!(delay(&x, 10.0, 0.0, 9.0), x);
        assert_eq!(delay(&x, 10.0, 0.2, 9.0), [9.0, 9.0, 1.0]);
        assert_eq!(delay(&x, 10.0, 0.05, 0.0), [0.5, 1.5, 3.0]);
        assert_eq!(delay(&x, 10.0, 7.0, 9.0), [9.0; 3]);
    }
}
