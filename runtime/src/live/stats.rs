//! Honest figures: what was drawn, what was left out, and how long sound takes to be seen.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Width of a bucket, in ms.
const BUCKET_MS: f64 = 0.1;
/// Buckets: up to two seconds; what is longer counts as that in the percentiles, not in `max_ms`.
const NUM_BUCKETS: usize = 20_000;

/// Counts times in steps of a tenth of a millisecond.
#[derive(Debug, Clone)]
struct Histogram {
    buckets: Vec<u32>,
    num: u64,
    max_ms: f64,
}

/// How times are spread, in ms; a percentile is exact to 0.1 ms.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Distribution {
    /// How many there are.
    pub num: u64,
    /// Half of them are no longer.
    pub median_ms: f64,
    /// 99 of a hundred are no longer.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

impl Histogram {
    fn new() -> Self {
        Self { buckets: vec![0; NUM_BUCKETS], num: 0, max_ms: 0.0 }
    }

    fn add(&mut self, time: Duration) {
        let ms = time.as_secs_f64() * 1e3;
        let i = ((ms / BUCKET_MS) as usize).min(NUM_BUCKETS - 1);
        self.buckets[i] += 1;
        self.num += 1;
        self.max_ms = self.max_ms.max(ms);
    }

    /// The upper end of the bucket in which this share of all lies.
    fn percentile(&self, share: f64) -> f64 {
        let rank = ((self.num as f64 * share).ceil() as u64).max(1);
        let mut below = 0;
        for (i, num) in self.buckets.iter().enumerate() {
            below += u64::from(*num);
            if below >= rank {
                return ((i + 1) as f64 * BUCKET_MS).min(self.max_ms);
            }
        }
        0.0
    }

    fn distribution(&self) -> Distribution {
        Distribution {
            num: self.num,
            median_ms: self.percentile(0.5),
            p99_ms: self.percentile(0.99),
            max_ms: self.max_ms,
        }
    }
}

/// What is counted over a stretch of time.
#[derive(Debug)]
struct Tally {
    since: Instant,
    num_drawn: u64,
    num_skipped: u64,
    num_shown: u64,
    frame_time: Histogram,
    latency: Histogram,
}

impl Tally {
    fn new() -> Self {
        Self {
            since: Instant::now(),
            num_drawn: 0,
            num_skipped: 0,
            num_shown: 0,
            frame_time: Histogram::new(),
            latency: Histogram::new(),
        }
    }

    fn report(&self) -> StatsReport {
        let secs = self.since.elapsed().as_secs_f64();
        StatsReport {
            secs,
            fps: self.num_shown as f64 / secs.max(1e-9),
            num_drawn: self.num_drawn,
            num_skipped: self.num_skipped,
            num_shown: self.num_shown,
            frame_time: self.frame_time.distribution(),
            latency: self.latency.distribution(),
        }
    }
}

/// Figures over a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StatsReport {
    /// Its length.
    pub secs: f64,
    /// Pictures shown a second.
    pub fps: f64,
    /// Frames that were drawn.
    pub num_drawn: u64,
    /// Frames of which only the state was run, because they were late.
    pub num_skipped: u64,
    /// Pictures that reached the window, or without one whoever takes them.
    pub num_shown: u64,
    /// How long it took to draw a frame.
    pub frame_time: Distribution,
    /// From the callback that brought a frame's sample until its picture was shown.
    pub latency: Distribution,
}

/// Figures of the run and of the time since the last look. The engine and the window write them;
/// no sound callback comes near them.
#[derive(Debug)]
pub struct Stats {
    tallies: Mutex<[Tally; 2]>,
}

const RECENT: usize = 0;
const WHOLE: usize = 1;

impl Default for Stats {
    fn default() -> Self {
        Self { tallies: Mutex::new([Tally::new(), Tally::new()]) }
    }
}

impl Stats {
    /// A frame was drawn in `time`.
    pub fn drawn(&self, time: Duration) {
        for tally in self.lock().iter_mut() {
            tally.num_drawn += 1;
            tally.frame_time.add(time);
        }
    }

    /// A late frame was left out.
    pub fn skipped(&self) {
        for tally in self.lock().iter_mut() {
            tally.num_skipped += 1;
        }
    }

    /// A picture is seen at this moment whose sound was heard at `heard`.
    pub fn shown(&self, heard: Option<Instant>) {
        let latency = heard.map(|heard| heard.elapsed());
        for tally in self.lock().iter_mut() {
            tally.num_shown += 1;
            latency.iter().for_each(|latency| tally.latency.add(*latency));
        }
    }

    /// Begins anew: the show begins.
    pub fn restart(&self) {
        *self.lock() = [Tally::new(), Tally::new()];
    }

    /// Figures since the last call of this.
    pub fn recent(&self) -> StatsReport {
        let mut tallies = self.lock();
        let report = tallies[RECENT].report();
        tallies[RECENT] = Tally::new();
        report
    }

    /// Figures since the beginning.
    pub fn whole(&self) -> StatsReport {
        self.lock()[WHOLE].report()
    }

    fn lock(&self) -> MutexGuard<'_, [Tally; 2]> {
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_sorted_times() {
        let mut histogram = Histogram::new();
        let mut times: Vec<u64> = (0..1_000_u64).map(|i| (i * 7_919) % 50_000 + 1).collect();
        times.iter().for_each(|us| histogram.add(Duration::from_micros(*us)));
        times.sort_unstable();
        let ms = |rank: usize| times[rank - 1] as f64 / 1e3;
        let spread = histogram.distribution();
        assert!((spread.median_ms - ms(500)).abs() <= BUCKET_MS, "{spread:?}");
        assert!((spread.p99_ms - ms(990)).abs() <= BUCKET_MS, "{spread:?}");
        assert!((spread.max_ms - ms(1_000)).abs() < 1e-9, "{spread:?}");
        histogram.add(Duration::from_secs(5));
        assert!((histogram.distribution().max_ms - 5_000.0).abs() < 1e-9);
    }

    #[test]
    fn recent_figures_begin_anew_and_the_whole_ones_do_not() {
        let stats = Stats::default();
        (0..3).for_each(|_| stats.drawn(Duration::from_millis(4)));
        stats.skipped();
        stats.shown(None);
        assert_eq!(stats.recent().num_drawn, 3);
        stats.drawn(Duration::from_millis(4));
        let (recent, whole) = (stats.recent(), stats.whole());
        assert_eq!((recent.num_drawn, recent.num_skipped, recent.num_shown), (1, 0, 0));
        assert_eq!((whole.num_drawn, whole.num_skipped, whole.num_shown), (4, 1, 1));
        assert_eq!(whole.latency, Distribution::default(), "what is not known is not counted");
    }
}
