//! The node reference, from the nodes' own descriptions.

use crate::command::{Outcome, cargo, output, root};

const HELP: &str = "`cargo xtask docs` writes it anew";

fn rendered() -> Outcome<String> {
    output(cargo().args(["run", "--quiet", "--", "nodes", "--markdown"]))
}

/// Writes `docs/nodes.md`.
pub fn write() -> Outcome {
    let path = root().join("docs").join("nodes.md");
    std::fs::write(&path, rendered()?).map_err(|e| format!("{}: {e}", path.display()))?;
    println!("wrote {}", path.display());
    Ok(())
}

/// Fails if `docs/nodes.md` is not what the nodes say now.
pub fn check() -> Outcome {
    let path = root().join("docs").join("nodes.md");
    let kept = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    if kept == rendered()? {
        println!("docs/nodes.md is up to date");
        return Ok(());
    }
    Err(format!("docs/nodes.md is out of date; {HELP}"))
}
