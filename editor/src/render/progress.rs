//! What a rendering process tells of its progress.

use serde::Deserialize;

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The sound is heard, for nodes that look ahead over all of it.
    Hear,
    /// State is rolled forward to the first frame.
    Roll,
    /// Frames are written.
    Write,
}

/// A line of `lumawire render --progress json`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// Frames so far.
    pub frame: u64,
    /// Frames in all, where that is known.
    #[serde(default)]
    pub total: Option<u64>,
    /// Seconds since the start.
    pub secs: f64,
}

impl Progress {
    /// Reads a line; `None` for what is none, as a program may print something else.
    pub fn read(line: &str) -> Option<Self> {
        serde_json::from_str(line.trim()).ok().filter(|progress: &Self| progress.secs.is_finite())
    }

    /// How much is done, 0 to 1, where that is known.
    pub fn share(&self) -> Option<f32> {
        let total = self.total.filter(|total| *total > 0)?;
        Some((self.frame as f64 / total as f64).clamp(0.0, 1.0) as f32)
    }
}

/// How fast frames are written, from the progress of a phase.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Pace {
    first: Option<(u64, f64)>,
    last: (u64, f64),
}

/// Seconds of writing before an estimate is made.
const MIN_SECS: f64 = 2.0;

impl Pace {
    /// Takes what was told last.
    pub fn hear(&mut self, progress: &Progress) {
        if progress.phase == Phase::Write {
            self.last = (progress.frame, progress.secs);
            self.first.get_or_insert(self.last);
        }
    }

    /// Frames a second, after the first seconds.
    pub fn frames_per_sec(&self) -> Option<f64> {
        let (first, began_secs) = self.first?;
        let secs = self.last.1 - began_secs;
        let frames = self.last.0.saturating_sub(first);
        (secs >= MIN_SECS && frames > 0).then(|| frames as f64 / secs)
    }

    /// Seconds until `total` frames are written.
    pub fn left_secs(&self, total: u64) -> Option<f64> {
        Some(total.saturating_sub(self.last.0) as f64 / self.frames_per_sec()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_others_passed_over() {
        let line = r#"{"phase":"write","frame":75,"total":300,"secs":2.5}"#;
        let progress = Progress::read(line).unwrap();
        let expected = Progress { phase: Phase::Write, frame: 75, total: Some(300), secs: 2.5 };
        assert_eq!((progress, progress.share()), (expected, Some(0.25)));
        let endless = Progress::read(r#"{"phase":"roll","frame":5,"secs":0.0,"more":1}"#).unwrap();
        assert_eq!(endless.share(), None);
        for other in ["", "wrote a.mp4", "{}", r#"{"phase":"sing","frame":1,"secs":1}"#, "3"] {
            assert_eq!(Progress::read(other), None, "{other}");
        }
    }

    #[test]
    fn the_pace_is_that_of_the_writing() {
        let mut pace = Pace::default();
        let mut told = |phase, frame, secs| {
            pace.hear(&Progress { phase, frame, total: Some(300), secs });
            (pace.frames_per_sec(), pace.left_secs(300))
        };
        assert_eq!(told(Phase::Hear, 300, 8.0), (None, None));
        assert_eq!(told(Phase::Write, 1, 10.0), (None, None));
        assert_eq!(told(Phase::Write, 21, 11.0), (None, None));
        assert_eq!(told(Phase::Write, 100, 13.0), (Some(33.0), Some(200.0 / 33.0)));
    }
}
