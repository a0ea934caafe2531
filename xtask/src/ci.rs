//! Everything that has to pass, from quick to slow.

use std::time::Instant;

use crate::command::{self, Outcome, cargo, output};
use crate::{direction, docs, licences, setup};

fn run_all() -> Outcome {
    setup::install()?;
    command::run(cargo().args(["fmt", "--all", "--check"]))?;
    let metadata = output(cargo().args(["metadata", "--format-version", "1", "--locked"]))?;
    direction::check(&metadata)?;
    licences::check()?;
    command::run(cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    command::test(&[])?;
    docs::check()
}

/// Runs all checks, and says how long they took.
pub fn run() -> Outcome {
    let started = Instant::now();
    let result = run_all();
    println!("ci took {:.1} minutes", started.elapsed().as_secs_f64() / 60.0);
    result
}
