//! `analyse`: arrays, tables and a picture of what is in a sound.

#![allow(clippy::expect_used)] // helpers of tests are tests

mod common;

use std::collections::BTreeMap;
use std::f64::consts::TAU;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use common::{failure, lumawire, run, stdout};

const RATE_HZ: u32 = 22_050;
const NUM_SAMPLES: usize = 2 * RATE_HZ as usize;
const NUM_FRAMES: usize = 1 + NUM_SAMPLES / 512;

/// Two seconds of a tone of 440 Hz in the left channel and silence in the right, PCM 16 bit.
fn write_tone(path: &Path) {
    let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0".to_vec();
    bytes.extend(RATE_HZ.to_le_bytes());
    bytes.extend((RATE_HZ * 4).to_le_bytes());
    bytes.extend([4, 0, 16, 0]);
    bytes.extend(b"data");
    bytes.extend((NUM_SAMPLES as u32 * 4).to_le_bytes());
    for i in 0..NUM_SAMPLES {
        let tone = 0.5 * (TAU * 440.0 * i as f64 / f64::from(RATE_HZ)).sin();
        bytes.extend(((tone * 32_767.0) as i16).to_le_bytes());
        bytes.extend([0, 0]);
    }
    let len = (bytes.len() - 8) as u32;
    bytes[4..8].copy_from_slice(&len.to_le_bytes());
    std::fs::write(path, bytes).expect("wav");
}

/// A folder with the tone.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { folder: tempfile::tempdir().expect("folder") };
        write_tone(&desk.path("tone.wav"));
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs `analyse tone.wav` with more arguments, in the folder.
    fn analyse(&self, more: &[&str]) -> std::process::Output {
        let mut command = lumawire();
        command.current_dir(self.folder.path()).args(["analyse", "tone.wav"]).args(more);
        command.output().expect("runs")
    }
}

/// An array of an archive: numpy's name of its numbers, its shape as numpy writes it, its bytes.
struct Npy {
    descr: String,
    shape: String,
    bytes: Vec<u8>,
}

impl Npy {
    fn reals(&self) -> Vec<f32> {
        assert_eq!(self.descr, "<f4");
        self.bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
    }

    fn integers(&self) -> Vec<i64> {
        assert_eq!(self.descr, "<i8");
        self.bytes.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b)).collect()
    }
}

/// All arrays of an archive, by name, as another reader of archives finds them.
fn read_npz(path: &Path) -> BTreeMap<String, Npy> {
    let mut archive = zip::ZipArchive::new(File::open(path).expect("opens")).expect("an archive");
    let mut arrays = BTreeMap::new();
    for i in 0..archive.len() {
        let mut entry = archive.by_index(i).expect("entry");
        let name = entry.name().expect("UTF-8").trim_end_matches(".npy").to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("whole");
        let header_len = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        let header = String::from_utf8_lossy(&bytes[10..10 + header_len]).into_owned();
        let between = |start: &str, end: &str| {
            let (_, rest) = header.split_once(start).expect(start);
            rest.split_once(end).expect(end).0.to_owned()
        };
        let npy = Npy {
            descr: between("'descr': '", "'"),
            shape: between("'shape': (", ")"),
            bytes: bytes.split_off(10 + header_len),
        };
        arrays.insert(name, npy);
    }
    arrays
}

#[test]
fn arrays_have_librosas_names_shapes_and_types() {
    let desk = Desk::new();
    let printed = stdout(&desk.analyse(&["--npz", "a.npz", "--features", "all"]));
    assert!(printed.contains("a.npz"), "{printed}");
    let arrays = read_npz(&desk.path("a.npz"));
    let n = NUM_FRAMES;
    for (name, descr, shape) in [
        ("sr", "<i8", String::new()),
        ("hop_length", "<i8", String::new()),
        ("y", "<f4", format!("{NUM_SAMPLES},")),
        ("stft", "<c8", format!("1025, {n},")),
        ("mel", "<f4", format!("128, {n},")),
        ("mfcc", "<f4", format!("20, {n},")),
        ("chroma_stft", "<f4", format!("12, {n},")),
        ("chroma_cqt", "<f4", format!("12, {n},")),
        ("chroma_cens", "<f4", format!("12, {n},")),
        ("tonnetz", "<f4", format!("6, {n},")),
        ("cqt", "<c8", format!("84, {n},")),
        ("onset_strength", "<f4", format!("{n},")),
        ("rms", "<f4", format!("1, {n},")),
        ("rms_from_S", "<f4", format!("1, {n},")),
        ("spectral_centroid", "<f4", format!("1, {n},")),
        ("spectral_bandwidth", "<f4", format!("1, {n},")),
        ("spectral_contrast", "<f4", format!("7, {n},")),
        ("spectral_flatness", "<f4", format!("1, {n},")),
        ("spectral_rolloff", "<f4", format!("1, {n},")),
        ("zero_crossing_rate", "<f4", format!("1, {n},")),
        ("tempogram", "<f4", format!("384, {n},")),
        ("tempo", "<f4", String::new()),
        ("tuning", "<f4", String::new()),
        ("f0", "<f4", format!("{n},")),
        ("voiced_prob", "<f4", format!("{n},")),
        ("loudness_momentary", "<f4", format!("{n},")),
        ("loudness_integrated", "<f4", String::new()),
    ] {
        let array = arrays.get(name).unwrap_or_else(|| panic!("{name} is missing"));
        assert_eq!((array.descr.as_str(), &array.shape), (descr, &shape), "{name}");
    }
    for name in ["onset_frames", "onset_backtrack_frames", "beat_frames", "segment_frames"] {
        assert_eq!(arrays[name].descr, "<i8", "{name}");
    }
    assert_eq!(arrays["sr"].integers(), [i64::from(RATE_HZ)]);
    assert_eq!(arrays["hop_length"].integers(), [512]);
}

