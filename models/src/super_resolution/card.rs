//! Where a network came from, in the file that it is imported into.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::Path;

use candle_core::Tensor;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};

use super::Config;
use crate::ModelError;
use crate::checkpoint::Named;
use crate::file::WholeFile;

const CARD_KEY: &str = "card";

/// Where an imported network came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Name of the file that it was imported from.
    pub source: String,
    /// SHA-256 of that file.
    pub source_sha256: String,
    /// Its container and kind, such as `torch zip, SRVGGNetCompact`.
    pub format: String,
    /// How many times wider and taller the picture becomes.
    pub scale: usize,
    /// What the user said of the licence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// The program that imported it, with its version.
    pub imported_by: String,
}

impl Card {
    /// The card in the file where this program wrote it, or else a new one.
    pub(super) fn of(named: &Named, config: &Config) -> Self {
        let known = named.metadata.get(CARD_KEY).and_then(|json| serde_json::from_str(json).ok());
        known.unwrap_or_else(|| Self {
            source: named.source.clone(),
            source_sha256: named.source_sha256.clone(),
            format: format!("{}, {}", named.container, config.architecture.name()),
            scale: config.scale,
            licence: None,
            imported_by: concat!("lumawire ", env!("CARGO_PKG_VERSION")).to_owned(),
        })
    }

    /// The card with this licence, where one is given.
    pub fn licensed(&self, licence: Option<&str>) -> Self {
        let licence = licence.map(str::to_owned).or(self.licence.clone());
        Self { licence, ..self.clone() }
    }
}

/// Writes weights and card.
pub(super) fn save(
    tensors: &BTreeMap<String, Tensor>,
    card: &Card,
    out: &Path,
) -> Result<(), ModelError> {
    let card = serde_json::to_string(card).map_err(std::io::Error::from)?;
    let metadata =
        HashMap::from([("format".to_owned(), "pt".to_owned()), (CARD_KEY.to_owned(), card)]);
    let bytes = |tensor: &Tensor| -> Result<Vec<u8>, ModelError> {
        let values = tensor.flatten_all()?.to_vec1::<f32>()?;
        Ok(values.iter().flat_map(|value| value.to_le_bytes()).collect())
    };
    let values: Vec<_> = tensors
        .iter()
        .map(|(name, tensor)| Ok((name, tensor.dims().to_vec(), bytes(tensor)?)))
        .collect::<Result<_, ModelError>>()?;
    let views = values
        .iter()
        .map(|(name, shape, bytes)| Ok((*name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>, ModelError>>()?;
    let file = safetensors::serialize(views, Some(metadata))?;
    let mut whole = WholeFile::create(out).map_err(ModelError::Save)?;
    whole.write_all(&file).and_then(|()| whole.finish()).map_err(ModelError::Save)
}
