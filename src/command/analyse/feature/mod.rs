//! The features: one table a group, one entry a feature.

mod level;
mod rhythm;
mod segments;
mod separate;
mod spectrum;
mod tonal;

use lumawire_core::NodeSpec;

use super::array::Array;
use super::live::{Live, Reading};
use super::study::Study;
use crate::error::CommandError;

/// One feature.
pub struct Feature {
    /// Its name: librosa's, where librosa has it.
    pub name: &'static str,
    /// Its shape, in numpy's order.
    pub shape: &'static str,
    /// What it is, in a line.
    pub doc: &'static str,
    /// Whether it is large, and written only where it is asked for by name.
    pub is_large: bool,
    /// Whether it is measured on the file's own channels and rate.
    pub is_of_file: bool,
    /// Computes it over the whole sound.
    pub study: fn(&Study) -> Array,
    /// How it is heard live, where that is possible.
    pub live: Option<Live>,
}

impl Feature {
    const fn new(
        name: &'static str,
        shape: &'static str,
        doc: &'static str,
        study: fn(&Study) -> Array,
    ) -> Self {
        Self { name, shape, doc, is_large: false, is_of_file: false, study, live: None }
    }

    const fn large(mut self) -> Self {
        self.is_large = true;
        self
    }

    const fn of_file(mut self) -> Self {
        self.is_of_file = true;
        self
    }

    /// Heard live by `nodes` in a row, the first of which takes the sound.
    const fn live(mut self, nodes: &'static [&'static NodeSpec], reading: Reading) -> Self {
        self.live = Some(Live { nodes, reading });
        self
    }
}

/// All features by group: `--features` takes the groups' names too.
pub const GROUPS: &[(&str, &[Feature])] = &[
    ("level", level::FEATURES),
    ("spectrum", spectrum::FEATURES),
    ("tonal", tonal::FEATURES),
    ("separate", separate::FEATURES),
    ("rhythm", rhythm::FEATURES),
    ("segments", segments::FEATURES),
];

/// What stands for every feature.
const ALL: &str = "all";

/// The features of a list such as `mel,tempo,rhythm`, in the table's order; without a list those that
/// are not large. `live` takes those alone that can be heard live.
pub fn chosen(list: &[String], live: bool) -> Result<Vec<&'static Feature>, CommandError> {
    for name in list {
        let known = |(group, features): &(&str, &[Feature])| {
            name == group || features.iter().any(|f| f.name == name && (f.live.is_some() || !live))
        };
        if name != ALL && !GROUPS.iter().any(known) {
            let what = if live { "live feature" } else { "feature" };
            return Err(CommandError::Usage(format!(
                "there is no {what} `{name}`; there are {}, and the groups {}, {ALL}",
                names(live).join(", "),
                GROUPS.iter().map(|(group, _)| *group).collect::<Vec<_>>().join(", "),
            )));
        }
    }
    let asks = |name: &str| list.iter().any(|asked| asked == name || asked == ALL);
    let is_chosen = |group: &str, f: &Feature| match list {
        [] => !f.is_large,
        _ => asks(f.name) || asks(group),
    };
    let of_group = |(group, features): &'static (&str, &[Feature])| {
        features.iter().filter(move |f| is_chosen(group, f))
    };
    Ok(GROUPS.iter().flat_map(of_group).filter(|f| f.live.is_some() || !live).collect())
}

fn names(live: bool) -> Vec<&'static str> {
    let features = GROUPS.iter().flat_map(|(_, features)| *features);
    features.filter(|f| f.live.is_some() || !live).map(|f| f.name).collect()
}

/// A line a feature: name, shape, what it is.
pub fn table() -> String {
    let mut text = String::new();
    for (group, features) in GROUPS {
        text += &format!("{group}:\n");
        for Feature { name, shape, doc, is_large, live, .. } in *features {
            let live = if live.is_some() { "live" } else { "" };
            let on_request = if *is_large { " (by name only)" } else { "" };
            text += &format!("  {name:<24} {shape:<20} {live:<5} {doc}{on_request}\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen_names(list: &[&str], live: bool) -> Vec<&'static str> {
        let list: Vec<String> = list.iter().map(ToString::to_string).collect();
        chosen(&list, live).unwrap().into_iter().map(|f| f.name).collect()
    }

    #[test]
    fn names_are_unique_and_explained() {
        let mut all: Vec<&str> = GROUPS.iter().map(|(group, _)| *group).collect();
        all.extend(names(false));
        all.push(ALL);
        let num = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), num);
        for feature in GROUPS.iter().flat_map(|(_, features)| *features) {
            assert!(feature.doc.ends_with('.') && feature.doc.len() < 110, "{}", feature.name);
            assert!(feature.shape.starts_with('['), "{}", feature.name);
        }
    }

    #[test]
    fn lists_choose_by_name_and_group() {
        assert_eq!(chosen_names(&["onset_strength", "mel"], false), ["mel", "onset_strength"]);
        assert!(!chosen_names(&[], false).contains(&"stft"));
        assert!(chosen_names(&["spectrum"], false).contains(&"stft"));
        assert_eq!(chosen_names(&["all"], false), names(false));
        assert_eq!(chosen_names(&["all"], true), names(true));
        let error =
            chosen(&["mell".into()], false).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(error.contains("`mell`") && error.contains("onset_strength"), "{error}");
    }
}
