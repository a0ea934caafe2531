//! How work that takes a while tells how far it is: a bar, or lines for other programs.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

const STEPS: u64 = 1000;
/// Lines follow each other at this distance at least.
const LINE_GAP: Duration = Duration::from_millis(100);

/// Progress as lines of JSON on stdout.
pub struct Lines {
    started: Instant,
    last: Option<(&'static str, Instant)>,
}

impl Lines {
    /// None yet; the time counts from now.
    pub fn new() -> Self {
        Self { started: Instant::now(), last: None }
    }

    /// Tells of so many frames out of `total`, unless it has just told of the same phase.
    pub fn tell(&mut self, phase: &'static str, frame: u64, total: Option<u64>) {
        let now = Instant::now();
        let is_new = |(told, at)| told != phase || now.duration_since(at) >= LINE_GAP;
        if self.last.is_none_or(is_new) {
            self.last = Some((phase, now));
            let secs = now.duration_since(self.started).as_secs_f64();
            println!("{}", line(phase, frame, total, secs));
        }
    }
}

fn line(phase: &str, frame: u64, total: Option<u64>, secs: f64) -> serde_json::Value {
    let mut line = serde_json::json!({ "phase": phase, "frame": frame });
    if let Some(total) = total {
        line["total"] = total.into();
    }
    line["secs"] = ((secs * 1e3).round() / 1e3).into();
    line
}

/// Runs `work`, which tells how much of it is done, from 0 to 1, under a bar.
pub fn with_bar<T>(what: &'static str, work: impl FnOnce(&mut dyn FnMut(f64)) -> T) -> T {
    let bar = ProgressBar::new(STEPS);
    let bar = match ProgressStyle::with_template("{msg} {bar:30} {percent} %  {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    };
    bar.set_message(what);
    let result = work(&mut |done| bar.set_position((done * STEPS as f64) as u64));
    bar.finish_and_clear();
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_json() {
        let text = line("write", 12, Some(300), 1.23456).to_string();
        assert_eq!(text, r#"{"phase":"write","frame":12,"total":300,"secs":1.235}"#);
        assert_eq!(
            line("roll", 3, None, 0.0).to_string(),
            r#"{"phase":"roll","frame":3,"secs":0.0}"#
        );
    }
}
