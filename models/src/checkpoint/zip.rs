//! The directory of a zip file, as `torch.save` writes it: entries as they are, not compressed.
//! Layout: PKWARE's APPNOTE 6.3.

use std::collections::BTreeMap;

use super::printable;
use super::source::{Reader, Source, Span};
use crate::ModelError;

const END_SIGNATURE: &[u8] = b"PK\x05\x06";
const END_LEN: u64 = 22;
const END_64_LOCATOR_LEN: u64 = 20;
const ENTRY_SIGNATURE: u32 = u32::from_le_bytes(*b"PK\x01\x02");
const LOCAL_LEN: u64 = 30;
/// Bytes of the longest comment at the end.
const MAX_COMMENT_LEN: u64 = 0xffff;
/// Entries: one a tensor, and few more.
const MAX_ENTRIES: u64 = 1 << 16;
/// Bytes of the whole directory.
const MAX_DIRECTORY_LEN: u64 = 16 << 20;

/// An entry of a zip file.
struct Entry {
    /// Where its local header lies.
    start: u64,
    len: u64,
    is_stored: bool,
}

/// The entries of a zip file by name.
pub struct Archive {
    entries: BTreeMap<String, Entry>,
}

impl Archive {
    pub fn read(source: &mut Source<'_>) -> Result<Self, ModelError> {
        let (num_entries, directory) = locate(source)?;
        if num_entries > MAX_ENTRIES || directory.len() > MAX_DIRECTORY_LEN {
            return Err(ModelError::TooLarge(format!("a zip file of {num_entries} entries")));
        }
        let mut reader = Reader::new(source, directory);
        let entries =
            (0..num_entries).map(|_| read_entry(&mut reader)).collect::<Result<_, _>>()?;
        Ok(Self { entries })
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Where the contents of an entry lie.
    pub fn find(&self, source: &mut Source<'_>, name: &str) -> Result<Span, ModelError> {
        let missing = || ModelError::damaged(format!("it holds no `{}`", printable(name)));
        let entry = self.entries.get(name).ok_or_else(missing)?;
        if !entry.is_stored {
            return Err(ModelError::unsupported(
                "a compressed zip file",
                "unpack it; where a checkpoint is inside, open that",
            ));
        }
        let rest = Span { start: entry.start.min(source.span().end), end: source.span().end };
        let mut reader = Reader::new(source, rest);
        let header: [u8; LOCAL_LEN as usize] = reader.array()?;
        if !header.starts_with(b"PK\x03\x04") {
            let why = format!("`{}` is not where it should be", printable(name));
            return Err(ModelError::Damaged(why));
        }
        let u16_at = |at: usize| u64::from(u16::from_le_bytes([header[at], header[at + 1]]));
        reader.skip(u16_at(26) + u16_at(28))?; // name and extra fields
        reader.skip(entry.len)
    }
}

/// Number of entries, and where the directory lies.
fn locate(source: &mut Source<'_>) -> Result<(u64, Span), ModelError> {
    let file = source.span();
    let tail_len = file.len().min(END_LEN + MAX_COMMENT_LEN);
    let tail_start = file.end - tail_len;
    let tail = source.bytes(Span { start: tail_start, end: file.end }, tail_len)?;
    let at = tail.windows(END_LEN as usize).rposition(|bytes| bytes.starts_with(END_SIGNATURE));
    let cut = || ModelError::damaged("the end of the zip file is missing");
    let end = tail_start + at.ok_or_else(cut)? as u64;
    let mut reader = Reader::new(source, Span { start: end + 10, end: file.end });
    let num_entries = u64::from(reader.u16()?);
    let len = u64::from(reader.u32()?);
    let start = u64::from(reader.u32()?);
    let is_64 = num_entries == 0xffff || len == 0xffff_ffff || start == 0xffff_ffff;
    let (num_entries, len, start) =
        if is_64 { locate_64(source, end)? } else { (num_entries, len, start) };
    let directory = start.checked_add(len).filter(|&stop| stop <= end);
    Ok((num_entries, Span { start, end: directory.ok_or_else(cut)? }))
}

/// Number of entries, length and start of the directory of a file beyond 4 GiB.
fn locate_64(source: &mut Source<'_>, end: u64) -> Result<(u64, u64, u64), ModelError> {
    let cut = || ModelError::damaged("the end of the zip file is missing");
    let locator = end.checked_sub(END_64_LOCATOR_LEN).ok_or_else(cut)?;
    let record = Reader::new(source, Span { start: locator + 8, end }).u64()?;
    let start = record.checked_add(32).filter(|&start| start <= end).ok_or_else(cut)?;
    let mut reader = Reader::new(source, Span { start, end });
    Ok((reader.u64()?, reader.u64()?, reader.u64()?))
}

fn read_entry(reader: &mut Reader<'_, '_>) -> Result<(String, Entry), ModelError> {
    if reader.u32()? != ENTRY_SIGNATURE {
        return Err(ModelError::damaged("the directory of the zip file is broken"));
    }
    reader.skip(4)?; // versions
    let flags = reader.u16()?;
    let method = reader.u16()?;
    reader.skip(12)?; // time, checksum, compressed length
    let mut len = u64::from(reader.u32()?);
    let (name_len, extra_len) = (reader.u16()?, reader.u16()?);
    let comment_len = reader.u16()?;
    reader.skip(8)?; // disk, attributes
    let mut start = u64::from(reader.u32()?);
    let name = reader.bytes(name_len.into(), u16::MAX.into())?;
    let extra = reader.skip(extra_len.into())?;
    reader.skip(comment_len.into())?;
    if len == 0xffff_ffff || start == 0xffff_ffff {
        read_extra_64(&mut Reader::new(reader.source, extra), &mut len, &mut start)?;
    }
    let is_encrypted = flags & 1 != 0;
    let entry = Entry { start, len, is_stored: method == 0 && !is_encrypted };
    Ok((String::from_utf8_lossy(&name).into_owned(), entry))
}

/// The lengths that need 64 bits lie in an extra field, in this order: length, compressed length,
/// start; each only where the 32-bit one is full. Stored entries have both lengths full or none.
fn read_extra_64(
    extra: &mut Reader<'_, '_>,
    len: &mut u64,
    start: &mut u64,
) -> Result<(), ModelError> {
    loop {
        let (id, field_len) = (extra.u16()?, extra.u16()?);
        let field = extra.skip(field_len.into())?;
        if id == 1 {
            let mut field = Reader::new(extra.source, field);
            if *len == 0xffff_ffff {
                *len = field.u64()?;
                field.u64()?;
            }
            if *start == 0xffff_ffff {
                *start = field.u64()?;
            }
            return Ok(());
        }
    }
}
