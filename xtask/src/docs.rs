//! `cargo xtask docs`: the reference of the nodes, from their own descriptions. A test of the
//! command keeps it fresh.

use std::fs;

use crate::shell::{self, Failure, Outcome};

const FILE: &str = "docs/nodes.md";

/// Writes the reference.
pub fn run() -> Outcome {
    let text = shell::read(&mut shell::cargo(["run", "--quiet", "--", "nodes", "--markdown"]))?;
    fs::write(shell::root().join(FILE), text).map_err(|e| Failure::new(format!("{FILE}: {e}")))?;
    println!("wrote {FILE}");
    Ok(())
}
