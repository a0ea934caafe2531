//! The synthesis convolutions on the CPU: one matrix product and one fused pass a band of rows,
//! bands in parallel. Styles scale the activations on the way into the product, so that the
//! weights stay as they are; demodulation, noise, bias and activation follow in one pass.
//!
//! Every output is computed by one thread in one order: results do not depend on the timing.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

/// Floats of a band's matrix: what stays in a core's cache.
const BAND_LEN: usize = 1 << 18;

/// What follows the product.
pub struct Epilogue {
    /// Factor of each output channel, `[n, out]`.
    pub demodulation: Vec<f32>,
    /// Added to all channels, `[h, w]`; empty for none.
    pub noise: Vec<f32>,
    /// `[out]`.
    pub bias: Vec<f32>,
    /// Factor after the activation.
    pub gain: f32,
    /// Bound of the result before the gain.
    pub clamp: Option<f32>,
}

impl Epilogue {
    /// The factors of channel `o` of picture `n`.
    fn channel(&self, n: usize, o: usize) -> Channel<'_> {
        let gain = std::f32::consts::SQRT_2 * self.gain;
        Channel {
            demodulation: self.demodulation[n * self.bias.len() + o],
            bias: self.bias[o],
            gain,
            bound: self.clamp.map_or(f32::INFINITY, |c| c * self.gain),
            noise: &self.noise,
        }
    }
}

struct Channel<'a> {
    demodulation: f32,
    bias: f32,
    gain: f32,
    bound: f32,
    noise: &'a [f32],
}

impl Channel<'_> {
    /// leaky_relu(v·demodulation + noise + bias)·gain, bounded.
    #[inline]
    fn activate(&self, v: f32, noise: f32) -> f32 {
        let v = v * self.demodulation + noise + self.bias;
        (v.max(0.2 * v) * self.gain).min(self.bound).max(-self.bound)
    }

    /// Activates values in place; `start` is the first one's place in the picture.
    fn activate_all(&self, values: &mut [f32], start: usize) {
        if self.noise.is_empty() {
            values.iter_mut().for_each(|v| *v = self.activate(*v, 0.0));
        } else {
            for (v, noise) in values.iter_mut().zip(&self.noise[start..]) {
                *v = self.activate(*v, *noise);
            }
        }
    }
}

/// A modulated 3×3 convolution of `[n, in, h, w]` with all that follows.
pub struct ModulatedConv {
    /// Plain: `[out, in·9]`. Up: `[out·9, in]`.
    pub weight: Tensor,
    /// Whether it doubles the size.
    pub up: bool,
    /// Factor of each input channel, `[n, in]`.
    pub styles: Vec<f32>,
    /// What follows.
    pub epilogue: Epilogue,
}

impl CustomOp1 for ModulatedConv {
    fn name(&self) -> &'static str {
        "modulated-conv"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, inputs, height, width) = layout.shape().dims4()?;
        let (start, end) = layout
            .contiguous_offsets()
            .ok_or_else(|| candle_core::Error::Msg("features are not contiguous".into()))?;
        let x = &storage.as_slice::<f32>()?[start..end];
        let scale = if self.up { 2 } else { 1 };
        let outputs = self.epilogue.bias.len();
        let plane = height * width * scale * scale;
        let mut y = vec![0.0; n * outputs * plane];
        let pictures = x.chunks_exact(inputs * height * width).zip(self.styles.chunks(inputs));
        for (n, ((x, styles), y)) in pictures.zip(y.chunks_mut(outputs * plane)).enumerate() {
            let picture = Picture { x, styles, height, width };
            let rows = self.band_rows(inputs, height, width);
            bands(y, plane, rows * width * scale * scale)
                .into_par_iter()
                .enumerate()
                .try_for_each(|(i, planes)| {
                    let first = i * rows;
                    let last = (first + rows).min(height);
                    if self.up {
                        self.up_band(n, &picture, first, last, planes)
                    } else {
                        self.plain_band(n, &picture, first, last, planes)
                    }
                })?;
        }
        let shape = Shape::from((n, outputs, height * scale, width * scale));
        Ok((CpuStorage::F32(y), shape))
    }
}

