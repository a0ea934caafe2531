//! `cargo xtask docs`: the reference of the nodes, from their own descriptions.

use std::fs;

use crate::shell::{self, Failure, Outcome};

const FILE: &str = "docs/nodes.md";

/// Writes the reference.
pub fn write() -> Outcome {
    let text = reference()?;
    fs::write(shell::root().join(FILE), text).map_err(|e| Failure::new(format!("{FILE}: {e}")))?;
    println!("wrote {FILE}");
    Ok(())
}

/// Fails where the reference is not what `write` would write.
pub fn check() -> Outcome {
    let stale = |why: &str| Failure::new(format!("{FILE} {why}: run `cargo xtask docs`"));
    let found = fs::read_to_string(shell::root().join(FILE)).map_err(|_| stale("is not there"))?;
    // A checkout on Windows may have CRLF.
    if found.replace("\r\n", "\n") == reference()? { Ok(()) } else { Err(stale("is out of date")) }
}

fn reference() -> Outcome<String> {
    shell::read(&mut shell::cargo(["run", "--quiet", "--", "nodes", "--markdown"]))
}
