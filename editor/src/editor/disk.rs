//! Notices that files were changed which the patch names: shaders, pictures, models.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use egui::Context;
use lumawire_core::{FileKind, patch};

use crate::document::Document;
use crate::files::Stamp;

/// Between two looks at the files.
const LOOK: Duration = Duration::from_millis(200);

type Stamps = BTreeMap<PathBuf, Option<Stamp>>;

/// Looks at files now and then, on a thread that ends with it.
pub(super) struct Disk {
    files: Arc<Mutex<Vec<PathBuf>>>,
    changes: Receiver<()>,
    /// The document and revision whose files are looked at.
    seen: Option<(u64, u64)>,
    _alive: Sender<()>,
}

impl Disk {
    /// Looks at nothing yet; `ctx` is woken at a change.
    pub fn new(ctx: &Context) -> Self {
        let files = Arc::<Mutex<Vec<PathBuf>>>::default();
        let (alive, stop) = bounded(0);
        let (tell, changes) = bounded(1);
        let (looked_at, ctx) = (files.clone(), ctx.clone());
        crate::worker::start("disk", move || {
            let mut look = Look::default();
            while stop.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                let files = looked_at.lock().unwrap_or_else(PoisonError::into_inner).clone();
                if look.has_changed(files) {
                    // One that was not read yet stands for this one too.
                    let _ = tell.try_send(());
                    ctx.request_repaint();
                }
            }
        });
        Self { files, changes, seen: None, _alive: alive }
    }

    /// Looks at the files of a patch from now on.
    pub fn follow(&mut self, document: &Document) {
        let now = Some((document.id(), document.revision()));
        if self.seen != now {
            self.seen = now;
            *self.files.lock().unwrap_or_else(PoisonError::into_inner) = files_of(document);
        }
    }

    /// Whether one of them has changed since the last call.
    pub fn has_changed(&self) -> bool {
        self.changes.try_iter().count() > 0
    }
}

fn files_of(document: &Document) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for used in patch::files(document.graph(), document.registry()) {
        let path = document.base_dir().join(&used.file.path);
        if used.kind == Some(FileKind::Shader) {
            // The vertex shader beside a shader is a part of it.
            files.push(path.with_extension("vs"));
        }
        files.push(path);
    }
    files
}

/// What the files were.
#[derive(Default)]
struct Look {
    /// As the show has them.
    known: Stamps,
    /// At the last look.
    seen: Stamps,
}

impl Look {
    fn has_changed(&mut self, files: Vec<PathBuf>) -> bool {
        let stamp = |path: PathBuf| {
            let stamp = Stamp::of(Path::new(&path));
            (path, stamp)
        };
        let now: Stamps = files.into_iter().map(stamp).collect();
        // A program may be writing still at the first look, and may remove a file to replace it.
        let is_settled =
            |path: &PathBuf, stamp| self.seen.get(path) == Some(stamp) && stamp.is_some();
        let mut has_changed = false;
        self.known.retain(|path, _| now.contains_key(path));
        for (path, stamp) in &now {
            match self.known.get_mut(path) {
                None => drop(self.known.insert(path.clone(), *stamp)),
                Some(known) if known != stamp && is_settled(path, stamp) => {
                    *known = *stamp;
                    has_changed = true;
                }
                Some(_) => {}
            }
        }
        self.seen = now;
        has_changed
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_change_counts_once_it_has_settled_and_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.fs");
        let files = || vec![path.clone()];
        let mut look = Look::default();
        // One that is not there yet, and comes.
        assert!(!look.has_changed(files()));
        fs::write(&path, "one").unwrap();
        assert!(!look.has_changed(files()));
        assert!(look.has_changed(files()));
        assert!(!look.has_changed(files()));
        // One that is replaced by way of its absence.
        fs::remove_file(&path).unwrap();
        assert!(!look.has_changed(files()));
        assert!(!look.has_changed(files()));
        fs::write(&path, "three").unwrap();
        assert!(!look.has_changed(files()));
        assert!(look.has_changed(files()));
        // One that the patch names anew is as it is.
        assert!(!look.has_changed(Vec::new()));
        fs::write(&path, "four!!").unwrap();
        assert!(!look.has_changed(files()));
        assert!(!look.has_changed(files()));
    }
}
