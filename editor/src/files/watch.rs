//! Notices that another program changed the patch's file.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use egui::Context;

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// By what a change of a file is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    changed: Option<SystemTime>,
    len: u64,
}

impl Stamp {
    /// Of a file as it is now; `None` where there is none.
    pub fn of(path: &Path) -> Option<Self> {
        let meta = fs::metadata(path).ok()?;
        Some(Self { changed: meta.modified().ok(), len: meta.len() })
    }
}

/// Looks at a file now and then, on a thread that ends with it.
#[derive(Debug)]
pub struct Watch {
    path: PathBuf,
    stamp: Stamp,
    changes: Receiver<()>,
    has_changed: bool,
    _alive: Sender<()>,
}

impl Watch {
    /// Watches a file that is known to be as `stamp` says.
    pub fn new(path: &Path, stamp: Stamp, ctx: &Context) -> Self {
        let (alive, stop) = bounded(0);
        let (tell, changes) = bounded(1);
        let (watched, ctx) = (path.to_owned(), ctx.clone());
        crate::worker::start("watch", move || {
            if until_changed(&watched, stamp, &stop) {
                // Nobody may care any more.
                let _ = tell.send(());
                ctx.request_repaint();
            }
        });
        Self { path: path.to_owned(), stamp, changes, has_changed: false, _alive: alive }
    }

    /// Whether it is this file, known to be so.
    pub fn is_of(&self, path: &Path, stamp: Stamp) -> bool {
        self.path == path && self.stamp == stamp
    }

    /// Whether the file has changed since.
    pub fn has_changed(&mut self) -> bool {
        self.has_changed |= self.changes.try_recv().is_ok();
        self.has_changed
    }
}

/// True once the file has been another one at two looks: a program may be writing still at the first.
fn until_changed(path: &Path, stamp: Stamp, stop: &Receiver<()>) -> bool {
    let mut last = None;
    while stop.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
        // A file that is gone may be in the middle of being replaced.
        let now = Stamp::of(path).filter(|now| *now != stamp);
        if now.is_some() && now == last {
            return true;
        }
        last = now;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_noticed_and_only_a_change() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.lumawire");
        fs::write(&path, "one").unwrap();
        let stamp = Stamp::of(&path).unwrap();
        let (_alive, stop) = bounded::<()>(0);
        let work = {
            let path = path.clone();
            move || until_changed(&path, stamp, &stop)
        };
        let thread = std::thread::Builder::new().spawn(work).unwrap();
        assert!(!thread.is_finished());
        fs::write(&path, "another").unwrap();
        assert!(thread.join().unwrap());
        let now = Stamp::of(&path).unwrap();
        let (alive, stop) = bounded::<()>(0);
        drop(alive);
        assert!(!until_changed(&path, now, &stop));
    }
}
