//! JSON as a patch needs it: a name twice is an error, and values print on one line.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value as Json};

use super::PatchError;

/// Reads JSON. Unlike `serde_json::Value` by itself it refuses an object that names a member twice,
/// of which one would be lost.
pub(super) fn read(text: &str) -> Result<Json, PatchError> {
    serde_json::from_str::<Strict>(text).map(|strict| strict.0).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let message = error.to_string();
        let place = format!(" at line {line} column {column}");
        let message = message.strip_suffix(&place).unwrap_or(&message).to_owned();
        PatchError::Json { line, column, message }
    })
}

struct Strict(Json);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Strict)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, v: bool) -> Result<Json, E> {
        Ok(v.into())
    }

    fn visit_i64<E>(self, v: i64) -> Result<Json, E> {
        Ok(v.into())
    }

    fn visit_u64<E>(self, v: u64) -> Result<Json, E> {
        Ok(v.into())
    }

    fn visit_f64<E>(self, v: f64) -> Result<Json, E> {
        Ok(v.into())
    }

    fn visit_str<E>(self, v: &str) -> Result<Json, E> {
        Ok(v.into())
    }

    fn visit_string<E>(self, v: String) -> Result<Json, E> {
        Ok(v.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(Strict(item)) = seq.next_element()? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut map = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom(format_args!("`{key}` stands here twice")));
            }
            let Strict(value) = members.next_value()?;
            map.insert(key, value);
        }
        Ok(Json::Object(map))
    }
}

/// A value on one line: `{ "osc": "/walk/speed", "range": [0, 1] }`.
pub(super) struct Inline<'a>(pub &'a Json);

impl fmt::Display for Inline<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Json::Array(items) => {
                f.write_str("[")?;
                for (i, item) in items.iter().enumerate() {
                    write!(f, "{}{}", if i > 0 { ", " } else { "" }, Inline(item))?;
                }
                f.write_str("]")
            }
            Json::Object(map) if map.is_empty() => f.write_str("{}"),
            Json::Object(map) => {
                for (i, (key, value)) in map.iter().enumerate() {
                    write!(
                        f,
                        "{} {}: {}",
                        if i > 0 { "," } else { "{" },
                        quote(key),
                        Inline(value)
                    )?;
                }
                f.write_str(" }")
            }
            scalar => write!(f, "{scalar}"),
        }
    }
}

/// `text` as a JSON string.
pub(super) fn quote(text: &str) -> String {
    Json::from(text).to_string()
}