impl ModulatedConv {
    /// Input rows of a band. An up-convolution computes one row more at either end of a band, and
    /// therefore takes taller ones.
    fn band_rows(&self, inputs: usize, height: usize, width: usize) -> usize {
        let (row_len, least) = if self.up {
            (9 * self.epilogue.bias.len() * width, 16)
        } else {
            (9 * inputs * width, 1)
        };
        (BAND_LEN / row_len).max(least).min(height)
    }

    fn plain_band(
        &self,
        n: usize,
        picture: &Picture<'_>,
        first: usize,
        last: usize,
        planes: Vec<&mut [f32]>,
    ) -> Result<()> {
        let product = product(&self.weight, picture.neighbourhoods(first, last))?;
        let len = (last - first) * picture.width;
        for (o, (y, sums)) in planes.into_iter().zip(product.chunks_exact(len)).enumerate() {
            y.copy_from_slice(sums);
            self.epilogue.channel(n, o).activate_all(y, first * picture.width);
        }
        Ok(())
    }

    fn up_band(
        &self,
        n: usize,
        picture: &Picture<'_>,
        first: usize,
        last: usize,
        planes: Vec<&mut [f32]>,
    ) -> Result<()> {
        let width = picture.width;
        let rows = first.saturating_sub(1)..(last + 1).min(picture.height);
        let product = product(&self.weight, picture.scaled(rows.start, rows.end))?;
        let mut scratch = Stretched::new(first, last, width);
        let per_channel = 9 * rows.len() * width;
        for (o, (y, taps)) in planes.into_iter().zip(product.chunks_exact(per_channel)).enumerate()
        {
            scratch.gather(taps, rows.start, rows.end);
            scratch.filter(y);
            self.epilogue.channel(n, o).activate_all(y, 4 * first * width);
        }
        Ok(())
    }
}

/// One picture's features and styles.
struct Picture<'a> {
    /// `[in, height, width]`.
    x: &'a [f32],
    /// `[in]`.
    styles: &'a [f32],
    height: usize,
    width: usize,
}

impl Picture<'_> {
    /// The modulated 3×3 neighbourhoods of the pixels in rows `first..last`, `[in·9, pixels]`,
    /// zeros outside (im2col).
    fn neighbourhoods(&self, first: usize, last: usize) -> Vec<f32> {
        let (h, w) = (self.height, self.width);
        let mut columns = Vec::with_capacity(self.styles.len() * 9 * (last - first) * w);
        for (plane, &style) in self.x.chunks_exact(h * w).zip(self.styles) {
            for tap in 0..9 {
                let (dy, dx) = (tap / 3, tap % 3);
                for y in first + dy..last + dy {
                    if y == 0 || y > h {
                        columns.resize(columns.len() + w, 0.0);
                        continue;
                    }
                    let row = &plane[(y - 1) * w..y * w];
                    let scale = |v: &f32| v * style;
                    match dx {
                        0 => {
                            columns.push(0.0);
                            columns.extend(row[..w - 1].iter().map(scale));
                        }
                        1 => columns.extend(row.iter().map(scale)),
                        _ => {
                            columns.extend(row[1..].iter().map(scale));
                            columns.push(0.0);
                        }
                    }
                }
            }
        }
        columns
    }

    /// The modulated rows `first..last`, `[in, pixels]`.
    fn scaled(&self, first: usize, last: usize) -> Vec<f32> {
        let (h, w) = (self.height, self.width);
        let mut rows = Vec::with_capacity(self.styles.len() * (last - first) * w);
        for (plane, &style) in self.x.chunks_exact(h * w).zip(self.styles) {
            rows.extend(plane[first * w..last * w].iter().map(|v| v * style));
        }
        rows
    }
}

