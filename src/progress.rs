//! A bar for work that takes a while.

use indicatif::{ProgressBar, ProgressStyle};

const STEPS: u64 = 1000;

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
