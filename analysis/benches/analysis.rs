//! What it costs to listen: `cargo xtask bench analysis`.
//!
//! First the features of a whole piece, 180 s of the shipped music at 44.1 kHz in one channel, in
//! turn with librosa where there is one. LUMAWIRE_LIBROSA is its command line: a program, a line
//! break, its argument; it answers lines as `xtask/peers/features_librosa.py` says. Then the causal
//! kernels, block by block.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)] // a panic is the report; it is a clock

use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use lumawire_analysis::Rows;
use lumawire_analysis::level::loudness::LoudnessMeter;
use lumawire_analysis::level::pyin::pyin;
use lumawire_analysis::level::rms::{frame_rms, rms};
use lumawire_analysis::level::yin::PitchSettings;
use lumawire_analysis::rhythm::beats::{BeatSettings, beat_track};
use lumawire_analysis::rhythm::onset_row::OnsetRow;
use lumawire_analysis::rhythm::onset_strength::{
    Aggregate, OnsetSettings, onset_strength, onset_strength_of_bands,
};
use lumawire_analysis::separate::hpss::{HpssSettings, hpss};
use lumawire_analysis::separate::hpss_rows::HpssRows;
use lumawire_analysis::signal::framer::{Framer, Framing};
use lumawire_analysis::signal::window::Window;
use lumawire_analysis::spectrum::bins;
use lumawire_analysis::spectrum::chroma_bank::ChromaBank;
use lumawire_analysis::spectrum::chroma_cens::chroma_cens;
use lumawire_analysis::spectrum::chroma_cqt::ChromaCqtSettings;
use lumawire_analysis::spectrum::chroma_stft::{
    ChromaStftSettings, chroma_from_powers, chroma_stft,
};
use lumawire_analysis::spectrum::contrast::{ContrastSettings, spectral_contrast};
use lumawire_analysis::spectrum::cqt::{CqtSettings, cqt};
use lumawire_analysis::spectrum::decibels::{Decibels, power_to_db};
use lumawire_analysis::spectrum::descriptors::spectral_centroid;
use lumawire_analysis::spectrum::mel::{MelSettings, melspectrogram};
use lumawire_analysis::spectrum::mel_bank::MelBank;
use lumawire_analysis::spectrum::mfcc::{MfccSettings, mfcc};
use lumawire_analysis::spectrum::norm::Norm;
use lumawire_analysis::spectrum::stft::{FrameTransform, StftSettings, stft};
use num_complex::Complex32;

const RATE_HZ: u32 = 44_100;
const DURATION_SECS: usize = 180;
/// Runs of each feature, unless they take longer than this.
const MOST_ROUNDS: usize = 5;
const LEAST_ROUNDS: usize = 3;
const PATIENCE: Duration = Duration::from_secs(20);
/// After this, one run has to do.
const LAST_PATIENCE: Duration = Duration::from_secs(40);

fn main() {
    // `cargo test --benches` runs it too, without this argument.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    // Names pick features, and `live` the causal kernels: `cargo bench --bench analysis -- hpss`.
    let names: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let asks = |name: &str| names.is_empty() || names.iter().any(|n| n == name);
    let features: Vec<Feature> = FEATURES.into_iter().filter(|(name, _)| asks(name)).collect();
    if !features.is_empty() {
        whole(&features);
    }
    if asks("live") {
        live();
    }
}

