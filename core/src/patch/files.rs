//! Which files a patch names.

use std::path::{Component, Path, PathBuf};

use crate::graph::{Edit, Graph};
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

/// The edits after which the document, saved in the folder `to`, names the files that it named in the
/// folder `from`. Absolute paths stay. Nothing is looked up: `..` counts as the folder above, links
/// aside. Both folders should be absolute, or both start from the same place; where no way leads from
/// `to` to a file, as from one drive to another, its path begins with `from`.
pub fn rebase(graph: &Graph, registry: &Registry, from: &Path, to: &Path) -> Vec<Edit> {
    let moved = |used: FileUse| {
        let path = moved(Path::new(&used.file.path), from, to)?;
        let value = match graph.node(&used.node)?.params.get(&used.param)? {
            ParamValue::Text(_) => ParamValue::Text(path),
            _ => ParamValue::File(FileRef { path, ..used.file }),
        };
        Some(Edit::SetParam { node: used.node, param: used.param, value: Some(value) })
    };
    let (from, to) = (&plain(from), &plain(to));
    if from == to {
        return Vec::new();
    }
    files(graph, registry).into_iter().filter_map(moved).collect()
}

/// The way from the folder `to` to what `path` names in the folder `from`; none where it stays.
fn moved(path: &Path, from: &Path, to: &Path) -> Option<String> {
    if path.has_root() {
        return None;
    }
    let file = plain(&from.join(path));
    let moved = way(to, &file).unwrap_or(file);
    let text = moved.to_str()?;
    let text = if cfg!(windows) { text.replace('\\', "/") } else { text.to_owned() };
    (Path::new(&text) != path).then_some(text)
}

/// The way from a folder to a file, both plain; none where it would lead through a folder whose name
/// is not known.
fn way(from: &Path, to: &Path) -> Option<PathBuf> {
    let common = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let mut way = PathBuf::new();
    for up in from.components().skip(common) {
        match up {
            Component::Normal(_) => way.push(".."),
            _ => return None,
        }
    }
    let mut down = to.components().skip(common);
    down.all(|c| matches!(c, Component::Normal(_) | Component::ParentDir)).then(|| {
        way.extend(to.components().skip(common));
        if way.as_os_str().is_empty() { PathBuf::from(".") } else { way }
    })
}

/// The path without `.`, and without `..` where what it leads out of is named.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match (component, plain.components().next_back()) {
            (Component::CurDir, _) | (Component::ParentDir, Some(Component::RootDir)) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => {
                plain.pop();
            }
            (other, _) => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::stubs::{add, graph, registry};

    fn rebased(path: &str, from: &str, to: &str) -> Option<String> {
        let mut g = graph("in: audio", &[]);
        g.apply(add("d", "draw", &[("model", path.into())]), &registry()).unwrap();
        let edits = rebase(&g, &registry(), Path::new(from), Path::new(to));
        g.apply(Edit::Batch(edits.clone()), &registry()).unwrap();
        let now = files(&g, &registry()).remove(0).file.path;
        assert_eq!(edits.is_empty(), now == path);
        (!edits.is_empty()).then_some(now)
    }

    #[test]
    fn paths_lead_to_the_same_file_from_another_folder() {
        for (path, from, to, expected) in [
            ("a.pt", "/shows/x", "/shows/y", "../x/a.pt"),
            ("m/a.pt", "/shows", "/shows/y/z", "../../m/a.pt"),
            ("m/a.pt", "/shows/y/z", "/shows", "y/z/m/a.pt"),
            ("../a.pt", "/shows/x", "/shows", "a.pt"),
            ("./b/../../a.pt", "/shows/x/", "/", "shows/a.pt"),
            ("../../../a.pt", "/x", "/y", "../a.pt"),
            ("a.pt", "x", "y/z", "../../x/a.pt"),
            ("a.pt", "", "y", "../a.pt"),
            // What the folder is called out of which the way would lead, nobody knows.
            ("a.pt", "/x", "y", "/x/a.pt"),
            ("a.pt", "x", "../y", "x/a.pt"),
            ("../y", "/x", "/y", "."),
            ("größe 1.pt", "/x", "/y", "../x/größe 1.pt"),
        ] {
            assert_eq!(rebased(path, from, to), Some(expected.to_owned()), "{path} {from} {to}");
        }
        for (path, from, to) in
            [("/a.pt", "/x", "/y"), ("", "/x", "/y"), ("a.pt", "/x/./y/..", "/x")]
        {
            let mut g = graph("in: audio", &[]);
            g.apply(add("d", "draw", &[("model", path.into())]), &registry()).unwrap();
            assert_eq!(rebase(&g, &registry(), Path::new(from), Path::new(to)), [], "{path}");
        }
    }

    #[test]
    fn a_hash_and_a_file_of_an_unknown_kind_go_along() {
        let mut g = graph("n: nothing", &[]);
        let file = |path: &str| {
            Some(ParamValue::File(FileRef { path: path.into(), sha256: Some("00ff".into()) }))
        };
        let set =
            |path| Edit::SetParam { node: "n".into(), param: "take".into(), value: file(path) };
        g.apply(set("a.wav"), &registry()).unwrap();
        assert_eq!(rebase(&g, &registry(), Path::new("/x"), Path::new("/y")), [set("../x/a.wav")]);
    }

    /// The system's own idea of where paths lead.
    #[test]
    fn the_file_system_agrees() {
        let dir = tempfile::tempdir().unwrap();
        let folders = ["", "a", "a/b", "a/b/c", "d", "d/e"];
        for folder in folders {
            fs::create_dir_all(dir.path().join(folder)).unwrap();
            fs::write(dir.path().join(folder).join("f"), folder).unwrap();
        }
        let real = |path: PathBuf| fs::canonicalize(&path).unwrap_or_else(|_| panic!("{path:?}"));
        for from in folders.map(|f| dir.path().join(f)) {
            for to in folders.map(|f| dir.path().join(f)) {
                for file in folders.map(|f| dir.path().join(f).join("f")) {
                    let path = moved(&file, Path::new(""), &from);
                    assert_eq!(path, None, "absolute paths stay");
                    let path = way(&from, &file).unwrap();
                    let path = path.to_str().unwrap();
                    let new = rebased(path, from.to_str().unwrap(), to.to_str().unwrap());
                    let new = new.unwrap_or_else(|| path.to_owned());
                    assert_eq!(real(to.join(&new)), real(from.join(path)));
                    assert_eq!(real(to.join(&new)), real(file));
                }
            }
        }
    }
}
