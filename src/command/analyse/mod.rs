//! `lumawire analyse`: what is in a sound file.

mod array;
mod feature;
mod live;
pub(in crate::command) mod report;
pub(in crate::command) mod sound;
pub(in crate::command) mod study;
mod write;

use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;

use lumawire_analysis::spectrum::stft::StftSettings;

use super::check_apart;
use crate::error::CommandError;
use crate::progress::with_bar;
use array::Array;
use feature::Feature;
use sound::{Loudness, Sound};
use study::Study;
use write::{Files, Grid};

/// What `analyse` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The sound (WAV, AIFF, FLAC, MP3, OGG, AAC, M4A); its channels are mixed to one.
    #[arg(required_unless_present = "features")]
    file: Option<PathBuf>,
    /// Write the features as arrays for numpy.
    #[arg(long, value_name = "FILE")]
    npz: Option<PathBuf>,
    /// Write the features as JSON: nested lists, complex numbers as pairs.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a table with a line a frame, of the features with at most 40 values a frame.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Draw spectrogram, chroma, onsets and beats, loudness and sections.
    #[arg(short = 'o', long = "report", value_name = "FILE")]
    report: Option<PathBuf>,
    /// Sample rate to listen at, in Hz, or `native`: the file's own.
    #[arg(long, default_value = "22050", value_parser = parse_rate)]
    rate: Rate,
    /// Which features, or groups of them, such as mel,tempo,rhythm; `all`; `list` lists them.
    /// Without it, all but the largest.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    features: Vec<String>,
    /// As they are heard live, by the causal nodes and in blocks of a hop: column k is what was
    /// known after block k, and `NAME_latency_samples` by how much it lags.
    #[arg(long)]
    causal: bool,
    /// Samples in a frame of the spectrum.
    #[arg(long, default_value = "2048", value_parser = parse_n_fft)]
    n_fft: usize,
    /// Samples from frame to frame.
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(64..=8192))]
    hop: u32,
}

/// The rate to listen at.
#[derive(Debug, Clone, Copy)]
struct Rate(Option<NonZero<u32>>);

fn parse_rate(text: &str) -> Result<Rate, String> {
    match text.parse() {
        Ok(hz @ 8_000..=192_000) => Ok(Rate(NonZero::new(hz))),
        _ if text == "native" => Ok(Rate(None)),
        _ => Err("write it as Hz, 8000 to 192000, or native".into()),
    }
}

fn parse_n_fft(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(n @ 256..=8192) if n.is_power_of_two() => Ok(n),
        _ => Err("it is a power of two from 256 to 8192".into()),
    }
}

/// The features, for the end of the help.
pub fn long_help() -> String {
    format!("Features, by group:\n\n{}", feature::table())
}

/// Analyses and writes.
pub fn run(args: &Args) -> Result<ExitCode, CommandError> {
    if args.features.iter().any(|name| name == "list") {
        print!("{}", feature::table());
        return Ok(ExitCode::SUCCESS);
    }
    let Some(file) = &args.file else {
        return Err(CommandError::Usage("name the sound file to analyse".into()));
    };
    let outs = [&args.npz, &args.json, &args.csv, &args.report].map(Option::as_ref);
    if outs.iter().all(Option::is_none) {
        let why = "there is nothing to write: give --npz, --json, --csv or -o, each with a FILE";
        return Err(CommandError::Usage(why.into()));
    }
    check_apart(file, "the sound", outs)?;
    let hop_len = args.hop as usize;
    if hop_len > args.n_fft {
        let why = format!("--hop {hop_len} leaves sound out between frames of {}", args.n_fft);
        return Err(CommandError::Usage(why));
    }
    let features = feature::chosen(&args.features, args.causal)?;
    let sound = with_bar("decoding", |told| Sound::read(file, args.rate.0, told))?;
    let settings = StftSettings { n_fft: args.n_fft, hop_len, ..StftSettings::default() };
    let mut study = Study::new(sound, settings);
    if args.report.is_some() || !args.causal && features.iter().any(|f| f.is_of_file) {
        let hop_secs = study.layout().hop_secs();
        study.loudness = Some(Loudness::measure(file, study.num_frames(), hop_secs)?);
    }
    if outs[..3].iter().any(Option::is_some) {
        write_features(args, &study, &features)?;
    }
    if let Some(path) = &args.report {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        report::draw(path, &name, &study)?;
        println!("wrote {}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes the features, each as soon as it is computed.
fn write_features(args: &Args, study: &Study, features: &[&Feature]) -> Result<(), CommandError> {
    let grid = Grid { num_frames: study.num_frames(), hop_secs: study.layout().hop_secs() };
    let [npz, json, csv] = [&args.npz, &args.json, &args.csv].map(Option::as_deref);
    let mut files = Files::create(npz, json, csv, grid)?;
    files.write("sr", &Array::Integer(study.sound.sample_rate_hz.into()))?;
    files.write("hop_length", &Array::Integer(study.settings.hop_len as i64))?;
    with_bar("listening", |told| {
        if args.causal {
            let heard = live::hear(&study.sound, &study.settings, features, told)?;
            for (feature, heard) in features.iter().zip(heard) {
                files.write(feature.name, &heard.array)?;
                let latency = Array::Integer(heard.latency_samples as i64);
                files.write(&format!("{}_latency_samples", feature.name), &latency)?;
            }
            return Ok(());
        }
        for (i, feature) in features.iter().enumerate() {
            told(i as f64 / features.len() as f64);
            files.write(feature.name, &(feature.study)(study))?;
        }
        Ok::<_, CommandError>(())
    })?;
    for path in files.finish()? {
        println!("wrote {}: {} features", path.display(), features.len());
    }
    Ok(())
}
