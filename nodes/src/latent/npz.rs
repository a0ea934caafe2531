//! numpy's `.npz` files: ZIP archives (PKWARE's APPNOTE 6.3) of `.npy` files, as `numpy.savez` and
//! `numpy.savez_compressed` write them.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::DeflateDecoder;

/// The most bytes that an array may have when it is unpacked.
const MAX_ARRAY_BYTES: u64 = 1 << 30;
/// The methods that are read, as the archive names them.
const STORED: usize = 0;
const DEFLATED: usize = 8;

/// A file of the archive, still packed.
pub(super) struct Entry<'a> {
    /// Its name, without the ending `.npy`.
    pub(super) name: &'a str,
    method: usize,
    packed: &'a [u8],
}

impl<'a> Entry<'a> {
    /// The bytes of the `.npy` file.
    pub(super) fn unpack(&self) -> Result<Cow<'a, [u8]>, String> {
        match self.method {
            STORED => Ok(self.packed.into()),
            DEFLATED => inflate(self.packed, MAX_ARRAY_BYTES).map(Cow::Owned),
            _ => Err("is packed in another way than deflate: save it with `numpy.savez`".into()),
        }
    }
}

/// The `.npy` files of an archive, in its order.
pub(super) fn arrays(bytes: &[u8]) -> Result<Vec<Entry<'_>>, String> {
    let mut entries = entries(bytes).ok_or("is no complete .npz file")?;
    entries.retain_mut(|entry| match entry.name.strip_suffix(".npy") {
        Some(name) => {
            entry.name = name;
            true
        }
        None => false,
    });
    Ok(entries)
}

/// A few packed bytes may unpack to any number of them, hence the bound.
fn inflate(packed: &[u8], max_len: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = DeflateDecoder::new(packed).take(max_len + 1).read_to_end(&mut bytes);
    read.map_err(|e| format!("is damaged: {e}"))?;
    if bytes.len() as u64 > max_len {
        return Err(format!("unpacks to more than {} MiB: use a smaller one", max_len >> 20));
    }
    Ok(bytes)
}

/// All files of an archive without a comment, by its central directory.
fn entries(bytes: &[u8]) -> Option<Vec<Entry<'_>>> {
    let end = bytes.get(bytes.len().checked_sub(22)?..)?.strip_prefix(b"PK\x05\x06")?;
    let mut records = bytes.get(u32_at(end, 12)?..)?;
    let mut entries = Vec::new();
    for _ in 0..u16_at(end, 6)? {
        let record = records.strip_prefix(b"PK\x01\x02")?;
        let name = record.get(42..)?.get(..u16_at(record, 24)?)?;
        let behind = 42 + name.len() + u16_at(record, 26)? + u16_at(record, 28)?;
        let header = bytes.get(u32_at(record, 38)?..)?.strip_prefix(b"PK\x03\x04")?;
        let data = 26 + u16_at(header, 22)? + u16_at(header, 24)?;
        entries.push(Entry {
            name: std::str::from_utf8(name).ok()?,
            method: u16_at(record, 6)?,
            packed: header.get(data..)?.get(..u32_at(record, 16)?)?,
        });
        records = record.get(behind..)?;
    }
    Some(entries)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at..)?.first_chunk().map(|b| usize::from(u16::from_le_bytes(*b)))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    let b = bytes.get(at..)?.first_chunk()?;
    usize::try_from(u32::from_le_bytes(*b)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Archives with the members `angle` and `w`, written by Python's zipfile as numpy.savez and
    // numpy.savez_compressed call it.
    const STORED_FILE: &[u8] = include_bytes!("../../../tests/reference/latent/projected_w.npz");
    const DEFLATED_FILE: &[u8] =
        include_bytes!("../../../tests/reference/latent/projected_w_deflated.npz");

    #[test]
    fn finds_the_arrays() {
        for file in [STORED_FILE, DEFLATED_FILE] {
            let arrays = arrays(file).unwrap();
            assert_eq!(arrays.iter().map(|e| e.name).collect::<Vec<_>>(), ["angle", "w"]);
            let w = super::super::npy::read(&arrays[1].unpack().unwrap()).unwrap();
            assert_eq!((w.shape, w.data), (vec![1, 2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
        }
    }

    #[test]
    fn unpacks_no_more_than_may_be() {
        let mut packed = Vec::new();
        let mut zeros = std::io::repeat(0).take(1 << 20);
        let mut encoder =
            flate2::write::DeflateEncoder::new(&mut packed, flate2::Compression::best());
        std::io::copy(&mut zeros, &mut encoder).unwrap();
        encoder.finish().unwrap();
        assert!(packed.len() < 2000);
        assert_eq!(inflate(&packed, 1 << 20).unwrap().len(), 1 << 20);
        assert!(inflate(&packed, (1 << 20) - 1).is_err());
    }

    #[test]
    fn refuses_the_rest_without_a_panic() {
        for file in [STORED_FILE, DEFLATED_FILE] {
            for len in 0..file.len() {
                assert!(arrays(&file[..len]).is_err(), "cut to {len}");
            }
            // Any byte may be broken; what comes back does not matter here.
            let mut bytes = file.to_vec();
            for i in 0..bytes.len() {
                let kept = std::mem::replace(&mut bytes[i], 0xff);
                for entry in arrays(&bytes).unwrap_or_default() {
                    let _ = entry.unpack();
                }
                bytes[i] = kept;
            }
        }
    }
}
