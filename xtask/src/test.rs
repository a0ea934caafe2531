//! `cargo xtask test`: all tests.

use crate::setup;
use crate::shell::{self, Outcome};

/// Sets up, then runs the tests with `args` passed on to cargo.
pub fn run(args: &[String]) -> Outcome {
    setup::run(false)?;
    shell::run(shell::cargo(["test", "--workspace"]).args(args))
}