/// What is known of a tone: half its amplitude remains in the mean of both channels.
#[test]
fn numbers_are_those_of_the_sound() {
    let desk = Desk::new();
    let names = "y,rms,f0,chroma_stft,stft,loudness_integrated,true_peak,segment_frames";
    stdout(&desk.analyse(&["--npz", "a.npz", "--features", names]));
    let arrays = read_npz(&desk.path("a.npz"));
    assert_eq!(arrays.len(), 8 + 2);
    let middle = NUM_FRAMES / 2;
    let y = arrays["y"].reals();
    assert!((y[100] - 0.25 * (TAU * 44_000.0 / f64::from(RATE_HZ)).sin() as f32).abs() < 1e-4);
    let level = arrays["rms"].reals()[middle];
    assert!((level - 0.25 / 2.0_f32.sqrt()).abs() < 1e-3, "{level}");
    let f0 = arrays["f0"].reals()[middle];
    assert!((f0 / 440.0 - 1.0).abs() < 0.005, "{f0}");
    // Row A of the classes is the largest; numbers of one class lie in a row.
    let chroma = arrays["chroma_stft"].reals();
    let at = |class: usize| chroma[class * NUM_FRAMES + middle];
    assert!((0..12).all(|class| class == 9 || at(class) < at(9)));
    let spectrum = arrays["stft"].bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b));
    let spectrum: Vec<f32> = spectrum.collect();
    let magnitude = |bin: usize| {
        let i = 2 * (bin * NUM_FRAMES + middle);
        spectrum[i].hypot(spectrum[i + 1])
    };
    let loudest = (0..1025).max_by(|a, b| magnitude(*a).total_cmp(&magnitude(*b)));
    assert_eq!(loudest, Some((440.0 * 2048.0 / f64::from(RATE_HZ)).round() as usize));
    // Of the left channel alone, as BS.1770 wants it: a full-scale tone of 1 kHz has −3 LUFS.
    let lufs = arrays["loudness_integrated"].reals()[0];
    assert!((lufs + 10.0).abs() < 1.0, "{lufs}");
    let peak = arrays["true_peak"].reals()[0];
    assert!((peak - 20.0 * 0.5_f32.log10()).abs() < 0.1, "{peak}");
    assert_eq!(arrays["segment_frames"].integers()[0], 0);
}

#[test]
fn json_and_table_say_the_same_as_the_arrays() {
    let desk = Desk::new();
    let features = ["--features", "rms,chroma_stft,onset_frames,mel,stft,tempo"];
    let files = ["--npz", "a.npz", "--json", "a.json", "--csv", "a.csv"];
    stdout(&desk.analyse(&[&features[..], &files[..]].concat()));
    let rms = read_npz(&desk.path("a.npz"))["rms"].reals();
    let text = std::fs::read_to_string(desk.path("a.json")).expect("json");
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let listed = json["rms"][0].as_array().expect("a row");
    let listed: Vec<f32> = listed.iter().map(|v| v.as_f64().expect("real") as f32).collect();
    assert_eq!(listed, rms);
    assert_eq!(json["chroma_stft"].as_array().map(Vec::len), Some(12));
    assert_eq!(json["stft"][1024][NUM_FRAMES - 1].as_array().map(Vec::len), Some(2));
    assert!(json["tempo"].is_number() && json["sr"] == RATE_HZ);
    let table = std::fs::read_to_string(desk.path("a.csv")).expect("csv");
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 1 + NUM_FRAMES);
    let heading: Vec<&str> = lines[0].split(',').collect();
    assert_eq!(heading.len(), 1 + 1 + 12 + 1);
    assert_eq!((heading[0], heading[1], heading[13]), ("time_secs", "rms", "chroma_stft_11"));
    let cells: Vec<f64> = lines[11].split(',').map(|c| c.parse().expect("a number")).collect();
    assert!((cells[0] - 10.0 * 512.0 / f64::from(RATE_HZ)).abs() < 1e-6);
    assert_eq!(cells[1] as f32, rms[10]);
}

