//! The network's operations in plain tensor operations: slow, differentiable, on any device. What
//! `cpu` computes is tested against them.

use candle_core::{D, Tensor};

/// Taps of the resampling filter [1, 3, 3, 1], scaled to gain 2 along one axis.
pub(super) const FIR: [f64; 4] = [0.25, 0.75, 0.75, 0.25];

/// max(x, 0.2·x)·√2·`gain`, then bounded to ±`clamp`·`gain`.
pub(super) fn leaky_relu(x: &Tensor, gain: f64, clamp: Option<f32>) -> candle_core::Result<Tensor> {
    let y = (x.maximum(&(x * 0.2)?)? * (std::f64::consts::SQRT_2 * gain))?;
    bound(y, clamp.map(|c| c * gain as f32))
}

/// Bounds `x` to ±`clamp`.
pub(super) fn bound(x: Tensor, clamp: Option<f32>) -> candle_core::Result<Tensor> {
    match clamp {
        Some(clamp) => x.clamp(-clamp, clamp),
        None => Ok(x),
    }
}

/// Convolution by the 3×3 kernels `weight` `[out, in, 3, 3]`, zeros outside.
pub(super) fn convolve(x: &Tensor, weight: &Tensor) -> candle_core::Result<Tensor> {
    x.conv2d(weight, 1, 1, 1, 1)
}

/// Transposed convolution with stride 2, then the resampling filter: twice the size.
pub(super) fn convolve_up(x: &Tensor, weight: &Tensor) -> candle_core::Result<Tensor> {
    let kernel = weight.transpose(0, 1)?.contiguous()?;
    let x = x.conv_transpose2d(&kernel, 0, 0, 2, 1)?;
    filter(&filter(&x, 2)?, 3)
}

/// The resampling filter along `axis` with one zero at either end: one value shorter.
fn filter(x: &Tensor, axis: usize) -> candle_core::Result<Tensor> {
    let x = x.pad_with_zeros(axis, 1, 1)?;
    let len = x.dim(axis)? - 3;
    let mut y = (x.narrow(axis, 0, len)? * FIR[0])?;
    for (i, tap) in FIR.into_iter().enumerate().skip(1) {
        y = (y + (x.narrow(axis, i, len)? * tap)?)?;
    }
    Ok(y)
}

/// Doubles the size: zeros between the pixels, then the resampling filter, zeros outside.
pub(super) fn upsample(x: &Tensor) -> candle_core::Result<Tensor> {
    upsample_axis(&upsample_axis(x, 2)?, 3)
}

fn upsample_axis(x: &Tensor, axis: usize) -> candle_core::Result<Tensor> {
    let len = x.dim(axis)?;
    let padded = x.pad_with_zeros(axis, 1, 1)?;
    let near = (x * FIR[1])?;
    let even = ((padded.narrow(axis, 0, len)? * FIR[0])? + &near)?;
    let odd = (near + (padded.narrow(axis, 2, len)? * FIR[3])?)?;
    let mut shape = x.dims().to_vec();
    shape[axis] *= 2;
    Tensor::stack(&[even, odd], axis + 1)?.reshape(shape)
}

/// Mixes the channels of `x` `[n, in, h, w]` by `weight` `[n or 1, out, in]`.
pub(super) fn mix_channels(x: &Tensor, weight: &Tensor) -> candle_core::Result<Tensor> {
    let (n, _, h, w) = x.dims4()?;
    let mixed = weight.broadcast_matmul(&x.flatten_from(2)?.contiguous()?)?;
    mixed.reshape((n, weight.dim(D::Minus2)?, h, w))
}
