//! What a folder holds, read on a thread of its own: a slow disk stops no frame.

use std::cmp::Ordering;
use std::fs;
use std::path::{Path, PathBuf};

use crossbeam_channel::{Receiver, bounded};
use egui::Context;

use super::paths::secs_since_epoch;

/// How many entries are listed.
pub const MAX_ENTRIES: usize = 20_000;

/// A file or folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Whether it is a folder, or a link to one.
    pub is_folder: bool,
    /// Its size in bytes.
    pub size: u64,
    /// When it was changed last, in seconds since 1970, where known.
    pub changed_secs: Option<u64>,
}

impl Entry {
    /// Whether it is kept from sight: its name begins with a dot.
    pub fn is_hidden(&self) -> bool {
        self.name.starts_with('.')
    }
}

/// A folder as it was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The folder.
    pub folder: PathBuf,
    /// Folders first, each by name.
    pub entries: Vec<Entry>,
    /// Why it cannot be read, or that there is more than is listed.
    pub trouble: Option<String>,
}

/// Reads a folder.
pub fn read(folder: &Path) -> Listing {
    let mut listing = Listing { folder: folder.to_owned(), ..Listing::default() };
    let found = match fs::read_dir(folder) {
        Ok(found) => found,
        Err(error) => {
            listing.trouble = Some(error.to_string());
            return listing;
        }
    };
    for entry in found.flatten() {
        if listing.entries.len() == MAX_ENTRIES {
            listing.trouble = Some(format!("only {MAX_ENTRIES} entries are shown"));
            break;
        }
        // Of a link what it leads to; a link to nothing is left out.
        let Ok(meta) = fs::metadata(entry.path()) else { continue };
        listing.entries.push(Entry {
            name: entry.file_name().to_string_lossy().into_owned(),
            is_folder: meta.is_dir(),
            size: meta.len(),
            changed_secs: meta.modified().ok().map(secs_since_epoch),
        });
    }
    listing.entries.sort_by(order);
    listing
}

/// Folders first, then by name as a person counts: `take 9` before `take 10`.
fn order(a: &Entry, b: &Entry) -> Ordering {
    b.is_folder.cmp(&a.is_folder).then_with(|| by_name(&a.name, &b.name))
}

fn by_name(a: &str, b: &str) -> Ordering {
    let parts = |name: &str| name_parts(&name.to_lowercase());
    parts(a).cmp(&parts(b)).then_with(|| a.cmp(b))
}

/// Runs of letters and of digits, where a number goes by its length, then its digits.
fn name_parts(name: &str) -> Vec<(String, usize, String)> {
    let mut parts = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (text, tail) = rest.split_at(letters);
        let digits = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
        let (number, tail) = tail.split_at(digits);
        let number = number.trim_start_matches('0');
        parts.push((text.to_owned(), number.len(), number.to_owned()));
        rest = tail;
    }
    parts
}

/// Reads a folder on a thread; what comes is the listing.
pub fn read_later(folder: PathBuf, ctx: &Context) -> Receiver<Listing> {
    let (send, receive) = bounded(1);
    let ctx = ctx.clone();
    crate::worker::start("listing", move || {
        // Nobody may wait any more.
        let _ = send.send(read(&folder));
        ctx.request_repaint();
    });
    receive
}

/// What lies at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lies {
    /// A folder.
    Folder,
    /// A file, or something else.
    File,
    /// Nothing, in a folder that is there.
    Nothing,
    /// Nothing, nor is there its folder.
    Nowhere,
}

impl Lies {
    fn at(path: &Path) -> Self {
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => Self::Folder,
            Ok(_) => Self::File,
            Err(_) if path.parent().is_some_and(Path::is_dir) => Self::Nothing,
            Err(_) => Self::Nowhere,
        }
    }
}

/// Looks on a thread whether there is a folder at `typed`, or else what lies at `file`.
pub fn look_later(typed: PathBuf, file: PathBuf, ctx: &Context) -> Receiver<Lies> {
    let (send, receive) = bounded(1);
    let ctx = ctx.clone();
    crate::worker::start("look", move || {
        let lies = match Lies::at(&typed) {
            Lies::Folder => Lies::Folder,
            _ => Lies::at(&file),
        };
        // Nobody may wait any more.
        let _ = send.send(lies);
        ctx.request_repaint();
    });
    receive
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_first_and_numbers_count() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["take 10.wav", "Take 9.wav", "take 09b.wav", ".hidden", "a.wav"] {
            fs::write(dir.path().join(name), "1234").unwrap();
        }
        fs::create_dir(dir.path().join("zoo")).unwrap();
        let listing = read(dir.path());
        let names: Vec<_> = listing.entries.iter().map(|e| e.name.as_str()).collect();
        assert_eq!(names, ["zoo", ".hidden", "a.wav", "Take 9.wav", "take 09b.wav", "take 10.wav"]);
        assert!(listing.entries[1].is_hidden() && listing.entries[1].size == 4);
        assert!(listing.entries[0].is_folder && listing.trouble.is_none());
    }

    #[test]
    fn what_lies_at_a_path_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a");
        fs::write(&file, "x").unwrap();
        assert_eq!(Lies::at(dir.path()), Lies::Folder);
        assert_eq!(Lies::at(&file), Lies::File);
        assert_eq!(Lies::at(&dir.path().join("b")), Lies::Nothing);
        assert_eq!(Lies::at(&dir.path().join("b/c")), Lies::Nowhere);
    }

    #[test]
    fn a_folder_that_is_not_there_says_so() {
        let listing = read(Path::new("/no/such/folder"));
        assert!(listing.entries.is_empty() && listing.trouble.is_some());
    }
}
