//! Bright or dark parts grown by a square.

use bytemuck::{Pod, Zeroable};

use super::{Region, Task};
use crate::accelerator::AcceleratorError;
use crate::stylegan2::bend::{morphology, radius_px};

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Args {
    region: Region,
    across: u64,
    before: u64,
    step: u32,
    fraction: f32,
    is_max: u32,
    is_first: u32,
    is_last: u32,
    _pad: u32,
}

/// Takes the maximum, or the minimum, of a square about each pixel.
pub fn run(task: &Task<'_>, radius: f32, is_max: bool) -> Result<(), AcceleratorError> {
    let across = ["bend_grow_across_f32", "bend_grow_across_f16", "bend_grow_across_bf16"];
    let down = ["bend_grow_down_f32", "bend_grow_down_f16", "bend_grow_down_bf16"];
    let before = task.scratch + (task.len() * task.numbers.num_bytes()) as u64;
    let is_blended = task.region.amount != 1.0;
    let mut steps = morphology::steps(radius_px(radius, task.height, task.width)).peekable();
    let mut is_first = true;
    while let Some(step) = steps.next() {
        let args = Args {
            region: task.region,
            across: task.scratch,
            before: if is_blended { before } else { 0 },
            step: step.step as u32,
            fraction: step.amount,
            is_max: u32::from(is_max),
            is_first: u32::from(is_first),
            is_last: u32::from(steps.peek().is_none()),
            _pad: 0,
        };
        task.launch(across, &args)?;
        task.launch(down, &args)?;
        is_first = false;
    }
    Ok(())
}
