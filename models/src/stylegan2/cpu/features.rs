//! Buffers: features with channels last, and scratch that is used again.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, OnceLock, PoisonError};

use bytemuck::{Pod, Zeroable};
use rayon::prelude::*;

/// Channels are padded to a multiple of this.
pub const CHANNEL_STEP: usize = 8;

/// Number of channels with padding.
pub fn padded(channels: usize) -> usize {
    channels.next_multiple_of(CHANNEL_STEP)
}

/// A line of the processor's cache, so that no vector lies across two.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([f32; 16]);

/// f32 that start at a line of the cache.
#[derive(Clone, Default)]
pub struct Buffer {
    lines: Vec<Line>,
    len: usize,
}

impl Buffer {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Self {
        Self { lines: vec![Line::zeroed(); len.div_ceil(16)], len }
    }

    /// These values, and zeros up to a length of `len`.
    pub fn padded(values: &[f32], len: usize) -> Self {
        let mut buffer = Self::zeros(len.max(values.len()));
        buffer[..values.len()].copy_from_slice(values);
        buffer
    }

    /// Makes room for `len` values, which are then of any content; never gives room back.
    pub fn resize(&mut self, len: usize) {
        if self.lines.len() * 16 < len {
            self.lines.resize(len.div_ceil(16), Line::zeroed());
        }
        self.len = len;
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &bytemuck::cast_slice(&self.lines)[..self.len]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut bytemuck::cast_slice_mut(&mut self.lines)[..self.len]
    }
}

/// A side with the pixels of the border: one before, and as many after that tiles of 4 and of 6
/// pixels lie within with their neighbours.
fn bordered_len(side: usize) -> usize {
    side.next_multiple_of(4).max(side.next_multiple_of(6)) + 2
}

/// A picture's features, channels last, in a border of zeros of [`bordered_len`].
#[derive(Default)]
pub struct Features {
    pub height: usize,
    pub width: usize,
    /// Number of channels with padding; what the padding holds has no meaning.
    pub channels: usize,
    data: Buffer,
}

impl Features {
    /// Takes this shape. The border is zero, the rest of any content.
    pub fn reshape(&mut self, height: usize, width: usize, channels: usize) {
        (self.height, self.width, self.channels) = (height, width, padded(channels));
        let (row_len, channels) = (self.row_len(), self.channels);
        self.data.resize(bordered_len(height) * row_len);
        self.data[..row_len].fill(0.0);
        for row in self.data[row_len..(height + 1) * row_len].chunks_exact_mut(row_len) {
            row[..channels].fill(0.0);
            row[(width + 1) * channels..].fill(0.0);
        }
        self.data[(height + 1) * row_len..].fill(0.0);
    }

    /// Values from a row to the next.
    pub fn row_len(&self) -> usize {
        bordered_len(self.width) * self.channels
    }

    /// All values: pixel (y, x) starts at `(y + 1) · row_len + (x + 1) · channels`.
    pub fn bordered(&self) -> &[f32] {
        &self.data
    }

    /// Row `y`, `[width, channels]`.
    pub fn row(&self, y: usize) -> &[f32] {
        let start = (y + 1) * self.row_len() + self.channels;
        &self.data[start..start + self.width * self.channels]
    }

    /// The rows, `[height, row_len]` with their border.
    pub fn rows_mut(&mut self) -> &mut [f32] {
        let (row_len, height) = (self.row_len(), self.height);
        &mut self.data[row_len..(height + 1) * row_len]
    }

    /// The rows in groups of `rows`, each `[rows, row_len]` with its border, to work on at once.
    pub fn par_rows_mut(
        &mut self,
        rows: usize,
    ) -> impl IndexedParallelIterator<Item = &mut [f32]> + use<'_> {
        let len = rows * self.row_len();
        self.rows_mut().par_chunks_mut(len)
    }

    /// Takes the features of `x`, which has this shape, times a factor for each channel.
    pub fn assign_scaled(&mut self, x: &Features, factors: &[f32]) {
        let channels = self.channels;
        self.par_rows_mut(1).enumerate().for_each(|(y, row)| {
            let pixels = row[channels..].chunks_exact_mut(channels);
            for (to, from) in pixels.zip(x.row(y).chunks_exact(channels)) {
                for ((to, from), factor) in to.iter_mut().zip(from).zip(factors) {
                    *to = from * factor;
                }
            }
        });
    }

    /// Channels as planes, `[channels, height, width]`, without the padding.
    pub fn to_planar(&self, channels: usize) -> Vec<f32> {
        let plane = self.height * self.width;
        let mut planar = vec![0.0; channels * plane];
        planar.par_chunks_mut(plane.max(1)).enumerate().for_each(|(c, out)| self.plane(c, out));
        planar
    }

    /// Channel `c` as a plane `[height, width]`.
    pub fn plane(&self, c: usize, out: &mut [f32]) {
        for (y, out) in out.chunks_exact_mut(self.width).enumerate() {
            for (out, pixel) in out.iter_mut().zip(self.row(y).chunks_exact(self.channels)) {
                *out = pixel[c];
            }
        }
    }

    /// Takes planes `[channels, height, width]` for these channels.
    pub fn set_planes(&mut self, channels: &[usize], planes: &[f32]) {
        let (height, width, step) = (self.height, self.width, self.channels);
        self.par_rows_mut(1).enumerate().for_each(|(y, row)| {
            for (&channel, plane) in channels.iter().zip(planes.chunks_exact(height * width)) {
                let line = &plane[y * width..(y + 1) * width];
                for (pixel, v) in row[step..].chunks_exact_mut(step).zip(line) {
                    pixel[channel] = *v;
                }
            }
        });
    }

    /// Takes planes `[channels, height, width]` for the first channels.
    pub fn set_planar(&mut self, planes: &[f32]) {
        let channels: Vec<usize> = (0..planes.len() / (self.height * self.width)).collect();
        self.set_planes(&channels, planes);
    }
}

/// What `cell` holds, made first where it is empty. Unlike `get_or_init` it does not hold up others
/// meanwhile: a thread that waits within `make` may take up another picture, and come here for it.
pub fn made<T>(cell: &OnceLock<T>, make: impl FnOnce() -> T) -> &T {
    match cell.get() {
        Some(known) => known,
        None => {
            let new = make();
            cell.get_or_init(|| new)
        }
    }
}

/// Buffers that wait to be used again, so that a picture allocates nothing but itself.
#[derive(Default)]
pub struct Pool<T>(Mutex<Vec<T>>);

impl<T: Default> Pool<T> {
    /// One of them, or a new one where all are in use.
    pub fn take(&self) -> Lease<'_, T> {
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Lease { pool: self, item: free.unwrap_or_default() }
    }
}

/// Goes back to its pool when it is dropped.
pub struct Lease<'a, T: Default> {
    pool: &'a Pool<T>,
    item: T,
}

impl<T: Default> Deref for Lease<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.item
    }
}

impl<T: Default> DerefMut for Lease<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.item
    }
}

impl<T: Default> Drop for Lease<'_, T> {
    fn drop(&mut self) {
        let item = std::mem::take(&mut self.item);
        self.pool.0.lock().unwrap_or_else(PoisonError::into_inner).push(item);
    }
}
