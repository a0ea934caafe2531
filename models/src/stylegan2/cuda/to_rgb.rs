//! The picture: a layer's colours on top of the picture before at twice its size.

use bytemuck::{Pod, Zeroable, bytes_of};

use super::features::kernel;
use super::{Numbers, padded};
use crate::accelerator::{Accelerator, AcceleratorError, Launch};

const NUM_THREADS: u32 = 256;

/// Pixels that a thread works on.
const PIXELS: usize = 4;

/// Threads that share a pixel, at most: a warp.
const MAX_LANES: usize = 32;

/// Warps that a multiprocessor has at once, when all is well.
const WARPS_EACH: usize = 32;

/// picture = clamp(Σ_c x·styles·weight + bias) + before at twice its size, zeros between its pixels
/// and then [1, 3, 3, 1]/4 along both axes, zeros outside.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// Channels that come in.
    pub inputs: usize,
    /// Colours of the picture, 1..=4.
    pub img_channels: usize,
    /// Of the features and of the picture.
    pub height: usize,
    /// Of the features and of the picture.
    pub width: usize,
    /// Of the features.
    pub numbers: Numbers,
    /// The features.
    pub x: u64,
    /// f32 `[padded inputs]`.
    pub styles: u64,
    /// f32 `[4, padded inputs]`, already divided by √inputs.
    pub weight: u64,
    /// f32 `[4]`.
    pub bias: u64,
    /// Bound of the layer's own colours.
    pub clamp: Option<f32>,
    /// The picture so far, f32 `[height/2, width/2, 4]`.
    pub before: Option<u64>,
    /// Where the picture goes, f32 `[height, width, 4]`, zeros beyond its colours.
    pub to: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Args {
    x: u64,
    styles: u64,
    weight: u64,
    bias: u64,
    before: u64,
    to: u64,
    clamp: f32,
    height: u32,
    width: u32,
    channels: u32,
    colours: u32,
    lanes: u32,
}

/// Draws a picture, in one launch.
pub fn run(accelerator: &dyn Accelerator, call: &Call) -> Result<(), AcceleratorError> {
    let lanes = lanes(call, accelerator.num_multiprocessors() as usize);
    let args = Args {
        x: call.x,
        styles: call.styles,
        weight: call.weight,
        bias: call.bias,
        before: call.before.unwrap_or(0),
        to: call.to,
        clamp: call.clamp.unwrap_or(f32::INFINITY),
        height: call.height as u32,
        width: call.width as u32,
        channels: padded(call.inputs) as u32,
        colours: call.img_channels as u32,
        lanes: lanes as u32,
    };
    let num_pixels = call.height * call.width;
    let num_threads = num_pixels.div_ceil(pixels_per_warp(lanes)) * 32;
    accelerator.launch(&Launch {
        kernel: kernel(call.numbers, ["to_rgb_f32", "to_rgb_f16", "to_rgb_bf16"]),
        grid: [num_threads.div_ceil(NUM_THREADS as usize) as u32, 1, 1],
        num_threads: NUM_THREADS,
        shared_bytes: 0,
        argument: bytes_of(&args),
    })
}

/// Threads that share a pixel, a power of two: as few as keep the device busy.
fn lanes(call: &Call, num_multiprocessors: usize) -> usize {
    let loads = padded(call.inputs) * call.numbers.num_bytes() / 16;
    let num_pixels = call.height * call.width;
    let mut lanes = PIXELS;
    while lanes < MAX_LANES.min(loads)
        && num_pixels / pixels_per_warp(lanes) < WARPS_EACH * num_multiprocessors
    {
        lanes *= 2;
    }
    lanes
}

