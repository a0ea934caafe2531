//! Reading files that strangers name.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

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

#[cfg(test)]
mod tests {
    use super::*;

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
