//! Tensors that still lie in the file, and reading them.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};
use half::{bf16, f16};

use super::source::{Source, Span};
use crate::ModelError;

/// Values of all tensors of one network: published ones have up to 1e8.
const MAX_VALUES: u64 = 1 << 29;
/// Axes of a tensor.
const MAX_RANK: usize = 8;
/// Bytes that are converted at a time.
const CHUNK_LEN: u64 = 1 << 18;

/// The type of a stored number, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    F16,
    Bf16,
    F32,
    F64,
    I8,
    U8,
    I16,
    I32,
    I64,
}

impl Element {
    /// Bytes of one number.
    pub fn len(self) -> u64 {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::F16 | Self::Bf16 | Self::I16 => 2,
            Self::F32 | Self::I32 => 4,
            Self::F64 | Self::I64 => 8,
        }
    }

    fn convert(self, bytes: &[u8], out: &mut Vec<f32>) {
        fn all<const N: usize>(bytes: &[u8], out: &mut Vec<f32>, to_f32: impl Fn([u8; N]) -> f32) {
            out.extend(bytes.as_chunks::<N>().0.iter().map(|bytes| to_f32(*bytes)));
        }
        match self {
            Self::F16 => all(bytes, out, |b| f16::from_le_bytes(b).to_f32()),
            Self::Bf16 => all(bytes, out, |b| bf16::from_le_bytes(b).to_f32()),
            Self::F32 => all(bytes, out, f32::from_le_bytes),
            Self::F64 => all(bytes, out, |b| f64::from_le_bytes(b) as f32),
            Self::I8 => all(bytes, out, |b| f32::from(i8::from_le_bytes(b))),
            Self::U8 => all(bytes, out, |b| f32::from(u8::from_le_bytes(b))),
            Self::I16 => all(bytes, out, |b| f32::from(i16::from_le_bytes(b))),
            Self::I32 => all(bytes, out, |b| i32::from_le_bytes(b) as f32),
            Self::I64 => all(bytes, out, |b| i64::from_le_bytes(b) as f32),
        }
    }
}

/// Numbers of one type in a row.
#[derive(Debug, Clone, Copy)]
pub struct Storage {
    pub element: Element,
    pub span: Span,
}

impl Storage {
    /// The first `num_values` of what lies in `span`.
    pub fn new(element: Element, num_values: u64, span: Span) -> Result<Self, ModelError> {
        match num_values.checked_mul(element.len()) {
            Some(len) if len <= span.len() => {
                Ok(Self { element, span: Span { start: span.start, end: span.start + len } })
            }
            _ => Err(ModelError::damaged(format!(
                "{num_values} values do not fit into {} bytes",
                span.len()
            ))),
        }
    }

    fn num_values(&self) -> u64 {
        self.span.len() / self.element.len()
    }
}

/// A tensor over a storage: value `[i, j, …]` lies at `offset + i·stride_i + j·stride_j + …`.
#[derive(Debug, Clone)]
pub struct View {
    storage: Storage,
    offset: u64,
    /// Size and stride of each axis.
    axes: Vec<(u64, u64)>,
}

impl View {
    /// Fails where it would leave its storage, or where two of its values would share a place. One
    /// without values lies nowhere, wherever its offset points.
    pub fn new(
        storage: Storage,
        offset: u64,
        shape: &[u64],
        strides: &[u64],
    ) -> Result<Self, ModelError> {
        let fault = |why: &str| ModelError::damaged(format!("a tensor of shape {shape:?} {why}"));
        if shape.len() != strides.len() || shape.len() > MAX_RANK {
            return Err(fault("has other axes than strides, or too many"));
        }
        let axes: Vec<_> = shape.iter().copied().zip(strides.iter().copied()).collect();
        let mut by_stride: Vec<_> = axes.iter().filter(|(size, _)| *size > 1).copied().collect();
        by_stride.sort_by_key(|(_, stride)| *stride);
        // The place of the last value of the axes so far, relative to the first.
        let mut last = 0_u64;
        for (size, stride) in by_stride {
            if stride <= last {
                return Err(fault("overlaps itself"));
            }
            let reach = (size - 1).checked_mul(stride).and_then(|reach| reach.checked_add(last));
            last = reach.ok_or_else(|| fault("is larger than any file"))?;
        }
        // What multiplies the sizes later on must not overflow, empty axes or not.
        let sizes = shape.iter().filter(|size| **size > 0);
        if sizes.copied().try_fold(1, u64::checked_mul).is_none() {
            return Err(fault("is larger than any file"));
        }
        if shape.contains(&0) {
            return Ok(Self { storage, offset: 0, axes });
        }
        let end = last.checked_add(offset).and_then(|last| last.checked_add(1));
        if end.is_none_or(|end| end > storage.num_values()) {
            return Err(fault(&format!("leaves its {} values", storage.num_values())));
        }
        Ok(Self { storage, offset, axes })
    }

