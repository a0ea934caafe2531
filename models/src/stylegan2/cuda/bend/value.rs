//! Values changed one by one.

use bytemuck::{Pod, Zeroable};

use super::{Region, Task};
use crate::accelerator::AcceleratorError;
use crate::stylegan2::bend::{BendOp, Keep};

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Args {
    region: Region,
    op: u32,
    value: f32,
}

// What a kernel knows.
const SCALE: u32 = 0;
const ADD: u32 = 1;
const KEEP_ABOVE: u32 = 2;
const ONE_ABOVE: u32 = 3;
const ABLATE: u32 = 4;

/// Changes all values by `op`.
pub fn run(task: &Task<'_>, op: BendOp) -> Result<(), AcceleratorError> {
    let (op, value) = match op {
        BendOp::Scale { factor } => (SCALE, factor),
        BendOp::Add { value } => (ADD, value),
        BendOp::Invert => (SCALE, -1.0),
        BendOp::Threshold { level, keep: Keep::Value } => (KEEP_ABOVE, level),
        BendOp::Threshold { level, keep: Keep::One } => (ONE_ABOVE, level),
        BendOp::Ablate => (ABLATE, 0.0),
        _ => return Ok(()),
    };
    task.launch(
        ["bend_value_f32", "bend_value_f16", "bend_value_bf16"],
        &Args { region: task.region, op, value },
    )
}
