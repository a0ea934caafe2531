//! The `lumawire` command.

mod cli;
mod command;
mod error;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
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
