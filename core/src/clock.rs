//! Samples are the only time. Blocks and frames are counted in them, in integers.

use serde::{Deserialize, Serialize};

use crate::spec::Rate;

/// Samples in a block, unless a test asks for another length.
pub const BLOCK_LEN: usize = 256;

/// Frames a second as a fraction, so that 29.97 is exactly 30000/1001.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u32, u32)", into = "(u32, u32)")]
pub struct Fps {
    /// Numerator, at least 1.
    pub num: u32,
    /// Denominator, at least 1.
    pub den: u32,
}

impl From<(u32, u32)> for Fps {
    fn from((num, den): (u32, u32)) -> Self {
        Self { num: num.max(1), den: den.max(1) }
    }
}

impl From<Fps> for (u32, u32) {
    fn from(fps: Fps) -> Self {
        (fps.num, fps.den)
    }
}

impl Fps {
    /// `num/den` frames a second; zeros count as 1.
    pub fn new(num: u32, den: u32) -> Self {
        (num, den).into()
    }

    /// The rate as a real number, in Hz.
    pub fn hz(self) -> f64 {
        f64::from(self.num) / f64::from(self.den)
    }
}

/// What a patch runs by: its sample rate, block length and frame rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// Samples a second.
    pub sample_rate_hz: u32,
    /// Samples in a block.
    pub block_len: usize,
    /// Frames a second.
    pub fps: Fps,
}

impl Default for Clock {
    fn default() -> Self {
        Self { sample_rate_hz: 48_000, block_len: BLOCK_LEN, fps: Fps::new(60, 1) }
    }
}

impl Clock {
    /// The sample at which frame `n` falls due: `floor(n · rate · den / num)`.
    pub fn frame_due(&self, n: u64) -> u64 {
        let due = u128::from(n) * u128::from(self.sample_rate_hz) * u128::from(self.fps.den)
            / u128::from(self.fps.num);
        u64::try_from(due).unwrap_or(u64::MAX)
    }

    /// How many frames fall due within the first `samples` samples.
    pub fn frames_in(&self, samples: u64) -> u64 {
        let frames = (u128::from(samples) * u128::from(self.fps.num))
            .div_ceil(u128::from(self.sample_rate_hz) * u128::from(self.fps.den));
        u64::try_from(frames).unwrap_or(u64::MAX)
    }

    /// The first frame at or after `secs` seconds.
    pub fn frame_at_secs(&self, secs: f64) -> u64 {
        // A frame that starts within a nanosecond of the asked time is that frame.
        (secs * self.fps.hz() - 1e-9).ceil().max(0.0) as u64
    }

    /// Seconds between two ticks of `rate`.
    pub fn dt_secs(&self, rate: Rate) -> f64 {
        match rate {
            Rate::Frame => 1.0 / self.fps.hz(),
            Rate::Block | Rate::Inherit => self.block_len as f64 / f64::from(self.sample_rate_hz),
        }
    }
}

/// One step of time, as a node sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tick {
    /// Block or frame.
    pub rate: Rate,
    /// Block: its first sample. Frame: the sample at which it fell due.
    pub sample: u64,
    /// Number of the frame that this tick draws, or that comes next.
    pub frame: u64,
    /// The clock that the tick belongs to.
    pub clock: Clock,
    /// Seed of the whole run (`--seed`): nodes mix it into their own.
    pub seed: u64,
    /// Ticks that the node left out just before this one, because its pictures were too late for the
    /// stage; at most a second of them. 0 in a render.
    pub num_missed: u32,
}

impl Tick {
    /// Seconds since sample 0.
    pub fn secs(&self) -> f64 {
        self.sample as f64 / f64::from(self.clock.sample_rate_hz)
    }

    /// Seconds between this tick and the node's last: from one of its rate to the next, where none was
    /// left out.
    pub fn dt_secs(&self) -> f64 {
        self.clock.dt_secs(self.rate) * f64::from(self.num_missed.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_fall_due_in_integers() {
        let clock = Clock { fps: Fps::new(30_000, 1_001), ..Clock::default() };
        assert_eq!(clock.frame_due(0), 0);
        assert_eq!(clock.frame_due(1), 1_601); // 1601.6
        assert_eq!(clock.frame_due(30_000), 48_048_000);
    }

    #[test]
    fn frames_in_counts_exactly_the_due_ones() {
        for fps in [Fps::new(60, 1), Fps::new(30_000, 1_001), Fps::new(7, 3)] {
            let clock = Clock { fps, ..Clock::default() };
            for samples in [0, 1, 799, 800, 801, 48_000, 1_234_567] {
                let n = clock.frames_in(samples);
                assert!(n == 0 || clock.frame_due(n - 1) < samples);
                assert!(clock.frame_due(n) >= samples);
            }
        }
    }
}