type Feature = (&'static str, fn(&[f32]));

/// Each from the samples on, as a call of librosa; the last is the set, its parts made once.
const FEATURES: [Feature; 14] = [
    ("stft", |y| drop(black_box(stft(y, &StftSettings::default())))),
    ("mel", |y| drop(black_box(mel(y)))),
    ("mfcc", |y| {
        let settings = MfccSettings::default();
        drop(black_box(mfcc(y, RATE_HZ, &StftSettings::default(), &settings)));
    }),
    ("chroma_stft", |y| {
        drop(black_box(chroma_stft(y, RATE_HZ, &ChromaStftSettings::default())));
    }),
    ("onset_strength", |y| {
        drop(black_box(onset_strength(y, RATE_HZ, &OnsetSettings::default())));
    }),
    ("rms", |y| drop(black_box(rms(y, &Framing::default())))),
    ("spectral_centroid", |y| {
        let bin_hz = StftSettings::default().layout(RATE_HZ).bin_hz();
        drop(black_box(spectral_centroid(&magnitudes(y), bin_hz)));
    }),
    ("spectral_contrast", |y| {
        let layout = StftSettings::default().layout(RATE_HZ);
        drop(black_box(spectral_contrast(&magnitudes(y), layout, &ContrastSettings::default())));
    }),
    ("cqt", |y| drop(black_box(cqt(y, RATE_HZ, &CqtSettings::default())))),
    ("chroma_cens", |y| {
        drop(black_box(chroma_cens(y, RATE_HZ, &ChromaCqtSettings::default())));
    }),
    ("beat_track", |y| {
        let settings = OnsetSettings { aggregate: Aggregate::Median, ..OnsetSettings::default() };
        let strength = onset_strength(y, RATE_HZ, &settings);
        let rate_hz = f64::from(RATE_HZ) / 512.0;
        drop(black_box(beat_track(&strength, rate_hz, &BeatSettings::default())));
    }),
    ("hpss", |y| {
        let spectrum = stft(y, &StftSettings::default());
        drop(black_box(hpss(&spectrum, &HpssSettings::default())));
    }),
    ("pyin", |y| {
        drop(black_box(pyin(y, RATE_HZ, &PitchSettings::default())));
    }),
    ("full_set", full_set),
];

fn magnitudes(y: &[f32]) -> Rows {
    stft(y, &StftSettings::default()).map(bins::magnitude)
}

fn mel(y: &[f32]) -> Rows {
    melspectrogram(y, RATE_HZ, &StftSettings::default(), &MelSettings::default())
}

/// STFT, chroma, harmonic and percussive part, onset strength, RMS and mel bands.
fn full_set(y: &[f32]) {
    let settings = StftSettings::default();
    let layout = settings.layout(RATE_HZ);
    let spectrum = stft(y, &settings);
    let powers = spectrum.map(bins::power);
    let chroma = chroma_from_powers(&powers, &layout, None, Norm::Max);
    let bank = MelSettings::default().bank(layout);
    let mel = powers.map_rows(bank.num_bands(), |row, out| bank.apply(row, out));
    let bands_db = power_to_db(&mel, &Decibels::default());
    let strength = onset_strength_of_bands(&bands_db, &OnsetSettings::default());
    let parts = hpss(&spectrum, &HpssSettings::default());
    black_box((chroma, mel, strength, parts, rms(y, &Framing::default())));
}

/// Times of the features of a whole piece.
fn whole(features: &[Feature]) {
    let folder = std::env::temp_dir().join(format!("lumawire-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (path, sound) = music(&folder, RATE_HZ);
    let mut peer = Peer::start();
    if let Some(peer) = &mut peer {
        peer.ask(&format!("sound {RATE_HZ} {}", path.display()));
    }
    println!("{DURATION_SECS} s at {RATE_HZ} Hz, medians; rounds in brackets");
    println!("{:<20} {:>9} {:>12} {:>7}", "feature", "s", "librosa s", "times");
    for &(name, compute) in features {
        in_turn(name, || compute(&sound), peer.as_mut());
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

/// The shipped music over and over, in one channel: a file of `f32` and its samples.
fn music(folder: &Path, rate_hz: u32) -> (PathBuf, Vec<f32>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let path = folder.join("sound.f32");
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-stream_loop", "-1", "-i"])
        .arg(root.join("patches/music/sectoid_war_of_freedom.flac"))
        .args(["-t", &DURATION_SECS.to_string(), "-ac", "1", "-ar", &rate_hz.to_string()])
        .args(["-f", "f32le", "-y"])
        .arg(&path)
        .status()
        .expect("ffmpeg: `cargo xtask setup` installs it");
    assert!(status.success());
    let bytes = std::fs::read(&path).unwrap();
    let sound = bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    (path, sound)
}

/// Prints the median times of a feature: the own and the peer's, one run each in turn.
fn in_turn(name: &str, own: impl Fn(), mut peer: Option<&mut Peer>) {
    let (mut own_secs, mut peer_secs) = (Vec::new(), Vec::new());
    own();
    let start = Instant::now();
    let done = |rounds: usize| {
        let elapsed = start.elapsed();
        rounds == MOST_ROUNDS
            || rounds >= LEAST_ROUNDS && elapsed > PATIENCE
            || rounds >= 1 && elapsed > LAST_PATIENCE
    };
    while !done(own_secs.len()) {
        let begin = Instant::now();
        own();
        own_secs.push(begin.elapsed().as_secs_f64());
        peer_secs.extend(peer.as_mut().and_then(|p| p.ask(name).parse::<f64>().ok()));
    }
    let rounds = own_secs.len();
    let own = quantile(&mut own_secs, 0.5);
    let other = if peer_secs.is_empty() {
        format!("{:>12} {:>7}", "-", "-")
    } else {
        let other = quantile(&mut peer_secs, 0.5);
        format!("{other:>12.3} {:>7.1}", other / own)
    };
    println!("{name:<20} {own:>9.4} {other} [{rounds}]");
}

fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * share).round() as usize]
}

struct Peer {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    fn start() -> Option<Self> {
        let command = std::env::var("LUMAWIRE_LIBROSA").ok()?;
        let (program, argument) = command.split_once('\n')?;
        let mut process = Command::new(program)
            .arg(argument)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the peer starts");
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Some(Self { process, input, output })
    }

    fn ask(&mut self, command: &str) -> String {
        writeln!(self.input, "{command}").expect("the peer listens");
        let mut answer = String::new();
        self.output.read_line(&mut answer).expect("the peer answers");
        answer.trim().to_owned()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It ends when its input does; nothing is lost if it is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const LIVE_RATE_HZ: u32 = 48_000;
const BLOCK_LEN: usize = 256;
const LIVE_BLOCKS: usize = 30_000;

/// The causal kernels of the full set, and loudness.
struct Ears {
    framer: Framer,
    transform: FrameTransform,
    row: Vec<Complex32>,
    powers: Vec<f32>,
    mel: MelBank,
    bands: Vec<f32>,
    chroma: ChromaBank,
    classes: [f32; 12],
    hpss: HpssRows,
    settings: HpssSettings,
    onset: OnsetRow,
    loudness: LoudnessMeter,
}

/// Names of the kernels, in the order of their times.
const KERNELS: [&str; 8] =
    ["stft", "mel", "chroma", "hpss", "onset", "rms", "loudness", "all of them"];

impl Ears {
    fn new() -> Self {
        let stft = StftSettings::default();
        let layout = stft.layout(LIVE_RATE_HZ);
        let settings = HpssSettings::default();
        let mut hpss = HpssRows::new(&settings, false);
        hpss.resize(layout.num_bins());
        let mut onset = OnsetRow::new(OnsetSettings::default());
        onset.prepare_for(layout);
        let mel = MelSettings::default().bank(layout);
        Self {
            framer: Framer::new(stft.n_fft, stft.hop_len),
            transform: FrameTransform::new(stft.n_fft, Window::Hann),
            row: vec![Complex32::default(); layout.num_bins()],
            powers: vec![0.0; layout.num_bins()],
            bands: vec![0.0; mel.num_bands()],
            mel,
            chroma: ChromaBank::new(stft.n_fft, f64::from(LIVE_RATE_HZ), 0.0),
            classes: [0.0; 12],
            hpss,
            settings,
            onset,
            loudness: LoudnessMeter::new(LIVE_RATE_HZ, 1),
        }
    }

    /// Hears a block that begins at `position`, and adds the seconds of each kernel to `secs`.
    fn hear(&mut self, block: &[f32], position: usize, secs: &mut [f64; 8]) {
        let mut last = Instant::now();
        let mut lap = |kernel: usize| {
            let now = Instant::now();
            secs[kernel] += (now - last).as_secs_f64();
            last = now;
        };
        let mut is_due = false;
        for (i, &x) in block.iter().enumerate() {
            if self.framer.push(x, (position + i) as u64) {
                self.transform.run(self.framer.frame(), &mut self.row);
                is_due = true;
            }
        }
        lap(0);
        if is_due {
            for (power, &x) in self.powers.iter_mut().zip(&self.row) {
                *power = bins::power(x);
            }
            self.mel.apply(&self.powers, &mut self.bands);
            lap(1);
            self.chroma.apply(&self.powers, &mut self.classes);
            Norm::Max.apply(&mut self.classes);
            lap(2);
            if self.hpss.push(&self.row) {
                black_box(self.hpss.shares(&self.settings.mask));
            }
            lap(3);
            black_box(self.onset.push(&self.row));
            lap(4);
            black_box(frame_rms(self.framer.frame(), self.framer.frame_len()));
            lap(5);
        }
        for &x in block {
            self.loudness.push(std::iter::once(x));
        }
        lap(6);
        black_box((&self.bands, &self.classes, self.loudness.momentary_lufs()));
    }
}

/// Cost of the causal kernels for a block of 256 samples at 48 kHz, as shares of its time.
fn live() {
    let folder = std::env::temp_dir().join(format!("lumawire-live-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (_, sound) = music(&folder, LIVE_RATE_HZ);
    std::fs::remove_dir_all(&folder).unwrap();
    let mut ears = Ears::new();
    let mut times = vec![Vec::new(); KERNELS.len()];
    for (k, block) in sound.chunks_exact(BLOCK_LEN).take(LIVE_BLOCKS).enumerate() {
        let mut secs = [0.0; 8];
        ears.hear(block, k * BLOCK_LEN, &mut secs);
        secs[7] = secs.iter().sum();
        times.iter_mut().zip(secs).for_each(|(times, secs)| times.push(secs));
    }
    let block_secs = BLOCK_LEN as f64 / f64::from(LIVE_RATE_HZ);
    println!(
        "\nlive, one channel, blocks of {BLOCK_LEN} at {LIVE_RATE_HZ} Hz ({:.2} ms)",
        1e3 * block_secs
    );
    println!(
        "{:<12} {:>10} {:>10} {:>10} {:>9} {:>9}",
        "kernel", "mean µs", "median µs", "p99 µs", "median", "p99"
    );
    for (name, times) in KERNELS.iter().zip(&mut times) {
        let mean = times.iter().sum::<f64>() / times.len() as f64;
        let [median, p99] = [0.5, 0.99].map(|share| quantile(times, share));
        println!(
            "{name:<12} {:>10.2} {:>10.2} {:>10.2} {:>7.2} % {:>7.2} %",
            1e6 * mean,
            1e6 * median,
            1e6 * p99,
            100.0 * median / block_secs,
            100.0 * p99 / block_secs,
        );
    }
}
