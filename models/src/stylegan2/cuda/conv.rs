//! The modulated 3×3 convolution and what follows it, on tensor cores.
//!
//! y = d·Σ W·s·x + gain of noise · noise + bias, then the activation. Where the size is doubled, the
//! transposed convolution and its filter are one 3×3 convolution to each of four phases
//! ([`fold`]), which are interleaved on writing. `kernels/conv.cuh` says how it is computed.

use bytemuck::{Pod, Zeroable};
use half::{bf16, f16};
use rayon::prelude::*;

use super::{Numbers, padded};
use crate::accelerator::{Accelerator, AcceleratorError, Launch};
use crate::stylegan2::ops::FIR;

/// Of the leaky ReLU, below 0.
const SLOPE: f32 = 0.2;
/// Taps of a kernel.
const TAPS: usize = 9;
/// Phases of the output pixels where the size is doubled, row by row.
const PHASES: usize = 4;
/// Bytes of a pixel's or column's channels that are multiplied at a time.
const CHUNK_BYTES: usize = 32;
/// What one thread copies or loads at a time; a chunk has two.
const UNIT_BYTES: usize = 16;
/// Columns that are packed together.
const GROUP: usize = 32;
/// Columns of a pixel that a thread finishes.
const COLUMNS_PER_THREAD: usize = 8;
/// Threads of a block that adds splits.
const ADD_THREADS: u32 = 256;
/// At most this many pixels come in where small tiles are used.
const MAX_SMALL_PIXELS: usize = 512;

/// The shape of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Channels that come in.
    pub inputs: usize,
    /// Channels that go out.
    pub outputs: usize,
    /// Of what comes in, in pixels.
    pub height: usize,
    /// Of what comes in, in pixels.
    pub width: usize,
    /// Whether it doubles the size.
    pub up: bool,
    /// In what it computes and in what its inputs lie.
    pub numbers: Numbers,
    /// In what it writes.
    pub out: Numbers,
}

/// What follows the sums.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Activation {
    /// The leaky ReLU's gain, beside √2.
    pub gain: f32,
    /// Values are bounded to ± this times `gain`.
    pub clamp: Option<f32>,
}

/// A convolution of one picture; all but `shape` and `activation` are addresses.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// The shape of it.
    pub shape: Shape,
    /// `[height, width, padded inputs]` in `shape.numbers`.
    pub x: u64,
    /// What [`pack`] gave.
    pub weights: u64,
    /// f32 `[padded inputs]`, at most 1 beside 0.
    pub styles: u64,
    /// f32 `[padded outputs]`.
    pub demodulation: u64,
    /// f32 `[padded outputs]`.
    pub bias: u64,
    /// f32, as large as y.
    pub noise: Option<u64>,
    /// One f32; only read where there is noise.
    pub noise_gain: u64,
    /// Added at the end: laid out as y, but in `shape.numbers`.
    pub around: Option<u64>,
    /// `None`: linear.
    pub activation: Option<Activation>,
    /// `[height, width, padded outputs]` in `shape.out`, twice the size where `shape.up`.
    pub y: u64,
    /// [`Shape::workspace_bytes`] bytes.
    pub workspace: u64,
}

/// `ConvArgs` in `kernels/conv.cuh`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
struct Args {
    x: u64,
    weights: u64,
    styles: u64,
    demodulation: u64,
    bias: u64,
    noise: u64,
    noise_gain: u64,
    around: u64,
    y: u64,
    sums: u64,
    height: u32,
    width: u32,
    num_chunks: u32,
    chunks_per_split: u32,
    num_splits: u32,
    outputs: u32,
    padded_outputs: u32,
    columns: u32,
    is_up: u32,
    out: u32,
    slope: f32,
    gain: f32,
    clamp: f32,
    pad: u32,
}

