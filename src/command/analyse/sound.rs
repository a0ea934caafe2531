//! The sound that is analysed.

use std::num::NonZero;
use std::path::Path;

use lumawire_analysis::level::loudness::{FLOOR_LUFS, LoudnessMeter};
use lumawire_core::AudioBlock;
use lumawire_runtime::transport::{AudioFile, Read, Transport};

use crate::error::CommandError;

/// Samples that are read at a time.
const BLOCK_LEN: usize = 65_536;

/// One channel of samples.
pub struct Sound {
    /// The samples, full scale ±1.
    pub samples: Vec<f32>,
    /// Samples a second.
    pub sample_rate_hz: u32,
}

impl Sound {
    /// The mean of a file's channels, at `sample_rate_hz` or, without one, at the file's own rate.
    /// `told` hears how much of it is read, 0 to 1, where the file says how long it is.
    pub fn read(
        path: &Path,
        sample_rate_hz: Option<NonZero<u32>>,
        told: &mut dyn FnMut(f64),
    ) -> Result<Self, CommandError> {
        let mut file = open(path, sample_rate_hz)?;
        let total = file.num_samples().unwrap_or(u64::MAX).max(1);
        let mut samples = Vec::new();
        let mut block = AudioBlock::silent(file.num_channels(), BLOCK_LEN);
        while let Read::Samples(n) = file.read(&mut block, 0)? {
            samples.extend((0..n).map(|i| block.mono(i)));
            told(samples.len() as f64 / total as f64);
        }
        let sample_rate_hz = sample_rate_hz.map_or(file.file_rate_hz(), NonZero::get);
        Ok(Self { samples, sample_rate_hz })
    }

    /// How long it lasts.
    pub fn duration_secs(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.sample_rate_hz)
    }
}

/// Loudness of a file: of all its channels and at its own rate, as the mean of the channels at
/// another tells neither it nor the peaks between samples.
pub struct Loudness {
    /// Loudness of the 0.4 s before each frame, in LUFS.
    pub momentary_lufs: Vec<f32>,
    /// Loudness of the 3 s before each frame, in LUFS.
    pub short_term_lufs: Vec<f32>,
    /// Of the whole, gated, in LUFS.
    pub integrated_lufs: f32,
    /// From its quiet to its loud parts, in LU.
    pub range_lu: f32,
    /// Largest true peak, in dBTP.
    pub true_peak_dbtp: f32,
}

impl Loudness {
    /// Measures it, with a value of the curves at each of `num_frames` frames `hop_secs` apart.
    pub fn measure(path: &Path, num_frames: usize, hop_secs: f64) -> Result<Self, CommandError> {
        let mut file = open(path, None)?;
        let (num_channels, rate_hz) = (file.num_channels(), file.file_rate_hz());
        let mut meter = LoudnessMeter::new(rate_hz, num_channels);
        let (mut momentary_lufs, mut short_term_lufs) = (Vec::new(), Vec::new());
        let mut block = AudioBlock::silent(num_channels, BLOCK_LEN);
        let mut position = 0_u64;
        while let Read::Samples(n) = file.read(&mut block, 0)? {
            for i in 0..n {
                let frame_secs = momentary_lufs.len() as f64 * hop_secs;
                if position as f64 >= frame_secs * f64::from(rate_hz) {
                    momentary_lufs.push(meter.momentary_lufs());
                    short_term_lufs.push(meter.short_term_lufs());
                }
                meter.push((0..num_channels).map(|c| block.channel(c)[i]));
                position += 1;
            }
        }
        for curve in [&mut momentary_lufs, &mut short_term_lufs] {
            curve.resize(num_frames, curve.last().copied().unwrap_or(FLOOR_LUFS));
        }
        Ok(Self {
            momentary_lufs,
            short_term_lufs,
            integrated_lufs: meter.integrated_lufs(),
            range_lu: meter.range_lu(),
            true_peak_dbtp: meter.true_peak_dbtp(),
        })
    }
}

/// The file at a rate, or at its own: which that is, only the opened file knows.
fn open(path: &Path, sample_rate_hz: Option<NonZero<u32>>) -> Result<AudioFile, CommandError> {
    const ANY_RATE: NonZero<u32> = NonZero::new(48_000).unwrap();
    let file = AudioFile::open(path, sample_rate_hz.unwrap_or(ANY_RATE))?;
    match (sample_rate_hz, NonZero::new(file.file_rate_hz())) {
        (None, Some(own)) if own != ANY_RATE => Ok(AudioFile::open(path, own)?),
        _ => Ok(file),
    }
}
