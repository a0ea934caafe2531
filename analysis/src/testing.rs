//! What tests share: reference data and the clip behind it.

use std::path::PathBuf;

/// A file under `tests/reference` of the repository.
fn read(path: &str) -> Vec<u8> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/reference").join(path);
    std::fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

fn words<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.as_chunks().0.iter().copied()
}

/// Reference numbers, in C order.
pub fn reference(path: &str) -> Vec<f32> {
    words(&read(path)).map(f32::from_le_bytes).collect()
}

/// Reference frame numbers.
pub fn reference_frames(path: &str) -> Vec<usize> {
    words(&read(path)).map(|w| u32::from_le_bytes(w) as usize).collect()
}

/// Numbers of shape `[rows, num_columns]`, column after column: one frame after the other.
pub fn columns(numbers: &[f32], num_columns: usize) -> Vec<f32> {
    (0..num_columns).flat_map(|c| numbers[c..].iter().step_by(num_columns)).copied().collect()
}

/// The clip behind the reference data: 10 s at 22050 Hz, one channel of 16 bits.
pub fn a10() -> Vec<f32> {
    let wav = read("audio/A10_22k_mono.wav");
    assert_eq!((&wav[..4], &wav[36..40]), (&b"RIFF"[..], &b"data"[..]));
    words(&wav[44..]).map(|w| f32::from(i16::from_le_bytes(w)) / 32_768.0).collect()
}

/// Largest magnitude.
pub fn peak(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |peak, v| peak.max(v.abs()))
}

/// Largest difference from `expected`, as far as that goes.
pub fn max_abs_diff(found: &[f32], expected: &[f32]) -> f32 {
    assert!(!expected.is_empty() && found.len() >= expected.len(), "{} values", found.len());
    found.iter().zip(expected).fold(0.0, |worst, (f, e)| {
        let difference = (f - e).abs();
        // NaN must not pass as agreement.
        if worst.is_nan() || difference <= worst { worst } else { difference }
    })
}

/// Six harmonics that glide from 110 Hz up by an octave a second for 3 s at 22050 Hz, with a pause
/// from 1.0 to 1.3 s, over some noise.
pub fn glide() -> Vec<f32> {
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / 8_388_608.0 - 1.0
    };
    let mut sample = |i: i32| {
        let secs = f64::from(i) / 22_050.0;
        let phase = std::f64::consts::TAU * 110.0 * (secs.exp2() - 1.0) / 2.0_f64.ln();
        let voice: f64 = (1..=6).map(|h| (f64::from(h) * phase).sin() / f64::from(h)).sum();
        let voice = if (1.0..1.3).contains(&secs) { 0.0 } else { 0.3 * voice };
        (voice + 0.02 * noise()) as f32
    };
    (0..66_150).map(&mut sample).collect()
}
