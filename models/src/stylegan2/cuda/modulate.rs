//! From w to the factors of all layers' channels, in two launches a picture.

use bytemuck::{Pod, Zeroable, bytes_of};

use super::padded;
use crate::accelerator::{Accelerator, AcceleratorError, Launch, Memory};

const NUM_THREADS: u32 = 256;

/// Values that a block computes, one a warp.
const NUM_WARPS: usize = NUM_THREADS as usize / 32;

/// One affine layer: styles = gain · weight · w + bias. All addresses are multiples of 16.
#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
pub struct StyleJob {
    /// Where its weights lie, f32 `[channels, w_dim]`.
    pub weight: u64,
    /// Its bias, f32 `[channels]`.
    pub bias: u64,
    /// Where the styles go, f32 `[padded channels]`, zeros beyond the channels.
    pub styles: u64,
    /// The row of the latent that it takes.
    pub row: u32,
    /// How many styles it makes.
    pub channels: u32,
    /// 1/√w_dim.
    pub gain: f32,
    /// Nothing.
    pub _pad: u32,
}

/// The demodulation of one convolution, d = 1/√(Σ power · styles² + 1e-8), for sums over styles that
/// are divided by the largest of them, so that weights times styles stay in the range of halves. All
/// addresses are multiples of 16.
#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
pub struct DemodulationJob {
    /// What [`power`] makes, f32 `[outputs, padded inputs]`.
    pub power: u64,
    /// The styles, f32 `[padded inputs]`.
    pub styles: u64,
    /// Where styles/max|styles| go, f32 `[padded inputs]`: zeros where all styles are 0.
    pub scaled: u64,
    /// Where d·max|styles| goes, f32 `[padded outputs]`, zeros beyond the outputs: d where all
    /// styles are 0.
    pub demodulation: u64,
    /// Channels that come in.
    pub inputs: u32,
    /// Channels that go out.
    pub outputs: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct StylesArgs {
    jobs: u64,
    ws: u64,
    w_dim: u32,
    _pad: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct DemodulateArgs {
    jobs: u64,
    /// Emulated kernels take more than 16 bytes.
    _pad: [u64; 2],
}

/// The styles of all layers from the latent `ws`, f32 `[num_ws, w_dim]`. `jobs` holds `num_jobs`
/// [`StyleJob`]s, of at most `max_channels` styles each.
pub fn styles(
    accelerator: &dyn Accelerator,
    jobs: &Memory,
    num_jobs: usize,
    max_channels: usize,
    ws: u64,
    w_dim: usize,
) -> Result<(), AcceleratorError> {
    let args = StylesArgs { jobs: jobs.address(), ws, w_dim: w_dim as u32, _pad: 0 };
    launch(accelerator, "modulate_styles", num_jobs, max_channels, bytes_of(&args))
}

/// The demodulation of all convolutions. `jobs` holds `num_jobs` [`DemodulationJob`]s, of at most
/// `max_outputs` outputs each.
pub fn demodulate(
    accelerator: &dyn Accelerator,
    jobs: &Memory,
    num_jobs: usize,
    max_outputs: usize,
) -> Result<(), AcceleratorError> {
    let args = DemodulateArgs { jobs: jobs.address(), _pad: [0; 2] };
    launch(accelerator, "modulate_demodulate", num_jobs, max_outputs, bytes_of(&args))
}

/// A row of blocks for each job.
fn launch(
    accelerator: &dyn Accelerator,
    kernel: &'static str,
    num_jobs: usize,
    max_values: usize,
    argument: &[u8],
) -> Result<(), AcceleratorError> {
    if num_jobs == 0 || max_values == 0 {
        return Ok(());
    }
    accelerator.launch(&Launch {
        kernel,
        grid: [padded(max_values).div_ceil(NUM_WARPS) as u32, num_jobs as u32, 1],
        num_threads: NUM_THREADS,
        shared_bytes: 0,
        argument,
    })
}

/// Sums of squares of the 3×3 kernels `weight` `[outputs, inputs, 3, 3]`, `[outputs, padded inputs]`.
pub fn power(weight: &[f32], inputs: usize, outputs: usize) -> Vec<f32> {
    let step = padded(inputs);
    let mut power = vec![0.0; outputs * step];
    let rows = power.chunks_exact_mut(step).zip(weight.chunks_exact(9 * inputs));
    for (row, kernels) in rows {
        for (power, kernel) in row.iter_mut().zip(kernels.as_chunks::<9>().0) {
            *power = kernel.iter().map(|v| v * v).sum();
        }
    }
    power
}

#[cfg(test)]
mod tests {
    use super::super::testing::{floats, normal, values};
    use super::*;
    use crate::accelerator::testing::accelerator;
    use crate::stylegan2::layers::Affine;

    #[test]
    fn styles_are_those_of_the_affine_layers() {
        let accelerator = accelerator();
        for (w_dim, channels) in [(512, vec![512, 24, 3]), (20, vec![33, 1]), (7, vec![16, 5])] {
            let ws = normal(1, channels.len() * w_dim);
            let device_ws = floats(&accelerator, &ws);
            let affines: Vec<Affine> = (10..)
                .zip(&channels)
                .map(|(seed, &c)| Affine {
                    weight: normal(seed, c * w_dim),
                    bias: normal(seed + 90, c),
                })
                .collect();
            let memory: Vec<[Memory; 3]> = affines
                .iter()
                .map(|affine| {
                    let styles = vec![f32::NAN; padded(affine.bias.len())];
                    [&affine.weight, &affine.bias, &styles].map(|v| floats(&accelerator, v))
                })
                .collect();
            // The rows of the latent in reverse.
            let row = |i: usize| channels.len() - 1 - i;
            let jobs: Vec<StyleJob> = memory
                .iter()
                .enumerate()
                .map(|(i, [weight, bias, styles])| StyleJob {
                    weight: weight.address(),
                    bias: bias.address(),
                    styles: styles.address(),
                    row: row(i) as u32,
                    channels: channels[i] as u32,
                    gain: 1.0 / (w_dim as f32).sqrt(),
                    _pad: 0,
                })
                .collect();
            let device_jobs = Memory::holding(&accelerator, bytemuck::cast_slice(&jobs)).unwrap();
            let max_channels = channels.iter().copied().max().unwrap();
            styles(
                &*accelerator,
                &device_jobs,
                jobs.len(),
                max_channels,
                device_ws.address(),
                w_dim,
            )
            .unwrap();
            for (i, affine) in affines.iter().enumerate() {
                let found = values(&accelerator, &memory[i][2]);
                let expected = affine.styles(&ws[row(i) * w_dim..][..w_dim]);
                assert_near(&found, &expected, 1e-5);
            }
        }
    }

    #[test]
    fn demodulation_is_the_reference_s_for_scaled_styles() {
        let accelerator = accelerator();
        let sizes = [(512, 40), (33, 17), (1, 3), (20, 2)];
        let weights: Vec<Vec<f32>> =
            (0..).zip(sizes).map(|(seed, (i, o))| normal(seed, 9 * i * o)).collect();
        // The last layer's styles are all 0.
        let gains = [1.0, -300.0, 1e-4, 0.0];
        let styles: Vec<Vec<f32>> = sizes
            .iter()
            .zip(gains)
            .map(|(&(inputs, _), gain)| {
                let mut styles: Vec<f32> = normal(7, inputs).iter().map(|v| gain * v).collect();
                styles.resize(padded(inputs), 0.0);
                styles
            })
            .collect();
        let memory: Vec<[Memory; 4]> = sizes
            .iter()
            .zip(weights.iter().zip(&styles))
            .map(|(&(inputs, outputs), (weight, styles))| {
                let power = power(weight, inputs, outputs);
                let scaled = vec![f32::NAN; padded(inputs)];
                let demodulation = vec![f32::NAN; padded(outputs)];
                [&power, styles, &scaled, &demodulation].map(|v| floats(&accelerator, v))
            })
            .collect();
        let jobs: Vec<DemodulationJob> = memory
            .iter()
            .zip(sizes)
            .map(|(memory, (inputs, outputs))| {
                let [power, styles, scaled, demodulation] =
                    memory.each_ref().map(|memory| memory.address());
                let (inputs, outputs) = (inputs as u32, outputs as u32);
                DemodulationJob { power, styles, scaled, demodulation, inputs, outputs }
            })
            .collect();
        let device_jobs = Memory::holding(&accelerator, bytemuck::cast_slice(&jobs)).unwrap();
        demodulate(&*accelerator, &device_jobs, jobs.len(), 40).unwrap();
        for (i, (inputs, _)) in sizes.into_iter().enumerate() {
            let max = styles[i].iter().fold(0.0, |max: f32, s| max.max(s.abs()));
            let unit = if max > 0.0 { max } else { 1.0 };
            let expected: Vec<f32> = styles[i].iter().map(|s| s / unit).collect();
            assert_near(&values(&accelerator, &memory[i][2]), &expected, 1e-6);
            let expected: Vec<f32> = weights[i]
                .chunks_exact(9 * inputs)
                .map(|kernels| {
                    let squares = kernels
                        .iter()
                        .enumerate()
                        .map(|(k, v)| (f64::from(*v) * f64::from(styles[i][k / 9])).powi(2));
                    (f64::from(unit) / (squares.sum::<f64>() + 1e-8).sqrt()) as f32
                })
                .collect();
            assert_near(&values(&accelerator, &memory[i][3]), &expected, 1e-5);
        }
    }

    /// `found` is `expected`, to `tolerance` of the largest, and then zeros.
    fn assert_near(found: &[f32], expected: &[f32], tolerance: f32) {
        assert_eq!(found.len(), padded(expected.len()));
        let scale = expected.iter().fold(0.0, |max: f32, v| max.max(v.abs()));
        for (i, found) in found.iter().enumerate() {
            let expected = expected.get(i).copied();
            let error = (found - expected.unwrap_or(0.0)).abs();
            let bound = expected.map_or(0.0, |_| tolerance * scale);
            assert!(error <= bound, "{i}: {found} for {expected:?}");
        }
    }
}