fn pixels_per_warp(lanes: usize) -> usize {
    PIXELS * 32 / lanes
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::super::features::to_bytes;
    use super::super::testing::{NUMBERS, floats, normal, rounded, values};
    use super::*;
    use crate::accelerator::Memory;
    use crate::accelerator::testing::accelerator;
    use crate::stylegan2::ops::{bound, mix_channels, upsample};

    #[test]
    fn a_picture_is_that_of_plain_operations() {
        let sizes = [
            (3, (6, 10), 33, true, Some(0.7)),
            (3, (4, 4), 512, false, None),
            (1, (2, 2), 5, true, None),
            (4, (30, 34), 16, true, Some(0.4)),
            (3, (64, 66), 24, true, None),
            (2, (5, 3), 100, false, Some(0.5)),
        ];
        for (img_channels, size, inputs, has_before, clamp) in sizes {
            for numbers in NUMBERS {
                check(img_channels, size, inputs, has_before, clamp, numbers);
            }
        }
    }

    fn check(
        img_channels: usize,
        (height, width): (usize, usize),
        inputs: usize,
        has_before: bool,
        clamp: Option<f32>,
        numbers: Numbers,
    ) {
        let accelerator = accelerator();
        let x = rounded(&normal(1, inputs * height * width), numbers);
        let styles = normal(2, inputs);
        let gain = 1.0 / (inputs as f32).sqrt();
        let weight: Vec<f32> = normal(3, img_channels * inputs).iter().map(|v| v * gain).collect();
        let bias = normal(4, img_channels);
        let before = normal(5, img_channels * (height / 2) * (width / 2));

        let cpu = Device::Cpu;
        let tensor = |v: &[f32], shape: &[usize]| Tensor::from_slice(v, shape, &cpu).unwrap();
        let mix: Vec<f32> =
            weight.iter().enumerate().map(|(i, v)| v * styles[i % inputs]).collect();
        let y = mix_channels(
            &tensor(&x, &[1, inputs, height, width]),
            &tensor(&mix, &[1, img_channels, inputs]),
        );
        let y = y.unwrap().broadcast_add(&tensor(&bias, &[1, img_channels, 1, 1])).unwrap();
        let mut expected = bound(y, clamp).unwrap();
        if has_before {
            let before = tensor(&before, &[1, img_channels, height / 2, width / 2]);
            expected = (expected + upsample(&before).unwrap()).unwrap();
        }
        let expected = expected.flatten_all().unwrap().to_vec1::<f32>().unwrap();

        let step = padded(inputs);
        let x = Memory::holding(&accelerator, &to_bytes(&x, (height, width, inputs), numbers));
        let mut device_weight = vec![0.0; 4 * step];
        for (row, values) in device_weight.chunks_exact_mut(step).zip(weight.chunks_exact(inputs)) {
            row[..inputs].copy_from_slice(values);
        }
        let resized = |values: &[f32], len: usize| {
            let mut values = values.to_vec();
            values.resize(len, 0.0);
            floats(&accelerator, &values)
        };
        let (x, weight) = (x.unwrap(), floats(&accelerator, &device_weight));
        let (styles, bias) = (resized(&styles, step), resized(&bias, 4));
        let before = floats(&accelerator, &picture(&before, img_channels));
        let to = floats(&accelerator, &vec![f32::NAN; 4 * height * width]);
        let call = Call {
            inputs,
            img_channels,
            height,
            width,
            numbers,
            x: x.address(),
            styles: styles.address(),
            weight: weight.address(),
            bias: bias.address(),
            clamp,
            before: has_before.then_some(before.address()),
            to: to.address(),
        };
        run(&*accelerator, &call).unwrap();
        let expected = picture(&expected, img_channels);
        for (i, (found, expected)) in values(&accelerator, &to).iter().zip(expected).enumerate() {
            assert!((found - expected).abs() < 2e-5, "{call:?} at {i}: {found} for {expected}");
        }
    }

    /// Planes as pixels of 4 colours.
    fn picture(planes: &[f32], img_channels: usize) -> Vec<f32> {
        let area = planes.len() / img_channels;
        let value = |i: usize| planes.get(i % 4 * area + i / 4).filter(|_| i % 4 < img_channels);
        (0..4 * area).map(|i| value(i).copied().unwrap_or(0.0)).collect()
    }

    #[test]
    fn few_pixels_are_shared_by_many_threads() {
        let call = |inputs, side, numbers| Call {
            inputs,
            img_channels: 3,
            height: side,
            width: side,
            numbers,
            x: 0,
            styles: 0,
            weight: 0,
            bias: 0,
            clamp: None,
            before: None,
            to: 0,
        };
        assert_eq!(lanes(&call(512, 4, Numbers::F32), 132), 32);
        assert_eq!(lanes(&call(32, 1024, Numbers::F16), 132), 4);
        assert_eq!(lanes(&call(1, 4, Numbers::F16), 132), 4);
        assert_eq!(lanes(&call(64, 8, Numbers::F16), 132), 8);
    }
}
