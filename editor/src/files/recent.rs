//! The patches that were open last, kept from run to run.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// How many are kept.
pub const MAX: usize = 20;

/// A patch that was open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recent {
    /// Its file.
    pub path: PathBuf,
    /// When it was opened or saved last, in seconds since 1970.
    pub used_secs: u64,
}

/// The list, the latest first.
#[derive(Debug, Default)]
pub struct Recents {
    file: Option<PathBuf>,
    list: Vec<Recent>,
}

impl Recents {
    /// The list in the folder of settings; without one, a list of this run alone.
    pub fn load(settings: Option<&Path>) -> Self {
        let file = settings.map(|folder| folder.join("recent.json"));
        let list = file.as_deref().map(read).unwrap_or_default();
        Self { file, list }
    }

    /// The patches, the latest first.
    pub fn list(&self) -> &[Recent] {
        &self.list
    }

    /// Puts a patch at the top.
    pub fn add(&mut self, path: &Path, now_secs: u64) {
        self.change(|list| {
            list.retain(|recent| recent.path != path);
            list.insert(0, Recent { path: path.to_owned(), used_secs: now_secs });
            list.truncate(MAX);
        });
    }

    /// Takes a patch off the list; its file stays.
    pub fn remove(&mut self, path: &Path) {
        self.change(|list| list.retain(|recent| recent.path != path));
    }

    /// Changes what another window may have changed meanwhile.
    fn change(&mut self, change: impl FnOnce(&mut Vec<Recent>)) {
        if let Some(file) = &self.file {
            self.list = read(file);
        }
        change(&mut self.list);
        if let Some(file) = &self.file
            && let Err(error) = write(file, &self.list)
        {
            tracing::warn!(file = %file.display(), %error, "recent files are not kept");
        }
    }
}

/// A file that is damaged or from another program is an empty list.
fn read(file: &Path) -> Vec<Recent> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let mut list: Vec<Recent> = serde_json::from_str(&text).unwrap_or_default();
    list.truncate(MAX);
    list
}

fn write(file: &Path, list: &[Recent]) -> io::Result<()> {
    let text = serde_json::to_string_pretty(list)?;
    replace(file, text.as_bytes())
}

/// Replaces a small file whole or not at all; makes its folder.
pub(super) fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let temporary = file.with_extension(format!("{}.tmp", std::process::id()));
    let written = fs::File::create(&temporary)
        .and_then(|mut out| out.write_all(bytes).and_then(|()| out.sync_all()))
        .and_then(|()| fs::rename(&temporary, file));
    if written.is_err() {
        // What went wrong first is what matters.
        let _ = fs::remove_file(&temporary);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_is_first_and_old_ones_go() {
        let dir = tempfile::tempdir().unwrap();
        let mut recents = Recents::load(Some(dir.path()));
        for i in 0..25 {
            recents.add(&PathBuf::from(format!("/p/{i}.lumawire")), i);
        }
        recents.add(Path::new("/p/10.lumawire"), 99);
        assert_eq!(recents.list().len(), MAX);
        assert_eq!(recents.list()[0].path, Path::new("/p/10.lumawire"));
        assert_eq!(recents.list()[1].path, Path::new("/p/24.lumawire"));
        recents.remove(Path::new("/p/24.lumawire"));
        let read = Recents::load(Some(dir.path()));
        assert_eq!(read.list(), recents.list());
        assert_eq!(read.list().len(), MAX - 1);
    }

    #[test]
    fn two_windows_keep_each_others() {
        let dir = tempfile::tempdir().unwrap();
        let mut one = Recents::load(Some(dir.path()));
        let mut two = Recents::load(Some(dir.path()));
        one.add(Path::new("/a"), 1);
        two.add(Path::new("/b"), 2);
        one.add(Path::new("/c"), 3);
        let paths: Vec<_> = one.list().iter().map(|r| r.path.clone()).collect();
        assert_eq!(paths, ["/c", "/b", "/a"].map(PathBuf::from));
    }

    #[test]
    fn a_damaged_list_is_an_empty_one() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("recent.json"), "[{\"path\": 3").unwrap();
        let mut recents = Recents::load(Some(dir.path()));
        assert!(recents.list().is_empty());
        recents.add(Path::new("/a"), 1);
        assert_eq!(Recents::load(Some(dir.path())).list().len(), 1);
    }
}