    /// A tensor whose values lie one after the other.
    pub fn contiguous(storage: Storage, shape: &[u64]) -> Result<Self, ModelError> {
        let mut strides = vec![1_u64; shape.len()];
        for axis in (1..shape.len()).rev() {
            strides[axis - 1] = strides[axis].saturating_mul(shape[axis].max(1));
        }
        Self::new(storage, 0, shape, &strides)
    }

    /// The same values with fewer axes of size 1, leading ones first, down to `rank` axes.
    pub fn squeeze_to(mut self, rank: usize) -> Self {
        let mut axis = 0;
        while self.axes.len() > rank && axis < self.axes.len() {
            if self.axes[axis].0 == 1 {
                self.axes.remove(axis);
            } else {
                axis += 1;
            }
        }
        self
    }

    fn num_values(&self) -> u64 {
        // No overflow: `new` has checked it.
        self.axes.iter().map(|(size, _)| size).product()
    }

    /// Values from the first to the last in the storage, the unused ones between them included.
    fn reach(&self) -> u64 {
        if self.num_values() == 0 {
            return 0;
        }
        1 + self.axes.iter().map(|(size, stride)| (size - 1) * stride).sum::<u64>()
    }

    fn is_contiguous(&self) -> bool {
        // Nothing to gather where there are no values, however long the other axes are.
        self.num_values() == 0
            || self.reach() == self.num_values()
                && self.axes.iter().filter(|(size, _)| *size > 1).is_sorted_by_key(|a| !a.1)
    }

    fn read(&self, source: &mut Source<'_>) -> Result<Tensor, ModelError> {
        let stored = self.read_stored(source)?;
        let values = if self.is_contiguous() {
            stored
        } else {
            let mut values = Vec::with_capacity(self.num_values() as usize);
            gather(&stored, 0, &self.axes, &mut values);
            values
        };
        let shape: Vec<usize> = self.axes.iter().map(|(size, _)| *size as usize).collect();
        Ok(Tensor::from_vec(values, shape, &Device::Cpu)?)
    }

    /// The values from the first to the last, in the order in which they are stored.
    fn read_stored(&self, source: &mut Source<'_>) -> Result<Vec<f32>, ModelError> {
        let element = self.storage.element;
        let mut values = Vec::with_capacity(self.reach() as usize);
        let mut start = self.storage.span.start + self.offset * element.len();
        let end = start + self.reach() * element.len();
        let mut chunk = vec![0; (end - start).min(CHUNK_LEN) as usize];
        while start < end {
            let part = &mut chunk[..(end - start).min(CHUNK_LEN) as usize];
            source.read_at(start, part)?;
            element.convert(part, &mut values);
            start += part.len() as u64;
        }
        Ok(values)
    }
}

/// Appends what lies at `at` and on, in the order of the axes. Its depth is the rank.
fn gather(stored: &[f32], at: u64, axes: &[(u64, u64)], values: &mut Vec<f32>) {
    match axes {
        [] => values.extend(stored.get(at as usize)),
        [(size, stride), rest @ ..] => {
            (0..*size).for_each(|i| gather(stored, at + i * stride, rest, values));
        }
    }
}

/// Reads all tensors as f32.
pub fn read_all(
    source: &mut Source<'_>,
    views: &BTreeMap<String, View>,
) -> Result<BTreeMap<String, Tensor>, ModelError> {
    // Each byte of a file may serve one value: what is shared over and over is no network.
    let max_values = MAX_VALUES.min(source.span().len());
    let num_values = views.values().fold(0_u64, |sum, view| sum.saturating_add(view.reach()));
    if num_values > max_values {
        return Err(ModelError::TooLarge(format!("{num_values} values")));
    }
    views.iter().map(|(name, view)| Ok((name.clone(), view.read(source)?))).collect()
}
