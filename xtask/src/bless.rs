//! `cargo xtask bless`: new golden files.

use crate::setup;
use crate::shell::{self, Outcome};

/// Writes the golden files from what the program draws now, and the shipped patches in their
/// canonical form.
pub fn run() -> Outcome {
    setup::run(false)?;
    shell::run(
        shell::cargo(["test", "--test", "golden", "--test", "command"]).env("LUMAWIRE_BLESS", "1"),
    )?;
    println!("The golden files are written anew. Look at `git diff` before you commit them:");
    println!("each change in them is a change of what people see.");
    Ok(())
}
