//! The distribution of what came lately.

use std::collections::VecDeque;

/// The values of the last ticks, by age and by size. A tick may bring none.
#[derive(Debug, Clone, Default)]
pub struct Recent {
    /// Tick and value, the oldest first.
    by_age: VecDeque<(u64, f32)>,
    sorted: Vec<f32>,
    num_ticks: u64,
    memory_ticks: u64,
}

impl Recent {
    /// Remembers `memory_ticks` ticks, at least 1.
    pub fn new(memory_ticks: usize) -> Self {
        let memory = memory_ticks.max(1);
        Self {
            by_age: VecDeque::with_capacity(memory),
            sorted: Vec::with_capacity(memory),
            num_ticks: 0,
            memory_ticks: memory as u64,
        }
    }

    /// One more tick, with a value (a number) or none.
    pub fn advance(&mut self, value: Option<f32>) {
        let rank = |sorted: &[f32], x: f32| sorted.partition_point(|v| v.total_cmp(&x).is_lt());
        while let Some(&(tick, oldest)) = self.by_age.front()
            && self.num_ticks - tick >= self.memory_ticks
        {
            self.by_age.pop_front();
            let rank = rank(&self.sorted, oldest);
            self.sorted.remove(rank);
        }
        if let Some(x) = value {
            self.by_age.push_back((self.num_ticks, x));
            self.sorted.insert(rank(&self.sorted, x), x);
        }
        self.num_ticks += 1;
    }

    /// The values, smallest first.
    pub fn sorted(&self) -> &[f32] {
        &self.sorted
    }

    /// Forgets all values.
    pub fn clear(&mut self) {
        self.by_age.clear();
        self.sorted.clear();
        self.num_ticks = 0;
    }

    /// Takes over the values of another, as far back as this one remembers.
    pub fn adopt(&mut self, old: &Self) {
        self.clear();
        let start = old.num_ticks.saturating_sub(self.memory_ticks);
        let mut next = start;
        for &(tick, x) in old.by_age.iter().filter(|(tick, _)| *tick >= start) {
            (next..tick).for_each(|_| self.advance(None));
            self.advance(Some(x));
            next = tick + 1;
        }
        (next..old.num_ticks).for_each(|_| self.advance(None));
    }
}

/// A percentile, 0..100, of values in order: numpy's default, linear between the ranks about
/// p/100·(n − 1). 0 where there are no values.
pub fn percentile(sorted: &[f32], percent: f32) -> f32 {
    let last = sorted.len().saturating_sub(1);
    let rank = f64::from(percent) / 100.0 * last as f64;
    let get = |i: usize| sorted.get(i.min(last)).copied().unwrap_or(0.0);
    let (below, above) = (get(rank as usize), get(rank as usize + 1));
    below + (above - below) * rank.fract() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_by_age_and_orders_by_size() {
        let mut recent = Recent::new(3);
        let mut seen = Vec::new();
        for x in [Some(5.0), Some(1.0), None, Some(3.0), None, None] {
            recent.advance(x);
            seen.push(recent.sorted().to_vec());
        }
        let expected: [&[f32]; 6] = [&[5.0], &[1.0, 5.0], &[1.0, 5.0], &[1.0, 3.0], &[3.0], &[3.0]];
        assert_eq!(seen, expected);
        let mut shorter = Recent::new(3);
        shorter.adopt(&recent);
        shorter.advance(None);
        assert!(shorter.sorted().is_empty());
    }

    #[test]
    fn percentiles_are_those_of_numpy() {
        // numpy.percentile([0, 1, 2, 3, 10], [0, 10, 60, 100]) = [0, 0.4, 2.4, 10]
        let sorted = [0.0, 1.0, 2.0, 3.0, 10.0];
        for (p, expected) in [(0.0, 0.0), (10.0, 0.4), (60.0, 2.4), (100.0, 10.0)] {
            assert!((percentile(&sorted, p) - expected).abs() < 1e-6);
        }
        assert_eq!(percentile(&[], 50.0), 0.0);
    }
}