/// The part of a layer that a block computes, as `kernels/conv.cuh` has it.
#[derive(Debug, PartialEq)]
struct Tile {
    /// Of its pixels.
    height: usize,
    /// Of its pixels.
    width: usize,
    columns: usize,
    num_threads: u32,
    /// Rows of taps in shared memory at a time.
    num_stages: usize,
    /// Blocks that a multiprocessor should have, so that it is busy.
    num_blocks: usize,
    /// Time for a column, beside the best tile's.
    cost: f64,
    /// Its kernels, see [`kernel`].
    kernels: [&'static str; 4],
}

/// The kernels of that name: F32, Tf32, F16, Bf16.
macro_rules! kernels {
    ($name:literal) => {
        [
            concat!("conv_f32_", $name),
            concat!("conv_tf32_", $name),
            concat!("conv_f16_", $name),
            concat!("conv_bf16_", $name),
        ]
    };
}

const ADD_SPLITS: [&str; 4] = kernels!("add_splits");

const LARGE: Tile = Tile {
    height: 16,
    width: 16,
    columns: 128,
    num_threads: 256,
    num_stages: 3,
    num_blocks: 1,
    cost: 1.0,
    kernels: kernels!("256x128"),
};

const MIDDLE: Tile = Tile {
    columns: 64,
    num_threads: 128,
    num_blocks: 2,
    cost: 1.05,
    kernels: kernels!("256x64"),
    ..LARGE
};

const NARROW: Tile = Tile {
    columns: 32,
    num_threads: 128,
    num_stages: 4,
    num_blocks: 2,
    cost: 1.15,
    kernels: kernels!("256x32"),
    ..LARGE
};

/// For F32, whose three products take many registers.
const LOW: Tile = Tile {
    height: 8,
    width: 16,
    columns: 64,
    num_threads: 128,
    num_stages: 4,
    num_blocks: 2,
    cost: 1.0,
    kernels: kernels!("128x64"),
};

/// For few pixels.
const SMALL: Tile = Tile { width: 8, cost: 2.0, kernels: kernels!("64x64"), ..LOW };

/// The tiles that there are kernels for, for many pixels.
fn tiles(numbers: Numbers) -> &'static [Tile] {
    match numbers {
        Numbers::F32 => &[LOW, NARROW],
        Numbers::Tf32 | Numbers::F16 | Numbers::Bf16 => &[LARGE, MIDDLE, NARROW],
    }
}

