//! The folder of shipped patches: examples, templates, their music and shaders.

use std::path::{Path, PathBuf};

use directories::ProjectDirs;

use crate::command::write_file;
use crate::error::CommandError;

/// Names the folder.
const VARIABLE: &str = "LUMAWIRE_PATCHES";
/// The folder in a checkout, and beside an installed program.
const FOLDER: &str = "patches";

// All files of the folder as `(path, content)`: `FILES`.
include!(concat!(env!("OUT_DIR"), "/patches.rs"));

/// The folder: the one that a variable names, else the one beside the program or in the checkout that
/// it was built in, else a copy that the program brings along and lays into the user's data.
pub fn folder(program: Option<&Path>) -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os(VARIABLE) {
        return Some(folder.into());
    }
    if let Some(folder) = program.and_then(beside) {
        return Some(folder);
    }
    let folder = ProjectDirs::from("", "", "lumawire")?.data_dir().join(FOLDER);
    match unpack(&folder) {
        Ok(()) => Some(folder),
        Err(error) => {
            eprintln!("warning: the examples are not there: {error}");
            None
        }
    }
}

/// The folder in one of those that the program lies in, down to that of the checkout.
fn beside(program: &Path) -> Option<PathBuf> {
    let parents = program.ancestors().skip(1);
    let installed = parents.clone().take(1).map(|folder| folder.join(FOLDER));
    let is_checkout = |folder: &&Path| folder.join("Cargo.toml").is_file();
    let checkout = parents.filter(is_checkout).map(|folder| folder.join(FOLDER));
    installed.chain(checkout).find(|folder| folder.is_dir())
}

/// Writes the files that are not there as they should be.
fn unpack(folder: &Path) -> Result<(), CommandError> {
    for (path, content) in FILES {
        let path = folder.join(path);
        if std::fs::read(&path).is_ok_and(|there| there == *content) {
            continue;
        }
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).map_err(|source| CommandError::Io {
            what: format!("making {}", parent.display()),
            source,
        })?;
        write_file(&path, content)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use lumawire_core::patch;

    use super::*;

    #[test]
    fn what_is_unpacked_is_whole_and_mended() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("deep");
        unpack(&folder).unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER);
        let first = folder.join(super::super::FIRST);
        let read = |path: &Path| std::fs::read(path).unwrap();
        assert_eq!(read(&first), read(&source.join(super::super::FIRST)));
        std::fs::write(&first, "half").unwrap();
        unpack(&folder).unwrap();
        assert_eq!(read(&first), read(&source.join(super::super::FIRST)));
        let graph = patch::load(&first).unwrap().graph;
        for found in patch::files(&graph, &lumawire_nodes::registry()) {
            assert!(folder.join(&found.file.path).is_file(), "{}", found.file.path);
        }
    }

    #[test]
    fn the_folder_is_found_beside_the_program_and_in_the_checkout() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let program = root.join("target/debug/lumawire");
        assert_eq!(beside(&program), None);
        for made in ["patches", "target/debug"] {
            std::fs::create_dir_all(root.join(made)).unwrap();
        }
        assert_eq!(beside(&program), None, "no checkout");
        std::fs::write(root.join("Cargo.toml"), "").unwrap();
        assert_eq!(beside(&program), Some(root.join("patches")));
        std::fs::create_dir(root.join("target/debug/patches")).unwrap();
        assert_eq!(beside(&program), Some(root.join("target/debug/patches")));
    }
}
