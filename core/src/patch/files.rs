//! Which files a patch names.

use crate::graph::Graph;
use crate::param::{FileRef, ParamValue};
use crate::spec::{Domain, FileKind, Registry};

/// A file that a parameter names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileUse {
    /// The node.
    pub node: String,
    /// Its parameter.
    pub param: String,
    /// The file.
    pub file: FileRef,
    /// What it should be, where this build knows the node's kind.
    pub kind: Option<FileKind>,
}

/// All files that the document names, in order of node and parameter, those of unknown kinds
/// included. Parameters that name none are left out.
pub fn files(graph: &Graph, registry: &Registry) -> Vec<FileUse> {
    let mut uses = Vec::new();
    for (id, node) in graph.nodes() {
        let spec = registry.get(&node.kind);
        for (name, value) in &node.params {
            let param = spec.and_then(|s| s.params.get(s.param(name)?));
            let kind = match param.map(|p| p.domain) {
                Some(Domain::File { kind }) => Some(kind),
                _ => None,
            };
            let file = match value {
                ParamValue::File(file) => file.clone(),
                ParamValue::Text(path) if kind.is_some() => {
                    FileRef { path: path.clone(), sha256: None }
                }
                _ => continue,
            };
            if !file.path.is_empty() {
                uses.push(FileUse { node: id.to_owned(), param: name.clone(), file, kind });
            }
        }
    }
    uses
}
