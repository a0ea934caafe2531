//! Planes moved, zoomed, turned, sheared and flipped: sampled from a copy.

use bytemuck::{Pod, Zeroable};

use super::{Region, Task, code};
use crate::accelerator::AcceleratorError;
use crate::stylegan2::bend::geometry::Affine;
use crate::stylegan2::bend::{BendOp, Border};

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Args {
    region: Region,
    source: u64,
    matrix: [[f32; 2]; 2],
    shift: [f32; 2],
    centre: [f32; 2],
    border: u32,
    _pad: u32,
}

/// Moves the planes by `op`.
pub fn run(task: &Task<'_>, op: BendOp) -> Result<(), AcceleratorError> {
    let affine = op.affine(task.height, task.width).or_else(|| flip(op));
    let Some((affine, border)) = affine.filter(|(affine, _)| affine.is_sane()) else {
        return Ok(());
    };
    let args = Args {
        region: task.region,
        source: task.scratch,
        matrix: affine.matrix,
        shift: affine.shift_px,
        centre: [task.width, task.height].map(|len| (len - 1) as f32 / 2.0),
        border: code(border),
        _pad: 0,
    };
    let copy = ["bend_sample_copy_f32", "bend_sample_copy_f16", "bend_sample_copy_bf16"];
    task.launch(copy, &args)?;
    task.launch(["bend_sample_f32", "bend_sample_f16", "bend_sample_bf16"], &args)
}

/// A flip as a map, which is exact: it shows whole pixels.
fn flip(op: BendOp) -> Option<(Affine, Border)> {
    let BendOp::Flip { horizontal, vertical } = op else { return None };
    let sign = |is_swapped| if is_swapped { -1.0 } else { 1.0 };
    let matrix = [[sign(horizontal), 0.0], [0.0, sign(vertical)]];
    Some((Affine { matrix, shift_px: [0.0; 2] }, Border::Edge))
}
