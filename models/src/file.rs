//! Reading files that strangers name, and writing files that are whole or not there.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// The bytes of a regular file of at most `max_len`. Devices and pipes, which may never end, are
/// refused, and a file that grows while it is read is cut off with an error.
pub fn read_bounded(path: &Path, max_len: u64) -> io::Result<Vec<u8>> {
    let fault = |why: String| io::Error::new(io::ErrorKind::InvalidInput, why);
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(fault("is no regular file: choose another".into()));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(max_len + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max_len {
        return Err(fault(format!("is larger than {} MiB: choose another", max_len >> 20)));
    }
    Ok(bytes)
}

/// A file that appears under its name only when [`finish`](Self::finish) is reached, in place of
/// what was there. Until then it has a name of its own in the same folder, and is deleted if it is
/// dropped.
pub struct WholeFile {
    path: PathBuf,
    out: BufWriter<NamedTempFile>,
}

impl WholeFile {
    /// Begins the file that will lie at `path`. Folders, devices and pipes are not replaced.
    pub fn create(path: &Path) -> io::Result<Self> {
        if std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            let why = "is no regular file: choose another name";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let prefix = format!(".{name}.");
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(".part");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let out = BufWriter::new(builder.tempfile_in(folder)?);
        Ok(Self { path: path.to_owned(), out })
    }

    /// Gives the file its name.
    pub fn finish(self) -> io::Result<()> {
        let file = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        file.persist(&self.path).map(drop).map_err(|e| e.error)
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Seek for WholeFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.out.seek(to)
    }

    fn stream_position(&mut self) -> io::Result<u64> {
        self.out.stream_position()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_whole_or_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        let files = || std::fs::read_dir(dir.path()).unwrap().count();
        let written = |bytes: &[u8]| {
            let mut file = WholeFile::create(&path).unwrap();
            file.write_all(bytes).unwrap();
            file
        };
        drop(written(b"given up"));
        assert_eq!(files(), 0);
        written(b"old").finish().unwrap();
        // Two writers do not disturb each other, and what was there stays until the end.
        let (first, second) = (written(b"first"), written(b"second"));
        drop(first);
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        second.finish().unwrap();
        assert_eq!((std::fs::read(&path).unwrap().as_slice(), files()), (&b"second"[..], 1));
        assert!(WholeFile::create(dir.path()).is_err());
        assert!(WholeFile::create(&dir.path().join("gone/a.json")).is_err());
        #[cfg(unix)]
        assert!(WholeFile::create(Path::new("/dev/null")).is_err());
    }

    #[test]
    fn only_regular_files_of_a_bounded_size_are_read() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let len = std::fs::metadata(&path).unwrap().len();
        assert_eq!(read_bounded(&path, len).unwrap().len() as u64, len);
        assert!(read_bounded(&path, len - 1).is_err());
        assert!(read_bounded(path.parent().unwrap(), 10).is_err());
        #[cfg(unix)]
        assert!(read_bounded(Path::new("/dev/zero"), 10).is_err());
    }
}
