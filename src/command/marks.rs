//! The marks of a patch's label files, for its cues.

use std::path::Path;

use lumawire_analysis::structure::marks::{MAX_BYTES, parse};
use lumawire_core::{Graph, ParamValue, patch};
use lumawire_models::file::read_bounded;

/// Names of marks, and where they begin, in seconds.
pub struct Marks(Vec<(String, f64)>);

/// The marks of all `source.marks` nodes. A file that cannot be read has none: its node tells why.
pub fn of(graph: &Graph, base_dir: &Path) -> Marks {
    let mut marks = Vec::new();
    for used in patch::files(graph, &lumawire_nodes::registry()) {
        let Some(node) = graph.node(&used.node).filter(|n| n.kind == "source.marks") else {
            continue;
        };
        let offset_secs =
            node.params.get("offset_secs").and_then(ParamValue::as_f64).unwrap_or(0.0);
        let text = read_bounded(&base_dir.join(&used.file.path), MAX_BYTES).ok();
        let text = text.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        let read = parse(&text).unwrap_or_default();
        marks.extend(read.into_iter().map(|mark| (mark.label, mark.start_secs + offset_secs)));
    }
    Marks(marks)
}

impl Marks {
    /// Where the marks of this name begin.
    pub fn secs_of(&self, name: &str) -> Vec<f64> {
        self.0.iter().filter(|(label, _)| label == name).map(|(_, secs)| *secs).collect()
    }
}
