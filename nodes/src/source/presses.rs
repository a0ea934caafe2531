//! Presses of a button, as a count that grows.

/// The hard range of a count of presses: all whole numbers that a control can carry.
pub(super) const RANGE: (i64, i64) = (0, 1 << 53);

/// Finds the presses in a parameter that counts them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Presses {
    /// The count before the first tick.
    first: i64,
    seen: Option<i64>,
}

impl Presses {
    /// Begins where the patch says.
    pub fn new(first: i64) -> Self {
        Self { first, seen: None }
    }

    /// Hits since the last tick. A count that fell has none: somebody set it back.
    pub fn take(&mut self, count: i64) -> u32 {
        let before = self.seen.replace(count).unwrap_or(self.first);
        u32::try_from(count.saturating_sub(before).max(0)).unwrap_or(u32::MAX)
    }

    /// Back to sample 0.
    pub fn reset(&mut self) {
        self.seen = None;
    }
}
