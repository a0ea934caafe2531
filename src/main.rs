//! The `lumawire` command.

mod chart;
mod cli;
mod command;
mod error;
mod model_arg;
mod npz;
mod place;
mod progress;
mod settings;
mod sheet;
mod text;
mod window;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    quiet_mesa();
    let cli = cli::Cli::parse();
    start_tracing(cli.verbose);
    match command::run(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Without a desktop session, Mesa's device chooser looks for one all the same and prints an error
/// that means nothing to the user. There is nothing to choose by then: it is left out.
#[allow(unsafe_code)] // `set_var` is the only way to tell a driver in this process
fn quiet_mesa() {
    let is_set = |name| std::env::var_os(name).is_some();
    if cfg!(target_os = "linux") && !is_set("XDG_RUNTIME_DIR") && !is_set("NODEVICE_SELECT") {
        // SAFETY: the first thing that the program does: no other thread exists yet.
        unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    }
}

/// Spans and events go to stderr: none by default, as asked by `-v` or by `LUMAWIRE_LOG`.
fn start_tracing(verbose: u8) {
    use tracing_subscriber::{EnvFilter, fmt, fmt::format::FmtSpan};
    let asked = match verbose {
        0 => "off",
        1 => "lumawire=info,lumawire_runtime=info,lumawire_nodes=info",
        _ => "lumawire=trace,lumawire_runtime=trace,lumawire_nodes=trace",
    };
    let filter = EnvFilter::try_from_env("LUMAWIRE_LOG").unwrap_or_else(|_| EnvFilter::new(asked));
    let spans = if verbose > 1 { FmtSpan::CLOSE } else { FmtSpan::NONE };
    fmt().with_env_filter(filter).with_span_events(spans).with_writer(std::io::stderr).init();
}
