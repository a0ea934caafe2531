//! All that a patch says about being steered.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use thiserror::Error;

use super::{Binding, Cue, Moment, Preset};
use crate::graph::Graph;
use crate::param::ParamValue;

/// Bindings, presets and cues of a patch. What could not be read is left out of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Score {
    /// Bindings by target.
    pub bindings: BTreeMap<String, Binding>,
    /// Presets by name.
    pub presets: BTreeMap<String, Preset>,
    /// Cues with their moments, in the order of the list.
    pub cues: Vec<(Moment, Cue)>,
}

/// What is wrong with a binding, preset or cue. The rest of the patch plays without it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {reason}")]
pub struct ControlFault {
    /// Where: `bindings.walk_1.speed`.
    pub place: String,
    /// What is wrong, and what belongs there.
    pub reason: String,
}

impl Score {
    /// What the patch says, and what is wrong with it.
    pub fn of(graph: &Graph) -> (Self, Vec<ControlFault>) {
        let mut faults = Vec::new();
        let bindings = read_all("bindings", graph.bindings(), &mut faults);
        let presets: BTreeMap<String, Preset> = read_all("presets", graph.presets(), &mut faults);
        let mut score = Self { bindings, presets, cues: Vec::new() };
        score.read_cues(graph, &mut faults);
        score.check(graph, &mut faults);
        (score, faults)
    }

    fn read_cues(&mut self, graph: &Graph, faults: &mut Vec<ControlFault>) {
        let Some(json) = graph.cues() else { return };
        let cues: super::Cues = match read(json) {
            Ok(cues) => cues,
            Err(reason) => return faults.push(fault("cues", reason)),
        };
        for (i, cue) in cues.list.into_iter().enumerate() {
            match cue.moment(cues.tempo) {
                Ok(moment) => self.cues.push((moment, cue)),
                Err(reason) => {
                    let called = if cue.name.is_empty() {
                        String::new()
                    } else {
                        format!(" ({})", cue.name)
                    };
                    faults.push(fault(format!("cues.list[{i}]{called}"), reason));
                }
            }
        }
    }

    /// Names what is not there: it does no harm, but a typing error should be seen.
    fn check(&self, graph: &Graph, faults: &mut Vec<ControlFault>) {
        let mut check = |place: String, target: &str| {
            let is_there =
                target.split_once('.').is_some_and(|(node, _)| graph.node(node).is_some());
            if !is_there {
                let reason = format!("`{target}` is no `node.param` of this patch");
                faults.push(fault(place, reason));
            }
        };
        for target in self.bindings.keys() {
            check(format!("bindings.{target}"), target);
        }
        for (name, preset) in &self.presets {
            preset.values.keys().for_each(|target| check(format!("presets.{name}"), target));
        }
        for (_, cue) in &self.cues {
            let targets = cue.values.keys().chain(&cue.press);
            targets.for_each(|target| check(format!("cue `{}`", cue.name), target));
        }
        for (_, cue) in &self.cues {
            if let Some(name) = cue.recall.as_ref().filter(|name| !self.presets.contains_key(*name))
            {
                faults.push(fault(
                    format!("cue `{}`", cue.name),
                    format!("there is no preset `{name}`"),
                ));
            }
        }
    }

    /// Where a cue goes: its preset's values with its own over them.
    pub fn values_of(&self, cue: &Cue) -> BTreeMap<String, ParamValue> {
        let preset = cue.recall.as_ref().and_then(|name| self.presets.get(name));
        let mut values = preset.map(|preset| preset.values.clone()).unwrap_or_default();
        values.extend(cue.values.clone());
        values
    }
}

fn read_all<T: DeserializeOwned>(
    place: &str,
    members: &BTreeMap<String, Json>,
    faults: &mut Vec<ControlFault>,
) -> BTreeMap<String, T> {
    let mut found = BTreeMap::new();
    for (name, json) in members {
        match read(json) {
            Ok(value) => drop(found.insert(name.clone(), value)),
            Err(reason) => faults.push(fault(format!("{place}.{name}"), reason)),
        }
    }
    found
}

fn read<T: DeserializeOwned>(json: &Json) -> Result<T, String> {
    T::deserialize(json).map_err(|error| error.to_string())
}

fn fault(place: impl Into<String>, reason: impl Into<String>) -> ControlFault {
    ControlFault { place: place.into(), reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patch::parse;

    #[test]
    fn what_cannot_be_read_is_named_and_the_rest_stays() {
        let text = r#"{ "format": "lumawire-patch", "version": 1,
            "nodes": { "walk_1": { "kind": "latent.walk@1" } },
            "bindings": { "walk_1.speed": { "osc": "/speed" }, "walk_1.seed": { "osk": "/seed" },
                          "wok_1.speed": { "midi": { "cc": 3 } } },
            "presets": { "calm": { "values": { "walk_1.speed": 0.1 } }, "odd": 7 },
            "cues": { "list": [ { "name": "a", "at_secs": 1, "recall": "calm", "values": { "walk_1.seed": 3 } },
                                { "at_bar": 2 }, { "at_secs": 2, "recall": "none" } ] } }"#;
        let (score, faults) = Score::of(&parse(text).unwrap().graph);
        let places: Vec<_> = faults.iter().map(|f| f.place.as_str()).collect();
        let expected = [
            "bindings.walk_1.seed",
            "presets.odd",
            "cues.list[1]",
            "bindings.wok_1.speed",
            "cue ``",
        ];
        assert_eq!(places, expected);
        assert_eq!(score.bindings["walk_1.speed"].osc.as_deref(), Some("/speed"));
        let values = score.values_of(&score.cues[0].1);
        let values: Vec<_> = values.iter().map(|(t, v)| (t.as_str(), v.as_f64())).collect();
        assert_eq!(values, [("walk_1.seed", Some(3.0)), ("walk_1.speed", Some(0.1))]);
    }
}
