//! Plays a sound file: decoded and resampled on a thread of its own, through a bounded queue, so
//! that the memory does not depend on the file's length.

use std::cell::Cell;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};

use lumawire_core::AudioBlock;

use super::decode::{AudioFileError, Decoder};
use super::memory::copy_samples;
use super::resample::Resampler;
use super::{Read, Transport, TransportError};

/// Blocks that are decoded ahead: a block is one packet (some 1000 to 65,536 samples).
const QUEUE_LEN: usize = 16;

/// A sound file at the patch's sample rate.
///
/// Sample 0 of the file is sample 0 here; encoder delay and padding are left out; `n` samples
/// become `round(n · patch rate / file rate)`, bit-exact if the rates are equal. Samples that are
/// no finite numbers become 0. Dropping it ends its thread.
#[derive(Debug)]
pub struct AudioFile {
    path: PathBuf,
    num_channels: usize,
    num_samples: Option<u64>,
    rate_hz: u32,
    /// `None` once it has ended.
    parts: Option<Receiver<Part>>,
    current: AudioBlock,
    /// Samples of `current` that were given.
    given: usize,
    thread: Option<JoinHandle<()>>,
}

/// What the decoder's thread sends.
enum Part {
    Samples(AudioBlock),
    Failed(TransportError),
    Ended,
}

/// What is known once the file is open.
struct Header {
    num_channels: usize,
    num_samples: Option<u64>,
    rate_hz: u32,
}

impl AudioFile {
    /// Opens `path` to be played at `sample_rate_hz`. Returns once the first samples are decoded,
    /// so that a file that cannot be played fails here.
    pub fn open(
        path: impl AsRef<Path>,
        sample_rate_hz: NonZero<u32>,
    ) -> Result<Self, AudioFileError> {
        let path = path.as_ref();
        let (opened, header) = bounded(1);
        let (parts, receiver) = bounded(QUEUE_LEN);
        let to_open = path.to_owned();
        let thread = thread::Builder::new()
            .name("lumawire-decode".into())
            .spawn(move || match open(&to_open, sample_rate_hz) {
                Ok((header, decoder, resampler)) => {
                    if opened.send(Ok(header)).is_ok() {
                        decode(decoder, resampler, &to_open, &parts);
                    }
                }
                Err(error) => drop(opened.send(Err(error))),
            })
            .map_err(|source| AudioFileError::Open { path: path.into(), source })?;
        let header = header.recv().unwrap_or_else(|_| {
            let reason = "its decoder stopped by an internal fault".into();
            Err(AudioFileError::NoSound { path: path.into(), reason })
        })?;
        Ok(Self {
            path: path.into(),
            num_channels: header.num_channels,
            num_samples: header.num_samples,
            rate_hz: header.rate_hz,
            parts: Some(receiver),
            current: AudioBlock::default(),
            given: 0,
            thread: Some(thread),
        })
    }

    /// As [`open`](Self::open), to be played from `sample` on, which is a sample at
    /// `sample_rate_hz`: what comes before it is decoded and thrown away, so that it is exact. A true `stop` breaks that off.
    pub fn open_at(
        path: impl AsRef<Path>,
        sample_rate_hz: NonZero<u32>,
        sample: u64,
        stop: &AtomicBool,
    ) -> Result<Self, TransportError> {
        let mut file = Self::open(path, sample_rate_hz)?;
        let mut left = sample;
        while left > 0 && !stop.load(Ordering::Relaxed) {
            if file.given == file.current.len() && !file.advance()? {
                break;
            }
            let n = left.min((file.current.len() - file.given) as u64);
            file.given += n as usize;
            left -= n;
        }
        Ok(file)
    }

    /// The file's own sample rate, in Hz.
    pub fn file_rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// Waits for the next part; `false` at the end.
    fn advance(&mut self) -> Result<bool, TransportError> {
        let Some(parts) = &self.parts else { return Ok(false) };
        match parts.recv() {
            Ok(Part::Samples(block)) => {
                (self.current, self.given) = (block, 0);
                return Ok(true);
            }
            Ok(Part::Ended) => self.parts = None,
            Ok(Part::Failed(error)) => {
                self.parts = None;
                return Err(error);
            }
            Err(_) => {
                self.parts = None;
                return Err(TransportError::Decoder { path: self.path.clone() });
            }
        }
        Ok(false)
    }
}

