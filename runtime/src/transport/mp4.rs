//! The edit list of an MPEG-4 file. AAC encoders put silence before the sound (some 1024 or 2112
//! samples) and say here how much of it a player must leave out; the demuxer does not tell.
//! Format: ISO/IEC 14496-12, sections 8.3 to 8.6.

use std::io::{self, Read, Seek, SeekFrom};

/// The part of the sound track that is meant to be heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edit {
    /// Samples to leave out at the beginning, in the track's time scale.
    pub start: u64,
    /// Length in seconds as a fraction `(ticks, ticks a second)`, if stated.
    pub duration: Option<(u64, u32)>,
}

/// The boxes that lead to what we need; more nesting than this is no file of this world.
const MAX_DEPTH: usize = 4;

/// The first edit of the first sound track; `None` if there is none or `file` is of another kind.
pub(super) fn sound_edit(file: &mut (impl Read + Seek)) -> io::Result<Option<Edit>> {
    let end = file.seek(SeekFrom::End(0))?;
    let mut search = Search::default();
    search.boxes(file, 0, end, 0)?;
    Ok(search.found.map(|edit| Edit {
        duration: edit.duration.and_then(|(ticks, _)| {
            (ticks > 0 && search.movie_hz > 0).then_some((ticks, search.movie_hz))
        }),
        ..edit
    }))
}

#[derive(Default)]
struct Search {
    /// Ticks a second of the movie.
    movie_hz: u32,
    /// Of the track being read.
    edit: Option<Edit>,
    is_sound: bool,
    /// Of the first sound track.
    found: Option<Edit>,
}

impl Search {
    /// Walks the boxes between `at` and `end`.
    fn boxes(
        &mut self,
        file: &mut (impl Read + Seek),
        mut at: u64,
        end: u64,
        depth: usize,
    ) -> io::Result<()> {
        while depth < MAX_DEPTH && at + 8 <= end && self.found.is_none() {
            file.seek(SeekFrom::Start(at))?;
            let size = u64::from(u32_at(file)?);
            let kind = array::<4>(file)?;
            let (header, size) = match size {
                0 => (8, end - at),
                1 => (16, u64_at(file)?),
                size => (8, size),
            };
            let Some(next) = at.checked_add(size).filter(|n| size >= header && *n <= end) else {
                return Ok(());
            };
            self.visit(file, &kind, at + header, next, depth)?;
            at = next;
        }
        Ok(())
    }

    fn visit(
        &mut self,
        file: &mut (impl Read + Seek),
        kind: &[u8; 4],
        at: u64,
        end: u64,
        depth: usize,
    ) -> io::Result<()> {
        match kind {
            b"moov" | b"edts" | b"mdia" => self.boxes(file, at, end, depth + 1)?,
            b"trak" => {
                (self.edit, self.is_sound) = (None, false);
                self.boxes(file, at, end, depth + 1)?;
                if self.is_sound {
                    self.found = self.edit;
                }
            }
            b"mvhd" => {
                let version = array::<4>(file)?[0];
                file.seek(SeekFrom::Current(if version == 1 { 16 } else { 8 }))?;
                self.movie_hz = u32_at(file)?;
            }
            b"hdlr" => {
                array::<8>(file)?;
                self.is_sound |= &array::<4>(file)? == b"soun";
            }
            b"elst" => self.edit = first_edit(file)?,
            _ => {}
        }
        Ok(())
    }
}

/// The first entry of an edit list that plays something (a negative start is an empty edit).
fn first_edit(file: &mut impl Read) -> io::Result<Option<Edit>> {
    let version = array::<4>(file)?[0];
    for _ in 0..u32_at(file)? {
        let (duration, start) = if version == 1 {
            (u64_at(file)?, u64_at(file)?.cast_signed())
        } else {
            (u64::from(u32_at(file)?), i64::from(u32_at(file)?.cast_signed()))
        };
        array::<4>(file)?;
        if let Ok(start) = u64::try_from(start) {
            return Ok(Some(Edit { start, duration: Some((duration, 0)) }));
        }
    }
    Ok(None)
}

fn array<const N: usize>(file: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn u32_at(file: &mut impl Read) -> io::Result<u32> {
    array(file).map(u32::from_be_bytes)
}

fn u64_at(file: &mut impl Read) -> io::Result<u64> {
    array(file).map(u64::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let size = u32::try_from(content.len() + 8).unwrap();
        [&size.to_be_bytes()[..], kind, content].concat()
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|w| w.to_be_bytes()).collect()
    }

    fn track(handler: &[u8; 4], edits: &[[u32; 3]]) -> Vec<u8> {
        let list = [&[0, edits.len() as u32][..], edits.as_flattened()].concat();
        let edts = boxed(b"edts", &boxed(b"elst", &words(&list)));
        let hdlr = boxed(b"hdlr", &[&[0; 8][..], handler].concat());
        boxed(b"trak", &[edts, boxed(b"mdia", &hdlr)].concat())
    }

    #[test]
    fn the_first_sound_track_counts_and_empty_edits_do_not() {
        let picture = track(b"vide", &[[9_999, 77, 0]]);
        let sound = track(b"soun", &[[40, u32::MAX, 0], [2_000, 1_024, 0]]);
        let mvhd = boxed(b"mvhd", &words(&[0, 0, 0, 1_000, 2_000]));
        let moov = boxed(b"moov", &[mvhd, picture, sound].concat());
        let file = [boxed(b"ftyp", b"M4A "), moov].concat();
        assert_eq!(
            sound_edit(&mut Cursor::new(file)).unwrap(),
            Some(Edit { start: 1_024, duration: Some((2_000, 1_000)) })
        );
    }

    #[test]
    fn other_files_have_none() {
        assert_eq!(sound_edit(&mut Cursor::new(b"RIFF....WAVEfmt ".to_vec())).unwrap(), None);
        assert_eq!(sound_edit(&mut Cursor::new(Vec::new())).unwrap(), None);
    }
}
