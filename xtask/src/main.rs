//! The project's chores: `cargo xtask <chore>`. It builds in seconds, before anything else does.

mod bench;
mod bless;
mod ci;
mod demo;
mod direction;
mod docs;
mod gpu;
mod live;
mod live_midi;
mod pictures;
mod setup;
mod shell;
mod shots;
mod test;

use std::process::ExitCode;

use shell::{Failure, Outcome};

const HELP: &str = "\
The project's chores.

Usage: cargo xtask <chore> [arguments]

  setup [--check] [--ci]   install what is missing; --check only reports (exit code 1 if anything
                           is missing); --ci also looks after rustfmt, clippy and cargo-deny
  demo                     set up, then render 20 seconds of a shipped patch to out/demo.mp4
  test [arguments]         set up, then run all tests; arguments go to `cargo test --workspace`
  ci                       set up, then everything that must pass: format, dependency direction,
                           licences, clippy, tests
  bench [name]             run the benchmarks, all or one of: engine, generator, analysis, noise;
                           then print one table of the results. Where LUMAWIRE_PYTHON (or python3)
                           has PyTorch or librosa, those are measured in turn
  live-check [secs] [--release] [patch] [arguments]
                           play music to a sound server of its own (PulseAudio, no sound card), run
                           a patch live on it for 20 seconds or as long as asked, take the device
                           away and bring it back, and report latency, drops and xruns; arguments
                           go to `lumawire run`
  live-check edits [num] [--release]
                           edit a running show 10,000 times or as often as asked, and report what the
                           edits cost the engine, and what is late beside a show without edits
  live-check saves [num]   kill a program 1,000 times or as often as asked while it saves, and check
                           that a whole patch is left
  live-check midi          plug virtual MIDI devices into a server of its own (JACK), and check what
                           is heard of them and shown to them
  live-check osc [secs] [--release]
                           send a show 100,000 OSC messages a second for 10 seconds or as long as
                           asked, and report frames dropped, the last value and memory
  bless                    write the golden files anew, and the shipped patches in canonical form
  pictures                 draw what the start screen shows of each shipped patch and template
  shots [name]             draw the guide's pictures of the editor, all or one
  docs                     write docs/nodes.md anew from the nodes' own descriptions
  gpu kernels [--check]    write the kernels' PTX anew from their sources, and print what they cost on
                           each chip; --check only compares. Takes nvcc 13.0.88 from the PATH or
                           CUDA_HOME, else fetches it from PyPI (about 100 MB, needs python3 and pip)
  gpu build                build the command with CUDA, and say what it needs to start
  gpu check                test and measure the kernels on this machine's NVIDIA GPU
  gpu pack                 the same as a folder, out/gpu, for another machine
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {}", failure.message);
            ExitCode::from(failure.code)
        }
    }
}

fn run(args: &[String]) -> Outcome {
    let Some((chore, args)) = args.split_first() else {
        print!("{HELP}");
        return Ok(());
    };
    match (chore.as_str(), args) {
        ("help" | "-h" | "--help", _) => {
            print!("{HELP}");
            Ok(())
        }
        ("setup", args) => setup::command(args),
        ("demo", []) => demo::run(),
        ("test", args) => test::run(args),
        ("ci", []) => ci::run(),
        ("bench", []) => bench::run(None),
        ("bench", [name]) => bench::run(Some(name)),
        ("live-check", args) => live::run(args),
        ("bless", []) => bless::run(),
        ("docs", []) => docs::run(),
        ("gpu", args) => gpu::run(args),
        ("pictures", []) => pictures::run(),
        ("shots", []) => shots::run(None),
        ("shots", [name]) => shots::run(Some(name)),
        ("demo" | "ci" | "bench" | "bless" | "docs" | "pictures" | "shots", _) => {
            Err(Failure::usage(format!("too many arguments for `{chore}`; see `cargo xtask help`")))
        }
        _ => Err(Failure::usage(format!("there is no chore `{chore}`; see `cargo xtask help`"))),
    }
}
