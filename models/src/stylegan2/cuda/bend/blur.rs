//! Planes blurred and sharpened: rows into the scratch, in 32 bits, then columns back.

use bytemuck::{Pod, Zeroable};

use super::{NUM_THREADS, Region, Task, code};
use crate::accelerator::AcceleratorError;
use crate::stylegan2::bend::Border;
use crate::stylegan2::bend::blur::{Boxes, Filter, MAX_DIRECT_RADIUS, NUM_BOXES, filter};

/// Taps of one side with the centre, to a multiple of 8 bytes.
const NUM_TAPS: usize = (MAX_DIRECT_RADIUS + 1).next_multiple_of(2);

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Args {
    region: Region,
    across: u64,
    radius: u32,
    border: u32,
    is_sharpened: u32,
    strength: f32,
    taps: [f32; NUM_TAPS],
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct WideArgs {
    region: Region,
    across: u64,
    rings: u64,
    is_down: u32,
    first_line: u32,
    num_lines: u32,
    delay: u32,
    border: u32,
    edge: f32,
    gain: f32,
    is_sharpened: u32,
    strength: f32,
    _pad: u32,
}

/// Blurs, or with `strength` sharpens.
pub fn run(
    task: &Task<'_>,
    sigma: f32,
    border: Border,
    strength: Option<f32>,
) -> Result<(), AcceleratorError> {
    match filter(sigma, task.height, task.width) {
        Filter::Taps(taps) => direct(task, &taps, border, strength),
        Filter::Boxes(boxes) => wide(task, &boxes, border, strength),
    }
}

fn direct(
    task: &Task<'_>,
    weights: &[f32],
    border: Border,
    strength: Option<f32>,
) -> Result<(), AcceleratorError> {
    let radius = weights.len() / 2;
    let mut taps = [0.0; NUM_TAPS];
    taps.iter_mut().zip(&weights[radius..]).for_each(|(tap, weight)| *tap = *weight);
    let args = Args {
        region: task.region,
        across: task.scratch,
        radius: radius as u32,
        border: code(border),
        is_sharpened: u32::from(strength.is_some()),
        strength: strength.unwrap_or(0.0),
        taps,
    };
    let across = ["bend_blur_across_f32", "bend_blur_across_f16", "bend_blur_across_bf16"];
    let down = ["bend_blur_down_f32", "bend_blur_down_f16", "bend_blur_down_bf16"];
    task.launch(across, &args)?;
    task.launch(down, &args)
}

fn wide(
    task: &Task<'_>,
    boxes: &Boxes,
    border: Border,
    strength: Option<f32>,
) -> Result<(), AcceleratorError> {
    let delay = 2 * boxes.radius + 2;
    let args = WideArgs {
        region: task.region,
        across: task.scratch,
        rings: task.scratch + (task.len() * size_of::<f32>()) as u64,
        is_down: 0,
        first_line: 0,
        num_lines: 0,
        delay: delay as u32,
        border: code(border),
        edge: boxes.edge as f32,
        gain: boxes.gain() as f32,
        is_sharpened: u32::from(strength.is_some()),
        strength: strength.unwrap_or(0.0),
        _pad: 0,
    };
    // As many lines at a time as have room for what their boxes remember.
    let max_lines = (task.height * task.width / ((NUM_BOXES - 1) * delay)).max(1);
    for (is_down, num_lines) in [(0, task.height), (1, task.width)] {
        for first_line in (0..num_lines).step_by(max_lines) {
            let lines = max_lines.min(num_lines - first_line);
            let (first_line, num_lines) = (first_line as u32, lines as u32);
            let num_blocks = (lines * task.channels).div_ceil(NUM_THREADS as usize);
            task.launch_grid(
                ["bend_wide_f32", "bend_wide_f16", "bend_wide_bf16"],
                [num_blocks as u32, 1, 1],
                &WideArgs { is_down, first_line, num_lines, ..args },
            )?;
        }
    }
    Ok(())
}
