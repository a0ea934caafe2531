//! The largest deviation of every feature from the reference, on the clips whose data is here: the
//! table of `docs/analysis.md`, which this test checks. LUMAWIRE_BLESS=1 writes it anew.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fmt::Write;
use std::path::PathBuf;

use lumawire_analysis::Rows;
use lumawire_analysis::level::pyin::pyin;
use lumawire_analysis::level::rms::{rms, rms_from_spectrum};
use lumawire_analysis::level::yin::PitchSettings;
use lumawire_analysis::level::zero_crossing::zero_crossing_rate;
use lumawire_analysis::rhythm::beats::{BeatSettings, beat_track};
use lumawire_analysis::rhythm::onset_strength::{Aggregate, OnsetSettings, onset_strength};
use lumawire_analysis::rhythm::peaks::{PeakSettings, onset_backtrack, onset_detect};
use lumawire_analysis::rhythm::tempogram::mean_tempogram;
use lumawire_analysis::separate::hpss::{HpssSettings, hpss_masks};
use lumawire_analysis::signal::framer::Framing;
use lumawire_analysis::spectrum::bins;
use lumawire_analysis::spectrum::chroma_cens::{NUM_SMOOTHED, cens};
use lumawire_analysis::spectrum::chroma_cqt::{ChromaCqtSettings, chroma_cqt};
use lumawire_analysis::spectrum::chroma_stft::{ChromaStftSettings, chroma_stft};
use lumawire_analysis::spectrum::contrast::{ContrastSettings, spectral_contrast};
use lumawire_analysis::spectrum::cqt::{CqtSettings, cqt};
use lumawire_analysis::spectrum::descriptors::{
    spectral_bandwidth, spectral_centroid, spectral_flatness, spectral_rolloff,
};
use lumawire_analysis::spectrum::mel::{MVNET_STFT, MelSettings, melspectrogram};
use lumawire_analysis::spectrum::mel_bank::MelScale;
use lumawire_analysis::spectrum::mfcc::{MfccSettings, mfcc};
use lumawire_analysis::spectrum::norm::Norm;
use lumawire_analysis::spectrum::stft::{StftSettings, stft};
use lumawire_analysis::spectrum::tonnetz::tonnetz;

