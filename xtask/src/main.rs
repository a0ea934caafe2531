//! The project's chores, in plain Rust so that they need nothing but a toolchain.

mod bench;
mod ci;
mod command;
mod demo;
mod direction;
mod docs;
mod licences;
mod setup;

use std::process::ExitCode;

const HELP: &str = "\
usage: cargo xtask <chore>

  setup [--check]    find what is missing on this machine and install it (or only tell)
  demo               set up, build, and render a video from real music with a shipped patch
  test [ARGS]        set up and run all tests (ARGS go to `cargo test`)
  ci                 what has to pass: formatting, dependency direction, lints, licences, tests
  bench [FILTER]     run the benchmarks and print one table
  bless              write the golden hashes anew; look at the difference before committing
  docs               write docs/nodes.md from the nodes' descriptions

GPU checks come with the CUDA build; there is none yet.";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args.as_slice() {
        ["setup"] => setup::install(),
        ["setup", "--check"] => setup::check(),
        ["demo"] => demo::run(),
        ["test", rest @ ..] => setup::install().and_then(|()| command::test(rest)),
        ["ci"] => ci::run(),
        ["bench", rest @ ..] => bench::run(rest.first().copied()),
        ["bless"] => command::bless(),
        ["docs"] => docs::write(),
        [] | ["help" | "--help" | "-h"] => {
            println!("{HELP}");
            Ok(())
        }
        _ => Err(format!("no such chore: {}\n\n{HELP}", args.join(" "))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}
