//! Licences, sources and bans, by cargo-deny and `deny.toml`.

use crate::command::{self, Outcome, cargo, exists};

/// Runs `cargo deny`, installing it first where it is missing.
pub fn check() -> Outcome {
    if !exists("cargo-deny", "--version") {
        command::run(cargo().args(["install", "cargo-deny", "--locked", "--quiet"]))?;
    }
    command::run(cargo().args(["deny", "--all-features", "check", "licenses", "bans", "sources"]))
}
