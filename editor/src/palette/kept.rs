//! Which kinds a person likes and used last, kept from session to session.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

const FILE: &str = "palette.json";
const NUM_RECENT: usize = 8;
const NUM_FAVOURITES: usize = 200;

/// Favourites and the kinds used last. Kinds that this build does not know stay in it.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Kept {
    favourites: Vec<String>,
    recent: Vec<String>,
    #[serde(skip)]
    path: Option<PathBuf>,
}

impl Kept {
    /// What the settings' folder holds; nothing where there is none or it cannot be read.
    pub fn load(settings: Option<&Path>) -> Self {
        let Some(path) = settings.map(|folder| folder.join(FILE)) else { return Self::default() };
        let mut kept = read(&path).unwrap_or_else(|error| {
            tracing::warn!("{}: {error}", path.display());
            Self::default()
        });
        kept.favourites.truncate(NUM_FAVOURITES);
        kept.recent.truncate(NUM_RECENT);
        Self { path: Some(path), ..kept }
    }

    /// The favourites, in the order in which they were chosen.
    pub fn favourites(&self) -> &[String] {
        &self.favourites
    }

    /// The kinds used last, the newest first.
    pub fn recent(&self) -> &[String] {
        &self.recent
    }

    /// Whether a kind is a favourite.
    pub fn is_favourite(&self, kind: &str) -> bool {
        self.favourites.iter().any(|k| k == kind)
    }

    /// Makes a kind a favourite, or takes it from them.
    pub fn toggle(&mut self, kind: &str) {
        if self.is_favourite(kind) {
            self.favourites.retain(|k| k != kind);
        } else if self.favourites.len() < NUM_FAVOURITES {
            self.favourites.push(kind.to_owned());
        }
        self.save();
    }

    /// Notes that a kind was used.
    pub fn used(&mut self, kind: &str) {
        if self.recent.first().is_some_and(|k| k == kind) {
            return;
        }
        self.recent.retain(|k| k != kind);
        self.recent.insert(0, kind.to_owned());
        self.recent.truncate(NUM_RECENT);
        self.save();
    }

    fn save(&self) {
        let Some(path) = &self.path else { return };
        if let Err(error) = write(path, self) {
            tracing::warn!("{}: {error}", path.display());
        }
    }
}

fn read(path: &Path) -> io::Result<Kept> {
    match fs::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Kept::default()),
        Err(error) => Err(error),
    }
}

fn write(path: &Path, kept: &Kept) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, serde_json::to_vec_pretty(kept)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_outlasts_a_session() {
        let folder = tempfile::tempdir().unwrap();
        let settings = folder.path().join("not").join("there");
        let mut kept = Kept::load(Some(&settings));
        kept.toggle("a.b");
        kept.toggle("c.d");
        kept.toggle("a.b");
        (0..20).for_each(|i| kept.used(&format!("k.{i}")));
        kept.used("k.15");
        let kept = Kept::load(Some(&settings));
        assert_eq!(kept.favourites(), ["c.d"]);
        assert_eq!(kept.recent()[..3], ["k.15", "k.19", "k.18"]);
        assert_eq!(kept.recent().len(), NUM_RECENT);
    }

    #[test]
    fn a_file_that_is_none_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["", "[]", r#"{"favourites": 1}"#, "\u{0}"] {
            fs::write(folder.path().join(FILE), text).unwrap();
            let mut kept = Kept::load(Some(folder.path()));
            assert!(kept.favourites().is_empty());
            kept.toggle("a.b");
            assert_eq!(Kept::load(Some(folder.path())).favourites(), ["a.b"]);
        }
    }
}
