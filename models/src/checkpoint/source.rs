//! Bytes of a file, read where they are needed: large files are never held as a whole.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::ModelError;

/// Where something lies in a file: bytes `start..end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub start: u64,
    pub end: u64,
}

impl Span {
    pub fn len(self) -> u64 {
        self.end - self.start
    }
}

trait ReadSeek: Read + Seek {}
impl<T: Read + Seek> ReadSeek for T {}

/// A file, or bytes in memory, that is read in any order.
pub struct Source<'a> {
    reader: Box<dyn ReadSeek + 'a>,
    position: u64,
    len: u64,
}

impl<'a> Source<'a> {
    pub fn from_bytes(bytes: &'a [u8]) -> Self {
        Self { reader: Box::new(Cursor::new(bytes)), position: 0, len: bytes.len() as u64 }
    }

    /// A regular file: devices and pipes, which may never end, are refused.
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        let metadata = std::fs::metadata(path)?;
        if !metadata.is_file() {
            return Err(ModelError::unsupported("no regular file", "choose another"));
        }
        let reader = BufReader::with_capacity(1 << 16, File::open(path)?);
        Ok(Self { reader: Box::new(reader), position: 0, len: metadata.len() })
    }

    /// All of it.
    pub fn span(&self) -> Span {
        Span { start: 0, end: self.len }
    }

    /// Fills `out` with the bytes from `start` on.
    pub fn read_at(&mut self, start: u64, out: &mut [u8]) -> Result<(), ModelError> {
        let end = start.checked_add(out.len() as u64);
        let end = end.filter(|&end| end <= self.len).ok_or_else(ends_early)?;
        if start != self.position {
            let distance = start.cast_signed() - self.position.cast_signed();
            self.reader.seek_relative(distance)?;
        }
        // Where the read fails, the position is not known; nothing reads on after an error.
        self.position = end;
        Ok(self.reader.read_exact(out)?)
    }

    /// The bytes of `span`, of which there may be `max_len`.
    pub fn bytes(&mut self, span: Span, max_len: u64) -> Result<Vec<u8>, ModelError> {
        if span.len() > max_len {
            return Err(ModelError::TooLarge(format!("{} bytes in one part", span.len())));
        }
        // Checked before anything is allocated.
        if span.end > self.len {
            return Err(ends_early());
        }
        let mut bytes = vec![0; span.len() as usize];
        self.read_at(span.start, &mut bytes)?;
        Ok(bytes)
    }

    /// The first bytes, up to `len` of them.
    pub fn head(&mut self, len: u64) -> Result<Vec<u8>, ModelError> {
        self.bytes(Span { start: 0, end: len.min(self.len) }, len)
    }

    /// SHA-256 of all bytes, in hexadecimal digits.
    pub fn sha256(&mut self) -> Result<String, ModelError> {
        let mut hasher = Sha256::new();
        let mut chunk = vec![0; self.len.min(1 << 20) as usize];
        let mut start = 0;
        while start < self.len {
            let len = (self.len - start).min(chunk.len() as u64);
            self.read_at(start, &mut chunk[..len as usize])?;
            hasher.update(&chunk[..len as usize]);
            start += len;
        }
        Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// Reads a span from its start to its end.
pub struct Reader<'s, 'a> {
    pub source: &'s mut Source<'a>,
    rest: Span,
}

impl<'s, 'a> Reader<'s, 'a> {
    pub fn new(source: &'s mut Source<'a>, span: Span) -> Self {
        Self { source, rest: span }
    }

    /// Where the next byte lies.
    pub fn position(&self) -> u64 {
        self.rest.start
    }

    /// Passes over `len` bytes and says where they lie.
    pub fn skip(&mut self, len: u64) -> Result<Span, ModelError> {
        if len > self.rest.len() {
            return Err(ends_early());
        }
        let skipped = Span { start: self.rest.start, end: self.rest.start + len };
        self.rest.start = skipped.end;
        Ok(skipped)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], ModelError> {
        let span = self.skip(N as u64)?;
        let mut bytes = [0; N];
        self.source.read_at(span.start, &mut bytes)?;
        Ok(bytes)
    }

    pub fn u8(&mut self) -> Result<u8, ModelError> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    pub fn u16(&mut self) -> Result<u16, ModelError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub fn u32(&mut self) -> Result<u32, ModelError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub fn u64(&mut self) -> Result<u64, ModelError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// The next `len` bytes, of which there may be `max_len`.
    pub fn bytes(&mut self, len: u64, max_len: u64) -> Result<Vec<u8>, ModelError> {
        let span = self.skip(len)?;
        self.source.bytes(span, max_len)
    }
}

fn ends_early() -> ModelError {
    ModelError::damaged("it ends too early")
}