const RATE_HZ: u32 = 22_050;
const FRAME_RATE_HZ: f64 = RATE_HZ as f64 / 512.0;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> Vec<u8> {
    let file = root().join("tests/reference").join(path);
    std::fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

fn reals(name: &str) -> Vec<f32> {
    let bytes = read(&format!("librosa/{name}.bin"));
    bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

fn frames(name: &str) -> Vec<usize> {
    let bytes = read(&format!("librosa/{name}.bin"));
    bytes.as_chunks().0.iter().map(|b| i32::from_le_bytes(*b) as usize).collect()
}

fn a10() -> Vec<f32> {
    let wav = read("audio/A10_22k_mono.wav");
    let samples = wav[44..].as_chunks().0.iter();
    samples.map(|b| f32::from(i16::from_le_bytes(*b)) / 32_768.0).collect()
}

/// What a feature may deviate by: as it is, or as a share of the reference's peak.
#[derive(Clone, Copy)]
enum Tolerance {
    Absolute(f32, &'static str),
    OfPeak(f32),
}

use Tolerance::{Absolute, OfPeak};

/// The table, line by line.
struct Table {
    text: String,
}

impl Table {
    fn line(
        &mut self,
        name: &str,
        clip: &str,
        found: &[f32],
        expected: &[f32],
        tolerance: Tolerance,
    ) {
        assert_eq!(found.len(), expected.len(), "{name}: other shape");
        let pairs = found.iter().zip(expected);
        let worst = pairs.map(|(f, e)| (f - e).abs()).fold(0.0, |worst: f32, d| {
            // NaN must not pass as agreement.
            if worst.is_nan() || d <= worst { worst } else { d }
        });
        let peak = expected.iter().fold(0.0_f32, |peak, v| peak.max(v.abs()));
        let (deviation, limit, unit) = match tolerance {
            Absolute(limit, unit) => (worst, limit, unit.to_owned()),
            OfPeak(limit) => (worst / peak, limit, "of the peak".to_owned()),
        };
        assert!(deviation <= limit, "{name}, {clip}: {deviation:e} exceeds {limit:e} {unit}");
        let unit = if unit.is_empty() { unit } else { format!(" {unit}") };
        // One figure: the next differs from processor to processor.
        let deviation = if deviation == 0.0 { "0".into() } else { format!("{deviation:.0e}") };
        writeln!(self.text, "| `{name}` | {clip} | {deviation}{unit} | {limit:.0e}{unit} |")
            .unwrap();
    }

    fn frames(&mut self, name: &str, clip: &str, found: &[usize], expected: &[usize]) {
        let others = found.iter().filter(|f| !expected.contains(f)).count()
            + expected.iter().filter(|e| !found.contains(e)).count();
        assert_eq!(others, 0, "{name}, {clip}: {found:?} against {expected:?}");
        writeln!(self.text, "| `{name}` | {clip} | {others} of {} differ | 0 |", expected.len())
            .unwrap();
    }
}

/// Numbers `[bins, columns]` of every `step`th frame of `rows`, from `first` on.
fn columns(rows: &Rows, first: usize, num: usize, step: usize) -> Vec<f32> {
    let at = |bin: usize, column: usize| rows.row(first + column * step)[bin];
    (0..rows.num_bins()).flat_map(|bin| (0..num).map(move |c| at(bin, c))).collect()
}

fn all(rows: &Rows) -> Vec<f32> {
    rows.transposed().into_vec()
}

#[test]
fn every_feature_is_within_its_tolerance_and_the_table_says_so() {
    let mut table = Table { text: String::new() };
    let y = a10();
    spectra(&mut table, &y);
    pitches(&mut table, &y);
    levels(&mut table, &y);
    rhythm(&mut table, &y);
    print!("{}", table.text);
    let path = root().join("docs/analysis.md");
    let docs = std::fs::read_to_string(&path).unwrap();
    let (start, end) = ("<!-- deviations -->\n", "<!-- end of deviations -->");
    let (before, rest) = docs.split_once(start).unwrap();
    let (kept, after) = rest.split_once(end).unwrap();
    if std::env::var_os("LUMAWIRE_BLESS").is_some() {
        let heading = "| Feature | Clip | Largest deviation | Tolerance |\n|---|---|---|---|\n";
        let text = format!("{before}{start}\n{heading}{}\n{end}{after}", table.text);
        std::fs::write(&path, text).unwrap();
        return;
    }
    // Deviations differ a little from processor to processor; what is compared does not.
    let names = |text: &str| -> Vec<String> {
        let cells = text.lines().filter(|l| l.starts_with("| `"));
        cells.map(|l| l.split('|').take(3).collect()).collect()
    };
    assert_eq!(names(kept), names(&table.text), "LUMAWIRE_BLESS=1 writes docs/analysis.md anew");
}

fn spectra(table: &mut Table, y: &[f32]) {
    let settings = StftSettings::default();
    let layout = settings.layout(RATE_HZ);
    let spectrum = stft(y, &settings);
    let expected = reals("stft_reim_first8");
    let parts = [spectrum.map(|c| c.re), spectrum.map(|c| c.im)];
    let found: Vec<f32> = parts.iter().flat_map(|part| columns(part, 0, 8, 1)).collect();
    table.line("stft", "A10, 8 frames", &found, &expected, OfPeak(1e-6));
    let magnitudes = spectrum.map(bins::magnitude);
    let found = columns(&magnitudes, 431 - 32, 32, 1);
    table.line(
        "stft, magnitude",
        "A10, last 32 frames",
        &found,
        &reals("stft_mag_tail"),
        OfPeak(1e-6),
    );
    // Where a bin is louder than 1e-4 of the peak; in quieter ones rounding moves the masks more.
    let peak = magnitudes.data().iter().copied().fold(0.0, f32::max);
    let [harmonic, _] = hpss_masks(&magnitudes, &HpssSettings::default());
    for (name, first, num) in [("hpss_mask_harm_head", 0, 64), ("hpss_mask_harm_tail", 399, 32)] {
        let level = columns(&magnitudes, first, num, 1);
        let loud = |values: Vec<f32>| -> Vec<f32> {
            values
                .into_iter()
                .zip(&level)
                .filter(|(_, m)| **m > 1e-4 * peak)
                .map(|(v, _)| v)
                .collect()
        };
        let (found, expected) = (loud(columns(&harmonic, first, num, 1)), loud(reals(name)));
        table.line(name, "A10, loud bins", &found, &expected, Absolute(1e-5, ""));
    }
    for (name, scale) in [("mel_slaney", MelScale::Slaney), ("mel_htk", MelScale::Htk)] {
        let mel = MelSettings { scale, ..MelSettings::default() };
        let found = all(&melspectrogram(y, RATE_HZ, &MVNET_STFT, &mel));
        table.line(name, "A10", &found, &reals(name), OfPeak(1e-5));
    }
    let found = all(&mfcc(y, RATE_HZ, &settings, &MfccSettings::default()));
    table.line("mfcc", "A10", &found, &reals("mfcc"), Absolute(1e-3, ""));
    let hz = Absolute(0.1, "Hz");
    for (name, found, tolerance) in [
        ("spectral_centroid", spectral_centroid(&magnitudes, layout.bin_hz()), hz),
        ("spectral_bandwidth", spectral_bandwidth(&magnitudes, layout.bin_hz(), 2.0), hz),
        ("spectral_rolloff", spectral_rolloff(&magnitudes, layout.bin_hz(), 0.85), hz),
        ("spectral_flatness", spectral_flatness(&magnitudes), Absolute(1e-6, "")),
        ("rms_from_S", rms_from_spectrum(&magnitudes, 2048), Absolute(1e-6, "")),
    ] {
        table.line(name, "A10", &found, &reals(name), tolerance);
    }
    let found = all(&spectral_contrast(&magnitudes, layout, &ContrastSettings::default()));
    table.line(
        "spectral_contrast",
        "A10",
        &found,
        &reals("spectral_contrast"),
        Absolute(1e-3, "dB"),
    );
}

fn pitches(table: &mut Table, y: &[f32]) {
    for (name, tuning) in [("chroma_stft_tuning0", Some(0.0)), ("chroma_stft_est", None)] {
        let settings = ChromaStftSettings { tuning, ..ChromaStftSettings::default() };
        let found = all(&chroma_stft(y, RATE_HZ, &settings));
        table.line(name, "A10", &found, &reals(name), Absolute(1e-5, ""));
    }
    let settings = CqtSettings { tuning: -0.23, ..CqtSettings::octaves(7, 36) };
    let found = cqt(y, RATE_HZ, &settings).map(|c| c.norm());
    let name = "cqt_mag_tuned36_every8";
    table.line(name, "A10", &columns(&found, 0, 54, 8), &reals(name), OfPeak(1e-2));
    let raw = chroma_cqt(y, RATE_HZ, &ChromaCqtSettings::default(), Norm::None);
    table.line("chroma_cqt_raw", "A10", &all(&raw), &reals("chroma_cqt_raw"), OfPeak(1e-2));
    let found = all(&cens(&raw, NUM_SMOOTHED, Norm::L2));
    table.line("chroma_cens", "A10", &found, &reals("chroma_cens"), Absolute(0.03, ""));
    table.line("tonnetz", "A10", &all(&tonnetz(&raw)), &reals("tonnetz"), Absolute(1e-3, ""));
    let pitches = pyin(y, RATE_HZ, &PitchSettings::default());
    let voiced = pitches.f0_hz.iter().zip(&pitches.voiced);
    let found: Vec<f32> = voiced.map(|(hz, v)| if *v { *hz } else { 0.0 }).collect();
    table.line("pyin_f0", "A10", &found, &reals("pyin_f0"), Absolute(0.1, "Hz"));
}

fn levels(table: &mut Table, y: &[f32]) {
    let framing = Framing::default();
    table.line("rms", "A10", &rms(y, &framing), &reals("rms"), Absolute(1e-6, ""));
    let name = "zero_crossing_rate";
    table.line(name, "A10", &zero_crossing_rate(y, &framing), &reals(name), Absolute(1e-6, ""));
}

fn rhythm(table: &mut Table, y: &[f32]) {
    let strength = onset_strength(y, RATE_HZ, &OnsetSettings::default());
    let tolerance = Absolute(1e-4, "dB");
    table.line("onset_strength", "A10", &strength, &reals("onset_strength"), tolerance);
    let settings = OnsetSettings { aggregate: Aggregate::Median, ..OnsetSettings::default() };
    let median = onset_strength(y, RATE_HZ, &settings);
    let name = "onset_strength_median";
    table.line(name, "A10", &median, &reals(name), tolerance);
    let peaks = PeakSettings::onsets(RATE_HZ, 512);
    let onsets = onset_detect(&strength, &peaks);
    table.frames("onset_frames", "A10", &onsets, &frames("onset_detect_frames"));
    let back = onset_backtrack(&onsets, &strength);
    table.frames("onset_backtrack_frames", "A10", &back, &frames("onset_detect_backtrack_frames"));
    let found = onset_detect(&reals("onset_strength_a30"), &peaks);
    let expected = frames("onset_detect_frames_a30");
    table.frames("onset_frames", "A30, from its strength", &found, &expected);
    let found: Vec<f32> = mean_tempogram(&median, 384).iter().map(|v| *v as f32).collect();
    let tolerance = Absolute(1e-4, "");
    table.line("tempogram, mean", "A10", &found, &reals("tempogram_mean"), tolerance);
    let track = |strength: &[f32]| beat_track(strength, FRAME_RATE_HZ, &BeatSettings::default());
    let (a10, a30) = (track(&median), track(&reals("a30/onset_strength_median")));
    for (clip, found, bpm) in [
        ("A10", &a10, 135.999_177_631_578_96_f64),
        ("A30, from its strength", &a30, 69.837_415_540_540_55),
    ] {
        let tolerance = Absolute(1e-3, "BPM");
        table.line("tempo", clip, &[found.bpm as f32], &[bpm as f32], tolerance);
    }
    table.frames("beat_frames", "A10", &a10.frames, &frames("beat_track_frames"));
    let expected = frames("a30/beat_track_frames");
    table.frames("beat_frames", "A30, from its strength", &a30.frames, &expected);
}
