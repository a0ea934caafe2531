//! numpy's `.npz` files: ZIP archives (PKWARE's APPNOTE 6.3) of `.npy` files, not compressed, as
//! `numpy.savez` writes them. Arrays are written as they come, so that they may be larger than the
//! memory; those of 4 GiB and more get the ZIP64 fields.

use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use crc32fast::Hasher;
use lumawire_models::file::WholeFile;
use num_complex::Complex32;

/// A number as numpy stores it.
pub trait Number: Copy {
    /// numpy's name for it.
    const DESCR: &'static str;
    /// Its width in bytes.
    const WIDTH: u64;
    /// Appends its bytes, the lowest first.
    fn push(self, bytes: &mut Vec<u8>);
}

impl Number for f32 {
    const DESCR: &'static str = "<f4";
    const WIDTH: u64 = 4;
    fn push(self, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_le_bytes());
    }
}

impl Number for i64 {
    const DESCR: &'static str = "<i8";
    const WIDTH: u64 = 8;
    fn push(self, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_le_bytes());
    }
}

impl Number for Complex32 {
    const DESCR: &'static str = "<c8";
    const WIDTH: u64 = 8;
    fn push(self, bytes: &mut Vec<u8>) {
        self.re.push(bytes);
        self.im.push(bytes);
    }
}

/// From here on, 32 bits do not hold a length or a place.
const ZIP64_FROM: u64 = 0xffff_ffff;
/// Versions of the format that a reader must know: with folders, and with ZIP64.
const VERSION: u16 = 20;
const VERSION_ZIP64: u16 = 45;
/// The 1st of January 1980, in MS-DOS's way: archives of equal arrays are equal.
const DATE: u16 = 0x21;

/// Writes an archive. It appears under its name only when [`finish`](Self::finish) is reached.
pub struct NpzWriter {
    out: WholeFile,
    entries: Vec<Entry>,
    /// The array that is being written.
    open: Option<Open>,
    zip64_from: u64,
}

struct Entry {
    name: String,
    /// Where its header begins.
    start: u64,
    len: u64,
    crc: u32,
}

struct Open {
    name: String,
    start: u64,
    len: u64,
    left: u64,
    hasher: Hasher,
}

impl NpzWriter {
    /// Begins the archive that will lie at `path`.
    pub fn create(path: &Path) -> io::Result<Self> {
        let (out, entries) = (WholeFile::create(path)?, Vec::new());
        Ok(Self { out, entries, open: None, zip64_from: ZIP64_FROM })
    }

    /// Begins the array `name`, which `write` must then fill: C order.
    pub fn begin<T: Number>(&mut self, name: &str, shape: &[usize]) -> io::Result<()> {
        self.end()?;
        let header = npy_header(T::DESCR, shape);
        let numbers: u64 = shape.iter().map(|d| *d as u64).product();
        let len = header.len() as u64 + numbers * T::WIDTH;
        let (name, start) = (format!("{name}.npy"), self.out.stream_position()?);
        let wide = len >= self.zip64_from;
        let mut bytes = b"PK\x03\x04".to_vec();
        push_common(&mut bytes, wide, 0, len);
        bytes.extend((name.len() as u16).to_le_bytes());
        bytes.extend((if wide { 20_u16 } else { 0 }).to_le_bytes());
        bytes.extend(name.as_bytes());
        if wide {
            bytes.extend([1, 0, 16, 0]);
            bytes.extend(len.to_le_bytes());
            bytes.extend(len.to_le_bytes());
        }
        self.out.write_all(&bytes)?;
        self.open = Some(Open { name, start, len, left: len, hasher: Hasher::new() });
        self.put(&header)
    }

    /// Writes more of the array.
    pub fn write<T: Number>(&mut self, values: &[T]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(values.len() * T::WIDTH as usize);
        values.iter().for_each(|v| v.push(&mut bytes));
        self.put(&bytes)
    }

    /// Writes the list of arrays and gives the file its name.
    pub fn finish(mut self) -> io::Result<()> {
        self.end()?;
        self.write_directory()?;
        self.out.finish()
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        let fault = |why| io::Error::new(io::ErrorKind::InvalidInput, why);
        let open = self.open.as_mut().ok_or_else(|| fault("no array has begun"))?;
        let left = open.left.checked_sub(bytes.len() as u64);
        open.left = left.ok_or_else(|| fault("the array is longer than its shape says"))?;
        open.hasher.update(bytes);
        self.out.write_all(bytes)
    }

