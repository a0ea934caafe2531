//! Version 0, the early draft: wires were objects, and the frame rate was a bare number.

use serde_json::{Map, Value as Json, json};

use crate::patch::PatchError;

/// `{ "from": "a.b", "to": "c.d", "depth": 0.5 }` becomes `"a.b -> c.d * 0.5"`, and `"fps": 29.97`
/// becomes `[30000, 1001]`.
pub(super) fn to_v1(members: &mut Map<String, Json>) -> Result<(), PatchError> {
    if let Some(wires) = members.get_mut("wires") {
        let list = wires.as_array().ok_or_else(|| PatchError::field("wires", "a list"))?;
        *wires = list.iter().map(wire_text).collect::<Result<Vec<Json>, _>>()?.into();
    }
    if let Some(fps) = members.get_mut("clock").and_then(|clock| clock.get_mut("fps")) {
        let hz = fps.as_f64().filter(|hz| (0.001..=100_000.0).contains(hz));
        *fps = fraction(hz.ok_or_else(|| PatchError::field("clock.fps", "a number above 0"))?);
    }
    Ok(())
}

fn wire_text(wire: &Json) -> Result<Json, PatchError> {
    let end = |name: &str| {
        wire.get(name)
            .and_then(Json::as_str)
            .ok_or_else(|| PatchError::field(format!("wires.{name}"), "text, as \"node.port\""))
    };
    let (from, to) = (end("from")?, end("to")?);
    Ok(match wire.get("depth") {
        None => format!("{from} -> {to}"),
        Some(Json::Number(depth)) => format!("{from} -> {to} * {depth}"),
        Some(_) => return Err(PatchError::field("wires.depth", "a number")),
    }
    .into())
}

/// Whole rates over 1, the broadcast rates (23.976, 29.97, 59.94) over 1001, others in thousandths.
fn fraction(hz: f64) -> Json {
    let over_1001 = hz.ceil() * 1000.0 / 1001.0;
    if hz.fract() == 0.0 {
        json!([hz as u32, 1])
    } else if (hz - over_1001).abs() < 0.005 {
        json!([hz.ceil() as u32 * 1000, 1001])
    } else {
        json!([(hz * 1000.0).round() as u32, 1000])
    }
}
