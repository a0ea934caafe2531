//! Snapshots of parameters.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Curve;
use crate::param::ParamValue;

/// Values of some parameters, which a show can go to.
///
/// ```json
/// "calm": { "morph_secs": 4, "curve": "smooth", "values": { "walk_1.speed": 0.1 } }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Preset {
    /// Seconds that it takes to get there, unless who recalls it says otherwise.
    #[serde(skip_serializing_if = "is_zero")]
    pub morph_secs: f64,
    /// How it gets there.
    pub curve: Curve,
    /// MIDI program 0..127 that recalls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<u8>,
    /// Values by target, `node.param`. What is not in it stays as it is.
    pub values: BTreeMap<String, ParamValue>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn is_zero(secs: &f64) -> bool {
    *secs == 0.0
}
