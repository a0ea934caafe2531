//! All that a patch says about being steered.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use thiserror::Error;

use super::{Binding, Cue, Moment, Preset};
use crate::graph::Graph;
use crate::param::ParamValue;

/// Bindings, presets and cues of a patch. What could not be read is left out of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Score {
    /// Bindings by target. A take keeps what came of them instead.
    #[serde(skip)]
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

    /// Gives the cues at marks their times. `secs_of` says where the marks of a name begin, in
    /// seconds; what begins before the sound does not come. The faults name marks that are not there.
    pub fn resolve_marks(&mut self, secs_of: impl Fn(&str) -> Vec<f64>) -> Vec<ControlFault> {
        let mut faults = Vec::new();
        for (moment, cue) in &mut self.cues {
            let Moment::Mark(name) = moment else { continue };
            let mut secs = secs_of(name);
            if secs.is_empty() {
                let reason = format!(
                    "no mark is called `{name}`: name it in the label file of a `source.marks` node"
                );
                faults.push(fault(format!("cue `{}`", cue.name), reason));
                continue;
            }
            secs.retain(|secs| *secs >= 0.0);
            *moment = Moment::AnyOf(secs);
        }
        faults
    }

    /// The weighted mean of presets, as a preset: real numbers (`is_real` says of a target whether it
    /// is one) as the mean over those that hold them, all else as in the heaviest that holds it, with
    /// the heaviest's time and curve. Of equal weights the earlier counts as heavier. A weight that
    /// is not above 0 and a name that is not there count nothing; `None` where nothing is left.
    pub fn blend(&self, parts: &[(String, f64)], is_real: impl Fn(&str) -> bool) -> Option<Preset> {
        let counts = |(name, weight): &(String, f64)| {
            let preset = self.presets.get(name).filter(|_| *weight > 0.0 && weight.is_finite())?;
            Some((preset, *weight))
        };
        let mut parts: Vec<(&Preset, f64)> = parts.iter().filter_map(counts).collect();
        parts.sort_by(|a, b| b.1.total_cmp(&a.1));
        let (heaviest, weight) = *parts.first()?;
        // Relative to the heaviest, so that sums stay finite.
        parts.iter_mut().for_each(|part| part.1 /= weight);
        let mut blend = Preset { program: None, ..heaviest.clone() };
        for (target, value) in parts.iter().flat_map(|(preset, _)| &preset.values) {
            blend.values.entry(target.clone()).or_insert_with(|| value.clone());
        }
        for (target, value) in blend.values.iter_mut().filter(|(target, _)| is_real(target)) {
            if let Some(mean) = mean(&parts, target) {
                *value = ParamValue::Float(mean);
            }
        }
        Some(blend)
    }

    /// Where a cue goes: its preset's values with its own over them.
    pub fn values_of(&self, cue: &Cue) -> BTreeMap<String, ParamValue> {
        let preset = cue.recall.as_ref().and_then(|name| self.presets.get(name));
        let mut values = preset.map(|preset| preset.values.clone()).unwrap_or_default();
        values.extend(cue.values.clone());
        values
    }
}

/// The weighted mean of what the presets that hold `target` say, if all of that are numbers.
fn mean(parts: &[(&Preset, f64)], target: &str) -> Option<f64> {
    let (mut sum, mut total) = (0.0, 0.0);
    for (preset, weight) in parts {
        let Some(value) = preset.values.get(target) else { continue };
        sum += weight * value.as_f64()?;
        total += weight;
    }
    Some(sum / total).filter(|mean| mean.is_finite())
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
    use crate::control::Curve;
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

    fn score(presets: &str, cues: &str) -> Score {
        let text = format!(
            r#"{{ "format": "lumawire-patch", "version": 1, "nodes": {{ "n": {{ "kind": "a.b@1" }} }},
                 "presets": {presets}, "cues": {{ "list": {cues} }} }}"#
        );
        let (score, faults) = Score::of(&parse(&text).unwrap().graph);
        assert_eq!(faults, []);
        score
    }

    #[test]
    fn marks_of_one_name_give_a_cue_all_their_times() {
        let cues = r#"[ { "at_mark": "chorus" }, { "name": "x", "at_mark": "coda" } ]"#;
        let mut score = score("{}", cues);
        let secs_of = |name: &str| if name == "chorus" { vec![-1.0, 4.0, 8.5] } else { vec![] };
        let faults = score.resolve_marks(secs_of);
        assert_eq!(score.cues[0].0, Moment::AnyOf(vec![4.0, 8.5]));
        assert_eq!(score.cues[1].0, Moment::Mark("coda".into()));
        assert_eq!(faults.len(), 1);
        assert!(faults[0].to_string().contains("cue `x`") && faults[0].reason.contains("`coda`"));
    }

    #[test]
    fn a_blend_is_the_weighted_mean_of_what_is_real() {
        let presets = r#"{ "a": { "curve": "linear", "values": { "n.x": 1, "n.i": 3, "n.t": "a" } },
            "b": { "morph_secs": 2, "values": { "n.x": 4.0, "n.i": 5, "n.only": 0.5, "n.t": "b" } } }"#;
        let score = score(presets, "[]");
        let blend = |parts: &[(&str, f64)]| {
            let parts: Vec<_> = parts.iter().map(|(n, w)| ((*n).to_owned(), *w)).collect();
            score.blend(&parts, |target| target != "n.i")
        };
        let near_b = blend(&[("a", 1.0), ("b", 2.0), ("none", 9.0), ("a", f64::NAN)]).unwrap();
        let expected: BTreeMap<String, ParamValue> = [
            ("n.i".to_owned(), ParamValue::Int(5)),
            ("n.only".to_owned(), ParamValue::Float(0.5)),
            ("n.t".to_owned(), ParamValue::Text("b".into())),
            ("n.x".to_owned(), ParamValue::Float(3.0)),
        ]
        .into();
        assert_eq!((near_b.values, near_b.morph_secs), (expected, 2.0));
        let equal = blend(&[("a", f64::MAX), ("b", f64::MAX)]).unwrap();
        assert_eq!((equal.values["n.x"].as_f64(), equal.curve), (Some(2.5), Curve::Linear));
        assert_eq!(equal.values["n.t"], ParamValue::Text("a".into()));
        assert_eq!(blend(&[("a", 0.0), ("b", -1.0)]), None);
    }

    #[test]
    fn a_score_is_written_and_read_again() {
        let presets = r#"{ "a": { "morph_secs": 0.1, "values": { "n.x": 0.1, "n.t": "b" } } }"#;
        let cues = r#"[ { "at_secs": 2.5, "recall": "a" }, { "when": "n.o", "is": 2 }, { "at_mark": "m" } ]"#;
        let score = score(presets, cues);
        let text = serde_json::to_string(&score).unwrap();
        assert_eq!(serde_json::from_str::<Score>(&text).unwrap(), score);
    }
}
