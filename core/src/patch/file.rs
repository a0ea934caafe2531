//! The file on disk. A patch is replaced whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::{Loaded, MAX_BYTES, PatchError, parse, to_text};
use crate::graph::Graph;
use crate::spec::Registry;

/// Reads a patch file.
pub fn load(path: impl AsRef<Path>) -> Result<Loaded, PatchError> {
    let path = path.as_ref();
    let io_error = |source| PatchError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(io_error)?;
    let mut bytes = Vec::new();
    // One byte more than may be, so that no file is read without end whatever its length says.
    (&file).take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(io_error)?;
    if bytes.len() as u64 > MAX_BYTES {
        let len = file.metadata().map_or(bytes.len() as u64, |m| m.len());
        return Err(PatchError::TooLarge { len });
    }
    let text = String::from_utf8(bytes).map_err(|_| PatchError::NotText)?;
    parse(&text)
}

/// Writes a patch file. A failure at any moment leaves the old file as it was.
pub fn save(path: impl AsRef<Path>, graph: &Graph, registry: &Registry) -> Result<(), PatchError> {
    let path = path.as_ref();
    let text = to_text(graph, registry);
    if text.len() as u64 > MAX_BYTES {
        return Err(PatchError::TooLarge { len: text.len() as u64 });
    }
    replace(path, |file| file.write_all(text.as_bytes()))
        .map_err(|source| PatchError::Io { path: path.to_owned(), source })
}

/// Fills a temporary file in the same folder, makes it last, and gives it the name. A link is
/// followed, so that it stays one; the permissions of the old file stay.
fn replace(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let (temporary, mut file) = create_beside(&path)?;
    let filled = fill(&mut file).and_then(|()| finish(&mut file, &temporary, &path));
    drop(file);
    if filled.is_err() {
        // What went wrong first is what matters.
        let _ = fs::remove_file(&temporary);
    }
    filled
}

fn finish(file: &mut File, temporary: &Path, path: &Path) -> io::Result<()> {
    if let Ok(old) = fs::metadata(path) {
        file.set_permissions(old.permissions())?;
    }
    file.sync_all()?;
    fs::rename(temporary, path)?;
    // The patch has its name by now: a folder that cannot be synced is no failed save.
    let _ = sync_folder(path);
    Ok(())
}

fn create_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))?;
    let mut n = 0_u32;
    loop {
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}-{n}.tmp", std::process::id()));
        let temporary = path.with_file_name(hidden);
        match OpenOptions::new().write(true).create_new(true).open(&temporary) {
            Ok(file) => return Ok((temporary, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && n < 1_000 => n += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Makes the new name last, where folders can be opened.
fn sync_folder(path: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_breaks_off_leaves_the_old_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.lumawire");
        fs::write(&path, "old").unwrap();
        let result = replace(&path, |file| {
            file.write_all(b"half of the n")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        });
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_name_left_by_a_crash_is_in_nobodys_way() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.lumawire");
        let (left_over, file) = create_beside(&path).unwrap();
        drop(file);
        replace(&path, |file| file.write_all(b"new")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert!(left_over.exists());
    }
}
