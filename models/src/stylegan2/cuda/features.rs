//! Features as kernels have them: channels last, padded, in the numbers of their layer.

use half::{bf16, f16};
use rayon::prelude::*;

use super::Numbers;

/// Channels that a pixel has are a multiple of this many.
const CHANNEL_STEP: usize = 16;

/// Channels that a pixel has in memory; those beyond `channels` are zero.
pub fn padded(channels: usize) -> usize {
    channels.next_multiple_of(CHANNEL_STEP)
}

/// Bytes of features of so many pixels and channels.
pub fn num_bytes((height, width, channels): (usize, usize, usize), numbers: Numbers) -> usize {
    height * width * padded(channels) * numbers.num_bytes()
}

/// The kernel for features of `numbers` among those for 32 bits, halves and bf16.
pub(super) fn kernel(numbers: Numbers, names: [&'static str; 3]) -> &'static str {
    let [f32, f16, bf16] = names;
    match numbers {
        Numbers::F32 | Numbers::Tf32 => f32,
        Numbers::F16 => f16,
        Numbers::Bf16 => bf16,
    }
}

/// Planes `[channels, height, width]` as kernels read them, `[height, width, padded]`.
pub fn to_bytes(
    planes: &[f32],
    (height, width, channels): (usize, usize, usize),
    numbers: Numbers,
) -> Vec<u8> {
    let (area, step) = (height * width, padded(channels));
    let mut pixels = vec![0.0; area * step];
    pixels.par_chunks_exact_mut(step).enumerate().for_each(|(pixel, out)| {
        let values = planes.iter().skip(pixel).step_by(area.max(1)).take(channels);
        out.iter_mut().zip(values).for_each(|(o, v)| *o = *v);
    });
    encode(&pixels, numbers)
}

/// Planes `[channels, height, width]` from what kernels wrote, `[height, width, padded]`.
pub fn from_bytes(
    bytes: &[u8],
    (height, width, channels): (usize, usize, usize),
    numbers: Numbers,
) -> Vec<f32> {
    let (area, step) = (height * width, padded(channels));
    let pixels = decode(bytes, numbers);
    let mut planes = vec![0.0; channels * area];
    planes.par_chunks_exact_mut(area.max(1)).enumerate().for_each(|(channel, plane)| {
        let values = pixels.iter().skip(channel).step_by(step);
        plane.iter_mut().zip(values).for_each(|(o, v)| *o = *v);
    });
    planes
}

/// `values` in `numbers`, rounded to the nearest; what is beyond the largest half becomes it.
pub fn encode(values: &[f32], numbers: Numbers) -> Vec<u8> {
    let largest = f16::MAX.to_f32();
    let half = |v: &f32| f16::from_f32(v.clamp(-largest, largest)).to_ne_bytes();
    match numbers {
        Numbers::F32 | Numbers::Tf32 => bytemuck::cast_slice(values).to_vec(),
        Numbers::F16 => values.iter().flat_map(half).collect(),
        Numbers::Bf16 => values.iter().flat_map(|v| bf16::from_f32(*v).to_ne_bytes()).collect(),
    }
}

/// The values that `bytes` hold in `numbers`.
pub fn decode(bytes: &[u8], numbers: Numbers) -> Vec<f32> {
    let halves = || bytes.as_chunks::<2>().0.iter().copied();
    match numbers {
        Numbers::F32 | Numbers::Tf32 => {
            bytes.as_chunks::<4>().0.iter().copied().map(f32::from_ne_bytes).collect()
        }
        Numbers::F16 => halves().map(|b| f16::from_ne_bytes(b).to_f32()).collect(),
        Numbers::Bf16 => halves().map(|b| bf16::from_ne_bytes(b).to_f32()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::NUMBERS;
    use super::*;

    #[test]
    fn a_pixel_has_its_channels_and_then_zeros() {
        let planes: Vec<f32> = (0..17 * 6).map(|i| i as f32).collect();
        for numbers in NUMBERS {
            let bytes = to_bytes(&planes, (2, 3, 17), numbers);
            assert_eq!(bytes.len(), num_bytes((2, 3, 17), numbers));
            for (pixel, values) in decode(&bytes, numbers).chunks_exact(32).enumerate() {
                let expected = |c: usize| if c < 17 { (c * 6 + pixel) as f32 } else { 0.0 };
                assert!((0..32).all(|c| values[c] == expected(c)), "{numbers:?} {pixel}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_fits_survives_there_and_back(
            height in 1usize..7, width in 1usize..7, channels in 1usize..40, seed: u8
        ) {
            let size = (height, width, channels);
            let value = |i: usize| f32::from((i * 37) as u8 ^ seed) / 16.0 - 4.0;
            let planes: Vec<f32> = (0..height * width * channels).map(value).collect();
            for numbers in NUMBERS {
                let bytes = to_bytes(&planes, size, numbers);
                prop_assert_eq!(&from_bytes(&bytes, size, numbers), &planes);
            }
        }
    }

    #[test]
    fn the_nearest_number_is_taken() {
        let found = |numbers| decode(&encode(&[1.0 + 0.75 / 1024.0, 70_000.0], numbers), numbers);
        assert_eq!(found(Numbers::F32), [1.0 + 0.75 / 1024.0, 70_000.0]);
        assert_eq!(found(Numbers::F16), [1.0 + 1.0 / 1024.0, 65_504.0]);
        assert_eq!(found(Numbers::Bf16), [1.0, 70_144.0]);
    }
}