    /// Ends the array that is being written: its sum goes to its header.
    fn end(&mut self) -> io::Result<()> {
        let Some(Open { name, start, len, left, hasher }) = self.open.take() else {
            return Ok(());
        };
        if left > 0 {
            let why = format!("{name} is shorter than its shape says");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let crc = hasher.finalize();
        let end = self.out.stream_position()?;
        self.out.seek(SeekFrom::Start(start + 14))?;
        self.out.write_all(&crc.to_le_bytes())?;
        self.out.seek(SeekFrom::Start(end))?;
        self.entries.push(Entry { name, start, len, crc });
        Ok(())
    }

    fn write_directory(&mut self) -> io::Result<()> {
        let start = self.out.stream_position()?;
        let mut bytes = Vec::new();
        for entry in &self.entries {
            let wide = entry.len >= self.zip64_from || entry.start >= self.zip64_from;
            bytes.extend(b"PK\x01\x02");
            bytes.extend((if wide { VERSION_ZIP64 } else { VERSION }).to_le_bytes());
            let len = if wide { ZIP64_FROM } else { entry.len };
            push_common(&mut bytes, wide, entry.crc, len);
            bytes.extend((entry.name.len() as u16).to_le_bytes());
            bytes.extend((if wide { 28_u16 } else { 0 }).to_le_bytes());
            bytes.extend([0; 10]); // no comment, first disk, no attributes
            let place = if wide { ZIP64_FROM } else { entry.start };
            bytes.extend((place as u32).to_le_bytes());
            bytes.extend(entry.name.as_bytes());
            if wide {
                bytes.extend([1, 0, 24, 0]);
                bytes.extend([entry.len, entry.len, entry.start].map(u64::to_le_bytes).concat());
            }
        }
        let (count, len) = (self.entries.len() as u64, bytes.len() as u64);
        let wide = start >= self.zip64_from;
        if wide {
            bytes.extend(b"PK\x06\x06");
            bytes.extend(44_u64.to_le_bytes()); // what follows of this record
            bytes.extend([VERSION_ZIP64; 2].map(u16::to_le_bytes).concat());
            bytes.extend([0; 8]); // first disk
            bytes.extend([count, count, len, start].map(u64::to_le_bytes).concat());
            bytes.extend(b"PK\x06\x07\0\0\0\0");
            bytes.extend((start + len).to_le_bytes());
            bytes.extend(1_u32.to_le_bytes()); // disks
        }
        bytes.extend(b"PK\x05\x06\0\0\0\0");
        bytes.extend([count as u16; 2].map(u16::to_le_bytes).concat());
        bytes.extend((len as u32).to_le_bytes());
        bytes.extend((if wide { ZIP64_FROM } else { start } as u32).to_le_bytes());
        bytes.extend([0; 2]); // no comment
        self.out.write_all(&bytes)
    }
}

/// What an entry's two headers share: version, flags, method (stored), time, sum and lengths.
fn push_common(bytes: &mut Vec<u8>, wide: bool, crc: u32, len: u64) {
    let version = if wide { VERSION_ZIP64 } else { VERSION };
    bytes.extend([version, 0, 0, 0, DATE].map(u16::to_le_bytes).concat());
    let len = if wide { ZIP64_FROM } else { len } as u32;
    bytes.extend([crc, len, len].map(u32::to_le_bytes).concat());
}

/// The header of a `.npy` file, version 1.0, padded to 64 bytes.
fn npy_header(descr: &str, shape: &[usize]) -> Vec<u8> {
    let shape: String = shape.iter().map(|d| format!("{d}, ")).collect();
    let mut text = format!(
        "{{'descr': '{descr}', 'fortran_order': False, 'shape': ({}), }}",
        shape.trim_end()
    );
    let padded = (10 + text.len() + 1).next_multiple_of(64) - 11;
    text = format!("{text:padded$}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;

    use super::*;

    fn write(path: &Path, zip64_from: u64) {
        let mut writer = NpzWriter::create(path).unwrap();
        writer.zip64_from = zip64_from;
        writer.begin::<f32>("ws", &[3, 2]).unwrap();
        writer.write(&[1.0_f32, -2.5]).unwrap();
        writer.write(&[0.0_f32, 4.0, 5.0, 6.0]).unwrap();
        writer.begin::<i64>("seeds", &[3]).unwrap();
        writer.write(&[7_i64, -8, 9]).unwrap();
        writer.finish().unwrap();
    }

    /// Another reader of archives checks places, lengths and sums.
    #[test]
    fn archives_are_whole_with_and_without_zip64() {
        let dir = tempfile::tempdir().unwrap();
        for zip64_from in [ZIP64_FROM, 200, 0] {
            let path = dir.path().join("a.npz");
            write(&path, zip64_from);
            let mut archive = zip::ZipArchive::new(File::open(&path).unwrap()).unwrap();
            let names: Vec<_> = archive.file_names().map(Result::unwrap).collect();
            assert_eq!(names, ["ws.npy", "seeds.npy"]);
            let mut bytes = Vec::new();
            archive.by_index(0).unwrap().read_to_end(&mut bytes).unwrap();
            assert_eq!(bytes.len(), 128 + 24);
            let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2,), }";
            assert!(String::from_utf8_lossy(&bytes[10..]).starts_with(header));
            assert_eq!(bytes[127], b'\n');
            assert_eq!(bytes[128 + 4..128 + 8], (-2.5_f32).to_le_bytes());
            let mut bytes = Vec::new();
            archive.by_index(1).unwrap().read_to_end(&mut bytes).unwrap();
            assert!(bytes.ends_with(&9_i64.to_le_bytes()));
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn what_does_not_fit_its_shape_leaves_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.npz");
        let mut writer = NpzWriter::create(&path).unwrap();
        writer.begin::<f32>("x", &[2]).unwrap();
        assert!(writer.write(&[0.0_f32; 3]).is_err());
        writer.write(&[0.0_f32]).unwrap();
        assert!(writer.finish().is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
