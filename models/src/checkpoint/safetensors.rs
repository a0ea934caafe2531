//! Files of safetensors: a header in JSON, then the values.

use std::collections::BTreeMap;

use safetensors::Dtype;
use safetensors::tensor::Metadata;

use super::printable;
use super::source::{Reader, Source, Span};
use super::tensor::{Element, Storage, View};
use crate::ModelError;

/// Bytes of the header, as the format bounds it.
const MAX_HEADER_LEN: u64 = 100_000_000;

/// Whether a file starts with a header: its length, then `{`.
pub fn is_header(head: &[u8]) -> bool {
    let Some((len, json)) = head.split_first_chunk() else { return false };
    u64::from_le_bytes(*len) <= MAX_HEADER_LEN && json.first() == Some(&b'{')
}

/// What a file holds.
pub struct Contents {
    /// The floats among its tensors.
    pub views: BTreeMap<String, View>,
    pub metadata: BTreeMap<String, String>,
}

pub fn read(source: &mut Source<'_>) -> Result<Contents, ModelError> {
    let span = source.span();
    let mut reader = Reader::new(source, span);
    let len = reader.u64()?;
    let header = reader.bytes(len, MAX_HEADER_LEN)?;
    let start = reader.position();
    let header: Metadata = serde_json::from_slice(&header).map_err(|error| {
        ModelError::damaged(format!("the header: {}", printable(&error.to_string())))
    })?;
    let mut views = BTreeMap::new();
    for (name, info) in header.tensors() {
        let (first, last) = info.data_offsets;
        let range = start.checked_add(first as u64).zip(start.checked_add(last as u64));
        let cut = || ModelError::damaged(format!("`{}` ends too early", printable(&name)));
        let (start, end) =
            range.filter(|&(start, end)| start <= end && end <= span.end).ok_or_else(cut)?;
        // Only floats are weights.
        let element = match info.dtype {
            Dtype::F16 => Element::F16,
            Dtype::BF16 => Element::Bf16,
            Dtype::F32 => Element::F32,
            Dtype::F64 => Element::F64,
            _ => continue,
        };
        let storage = Storage { element, span: Span { start, end } };
        let shape: Vec<u64> = info.shape.iter().map(|&size| size as u64).collect();
        views.insert(name, View::contiguous(storage, &shape)?);
    }
    let metadata = header.metadata().iter().flatten();
    let metadata = metadata.map(|(key, value)| (key.clone(), value.clone())).collect();
    Ok(Contents { views, metadata })
}
