//! What the user chose on this machine, kept from run to run. It is no part of any patch.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::CommandError;

/// Names the file for tests and for those who keep several.
const VARIABLE: &str = "LUMAWIRE_SETTINGS";

/// The settings. What a newer program wrote stays in the file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Sound.
    pub audio: AudioSettings,
    /// MIDI.
    #[serde(skip_serializing_if = "is_default")]
    pub midi: MidiSettings,
    /// The generator.
    #[serde(skip_serializing_if = "is_default")]
    pub generator: GeneratorSettings,
    #[serde(flatten)]
    others: serde_json::Map<String, serde_json::Value>,
}

/// What is chosen about sound; what is not there is the system's choice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AudioSettings {
    /// The input's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
}

/// What is chosen about MIDI.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MidiSettings {
    /// Parts of names of the devices to hear; all where there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<String>,
    #[serde(flatten)]
    others: serde_json::Map<String, serde_json::Value>,
}

/// What is chosen about the generator, as on the command line.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GeneratorSettings {
    /// Where it is computed (`--device`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// In which numbers a GPU computes (`--precision`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<String>,
    #[serde(flatten)]
    others: serde_json::Map<String, serde_json::Value>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Settings {
    /// Where they lie: `~/.config/lumawire/settings.json`, or the system's own place for such.
    pub fn path() -> Option<PathBuf> {
        if let Some(path) = std::env::var_os(VARIABLE) {
            return Some(path.into());
        }
        let folders = directories::ProjectDirs::from("", "", "lumawire")?;
        Some(folders.config_dir().join("settings.json"))
    }

    /// Reads them. A file that is not there has no settings; a damaged one is an error, so that
    /// nothing is written over it.
    pub fn load(path: &Path) -> Result<Self, CommandError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => return Err(io(path, error)),
        };
        serde_json::from_str(&text).map_err(|error| {
            CommandError::Usage(format!("{}: {error}; mend or remove it", path.display()))
        })
    }

    /// Writes them: the file is whole, old or new, at any moment.
    pub fn save(&self, path: &Path) -> Result<(), CommandError> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| CommandError::Usage(error.to_string()))?;
        fs::create_dir_all(folder).map_err(|error| io(folder, error))?;
        let write = || {
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            writeln!(file, "{text}")?;
            file.as_file().sync_all()?;
            file.persist(path).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(|error| io(path, error))
    }
}

fn io(path: &Path, source: std::io::Error) -> CommandError {
    CommandError::Io { what: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_loaded_and_what_is_unknown_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/settings.json");
        assert_eq!(Settings::load(&path).unwrap(), Settings::default());
        Settings::default().save(&path).unwrap();
        fs::write(&path, r#"{ "midi": { "port": 3 } }"#).unwrap();
        let mut settings = Settings::load(&path).unwrap();
        settings.audio.input = Some("alsa:hw:CARD=USB".into());
        settings.midi.inputs = vec!["nano".into()];
        settings.save(&path).unwrap();
        assert_eq!(Settings::load(&path).unwrap(), settings);
        assert!(fs::read_to_string(&path).unwrap().contains("\"port\": 3"));
        assert_eq!(
            fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1,
            "nothing is left over"
        );
    }

    #[test]
    fn a_damaged_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        fs::write(&path, "{ \"audio\": ").unwrap();
        let error = Settings::load(&path).unwrap_err().to_string();
        assert!(error.contains("settings.json"), "{error}");
    }
}