#[test]
fn live_forms_come_block_by_block_with_their_latency() {
    let desk = Desk::new();
    stdout(&desk.analyse(&["--npz", "a.npz", "--features", "rms,mel"]));
    stdout(&desk.analyse(&["--npz", "live.npz", "--causal", "--features", "rms,mel"]));
    let (whole, live) = (read_npz(&desk.path("a.npz")), read_npz(&desk.path("live.npz")));
    let num_blocks = NUM_SAMPLES.div_ceil(512);
    assert_eq!(live["mel"].shape, format!("128, {num_blocks},"));
    assert_eq!(live["mel_latency_samples"].integers(), [1024]);
    assert_eq!(live["rms_latency_samples"].integers(), [1024]);
    // Column k ends at sample 512·(k + 1), and is thus that of frame k − 1.
    let (whole, live) = (whole["rms"].reals(), live["rms"].reals());
    for k in 2..num_blocks {
        assert!((live[k] - whole[k - 1]).abs() < 1e-6, "{k}: {} {}", live[k], whole[k - 1]);
    }
}

#[test]
fn rate_and_frames_are_chosen() {
    let desk = Desk::new();
    let args = ["--npz", "a.npz", "--features", "y,stft", "--rate", "44100", "--n-fft", "1024"];
    stdout(&desk.analyse(&[&args[..], &["--hop", "256"]].concat()));
    let arrays = read_npz(&desk.path("a.npz"));
    assert_eq!(arrays["y"].shape, format!("{},", 2 * NUM_SAMPLES));
    assert_eq!(arrays["stft"].shape, format!("513, {},", 1 + 2 * NUM_SAMPLES / 256));
    stdout(&desk.analyse(&["--npz", "a.npz", "--features", "y", "--rate", "native"]));
    assert_eq!(read_npz(&desk.path("a.npz"))["sr"].integers(), [i64::from(RATE_HZ)]);
}

#[test]
fn the_report_is_a_picture() {
    let desk = Desk::new();
    stdout(&desk.analyse(&["-o", "report.png"]));
    let picture = image::open(desk.path("report.png")).expect("a picture").to_rgb8();
    let (width, height) = picture.dimensions();
    assert!(width == 1600 && (900..1200).contains(&height), "{width}x{height}");
    // The tone is a bright line from left to right in the upper half.
    let bright = |y: u32| (110..1480).filter(|x| picture.get_pixel(*x, y).0[0] > 200).count();
    assert!((100..height / 2).any(|y| bright(y) > 1_000));
}

#[test]
fn faults_are_said_and_leave_no_file() {
    let desk = Desk::new();
    let fails = |more: &[&str], words: &[&str]| {
        let said = failure(&desk.analyse(more));
        words.iter().for_each(|word| assert!(said.contains(word), "{word}: {said}"));
    };
    fails(&[], &["nothing to write", "--npz"]);
    fails(&["--npz", "a.npz", "--features", "mell"], &["`mell`", "spectral_contrast", "rhythm"]);
    fails(&["--npz", "a.npz", "--causal", "--features", "tuning2"], &["live", "onset_strength"]);
    fails(&["--npz", "tone.wav"], &["the sound itself"]);
    fails(&["--npz", "a", "--json", "a"], &["twice"]);
    fails(&["--npz", "a.npz", "--n-fft", "512", "--hop", "1024"], &["--hop"]);
    fails(&["--npz", "gone/a.npz", "--features", "rms"], &["gone/a.npz"]);
    let missing = run([&"analyse", &desk.path("gone.wav"), &"--npz", &desk.path("a.npz")]);
    assert!(failure(&missing).contains("gone.wav"));
    let text = desk.path("text.wav");
    std::fs::write(&text, "this is no sound").expect("text");
    let no_sound = run([&"analyse", &text, &"-o", &desk.path("a.png")]);
    assert!(failure(&no_sound).contains("holds no sound"));
    let left: Vec<_> = std::fs::read_dir(desk.folder.path()).expect("folder").flatten().collect();
    assert_eq!(left.len(), 2, "{left:?}");
    for list in [&["analyse", "--features", "list"][..], &["analyse", "--help"]] {
        let printed = stdout(&lumawire().args(list).output().expect("runs"));
        assert!(printed.contains("spectral_contrast") && printed.contains("[7, frames]"));
    }
}
