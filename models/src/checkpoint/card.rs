//! What an imported network's file says of its origin, and writing such files.

use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Checkpoint;
use crate::ModelError;
use crate::file::WholeFile;
use crate::stylegan2::Architecture;

/// The metadata entry with the card.
pub const CARD_KEY: &str = "card";
/// The metadata entry with the arguments of the published Generator.
pub const CONFIG_KEY: &str = "config";

/// Where an imported network came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Name of the file that it was imported from.
    pub source: String,
    /// SHA-256 of that file.
    pub source_sha256: String,
    /// Its format.
    pub format: String,
    /// Side of the pictures in pixels.
    pub img_resolution: usize,
    /// How the blocks' pictures reach the output.
    pub architecture: Architecture,
    /// What the user said of the licence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// What was noticed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The program that imported it, with its version.
    pub imported_by: String,
}

impl Checkpoint {
    /// The card that [`save`](Self::save) writes. A file that has a card keeps it, but for a new
    /// licence.
    pub fn card(&self, licence: Option<&str>) -> Card {
        let card = self.origin.clone().unwrap_or_else(|| Card {
            source: self.source.clone(),
            source_sha256: self.source_sha256.clone(),
            format: self.format.to_string(),
            img_resolution: self.config.img_resolution,
            architecture: self.config.architecture,
            licence: None,
            notes: self.notes.clone(),
            imported_by: concat!("lumawire ", env!("CARGO_PKG_VERSION")).to_owned(),
        });
        Card { licence: licence.map(str::to_owned).or(card.licence.clone()), ..card }
    }

    /// Writes a safetensors file with the configuration and the [`card`](Self::card) in its
    /// metadata. It appears under its name only when it is complete, in place of what was there.
    pub fn save(&self, out: &Path, licence: Option<&str>) -> Result<(), ModelError> {
        let header = self.header(licence)?;
        let mut file = WholeFile::create(out).map_err(ModelError::Save)?;
        let mut write = |bytes: &[u8]| file.write_all(bytes).map_err(ModelError::Save);
        write(&(header.len() as u64).to_le_bytes())?;
        write(header.as_bytes())?;
        for tensor in self.tensors.values() {
            let values = tensor.flatten_all()?.to_vec1::<f32>()?;
            values.iter().try_for_each(|value| write(&value.to_le_bytes()))?;
        }
        file.finish().map_err(ModelError::Save)
    }

    /// The header of a safetensors file, filled up with spaces so that the values are aligned.
    fn header(&self, licence: Option<&str>) -> Result<String, ModelError> {
        let card = serde_json::to_string(&self.card(licence)).map_err(std::io::Error::from)?;
        let config = self.config.to_published().to_string();
        let metadata = json!({ "format": "pt", CONFIG_KEY: config, CARD_KEY: card });
        let mut entries = Map::from_iter([("__metadata__".to_owned(), metadata)]);
        let mut start = 0;
        for (name, tensor) in &self.tensors {
            let end = start + 4 * tensor.elem_count();
            let entry =
                json!({ "dtype": "F32", "shape": tensor.dims(), "data_offsets": [start, end] });
            entries.insert(name.clone(), entry);
            start = end;
        }
        let mut header = Value::Object(entries).to_string();
        header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(8) - header.len()));
        Ok(header)
    }
}
