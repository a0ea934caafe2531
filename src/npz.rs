//! numpy's `.npz` files: ZIP archives (PKWARE's APPNOTE 6.3) of `.npy` files, not compressed, as
//! `numpy.savez` writes them. Arrays are written as they come, so that they may be larger than the
//! memory; those of 4 GiB and more get the ZIP64 fields.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A number as numpy stores it.
pub trait Number: Copy {
    /// numpy's name for it.
    const DESCR: &'static str;
    /// Appends its bytes, little-endian.
    fn push(self, bytes: &mut Vec<u8>);
}

impl Number for f32 {
    const DESCR: &'static str = "<f4";
    fn push(self, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_le_bytes());
    }
}

impl Number for i64 {
    const DESCR: &'static str = "<i8";
    fn push(self, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_le_bytes());
    }
}

/// Writes an archive. The file gets its name with [`finish`](Self::finish).
pub struct NpzWriter {
    path: PathBuf,
    part: tempfile::NamedTempFile,
}
