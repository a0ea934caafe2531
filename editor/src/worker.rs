//! Threads for what may take its time: files, dialogs, sounds.

use std::thread::{Builder, JoinHandle};

/// Runs `work` on a thread of this name; `None`, and a line in the log, where there can be none.
pub fn start(name: &str, work: impl FnOnce() + Send + 'static) -> Option<JoinHandle<()>> {
    let started = Builder::new().name(format!("lumawire-{name}")).spawn(work);
    started.inspect_err(|error| tracing::warn!(%error, name, "no thread can be started")).ok()
}
