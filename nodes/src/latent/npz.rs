//! numpy's `.npz` files: ZIP archives (PKWARE's APPNOTE 6.3) of `.npy` files, not compressed, as
//! `numpy.savez` writes them.

/// The `.npy` files of an archive, by their names without the ending, in the archive's order.
pub(super) fn arrays(bytes: &[u8]) -> Result<Vec<(&str, &[u8])>, String> {
    let entries = entries(bytes).ok_or("is no complete .npz file")?;
    if entries.iter().any(|e| e.method != STORED) {
        return Err("is compressed: save it with `numpy.savez`".to_owned());
    }
    Ok(entries.iter().filter_map(|e| Some((e.name.strip_suffix(".npy")?, e.bytes))).collect())
}

/// The method of a file that is not compressed.
const STORED: usize = 0;

/// A file of the archive.
struct Entry<'a> {
    name: &'a str,
    method: usize,
    bytes: &'a [u8],
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
            bytes: header.get(data..)?.get(..u32_at(record, 16)?)?,
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
        let arrays = arrays(STORED_FILE).unwrap();
        assert_eq!(arrays.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["angle", "w"]);
        let w = super::super::npy::read(arrays[1].1).unwrap();
        assert_eq!((w.shape, w.data), (vec![1, 2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    }

    #[test]
    fn refuses_the_rest_without_a_panic() {
        assert!(arrays(DEFLATED_FILE).unwrap_err().contains("numpy.savez"));
        for len in 0..STORED_FILE.len() {
            assert!(arrays(&STORED_FILE[..len]).is_err(), "cut to {len}");
        }
        // Any byte may be broken; what comes back does not matter here.
        let mut bytes = STORED_FILE.to_vec();
        for i in 0..bytes.len() {
            let kept = std::mem::replace(&mut bytes[i], 0xff);
            let _ = arrays(&bytes);
            bytes[i] = kept;
        }
    }
}