impl Transport for AudioFile {
    fn num_channels(&self) -> usize {
        self.num_channels
    }

    fn num_samples(&self) -> Option<u64> {
        self.num_samples
    }

    fn read(&mut self, block: &mut AudioBlock, from: usize) -> Result<Read, TransportError> {
        let mut at = from;
        while at < block.len() {
            if self.given == self.current.len() && !self.advance()? {
                return Ok(if at > from { Read::Samples(at - from) } else { Read::Ended });
            }
            let n = copy_samples(&self.current, self.given, block, at);
            self.given += n;
            at += n;
        }
        Ok(Read::Samples(at - from))
    }
}

impl Drop for AudioFile {
    fn drop(&mut self) {
        // Without a receiver, the thread's next send fails and it returns.
        self.parts = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the decoder was reported when it happened.
            let _ = thread.join();
        }
    }
}

fn open(
    path: &Path,
    to_hz: NonZero<u32>,
) -> Result<(Header, Decoder, Option<Resampler>), AudioFileError> {
    let decoder = Decoder::open(path)?;
    let from_hz = decoder.rate_hz;
    let resampler = (from_hz != to_hz)
        .then(|| Resampler::new(decoder.num_channels, from_hz, to_hz))
        .transpose()
        .map_err(|reason| AudioFileError::SampleRate {
            path: path.into(),
            from_hz: from_hz.get(),
            to_hz: to_hz.get(),
            reason,
        })?;
    let num_samples =
        decoder.num_samples.map(|n| Resampler::output_len(n, from_hz.get(), to_hz.get()));
    let num_channels = decoder.num_channels;
    Ok((Header { num_channels, num_samples, rate_hz: from_hz.get() }, decoder, resampler))
}

