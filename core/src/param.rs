//! The value of a parameter, as the document holds it and as a node reads it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A file by its path relative to the patch, and the hash of what it held when it was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRef {
    /// Relative to the patch's folder, with forward slashes; empty for none.
    pub path: String,
    /// SHA-256 in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// One parameter's value. Choices are kept as their option's id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ParamValue {
    /// A switch.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A real number; see `From<f32>` for how it stays short in a file.
    Float(f64),
    /// Text, or the id of a choice's option.
    Text(String),
    /// A file.
    File(FileRef),
    /// Anything else that a file held: kept, never interpreted.
    Raw(serde_json::Value),
}

impl From<f32> for ParamValue {
    /// The real number with the same shortest decimal as `v`: 0.1 stays 0.1 in a file, where
    /// widening the bits would print 0.10000000149.
    fn from(v: f32) -> Self {
        Self::Float(v.to_string().parse().unwrap_or_else(|_| f64::from(v)))
    }
}

impl From<f64> for ParamValue {
    fn from(v: f64) -> Self {
        Self::Float(v)
    }
}

impl From<i64> for ParamValue {
    fn from(v: i64) -> Self {
        Self::Int(v)
    }
}

impl From<bool> for ParamValue {
    fn from(v: bool) -> Self {
        Self::Bool(v)
    }
}

impl From<&str> for ParamValue {
    fn from(v: &str) -> Self {
        Self::Text(v.to_owned())
    }
}

impl ParamValue {
    /// A file by its path, with no hash.
    pub fn file(path: impl Into<String>) -> Self {
        Self::File(FileRef { path: path.into(), sha256: None })
    }

    /// As a number, where it is one (a switch counts as 0 or 1).
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Bool(v) => Some(f64::from(u8::from(*v))),
            Self::Int(v) => Some(*v as f64),
            Self::Float(v) => Some(*v),
            _ => None,
        }
    }
}

impl fmt::Display for ParamValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(v) => write!(f, "{v}"),
            Self::Int(v) => write!(f, "{v}"),
            Self::Float(v) => write!(f, "{v}"),
            Self::Text(v) => write!(f, "{v}"),
            Self::File(v) => write!(f, "{}", v.path),
            Self::Raw(v) => write!(f, "{v}"),
        }
    }
}
