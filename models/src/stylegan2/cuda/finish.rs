//! The finished picture: light in halves.

use bytemuck::{Pod, Zeroable, bytes_of};

use crate::accelerator::{Accelerator, AcceleratorError, Launch};

/// Bytes of a pixel: red, green, blue and alpha as halves.
pub const PIXEL_BYTES: usize = 8;

const NUM_THREADS: u32 = 256;

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Args {
    picture: u64,
    to: u64,
    colours: u32,
    len: u32,
}

/// Turns `picture`, f32 `[height, width, 4]` of sRGB code values -1..1, into light 0..1, halves
/// `[height, width, 4]` with alpha 1. What is no finite number is grey; light is held in the finite
/// range of a half. A picture of one colour is grey, of two it lacks blue, for which its first
/// stands.
pub fn rgba_f16(
    accelerator: &dyn Accelerator,
    picture: u64,
    img_channels: usize,
    width: usize,
    height: usize,
    to: u64,
) -> Result<(), AcceleratorError> {
    let len = width * height;
    let args = Args { picture, to, colours: img_channels as u32, len: len as u32 };
    accelerator.launch(&Launch {
        kernel: "finish_rgba_f16",
        grid: [len.div_ceil(NUM_THREADS as usize) as u32, 1, 1],
        num_threads: NUM_THREADS,
        shared_bytes: 0,
        argument: bytes_of(&args),
    })
}

#[cfg(test)]
mod tests {
    use half::f16;

    use super::super::testing::{bytes, floats, normal};
    use super::*;
    use crate::accelerator::Memory;
    use crate::accelerator::testing::accelerator;

    /// IEC 61966-2-1 in double precision, odd about 0.
    fn light(code: f64) -> f64 {
        let v = code.abs();
        let light = if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) };
        light.copysign(code)
    }

    fn expected(v: f32) -> f64 {
        let level = if v.is_finite() { 0.5 * v + 0.5 } else { 0.5 };
        let light = light(f64::from(level));
        let max = f64::from(f16::MAX);
        if light.abs() < f64::from(f32::MAX) { light.clamp(-max, max) } else { 0.0 }
    }

    #[test]
    fn light_is_the_curve_s_to_a_step_of_a_half() {
        let mut values: Vec<f32> = normal(1, 300 * 4).iter().map(|v| 0.7 * v).collect();
        values.extend((-300_i16..300).map(|i| f32::from(i) / 128.0));
        let limits = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.0, 1.0, 0.0, -0.0, 1e-30];
        values.extend(limits);
        values.extend([1e3, -1e3, 150.0, -150.0, 1e10, -1e10, 3e38, -3e38, -1.0001, -0.9999]);
        values.extend([0.0; 2]);
        let (width, height) = (values.len() / 4, 1);
        assert_eq!(values.len() % 4, 0);
        let accelerator = accelerator();
        let picture = floats(&accelerator, &values);
        for img_channels in 1..=4 {
            let to = Memory::new(&accelerator, 8 * width * height).unwrap();
            let (from, to_address) = (picture.address(), to.address());
            rgba_f16(&*accelerator, from, img_channels, width, height, to_address).unwrap();
            let bytes = bytes(&accelerator, &to);
            let halves = bytes.as_chunks::<2>().0.iter().map(|b| f16::from_ne_bytes(*b));
            for (i, found) in halves.enumerate() {
                let channel = if i % 4 < img_channels { i % 4 } else { 0 };
                let value = values[i / 4 * 4 + channel];
                let expected = if i % 4 == 3 { 1.0 } else { expected(value) };
                let found = f64::from(found);
                let step = (expected.abs() / 1024.0).max(f64::from(f16::MIN_POSITIVE_SUBNORMAL));
                assert!((found - expected).abs() <= step, "{value}: {found} for {expected}");
            }
        }
    }
}
