//! The phase of something periodic.

/// Cycles since sample 0, taken from the absolute time: exactly `rate · t` while the rate stays,
/// and without a jump where it changes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Phase {
    rate_hz: Option<f64>,
    offset: f64,
}

impl Phase {
    /// Cycles at `secs` when the rate is `rate_hz` from now on.
    pub(crate) fn cycles(&mut self, secs: f64, rate_hz: f64) -> f64 {
        if let Some(previous) = self.rate_hz {
            self.offset += (previous - rate_hz) * secs;
        }
        self.rate_hz = Some(rate_hz);
        rate_hz * secs + self.offset
    }

    /// Starts a new cycle at `secs`.
    pub(crate) fn restart(&mut self, secs: f64, rate_hz: f64) {
        *self = Self { rate_hz: Some(rate_hz), offset: -rate_hz * secs };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_continuous_where_the_rate_changes() {
        let mut phase = Phase::default();
        assert_eq!(phase.cycles(3.0, 2.0), 6.0);
        assert_eq!(phase.cycles(3.0, 5.0), 6.0);
        assert_eq!(phase.cycles(4.0, 5.0), 11.0);
        phase.restart(4.0, 5.0);
        assert_eq!(phase.cycles(4.5, 5.0), 2.5);
    }
}
