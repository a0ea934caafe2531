//! What the kernels' tests share.

use std::sync::Arc;

use super::Numbers;
use super::features::{decode, encode};
use crate::accelerator::{Accelerator, Memory};
use crate::stylegan2::noise::fill_normal;

/// All of them.
pub const NUMBERS: [Numbers; 4] = [Numbers::F32, Numbers::Tf32, Numbers::F16, Numbers::Bf16];

/// Standard normal values, the same for equal seeds.
pub fn normal(seed: u64, len: usize) -> Vec<f32> {
    let mut values = vec![0.0; len];
    fill_normal(seed, 0, &mut values);
    values
}

/// `values` as they are after a rounding to `numbers`.
pub fn rounded(values: &[f32], numbers: Numbers) -> Vec<f32> {
    decode(&encode(values, numbers), numbers)
}

/// Memory that holds `values`.
pub fn floats(accelerator: &Arc<dyn Accelerator>, values: &[f32]) -> Memory {
    Memory::holding(accelerator, bytemuck::cast_slice(values)).unwrap()
}

/// What `memory` holds.
pub fn bytes(accelerator: &Arc<dyn Accelerator>, memory: &Memory) -> Vec<u8> {
    let mut bytes = vec![0; memory.num_bytes()];
    accelerator.read(memory.address(), &mut bytes).unwrap();
    bytes
}

/// The 32-bit values that `memory` holds.
pub fn values(accelerator: &Arc<dyn Accelerator>, memory: &Memory) -> Vec<f32> {
    decode(&bytes(accelerator, memory), Numbers::F32)
}
