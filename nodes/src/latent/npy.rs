//! numpy's `.npy` files (format versions 1 to 3), as numpy's own documentation describes them.

use half::f16;

/// An array of real numbers in C order.
#[derive(Debug, PartialEq)]
pub(super) struct Array {
    pub(super) shape: Vec<usize>,
    pub(super) data: Vec<f32>,
}

/// Reads a file's bytes. Errors say what is wrong and how to save it instead.
pub(super) fn read(bytes: &[u8]) -> Result<Array, String> {
    let (header, data) = split(bytes).ok_or("is no complete .npy file")?;
    let descr = text_of(header, "descr").ok_or("has no `descr` in its header")?;
    let is_fortran = value_of(header, "fortran_order").is_some_and(|v| v.starts_with("True"));
    let shape = shape_of(header).ok_or("has no readable `shape` in its header")?;
    let data = match descr {
        "<f2" => numbers::<2>(data, |b| f16::from_le_bytes(b).to_f32()),
        ">f2" => numbers::<2>(data, |b| f16::from_be_bytes(b).to_f32()),
        "<f4" => numbers::<4>(data, f32::from_le_bytes),
        ">f4" => numbers::<4>(data, f32::from_be_bytes),
        "<f8" => numbers::<8>(data, |b| f64::from_le_bytes(b) as f32),
        ">f8" => numbers::<8>(data, |b| f64::from_be_bytes(b) as f32),
        other => {
            return Err(format!("holds `{other}`: save it as float32"));
        }
    };
    let count = shape.iter().try_fold(1_usize, |n, d| n.checked_mul(*d));
    if count != Some(data.len()) {
        return Err(format!("is cut off: shape {shape:?}, but {} numbers", data.len()));
    }
    let data = if is_fortran { c_order(&shape, &data) } else { data };
    Ok(Array { shape, data })
}

/// The numbers with the last index the fastest, from those with the first index the fastest.
fn c_order(shape: &[usize], data: &[f32]) -> Vec<f32> {
    let place = |mut i: usize| {
        // From the last index to the first, each with the stride that it has in `data`.
        let mut stride = data.len();
        let mut place = 0;
        for size in shape.iter().rev() {
            stride /= size;
            place += i % size * stride;
            i /= size;
        }
        place
    };
    (0..data.len()).map(|i| data[place(i)]).collect()
}

/// Header and data.
fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let rest = bytes.strip_prefix(b"\x93NUMPY")?;
    let (version, rest) = rest.split_first_chunk::<2>()?;
    let (len, rest) = if version[0] == 1 {
        let (len, rest) = rest.split_first_chunk()?;
        (usize::from(u16::from_le_bytes(*len)), rest)
    } else {
        let (len, rest) = rest.split_first_chunk()?;
        (usize::try_from(u32::from_le_bytes(*len)).ok()?, rest)
    };
    let (header, data) = rest.split_at_checked(len)?;
    Some((std::str::from_utf8(header).ok()?, data))
}

/// What follows `'key':` in the header, a Python dictionary.
fn value_of<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = header.split_once(&format!("'{key}'"))?;
    Some(rest.trim_start().strip_prefix(':')?.trim_start())
}

fn text_of<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    value_of(header, key)?.strip_prefix('\'')?.split('\'').next()
}

fn shape_of(header: &str) -> Option<Vec<usize>> {
    let (inside, _) = value_of(header, "shape")?.strip_prefix('(')?.split_once(')')?;
    let sizes = inside.split(',').map(str::trim).filter(|s| !s.is_empty());
    sizes.map(|s| s.parse().ok()).collect()
}

/// The numbers of `data`, `N` bytes each.
pub(super) fn numbers<const N: usize>(data: &[u8], read: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    data.as_chunks().0.iter().map(|b| read(*b)).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A file as `numpy.save` writes it.
    pub(in super::super) fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn reads_all_widths() {
        let halves: Vec<u8> =
            [1.0_f32, -2.5].iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect();
        let header = "{'descr': '<f2', 'fortran_order': False, 'shape': (2,), }\n";
        let expected = Array { shape: vec![2], data: vec![1.0, -2.5] };
        assert_eq!(read(&file(header, &halves)), Ok(expected));
        let floats: Vec<u8> = [1.0_f32, -2.5].iter().flat_map(|v| v.to_le_bytes()).collect();
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }   \n";
        let expected = Array { shape: vec![1, 2], data: vec![1.0, -2.5] };
        assert_eq!(read(&file(header, &floats)), Ok(expected));
        let doubles: Vec<u8> = [0.5_f64, 3.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }\n";
        let expected = Array { shape: vec![2], data: vec![0.5, 3.0] };
        assert_eq!(read(&file(header, &doubles)), Ok(expected));
    }

    #[test]
    fn puts_fortran_order_right() {
        // numpy.arange(24).reshape(2, 3, 4).ravel("F")
        let fortran =
            [0, 12, 4, 16, 8, 20, 1, 13, 5, 17, 9, 21, 2, 14, 6, 18, 10, 22, 3, 15, 7, 19, 11, 23];
        let bytes: Vec<u8> = fortran.iter().flat_map(|v| (*v as f32).to_le_bytes()).collect();
        let header = "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3, 4), }\n";
        let array = read(&file(header, &bytes)).unwrap();
        assert_eq!(array.shape, [2, 3, 4]);
        assert!(array.data.iter().enumerate().all(|(i, v)| *v == i as f32), "{array:?}");
    }

    #[test]
    fn refuses_the_rest_without_a_panic() {
        let good = file("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", &[0; 8]);
        for len in 0..good.len() {
            assert!(read(&good[..len]).is_err(), "cut to {len}");
        }
        for header in [
            "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }",
            "{'descr': '<f4', 'fortran_order': True, 'shape': (0, 2), }",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2, -1), }",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (18446744073709551615, 2), }",
            "{}",
        ] {
            assert!(read(&file(header, &[0; 8])).is_err(), "{header}");
        }
    }
}
