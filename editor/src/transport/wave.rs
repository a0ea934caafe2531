//! What a sound file's waveform looks like.

use std::num::NonZero;
use std::path::Path;

use lumawire_core::AudioBlock;
use lumawire_runtime::transport::{AudioFile, Read, Transport};

/// Samples that are read at a time.
const BLOCK_LEN: usize = 65_536;
/// The quietest level that counts, in dB of full scale.
const MIN_LEVEL_DB: f32 = -60.0;

/// The waveform of a file in equal stretches.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wave {
    /// Length.
    pub secs: f64,
    /// Least and greatest sample over all channels, `[columns]`.
    pub peaks: Vec<(f32, f32)>,
    /// Root mean square over all channels, in dB from -60 to 0, as 0..1, `[columns]`.
    pub levels: Vec<f32>,
}

impl Wave {
    /// Reads a file at its own rate, from beginning to end. Its memory does not depend on the file's
    /// length. A file that is not as long as it says is read again by the length that it has.
    ///
    /// # Errors
    /// Where the file cannot be opened or read: what to tell.
    pub fn read(path: &Path, num_columns: usize) -> Result<Self, String> {
        let mut file = open(path)?;
        let rate_hz = file.file_rate_hz();
        let told = file.num_samples();
        let mut found = columns_of(&mut file, told.unwrap_or(u64::MAX), num_columns)?;
        if told != Some(found.num_samples) {
            found = columns_of(&mut open(path)?, found.num_samples, num_columns)?;
        }
        let secs = found.num_samples as f64 / f64::from(rate_hz);
        Ok(Self { secs, peaks: found.peaks, levels: found.levels })
    }
}

/// The file at its own rate, which only the opened file knows.
fn open(path: &Path) -> Result<AudioFile, String> {
    const ANY_RATE: NonZero<u32> = NonZero::new(48_000).unwrap();
    let open = |rate_hz| AudioFile::open(path, rate_hz).map_err(|error| error.to_string());
    let file = open(ANY_RATE)?;
    match NonZero::new(file.file_rate_hz()) {
        Some(own) if own != ANY_RATE => open(own),
        _ => Ok(file),
    }
}

struct Columns {
    num_samples: u64,
    peaks: Vec<(f32, f32)>,
    levels: Vec<f32>,
}

/// Column c of a sound of n samples is what lies from sample ⌈c·n/columns⌉ on to the next.
fn columns_of(file: &mut AudioFile, len: u64, num_columns: usize) -> Result<Columns, String> {
    let num_channels = file.num_channels();
    let mut peaks = vec![(f32::MAX, f32::MIN); num_columns];
    let mut powers = vec![(0.0_f64, 0_u64); num_columns];
    let mut block = AudioBlock::silent(num_channels, BLOCK_LEN);
    let mut num_samples = 0_u64;
    let place = |sample: u64| {
        let column = u128::from(sample) * num_columns as u128 / u128::from(len.max(1));
        (column as usize).min(num_columns.saturating_sub(1))
    };
    while let Read::Samples(n) = file.read(&mut block, 0).map_err(|error| error.to_string())? {
        for c in 0..num_channels {
            for (&x, sample) in block.channel(c).iter().take(n).zip(num_samples..) {
                let column = place(sample);
                if let (Some(peak), Some(power)) = (peaks.get_mut(column), powers.get_mut(column)) {
                    *peak = (peak.0.min(x), peak.1.max(x));
                    *power = (power.0 + f64::from(x) * f64::from(x), power.1 + 1);
                }
            }
        }
        num_samples += n as u64;
    }
    fill_gaps(&mut peaks);
    let levels = powers.iter().map(|(sum, n)| level(*sum / (*n).max(1) as f64)).collect();
    Ok(Columns { num_samples, peaks, levels })
}

/// Of a sound with less samples than columns, those without one show what came before.
fn fill_gaps(peaks: &mut [(f32, f32)]) {
    let mut last = (0.0, 0.0);
    for peak in peaks {
        if peak.0 > peak.1 {
            *peak = last;
        }
        last = *peak;
    }
}

fn level(power: f64) -> f32 {
    let level_db = 10.0 * power.max(1e-12).log10() as f32;
    (1.0 - level_db / MIN_LEVEL_DB).clamp(0.0, 1.0)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A 16-bit WAV file of these samples, which are interleaved.
    pub fn write_wav(path: &Path, rate_hz: u32, num_channels: u16, samples: &[i16]) {
        let data_len = samples.len() as u32 * 2;
        let frame_len = u32::from(num_channels) * 2;
        let mut bytes = b"RIFF".to_vec();
        bytes.extend((36 + data_len).to_le_bytes());
        bytes.extend(b"WAVEfmt ");
        bytes.extend(16_u32.to_le_bytes());
        bytes.extend(1_u16.to_le_bytes());
        bytes.extend(num_channels.to_le_bytes());
        bytes.extend(rate_hz.to_le_bytes());
        bytes.extend((rate_hz * frame_len).to_le_bytes());
        bytes.extend((frame_len as u16).to_le_bytes());
        bytes.extend(16_u16.to_le_bytes());
        bytes.extend(b"data");
        bytes.extend(data_len.to_le_bytes());
        bytes.extend(samples.iter().flat_map(|x| x.to_le_bytes()));
        std::fs::write(path, bytes).unwrap();
    }

    #[test]
    fn columns_hold_the_extremes_of_their_stretch() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        let num_frames = 100_003_usize;
        let mut noise = 1_u32;
        let samples: Vec<i16> = (0..2 * num_frames)
            .map(|_| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (noise >> 16) as i16 / 2
            })
            .collect();
        write_wav(&path, 32_000, 2, &samples);
        let wave = Wave::read(&path, 7).unwrap();
        assert_eq!(wave.secs, num_frames as f64 / 32_000.0);
        for c in 0..7 {
            let at = |c: usize| (c * num_frames).div_ceil(7) * 2;
            let stretch = &samples[at(c)..at(c + 1)];
            let of = |x: &i16| f32::from(*x) / 32_768.0;
            let (low, high) = (stretch.iter().min().unwrap(), stretch.iter().max().unwrap());
            assert_eq!(wave.peaks[c], (of(low), of(high)), "{c}");
            let power = stretch.iter().map(|x| f64::from(of(x)).powi(2)).sum::<f64>();
            let level_db = 10.0 * (power / stretch.len() as f64).log10();
            assert!((f64::from(wave.levels[c]) - (1.0 + level_db / 60.0)).abs() < 1e-4);
        }
    }

    #[test]
    fn short_sounds_and_missing_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        write_wav(&path, 8_000, 1, &[16_384, -8_192]);
        let wave = Wave::read(&path, 6).unwrap();
        assert_eq!(wave.peaks[..3], [(0.5, 0.5); 3]);
        assert_eq!(wave.peaks[3..], [(-0.25, -0.25); 3]);
        assert!(Wave::read(&folder.path().join("b.wav"), 6).unwrap_err().contains("b.wav"));
    }
}
