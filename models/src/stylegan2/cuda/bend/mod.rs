//! Network bending of features on the device, as [`bend`](crate::stylegan2::bend) computes it.

mod blur;
mod grow;
mod sample;
#[cfg(test)]
mod tests;
mod value;

use bytemuck::{Pod, Zeroable, bytes_of};

use super::{Numbers, features, padded};
use crate::accelerator::{Accelerator, AcceleratorError, Launch};
use crate::stylegan2::bend::{Bend, BendOp, Border};

const NUM_THREADS: u32 = 256;

/// Channels that a thread works on.
const NUM_CHANNELS: usize = 8;

/// Channels that a layer has at most.
const MAX_CHANNELS: usize = 2048;

/// Features `[height, width, padded channels]`, which of their channels are bent, and how far.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Region {
    x: u64,
    amount: f32,
    height: u32,
    width: u32,
    /// Padded.
    channels: u32,
    /// A bit a channel.
    is_bent: [u32; MAX_CHANNELS / 32],
}

/// One bend under way.
struct Task<'a> {
    accelerator: &'a dyn Accelerator,
    region: Region,
    height: usize,
    width: usize,
    /// Padded.
    channels: usize,
    numbers: Numbers,
    scratch: u64,
}

/// A kernel of each module.
const OF_EACH_MODULE: [&str; 5] = [
    "bend_value_f32",
    "bend_sample_f32",
    "bend_grow_down_f32",
    "bend_blur_down_f32",
    "bend_wide_f32",
];

/// Has all kernels compiled, so that the first bend does not wait for it.
pub fn prepare(accelerator: &dyn Accelerator) -> Result<(), AcceleratorError> {
    OF_EACH_MODULE.iter().try_for_each(|kernel| accelerator.prepare(kernel))
}

/// Bytes that [`run`] needs to work with: two numbers of 32 bits for each of the features.
pub fn scratch_bytes(height: usize, width: usize, channels: usize, numbers: Numbers) -> usize {
    let len = features::num_bytes((height, width, channels), numbers) / numbers.num_bytes();
    2 * len * size_of::<f32>()
}

/// Bends features at `x` in place. `scratch` is where [`scratch_bytes`] bytes lie.
pub fn run(
    accelerator: &dyn Accelerator,
    bend: &Bend,
    x: u64,
    (height, width, channels): (usize, usize, usize),
    numbers: Numbers,
    scratch: u64,
) -> Result<(), AcceleratorError> {
    if bend.is_identity() || height * width == 0 {
        return Ok(());
    }
    if channels > MAX_CHANNELS {
        return Err(AcceleratorError(format!(
            "a layer has {channels} channels, and {MAX_CHANNELS} at most can be bent"
        )));
    }
    let mut region = Region {
        x,
        amount: bend.amount,
        height: height as u32,
        width: width as u32,
        channels: padded(channels) as u32,
        is_bent: [0; MAX_CHANNELS / 32],
    };
    bend.channels.indices(channels).iter().for_each(|c| region.is_bent[c / 32] |= 1 << (c % 32));
    let channels = padded(channels);
    Task { accelerator, region, height, width, channels, numbers, scratch }.run(bend.op)
}

impl Task<'_> {
    fn run(&self, op: BendOp) -> Result<(), AcceleratorError> {
        match op {
            BendOp::Translate { .. }
            | BendOp::Zoom { .. }
            | BendOp::Rotate { .. }
            | BendOp::Shear { .. }
            | BendOp::Flip { .. } => sample::run(self, op),
            BendOp::Scale { .. }
            | BendOp::Add { .. }
            | BendOp::Invert
            | BendOp::Threshold { .. }
            | BendOp::Ablate => value::run(self, op),
            BendOp::Erode { radius } => grow::run(self, radius, false),
            BendOp::Dilate { radius } => grow::run(self, radius, true),
            BendOp::Blur { sigma, border } => blur::run(self, sigma, border, None),
            BendOp::Sharpen { sigma, strength, border } => {
                blur::run(self, sigma, border, Some(strength))
            }
        }
    }

    /// All numbers of the features.
    fn len(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Launches the kernel for the features' numbers, a block's row of threads for each row of pixels.
    fn launch(&self, names: [&'static str; 3], args: &impl Pod) -> Result<(), AcceleratorError> {
        let num_threads = self.width * self.channels / NUM_CHANNELS;
        let num_blocks = num_threads.div_ceil(NUM_THREADS as usize) as u32;
        self.launch_grid(names, [num_blocks, self.height as u32, 1], args)
    }

    fn launch_grid(
        &self,
        names: [&'static str; 3],
        grid: [u32; 3],
        args: &impl Pod,
    ) -> Result<(), AcceleratorError> {
        self.accelerator.launch(&Launch {
            kernel: features::kernel(self.numbers, names),
            grid,
            num_threads: NUM_THREADS,
            shared_bytes: 0,
            argument: bytes_of(args),
        })
    }
}

/// A border as kernels know it.
fn code(border: Border) -> u32 {
    match border {
        Border::Zero => 0,
        Border::Edge => 1,
        Border::Reflect => 2,
        Border::Mirror => 3,
        Border::Wrap => 4,
    }
}