/// Decodes to the end or until nobody listens.
fn decode(
    mut decoder: Decoder,
    mut resampler: Option<Resampler>,
    path: &Path,
    parts: &Sender<Part>,
) {
    let listening = Cell::new(true);
    let mut send = |block| listening.set(parts.send(Part::Samples(block)).is_ok());
    let last = loop {
        let converted = match (decoder.next_block(), &mut resampler) {
            (Ok(Some(block)), None) => {
                send(block);
                Ok(())
            }
            (Ok(Some(block)), Some(resampler)) => resampler.push(&block, &mut send),
            (Ok(None), None) => break Part::Ended,
            (Ok(None), Some(resampler)) => match resampler.finish(&mut send) {
                Ok(()) => break Part::Ended,
                Err(error) => Err(error),
            },
            (Err(error), _) => break Part::Failed(error),
        };
        if let Err(error) = converted {
            tracing::error!("{}: resampling failed: {error}", path.display());
            break Part::Failed(TransportError::Decoder { path: path.into() });
        }
        if !listening.get() {
            return;
        }
    };
    // Nobody listening is no fault: the transport was dropped.
    let _ = parts.send(last);
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;
    use std::time::Duration;

    use super::*;
    use crate::transport::testing::{planar, read_all, run, write_wav};

    const CLICK_SECS: f64 = 0.5;

    /// One and a half seconds: a sine of another frequency in each channel, and a click.
    fn signal(rate_hz: u32, num_channels: usize) -> Vec<Vec<f32>> {
        let click = (CLICK_SECS * f64::from(rate_hz)) as usize;
        let channel = |c: usize| {
            let turn = TAU * freq_hz(c) / f64::from(rate_hz);
            let mut samples: Vec<f32> =
                (0..rate_hz * 3 / 2).map(|i| (0.1 * (turn * f64::from(i)).sin()) as f32).collect();
            samples[click] = 0.9;
            samples
        };
        (0..num_channels).map(channel).collect()
    }

    fn freq_hz(channel: usize) -> f64 {
        440.0 + 110.0 * channel as f64
    }

    fn rate(hz: u32) -> NonZero<u32> {
        NonZero::new(hz).unwrap()
    }

    /// The signal through ffmpeg with `args` into `name`.
    fn encoded(
        dir: &Path,
        name: &str,
        rate_hz: u32,
        num_channels: usize,
        args: &[&str],
    ) -> PathBuf {
        let (source, path) = (dir.join(format!("{name}.source.wav")), dir.join(name));
        write_wav(&source, rate_hz, &signal(rate_hz, num_channels));
        let mut all = vec!["-i", source.to_str().unwrap()];
        all.extend(args);
        all.extend(["-y", path.to_str().unwrap()]);
        run("ffmpeg", &all);
        path
    }

    fn read_file(path: &Path, rate_hz: u32) -> AudioBlock {
        read_all(&mut AudioFile::open(path, rate(rate_hz)).unwrap(), 256)
    }

    /// ffmpeg's own decoding, planar.
    fn decoded_by_ffmpeg(path: &Path, num_channels: usize) -> AudioBlock {
        let bytes = run("ffmpeg", &["-i", path.to_str().unwrap(), "-f", "f32le", "-"]);
        let samples: Vec<f32> =
            bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        let channel = |c| samples.iter().skip(c).step_by(num_channels).copied().collect();
        planar(&(0..num_channels).map(channel).collect::<Vec<_>>())
    }

    fn peak_at(samples: &[f32]) -> usize {
        (0..samples.len()).max_by(|a, b| samples[*a].abs().total_cmp(&samples[*b].abs())).unwrap()
    }

    /// The amplitude at `freq_hz`, in the half second after the click has rung out.
    fn amplitude(samples: &[f32], freq_hz: f64, rate_hz: u32) -> f64 {
        let (from, len) = ((0.75 * f64::from(rate_hz)) as usize, rate_hz as usize / 2);
        let turn = TAU * freq_hz / f64::from(rate_hz);
        let (mut re, mut im) = (0.0, 0.0);
        for (i, v) in samples[from..from + len].iter().enumerate() {
            re += f64::from(*v) * (turn * i as f64).cos();
            im += f64::from(*v) * (turn * i as f64).sin();
        }
        2.0 * re.hypot(im) / len as f64
    }

    #[test]
    fn a_file_opened_in_the_middle_gives_the_same_samples_from_there() {
        let dir = tempfile::tempdir().unwrap();
        for (name, rate_hz) in [("a.wav", 48_000), ("a.flac", 44_100), ("a.mp3", 48_000)] {
            let path = encoded(dir.path(), name, rate_hz, 2, &[]);
            let (whole, go_on) = (read_file(&path, 48_000), AtomicBool::new(false));
            for from in [0_usize, 1, 4_095, 50_001] {
                let mut file =
                    AudioFile::open_at(&path, rate(48_000), from as u64, &go_on).unwrap();
                let rest = read_all(&mut file, 256);
                assert_eq!(rest.channel(1), &whole.channel(1)[from..], "{name} from {from}");
            }
            let mut after = AudioFile::open_at(&path, rate(48_000), 1 << 40, &go_on).unwrap();
            assert_eq!(read_all(&mut after, 256).len(), 0);
        }
    }

    #[test]
    fn lossless_files_give_the_very_samples() {
        let dir = tempfile::tempdir().unwrap();
        for (name, rate_hz, num_channels, args) in [
            ("u8.wav", 44_100, 2, &["-c:a", "pcm_u8"][..]),
            ("s16.wav", 8_000, 1, &["-c:a", "pcm_s16le"]),
            ("s24.wav", 96_000, 2, &["-c:a", "pcm_s24le"]),
            ("s32.wav", 44_100, 4, &["-c:a", "pcm_s32le"]),
            ("f32.wav", 192_000, 2, &["-c:a", "pcm_f32le"]),
            ("f64.wav", 48_000, 8, &["-c:a", "pcm_f64le"]),
            ("s16.aiff", 44_100, 2, &["-c:a", "pcm_s16be"]),
            ("s24.aiff", 48_000, 1, &["-c:a", "pcm_s24be"]),
            ("s16.flac", 44_100, 2, &["-sample_fmt", "s16"]),
            ("s24.flac", 96_000, 6, &["-sample_fmt", "s32"]),
            ("alac.m4a", 44_100, 2, &["-c:a", "alac"]),
            ("alac24.m4a", 48_000, 1, &["-c:a", "alac", "-sample_fmt", "s32p"]),
        ] {
            let path = encoded(dir.path(), name, rate_hz, num_channels, args);
            let file = AudioFile::open(&path, rate(rate_hz)).unwrap();
            assert_eq!(file.num_channels(), num_channels, "{name}");
            assert_eq!(file.num_samples(), Some(u64::from(rate_hz) * 3 / 2), "{name}");
            let samples = read_file(&path, rate_hz);
            assert!(samples == decoded_by_ffmpeg(&path, num_channels), "{name}: other samples");
            assert_eq!(peak_at(samples.channel(0)), rate_hz as usize / 2, "{name}");
        }
    }

    #[test]
    fn lossy_files_keep_length_level_pitch_and_place() {
        let dir = tempfile::tempdir().unwrap();
        for (name, rate_hz, num_channels, args) in [
            ("cbr.mp3", 44_100, 2, &["-c:a", "libmp3lame", "-b:a", "192k"][..]),
            ("vbr.mp3", 48_000, 1, &["-c:a", "libmp3lame", "-q:a", "2"]),
            ("vorbis.ogg", 44_100, 2, &["-c:a", "libvorbis", "-q:a", "6"]),
            ("mono.ogg", 22_050, 1, &["-c:a", "libvorbis", "-q:a", "6"]),
            ("aac.m4a", 44_100, 2, &["-c:a", "aac", "-b:a", "192k"]),
            ("mono.m4a", 48_000, 1, &["-c:a", "aac", "-b:a", "192k"]),
        ] {
            let path = encoded(dir.path(), name, rate_hz, num_channels, args);
            let samples = read_file(&path, rate_hz);
            assert_eq!(samples.num_channels(), num_channels, "{name}");
            assert_eq!(samples.len(), rate_hz as usize * 3 / 2, "{name}: length");
            for c in 0..num_channels {
                let place = peak_at(samples.channel(c)) as f64 / f64::from(rate_hz);
                assert!((place - CLICK_SECS).abs() < 1e-3, "{name}: click at {place} s");
                let level = amplitude(samples.channel(c), freq_hz(c), rate_hz);
                assert!((level - 0.1).abs() < 0.005, "{name}: amplitude {level}");
            }
        }
    }

    #[test]
    fn bare_aac_plays_though_it_cannot_tell_its_delay() {
        let dir = tempfile::tempdir().unwrap();
        let path = encoded(dir.path(), "bare.aac", 44_100, 2, &["-c:a", "aac", "-b:a", "192k"]);
        let samples = read_file(&path, 44_100);
        assert!(samples.len() >= 66_150 && samples.len() < 66_150 + 4_096, "{}", samples.len());
        assert!((amplitude(samples.channel(1), freq_hz(1), 44_100) - 0.1).abs() < 0.005);
    }

    #[test]
    fn other_rates_are_resampled_in_place() {
        let dir = tempfile::tempdir().unwrap();
        for (name, from_hz, to_hz) in
            [("a.flac", 44_100, 48_000), ("b.flac", 96_000, 44_100), ("c.flac", 8_000, 48_000)]
        {
            let path = encoded(dir.path(), name, from_hz, 2, &[]);
            let mut file = AudioFile::open(&path, rate(to_hz)).unwrap();
            assert_eq!(file.file_rate_hz(), from_hz);
            assert_eq!(file.num_samples(), Some(u64::from(to_hz) * 3 / 2));
            let samples = read_all(&mut file, 1_000);
            assert_eq!(samples.len(), to_hz as usize * 3 / 2, "{name}");
            assert_eq!(peak_at(samples.channel(1)), to_hz as usize / 2, "{name}");
            let level = amplitude(samples.channel(1), freq_hz(1), to_hz);
            assert!((level - 0.1).abs() < 1e-4, "{name}: amplitude {level}");
        }
    }

    #[test]
    fn block_lengths_change_no_sample_and_the_end_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = encoded(dir.path(), "x.flac", 44_100, 2, &[]);
        let all = read_file(&path, 48_000);
        let mut file = AudioFile::open(&path, rate(48_000)).unwrap();
        assert!(read_all(&mut file, 977) == all);
        let mut block = AudioBlock::silent(2, 16);
        assert_eq!(file.read(&mut block, 0).unwrap(), Read::Ended);
        assert_eq!(file.read(&mut block, 0).unwrap(), Read::Ended);
    }

    #[test]
    fn values_that_are_no_numbers_fall_silent() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("nan.wav");
        let samples = vec![0.5, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.25];
        write_wav(&path, 48_000, &[samples]);
        assert_eq!(read_file(&path, 48_000).samples(), [0.5, 0.0, 0.0, 0.0, -0.25]);
    }

    #[test]
    fn damage_costs_the_damaged_part_only() {
        let dir = tempfile::tempdir().unwrap();
        let rate_hz = 44_100;
        let short_pages = ["-page_duration", "100000"];
        for (name, args) in [("x.flac", &[][..]), ("x.mp3", &[]), ("x.ogg", &short_pages)] {
            let path = encoded(dir.path(), name, rate_hz, 2, args);
            let mut bytes = std::fs::read(&path).unwrap();
            let middle = bytes.len() * 7 / 10;
            // In Ogg inside of a page: a damaged length would swallow the rest of so short a file.
            let page = bytes[middle..].windows(4).position(|w| w == b"OggS");
            let damage = middle + page.map_or(0, |at| at + 80);
            for byte in &mut bytes[damage..damage + 100] {
                *byte ^= 0x5a;
            }
            std::fs::write(&path, bytes).unwrap();
            let samples = read_file(&path, rate_hz);
            assert_eq!(samples.len(), rate_hz as usize * 3 / 2, "{name}");
            let tail = &samples.channel(0)[62_000..];
            let truth = &signal(rate_hz, 1)[0][62_000..];
            let error = tail.iter().zip(truth).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(error < 0.02, "{name}: what follows the damage is out of place by {error}");
        }
    }

    #[test]
    fn a_file_that_breaks_off_plays_up_to_there() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["x.flac", "x.wav", "x.mp3"] {
            let path = encoded(dir.path(), name, 44_100, 1, &[]);
            let bytes = std::fs::read(&path).unwrap();
            std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
            let samples = read_file(&path, 44_100);
            assert!((20_000..50_000).contains(&samples.len()), "{name}: {}", samples.len());
        }
    }

    #[test]
    fn what_is_no_sound_says_so_and_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &[u8]| {
            let path = dir.path().join(name);
            std::fs::write(&path, content).unwrap();
            path
        };
        let flac = std::fs::read(encoded(dir.path(), "x.flac", 44_100, 1, &[])).unwrap();
        let mut state = 1u32;
        let random: Vec<u8> = (0..200_000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        write_wav(&dir.path().join("none.wav"), 48_000, &[vec![]]);
        write_wav(&dir.path().join("many.wav"), 48_000, &vec![vec![0.5; 100]; 9]);
        write_wav(&dir.path().join("rate.wav"), 3, &[vec![0.5; 100]]);
        for (path, expected) in [
            (dir.path().join("missing.wav"), "cannot be opened"),
            (dir.path().to_owned(), "is no file"),
            (file("empty.wav", b""), "is empty"),
            (file("text.txt", "Wire sound to pictures.\n".repeat(99).as_bytes()), "supported are"),
            (file("text.mp3", "Wire sound to pictures.\n".repeat(99).as_bytes()), "supported are"),
            (file("random.bin", &random), "supported are"),
            (file("random.mp3", &random), "supported are"),
            (file("cut.flac", &flac[..30]), "supported are"),
            (file("cut.wav", b"RIFF\0\0\0\0WAVEfmt "), "supported are"),
            (dir.path().join("none.wav"), "not a single sample"),
            (dir.path().join("many.wav"), "has 9 channels, at most 8"),
            (dir.path().join("rate.wav"), "3 Hz"),
        ] {
            let error = AudioFile::open(&path, rate(48_000)).expect_err(&path.to_string_lossy());
            let message = error.to_string();
            assert!(message.contains(expected), "{message}");
            assert!(message.starts_with(&*path.to_string_lossy()), "{message}");
        }
    }

    /// The decoder runs ahead by the queue and no further, and ends with its transport.
    #[test]
    fn the_queue_is_bounded_and_a_dropped_file_ends_its_thread() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("long.wav");
        write_wav(&path, 48_000, &[vec![0.5; 48_000 * 60]]);
        let mut file = AudioFile::open(&path, rate(44_100)).unwrap();
        let mut block = AudioBlock::silent(1, 256);
        assert_eq!(file.read(&mut block, 0).unwrap(), Read::Samples(256));
        let num_waiting = || file.parts.as_ref().unwrap().len();
        while num_waiting() < QUEUE_LEN {
            thread::yield_now();
        }
        thread::sleep(Duration::from_millis(50));
        assert_eq!(num_waiting(), QUEUE_LEN);
        // Joins the thread: a decoder that did not end would hang here.
        drop(file);
    }
}
