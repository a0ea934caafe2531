//! Where presets and cues name a node: renaming it must reach them too.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

/// Whether presets or cues name a target of the node `id`.
pub(super) fn mentions(json: &Json, id: &str) -> bool {
    nodes(json).contains(id)
}

/// The nodes whose targets presets or cues name.
pub(super) fn nodes(json: &Json) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    visit(&mut json.clone(), &mut |target| {
        found.extend(target.split_once('.').map(|(node, _)| node.to_owned()));
        None
    });
    found
}

/// Puts `to` where a target of the node `id` is named.
pub(super) fn rename(json: &mut Json, id: &str, to: &str) {
    visit(json, &mut |target| match target.split_once('.') {
        Some((node, rest)) if node == id => Some(format!("{to}.{rest}")),
        _ => None,
    });
}

/// Shows `change` every target in a preset or a cue list, and takes what it gives in its place.
fn visit(json: &mut Json, change: &mut impl FnMut(&str) -> Option<String>) {
    let Json::Object(members) = json else { return };
    if let Some(Json::Array(list)) = members.get_mut("list") {
        list.iter_mut().for_each(|cue| visit(cue, change));
    }
    if let Some(Json::Object(values)) = members.get_mut("values") {
        let renamed = std::mem::take(values).into_iter();
        let renamed = renamed.map(|(target, value)| (change(&target).unwrap_or(target), value));
        *values = renamed.collect::<Map<_, _>>();
    }
    if let Some(Json::Array(press)) = members.get_mut("press") {
        press.iter_mut().for_each(|text| replace(text, change));
    }
    if let Some(when) = members.get_mut("when") {
        replace(when, change);
    }
}

fn replace(json: &mut Json, change: &mut impl FnMut(&str) -> Option<String>) {
    if let Json::String(text) = json
        && let Some(changed) = change(text)
    {
        *text = changed;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn targets_are_renamed_wherever_they_stand() {
        let mut cues = json!({ "list": [
            { "values": { "a.x": 1, "ab.x": 2 }, "press": ["a.go", "b.go"], "when": "a.out" },
        ] });
        assert!(mentions(&cues, "a") && !mentions(&cues, "c"));
        rename(&mut cues, "a", "c");
        let renamed = json!({ "list": [
            { "values": { "c.x": 1, "ab.x": 2 }, "press": ["c.go", "b.go"], "when": "c.out" },
        ] });
        assert_eq!(cues, renamed);
        assert!(!mentions(&json!({ "note": "a.x" }), "a"));
    }
}