fn kernel(kernels: [&'static str; 4], numbers: Numbers) -> &'static str {
    let [f32, tf32, f16, bf16] = kernels;
    match numbers {
        Numbers::F32 => f32,
        Numbers::Tf32 => tf32,
        Numbers::F16 => f16,
        Numbers::Bf16 => bf16,
    }
}

/// The number by which the kernels know numbers in memory.
fn kind(numbers: Numbers) -> u32 {
    match numbers {
        Numbers::F32 | Numbers::Tf32 => 0,
        Numbers::F16 => 1,
        Numbers::Bf16 => 2,
    }
}

fn channels_per_chunk(numbers: Numbers) -> usize {
    CHUNK_BYTES / numbers.num_bytes()
}

impl Tile {
    /// Two chunks of pixels with those around, and the stages' weights.
    fn shared_bytes(&self) -> usize {
        let pixels = (self.height + 2) * (self.width + 2);
        (2 * pixels + self.num_stages * 3 * self.columns) * CHUNK_BYTES
    }
}

impl Shape {
    /// Sums of a pixel: padded outputs, of each phase.
    fn columns(&self) -> usize {
        padded(self.outputs) * if self.up { PHASES } else { 1 }
    }

    fn num_chunks(&self) -> usize {
        padded(self.inputs) / channels_per_chunk(self.numbers)
    }

    /// The tile that takes least time.
    fn tile(&self) -> &'static Tile {
        let is_small = self.height.min(self.width) <= SMALL.width;
        if is_small || self.height * self.width <= MAX_SMALL_PIXELS {
            return &SMALL;
        }
        let cost = |tile: &Tile| self.columns().next_multiple_of(tile.columns) as f64 * tile.cost;
        let tiles = tiles(self.numbers).iter();
        tiles.min_by(|a, b| cost(a).total_cmp(&cost(b))).unwrap_or(&SMALL)
    }

    /// Tiles of pixels and of columns.
    fn num_tiles(&self) -> [usize; 2] {
        let tile = self.tile();
        let pixels = self.height.div_ceil(tile.height) * self.width.div_ceil(tile.width);
        [pixels, self.columns().div_ceil(tile.columns)]
    }

    /// Chunks of the inputs that one block adds up: all, or, where that leaves multiprocessors
    /// idle, a part.
    fn chunks_per_split(&self, accelerator: &dyn Accelerator) -> usize {
        let [pixels, columns] = self.num_tiles();
        let wanted = accelerator.num_multiprocessors() as usize * self.tile().num_blocks;
        let num_splits = (wanted / (pixels * columns).max(1)).max(1);
        self.num_chunks().div_ceil(num_splits)
    }

    fn num_splits(&self, accelerator: &dyn Accelerator) -> usize {
        self.num_chunks().div_ceil(self.chunks_per_split(accelerator).max(1))
    }

    /// Bytes of the workspace that a call needs.
    pub fn workspace_bytes(&self, accelerator: &dyn Accelerator) -> usize {
        match self.num_splits(accelerator) {
            1 => 0,
            n => n * self.height * self.width * self.columns() * size_of::<f32>(),
        }
    }
}

/// Kernels `[outputs, inputs, 3, 3]` as [`run`] takes them.
///
/// `[chunks, 9 taps, columns, 32 bytes]`: for each chunk of the inputs and each tap a matrix as it
/// lies in shared memory. Row 8j + 2t + e of each 32 is column 8t + 2j + e, so that the 8 sums which
/// a thread gets of four products follow each other.
pub fn pack(weight: &[f32], inputs: usize, outputs: usize, up: bool, numbers: Numbers) -> Vec<u8> {
    let (step, per_chunk) = (padded(outputs), channels_per_chunk(numbers));
    let columns = step * if up { PHASES } else { 1 };
    let rows = columns.next_multiple_of(GROUP);
    let chunk_bytes = TAPS * rows * CHUNK_BYTES;
    let mut packed = vec![0; padded(inputs) / per_chunk * chunk_bytes];
    packed.par_chunks_exact_mut(chunk_bytes).enumerate().for_each(|(chunk, packed)| {
        let first = chunk * per_chunk;
        for (output, kernels) in weight.chunks_exact(TAPS * inputs).take(outputs).enumerate() {
            let kernels = kernels.as_chunks::<TAPS>().0.iter().skip(first).take(per_chunk);
            for (place, kernel) in kernels.enumerate() {
                let mut put = |column: usize, taps: &[f32; TAPS]| {
                    let row = row(column);
                    for (tap, value) in taps.iter().enumerate() {
                        let at = (tap * rows + row) * CHUNK_BYTES;
                        let at = at + byte_in_row(row, place * numbers.num_bytes());
                        encode(*value, numbers, &mut packed[at..]);
                    }
                };
                if up {
                    for (phase, taps) in fold(kernel).iter().enumerate() {
                        put(phase * step + output, taps);
                    }
                } else {
                    put(output, kernel);
                }
            }
        }
    });
    packed
}

/// The row of a packed matrix that holds column `column`.
fn row(column: usize) -> usize {
    let (group, within) = (column / GROUP, column % GROUP);
    let (t, j, e) = (within / 8, within / 2 % 4, within % 2);
    group * GROUP + 8 * j + 2 * t + e
}

/// Where byte `byte` of row `row` lies in it: where bit 2 of the row is set, its halves are swapped.
fn byte_in_row(row: usize, byte: usize) -> usize {
    byte ^ ((row >> 2 & 1) * UNIT_BYTES)
}

fn encode(value: f32, numbers: Numbers, to: &mut [u8]) {
    let largest = f16::MAX.to_f32();
    match numbers {
        Numbers::F32 | Numbers::Tf32 => to[..4].copy_from_slice(&value.to_ne_bytes()),
        Numbers::F16 => {
            let value = f16::from_f32(value.clamp(-largest, largest));
            to[..2].copy_from_slice(&value.to_ne_bytes());
        }
        Numbers::Bf16 => to[..2].copy_from_slice(&bf16::from_f32(value).to_ne_bytes()),
    }
}

/// The 3×3 kernels of the four phases of a transposed convolution by `kernel` with stride 2 that is
/// followed by the resampling filter.
///
/// Along one axis the two give y[n] = Σ_a f[a]·Σ_i x[i]·k[n + a - 1 - 2i]. At n = 2q + p, tap j of
/// the fold looks at i = q + j - 1, so it is Σ_a f[a]·k[p + a + 1 - 2j].
fn fold(kernel: &[f32; TAPS]) -> [[f32; TAPS]; PHASES] {
    let weights = |phase: usize, tap: usize| {
        let mut weights = [0.0; 3];
        for (a, f) in FIR.iter().enumerate() {
            if let Some(weight) =
                (phase + a + 1).checked_sub(2 * tap).and_then(|k| weights.get_mut(k))
            {
                *weight = *f;
            }
        }
        weights
    };
    std::array::from_fn(|phase| {
        std::array::from_fn(|tap| {
            let (rows, columns) = (weights(phase / 2, tap / 3), weights(phase % 2, tap % 3));
            let row =
                |y: usize| (0..3).map(|x| columns[x] * f64::from(kernel[3 * y + x])).sum::<f64>();
            (0..3).map(|y| rows[y] * row(y)).sum::<f64>() as f32
        })
    })
}

/// Computes a layer: one launch, or two where its inputs are split among multiprocessors.
pub fn run(accelerator: &dyn Accelerator, call: &Call) -> Result<(), AcceleratorError> {
    let shape = &call.shape;
    let (tile, [pixels, columns]) = (shape.tile(), shape.num_tiles());
    let num_splits = shape.num_splits(accelerator);
    let args = args(accelerator, call);
    accelerator.launch(&Launch {
        kernel: kernel(tile.kernels, shape.numbers),
        grid: [pixels as u32, columns as u32, num_splits as u32],
        num_threads: tile.num_threads,
        shared_bytes: tile.shared_bytes() as u32,
        argument: bytemuck::bytes_of(&args),
    })?;
    if num_splits == 1 {
        return Ok(());
    }
    let num_threads = shape.height * shape.width * shape.columns() / COLUMNS_PER_THREAD;
    accelerator.launch(&Launch {
        kernel: kernel(ADD_SPLITS, shape.numbers),
        grid: [num_threads.div_ceil(ADD_THREADS as usize) as u32, 1, 1],
        num_threads: ADD_THREADS,
        shared_bytes: 0,
        argument: bytemuck::bytes_of(&args),
    })
}

fn args(accelerator: &dyn Accelerator, call: &Call) -> Args {
    let shape = &call.shape;
    let (slope, gain, clamp) = match call.activation {
        Some(Activation { gain, clamp }) => {
            (SLOPE, gain * std::f32::consts::SQRT_2, clamp.map_or(f32::INFINITY, |c| c * gain))
        }
        None => (1.0, 1.0, f32::INFINITY),
    };
    Args {
        x: call.x,
        weights: call.weights,
        styles: call.styles,
        demodulation: call.demodulation,
        bias: call.bias,
        noise: call.noise.unwrap_or(0),
        noise_gain: call.noise_gain,
        around: call.around.unwrap_or(0),
        y: call.y,
        sums: call.workspace,
        height: shape.height as u32,
        width: shape.width as u32,
        num_chunks: shape.num_chunks() as u32,
        chunks_per_split: shape.chunks_per_split(accelerator) as u32,
        num_splits: shape.num_splits(accelerator) as u32,
        outputs: shape.outputs as u32,
        padded_outputs: padded(shape.outputs) as u32,
        columns: shape.columns() as u32,
        is_up: shape.up.into(),
        out: kind(shape.out),
        slope,
        gain,
        clamp,
        pad: 0,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use candle_core::{Device, Tensor};

    use super::super::features;
    use super::super::testing::{NUMBERS, bytes, floats};
    use super::*;
    use crate::accelerator::Memory;
    use crate::accelerator::emulated::emulated_with;
    use crate::accelerator::testing::accelerator_with;
    use crate::random::RandomState;
    use crate::stylegan2::ops::{convolve, convolve_up};

    /// A layer's values, channel by channel without padding.
    struct Layer {
        shape: Shape,
        x: Vec<f32>,
        weight: Vec<f32>,
        styles: Vec<f32>,
        demodulation: Vec<f32>,
        bias: Vec<f32>,
        noise: Option<Vec<f32>>,
        noise_gain: f32,
        around: Option<Vec<f32>>,
        activation: Option<Activation>,
    }

    const SHAPE: Shape = Shape {
        inputs: 16,
        outputs: 16,
        height: 4,
        width: 4,
        up: false,
        numbers: Numbers::F32,
        out: Numbers::F32,
    };

    impl Shape {
        fn out_size(&self) -> (usize, usize, usize) {
            let scale = if self.up { 2 } else { 1 };
            (self.height * scale, self.width * scale, self.outputs)
        }

        fn num_outputs(&self) -> usize {
            let (height, width, outputs) = self.out_size();
            height * width * outputs
        }
    }

    impl Layer {
        /// A linear layer whose terms and sums are exact in all numbers.
        fn exact(shape: Shape, seed: u32) -> Self {
            let mut state = RandomState::new(seed);
            let mut integers = |len: usize, largest: f64| -> Vec<f32> {
                (0..len).map(|_| ((state.uniform() * 2.0 - 1.0) * largest).round() as f32).collect()
            };
            Self {
                shape,
                x: integers(shape.inputs * shape.height * shape.width, 3.0),
                weight: integers(shape.outputs * shape.inputs * TAPS, 2.0),
                styles: integers(shape.inputs, 1.0).iter().map(|s| s.exp2() / 2.0).collect(),
                demodulation: vec![1.0; shape.outputs],
                bias: vec![0.0; shape.outputs],
                noise: None,
                noise_gain: f32::NAN,
                around: None,
                activation: None,
            }
        }

        /// A layer of normal values, x in its numbers.
        fn normal(shape: Shape, seed: u32) -> Self {
            let mut state = RandomState::new(seed);
            let mut normal = |len: usize, mean: f32, deviation: f32| -> Vec<f32> {
                (0..len).map(|_| mean + deviation * state.normal() as f32).collect()
            };
            let rounded = |values: Vec<f32>| {
                features::decode(&features::encode(&values, shape.numbers), shape.numbers)
            };
            let (height, width, _) = shape.out_size();
            let num_terms = (shape.inputs * TAPS) as f32;
            Self {
                shape,
                x: rounded(normal(shape.inputs * shape.height * shape.width, 0.0, 1.0)),
                weight: normal(shape.outputs * shape.inputs * TAPS, 0.0, 1.0),
                styles: normal(shape.inputs, 0.6, 0.1),
                demodulation: normal(shape.outputs, 2.0 / num_terms.sqrt(), 0.0),
                bias: normal(shape.outputs, 0.0, 0.2),
                noise: Some(normal(height * width, 0.0, 1.0)),
                noise_gain: 0.3,
                around: Some(rounded(normal(shape.num_outputs(), 0.0, 1.0))),
                activation: Some(Activation { gain: 0.7, clamp: Some(2.0) }),
            }
        }

        /// The features that the layer writes, as bytes.
        fn run(&self, accelerator: &Arc<dyn Accelerator>) -> Vec<u8> {
            let shape = self.shape;
            let per_channel = |values: &[f32], len: usize| {
                let mut values = values.to_vec();
                values.resize(padded(len), 0.0);
                floats(accelerator, &values)
            };
            let hold = |bytes: Vec<u8>| Memory::holding(accelerator, &bytes).unwrap();
            let (height, width) = (shape.height, shape.width);
            let x = hold(features::to_bytes(&self.x, (height, width, shape.inputs), shape.numbers));
            let packed = pack(&self.weight, shape.inputs, shape.outputs, shape.up, shape.numbers);
            let weights = hold(packed);
            let styles = per_channel(&self.styles, shape.inputs);
            let demodulation = per_channel(&self.demodulation, shape.outputs);
            let bias = per_channel(&self.bias, shape.outputs);
            let noise = self.noise.as_ref().map(|noise| floats(accelerator, noise));
            let noise_gain = floats(accelerator, &[self.noise_gain]);
            let around = self
                .around
                .as_ref()
                .map(|around| hold(features::to_bytes(around, shape.out_size(), shape.numbers)));
            let y_bytes = features::num_bytes(shape.out_size(), shape.out);
            let y = Memory::new(accelerator, y_bytes).unwrap();
            let workspace_bytes = shape.workspace_bytes(&**accelerator);
            let workspace = Memory::new(accelerator, workspace_bytes).unwrap();
            let call = Call {
                shape,
                x: x.address(),
                weights: weights.address(),
                styles: styles.address(),
                demodulation: demodulation.address(),
                bias: bias.address(),
                noise: noise.as_ref().map(Memory::address),
                noise_gain: noise_gain.address(),
                around: around.as_ref().map(Memory::address),
                activation: self.activation,
                y: y.address(),
                workspace: workspace.address(),
            };
            run(&**accelerator, &call).unwrap();
            bytes(accelerator, &y)
        }

        /// Σ W·s·x by the network's plain operations in 64 bits, and the sum of magnitudes.
        fn sums(&self) -> [Vec<f64>; 2] {
            let Shape { inputs, outputs, height, width, up, .. } = self.shape;
            let tensor = |values: Vec<f64>, shape: (usize, usize, usize, usize)| {
                Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
            };
            let scaled = self.x.chunks(height * width).zip(&self.styles);
            let x: Vec<f64> = scaled
                .flat_map(|(plane, s)| plane.iter().map(|v| f64::from(*v) * f64::from(*s)))
                .collect();
            let weight: Vec<f64> = self.weight.iter().map(|w| f64::from(*w)).collect();
            [|v: f64| v, f64::abs].map(|of| {
                let x = tensor(x.iter().copied().map(of).collect(), (1, inputs, height, width));
                let weight = weight.iter().copied().map(of).collect();
                let weight = tensor(weight, (outputs, inputs, 3, 3));
                let y = if up { convolve_up(&x, &weight) } else { convolve(&x, &weight) };
                y.unwrap().flatten_all().unwrap().to_vec1().unwrap()
            })
        }

        /// What the layer should write, and how far from it each value may lie.
        fn expected(&self, [sums, magnitudes]: &[Vec<f64>; 2]) -> Vec<(f64, f64)> {
            let (height, width, _) = self.shape.out_size();
            // Of the terms: of x and W·s; of W, s and W·s.
            let of_terms = match self.shape.numbers {
                Numbers::F32 => 2e-6,
                Numbers::Tf32 => 2.0 * 2_f64.powi(-11),
                Numbers::F16 => 3.0 * 2_f64.powi(-11),
                Numbers::Bf16 => 3.0 * 2_f64.powi(-9),
            };
            // Of what is written.
            let of_out = match self.shape.out {
                Numbers::F32 | Numbers::Tf32 => 2_f64.powi(-21),
                Numbers::F16 => 2_f64.powi(-11),
                Numbers::Bf16 => 2_f64.powi(-9),
            };
            let values = sums.iter().zip(magnitudes).enumerate();
            values
                .map(|(i, (sum, magnitude))| {
                    let (channel, pixel) = (i / (height * width), i % (height * width));
                    let demodulation = f64::from(self.demodulation[channel]);
                    let noise = self.noise.as_ref().map_or(0.0, |noise| f64::from(noise[pixel]));
                    let noise = if noise == 0.0 { 0.0 } else { noise * f64::from(self.noise_gain) };
                    let mut y = sum * demodulation + noise + f64::from(self.bias[channel]);
                    let mut bound = magnitude * demodulation * of_terms;
                    if let Some(Activation { gain, clamp }) = self.activation {
                        let gain = f64::from(gain);
                        let clamp = clamp.map_or(f64::INFINITY, f64::from) * gain;
                        y = (y.max(0.2 * y) * 2_f64.sqrt() * gain).clamp(-clamp, clamp);
                        bound *= 2_f64.sqrt() * gain;
                    }
                    y += self.around.as_ref().map_or(0.0, |around| f64::from(around[i]));
                    (y, bound * (1.0 + of_out) + of_out * y.abs().max(1.0))
                })
                .collect()
        }

        fn check(&self, sums: &[Vec<f64>; 2], accelerator: &Arc<dyn Accelerator>, context: &str) {
            let shape = self.shape;
            let bytes = self.run(accelerator);
            let pixels = features::decode(&bytes, shape.out);
            for pixel in pixels.chunks_exact(padded(shape.outputs)) {
                assert!(pixel[shape.outputs..].iter().all(|v| v.to_bits() == 0), "{context}");
            }
            let values = features::from_bytes(&bytes, shape.out_size(), shape.out);
            for (i, (value, (y, bound))) in values.iter().zip(self.expected(sums)).enumerate() {
                let error = (f64::from(*value) - y).abs();
                assert!(error <= bound, "{context}: {value} for {y} ± {bound} at {i} of {shape:?}");
            }
        }
    }

    /// Odd and even, of every tile, plain and doubled: inputs, outputs, height, width.
    const SHAPES: [(usize, usize, usize, usize, bool); 9] = [
        (16, 16, 1, 1, false),
        (20, 24, 5, 7, false),
        (72, 40, 4, 4, true),
        (33, 130, 9, 12, false),
        (24, 20, 27, 23, false),
        (17, 56, 17, 33, false),
        (32, 100, 19, 28, false),
        (16, 12, 18, 31, true),
        (8, 20, 23, 24, true),
    ];

    fn shapes() -> impl Iterator<Item = Shape> {
        SHAPES.into_iter().map(|(inputs, outputs, height, width, up)| Shape {
            inputs,
            outputs,
            height,
            width,
            up,
            ..SHAPE
        })
    }

    #[test]
    fn the_shapes_need_every_tile() {
        for numbers in NUMBERS {
            let is_needed =
                |tile: &Tile| shapes().any(|shape| Shape { numbers, ..shape }.tile() == tile);
            assert!(tiles(numbers).iter().chain([&SMALL]).all(is_needed), "{numbers:?}");
        }
    }

    #[test]
    fn sums_are_those_of_the_definition() {
        for (seed, shape) in (0..).zip(shapes()) {
            let mut layer = Layer::exact(shape, seed);
            let [sums, _] = layer.sums();
            for numbers in NUMBERS {
                layer.shape.numbers = numbers;
                // Without splits, and with as many as there can be.
                for (num_multiprocessors, eager) in [(1, true), (1000, false)] {
                    let accelerator = accelerator_with(num_multiprocessors, eager);
                    let bytes = layer.run(&accelerator);
                    let y = features::from_bytes(&bytes, shape.out_size(), Numbers::F32);
                    let y: Vec<f64> = y.into_iter().map(f64::from).collect();
                    assert_eq!(y, sums, "{numbers:?} {shape:?} {num_multiprocessors}");
                }
            }
        }
    }

    #[test]
    fn rounds_as_little_as_the_numbers_allow() {
        for (seed, shape) in (0..).zip(shapes()) {
            let accelerator = accelerator_with(if seed % 2 == 0 { 3 } else { 100 }, false);
            for numbers in NUMBERS {
                let mut layer = Layer::normal(Shape { numbers, out: numbers, ..shape }, seed);
                let sums = layer.sums();
                layer.check(&sums, &accelerator, "in its own numbers");
                layer.shape.out = Numbers::F16;
                layer.check(&sums, &accelerator, "to halves");
            }
        }
    }

    #[test]
    fn every_part_of_a_layer_can_be_absent() {
        let accelerator = accelerator_with(4, false);
        for up in [false, true] {
            let shape = Shape { inputs: 40, outputs: 24, height: 5, width: 6, up, ..SHAPE };
            let layer = || Layer::normal(shape, 7);
            let sums = layer().sums();
            let check = |layer: Layer, context: &str| layer.check(&sums, &accelerator, context);
            check(layer(), "all");
            check(Layer { noise: None, ..layer() }, "no noise");
            check(Layer { around: None, ..layer() }, "nothing around");
            check(Layer { activation: None, ..layer() }, "linear");
            let activation = Some(Activation { gain: 1.0, clamp: None });
            check(Layer { activation, ..layer() }, "unbounded");
        }
    }

    #[test]
    fn halves_stay_finite() {
        let accelerator = accelerator_with(4, false);
        let mut layer = Layer::normal(Shape { out: Numbers::F16, ..SHAPE }, 3);
        layer.activation = None;
        layer.demodulation.fill(1e6);
        let y =
            features::from_bytes(&layer.run(&accelerator), layer.shape.out_size(), Numbers::F16);
        assert!(y.iter().any(|v| *v == f16::MAX.to_f32()));
        assert!(y.iter().all(|v| v.is_finite()));
    }

    #[test]
    fn equal_runs_are_equal() {
        for num_multiprocessors in [1, 64] {
            let shape = Shape { inputs: 64, outputs: 48, ..SHAPE };
            let layer = Layer::normal(shape, 5);
            let y = |eager| layer.run(&accelerator_with(num_multiprocessors, eager));
            assert_eq!(y(false), y(true));
        }
    }

    #[test]
    fn splits_keep_multiprocessors_busy() {
        let accelerator = emulated_with(132, false);
        let shape = Shape { inputs: 512, outputs: 512, ..SHAPE };
        // 8 tiles of columns; each of 64 chunks could be one block's.
        assert_eq!(shape.num_tiles(), [1, 8]);
        assert_eq!(shape.num_splits(&*accelerator), 32);
        assert_eq!(shape.workspace_bytes(&*accelerator), 32 * 16 * 512 * 4);
        let fine = Shape { height: 128, width: 128, ..shape };
        assert_eq!(fine.workspace_bytes(&*accelerator), 0);
    }

    #[test]
    fn a_multiprocessor_has_memory_for_its_blocks() {
        // Of compute capability 8.6, which has least; a block takes 1 KiB more than it asks for.
        for tile in [LARGE, MIDDLE, NARROW, LOW, SMALL] {
            assert!(tile.num_blocks * (tile.shared_bytes() + 1024) <= 100 << 10, "{tile:?}");
        }
    }

    #[test]
    fn packed_columns_are_where_threads_find_them() {
        let mut rows: Vec<usize> = (0..2 * GROUP).map(row).collect();
        // A thread t has columns 2t and 2t + 1 of each product of 8.
        for t in 0..4 {
            let of_thread = (0..4).flat_map(|j| [8 * j + 2 * t, 8 * j + 2 * t + 1]);
            assert_eq!(rows[8 * t..8 * t + 8], of_thread.collect::<Vec<_>>());
        }
        rows.sort();
        assert_eq!(rows, (0..2 * GROUP).collect::<Vec<_>>());
    }
}