/// Rows of one channel between the stride-2 transposed convolution and the resampling filter.
///
/// The transposed convolution t has `2·height + 1` rows and columns; a row holds its even columns
/// (`width + 1`), then its odd ones between two zeros (`width + 2`). Held are rows
/// `2·first - 1 ..= 2·last + 1`, those outside t zero.
struct Stretched {
    first: usize,
    last: usize,
    width: usize,
    rows: Vec<f32>,
    mixed: Vec<f32>,
}

impl Stretched {
    fn new(first: usize, last: usize, width: usize) -> Self {
        let row_len = 2 * width + 3;
        let rows = vec![0.0; (2 * (last - first) + 3) * row_len];
        Self { first, last, width, rows, mixed: vec![0.0; row_len] }
    }

    /// Adds up the products of the nine taps `[9, rows start..end, width]` where they fall:
    /// t[2i + ky, 2j + kx] += tap[ky, kx][i, j].
    fn gather(&mut self, taps: &[f32], start: usize, end: usize) {
        let w = self.width;
        let row_len = 2 * w + 3;
        self.rows.fill(0.0);
        for (k, tap) in taps.chunks_exact((end - start) * w).enumerate() {
            let (ky, kx) = (k / 3, k % 3);
            for (i, values) in (start..end).zip(tap.chunks_exact(w)) {
                // The first row held is 2·first - 1.
                let Some(row) = (2 * i + ky + 1).checked_sub(2 * self.first) else { continue };
                let Some(row) = self.rows.get_mut(row * row_len..(row + 1) * row_len) else {
                    continue;
                };
                let offset = [0, w + 2, 1][kx];
                for (t, v) in row[offset..offset + w].iter_mut().zip(values) {
                    *t += v;
                }
            }
        }
    }

    /// Filters down the columns, then along the rows, into `y` `[2·(last - first), 2·width]`.
    fn filter(&mut self, y: &mut [f32]) {
        let w = self.width;
        let row_len = 2 * w + 3;
        for (n, y) in y.chunks_exact_mut(2 * w).enumerate().take(2 * (self.last - self.first)) {
            let rows = &self.rows[n * row_len..(n + 4) * row_len];
            let (outer_a, rest) = rows.split_at(row_len);
            let (inner_a, rest) = rest.split_at(row_len);
            let (inner_b, outer_b) = rest.split_at(row_len);
            let outer = outer_a.iter().zip(outer_b);
            let inner = inner_a.iter().zip(inner_b);
            for (m, ((a, d), (b, c))) in self.mixed.iter_mut().zip(outer.zip(inner)) {
                *m = 0.25 * (a + d) + 0.75 * (b + c);
            }
            let (even, odd) = self.mixed.split_at(w + 1);
            for (((pair, e), o), next) in
                y.chunks_exact_mut(2).zip(even).zip(odd.windows(3)).zip(&even[1..])
            {
                pair[0] = 0.25 * (o[0] + next) + 0.75 * (e + o[1]);
                pair[1] = 0.25 * (e + o[2]) + 0.75 * (o[1] + next);
            }
        }
    }
}

/// `weight` `[m, k]` times `columns` `[k, pixels]`.
fn product(weight: &Tensor, columns: Vec<f32>) -> Result<Vec<f32>> {
    let k = weight.dim(1)?;
    let pixels = columns.len() / k;
    let columns = Tensor::from_vec(columns, (k, pixels), weight.device())?;
    weight.matmul(&columns)?.flatten_all()?.to_vec1()
}

/// The bands of a planar picture: for each, its part of every plane.
fn bands(y: &mut [f32], plane: usize, band: usize) -> Vec<Vec<&mut [f32]>> {
    let mut bands: Vec<Vec<&mut [f32]>> = Vec::new();
    bands.resize_with(plane.div_ceil(band), Vec::new);
    for plane in y.chunks_exact_mut(plane) {
        for (parts, part) in bands.iter_mut().zip(plane.chunks_mut(band)) {
            parts.push(part);
        }
    }
    bands
}
