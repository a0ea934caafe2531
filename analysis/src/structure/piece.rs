//! From the sound of a whole piece to its sections.

use num_complex::Complex32;

use super::segment::{SegmentSettings, segment};
use crate::Rows;
use crate::rhythm::beats::{BeatSettings, beat_track};
use crate::rhythm::onset_strength::{Aggregate, OnsetSettings, onset_strength};
use crate::spectrum::bins;
use crate::spectrum::cqt::decimate::decimate;
use crate::spectrum::cqt::{CqtSettings, cqt};
use crate::spectrum::decibels::{Decibels, Reference, power_to_db};
use crate::spectrum::mfcc::{MfccSettings, mfcc};
use crate::spectrum::stft::StftSettings;

/// A section of a piece, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimedSection {
    /// Where it begins.
    pub start_secs: f64,
    /// Where it ends.
    pub end_secs: f64,
    /// Its kind, numbered by first appearance.
    pub label: usize,
}

/// Sample rate that is analysed, or up to twice that: what librosa's gallery takes.
const RATE_HZ: u32 = 22_050;
/// Samples between frames.
const HOP_LEN: usize = 512;
/// Octaves from C1, and bins in each.
const NUM_OCTAVES: usize = 7;
const BINS_PER_OCTAVE: usize = 36;
/// Frames between boundaries where there are no beats: half a second.
const FRAMES_WITHOUT_BEATS: usize = 22;

/// Whole samples of the sound for one that is analysed.
pub fn decimation(sample_rate_hz: u32) -> usize {
    (sample_rate_hz / RATE_HZ).max(1) as usize
}

/// The sections of a whole piece of one channel, in order and without gaps, by Laplacian segmentation:
/// constant-Q spectrum in dB (7 octaves of 36 bins) and MFCCs at hops of 512, put together between
/// the beats of librosa's `beat_track`, as in librosa's gallery. Sound of more than 44 kHz is
/// decimated first. Without beats half seconds take their place.
pub fn sections(
    sound: &[f32],
    sample_rate_hz: u32,
    settings: &SegmentSettings,
) -> Vec<TimedSection> {
    let factor = decimation(sample_rate_hz);
    let decimated;
    let sound = if factor > 1 {
        decimated = decimate(sound, factor);
        &decimated
    } else {
        sound
    };
    let rate_hz = sample_rate_hz / factor as u32;
    let harmony = harmony(sound, rate_hz);
    let stft = StftSettings { hop_len: HOP_LEN, ..StftSettings::default() };
    let timbre = mfcc(sound, rate_hz, &stft, &MfccSettings::default());
    let beats = beats(sound, rate_hz, harmony.num_frames());
    let frame_secs = HOP_LEN as f64 * factor as f64 / f64::from(sample_rate_hz);
    let secs = |frame: usize| frame as f64 * frame_secs;
    let found = segment(&harmony, &timbre, &beats, settings).into_iter();
    found
        .map(|s| TimedSection { start_secs: secs(s.start), end_secs: secs(s.end), label: s.label })
        .collect()
}

/// Constant-Q spectrum in dB below the loudest bin of the piece, `[frames, bins]`.
fn harmony(sound: &[f32], rate_hz: u32) -> Rows {
    let settings =
        CqtSettings { hop_len: HOP_LEN, ..CqtSettings::octaves(NUM_OCTAVES, BINS_PER_OCTAVE) };
    let powers = cqt(sound, rate_hz, &settings).map(|c: Complex32| bins::power(c));
    power_to_db(&powers, &Decibels { reference: Reference::Max, ..Decibels::default() })
}

/// Frames where a beat falls, or evenly spaced ones where none is found.
fn beats(sound: &[f32], rate_hz: u32, num_frames: usize) -> Vec<usize> {
    let settings = OnsetSettings { aggregate: Aggregate::Median, ..OnsetSettings::default() };
    let strength = onset_strength(sound, rate_hz, &settings);
    let frame_rate_hz = f64::from(rate_hz) / HOP_LEN as f64;
    let beat_settings = BeatSettings { trim: false, ..BeatSettings::default() };
    let found = beat_track(&strength, frame_rate_hz, &beat_settings).frames;
    match found.is_empty() {
        true => (0..num_frames).step_by(FRAMES_WITHOUT_BEATS).collect(),
        false => found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(hz: f64, t: f64) -> f32 {
        (t * hz * std::f64::consts::TAU).sin() as f32
    }

    /// A A' B B' A A' of 8 s each at 120 beats a minute: verses of a low, dull pattern of chords,
    /// choruses of other, bright chords with noise. A click on each beat.
    fn piece(rate_hz: u32, form: &[usize]) -> Vec<f32> {
        let mut noise = 1_u32;
        let rate = f64::from(rate_hz);
        let sample = |i: usize| {
            let t = i as f64 / rate;
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let hiss = (noise >> 8) as f32 / 8_388_608.0 - 1.0;
            let section = form[((t / 8.0) as usize).min(form.len() - 1)];
            let bar = (t / 2.0) as usize % 4;
            let root = [[110.0, 146.8, 164.8, 110.0], [196.0, 233.1, 261.6, 311.1]][section][bar];
            let fifth = sine(root * 1.5, t);
            let tone = sine(root, t) + fifth + if section == 1 { sine(root * 4.0, t) } else { 0.0 };
            let click = (-((t % 0.5) / 0.01)).exp() as f32 * hiss;
            0.1 * tone + 0.4 * click + if section == 1 { 0.03 * hiss } else { 0.001 * hiss }
        };
        (0..(form.len() as f64 * 8.0 * rate) as usize).map(sample).collect()
    }

    #[test]
    fn verses_and_choruses_of_a_piece() {
        for rate_hz in [22_050, 48_000] {
            let settings = SegmentSettings { num_labels: Some(2), ..SegmentSettings::default() };
            let found = sections(&piece(rate_hz, &[0, 0, 1, 1, 0, 0]), rate_hz, &settings);
            let labels: Vec<usize> = found.iter().map(|s| s.label).collect();
            assert_eq!(labels, [0, 1, 0], "{rate_hz}: {found:?}");
            // Within two beats.
            for (section, start_secs) in found.iter().zip([0.0, 16.0, 32.0]) {
                assert!((section.start_secs - start_secs).abs() <= 1.0, "{rate_hz}: {found:?}");
            }
            assert!((found[2].end_secs - 48.0).abs() < 0.05);
        }
    }

    #[test]
    fn silence_and_moments_are_one_section() {
        let settings = SegmentSettings::default();
        assert!(sections(&[0.0; 44_100], 22_050, &settings).len() <= 1);
        assert!(sections(&[], 48_000, &settings).len() <= 1);
        let long = sections(&vec![0.0; 22_050 * 20], 22_050, &settings);
        assert_eq!(long.first().map(|s| s.start_secs), Some(0.0));
    }
}
