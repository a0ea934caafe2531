//! Helpers of tests.

use std::path::Path;
use std::process::{Command, Output};

use lumawire_core::AudioBlock;

use super::{Read, Transport};

/// Everything that `transport` delivers, read in blocks of `block_len`.
pub fn read_all(transport: &mut impl Transport, block_len: usize) -> AudioBlock {
    let mut channels = vec![Vec::new(); transport.num_channels()];
    let mut block = AudioBlock::silent(channels.len(), block_len);
    while let Read::Samples(n) = transport.read(&mut block, 0).unwrap() {
        assert!(n > 0, "a read without progress");
        for (c, samples) in channels.iter_mut().enumerate() {
            samples.extend_from_slice(&block.channel(c)[..n]);
        }
    }
    planar(&channels)
}

/// A block of these channels.
pub fn planar(channels: &[Vec<f32>]) -> AudioBlock {
    let mut block = AudioBlock::silent(channels.len(), channels.first().map_or(0, Vec::len));
    for (c, samples) in channels.iter().enumerate() {
        block.channel_mut(c).copy_from_slice(samples);
    }
    block
}

/// Runs a program of the ffmpeg family and returns what it wrote to its standard output.
pub fn run(program: &str, args: &[&str]) -> Vec<u8> {
    let Output { status, stdout, stderr } = Command::new(program)
        .args(["-hide_banner", "-loglevel", "error"])
        .args(args)
        .output()
        .unwrap_or_else(|e| panic!("{program} is needed for tests (cargo xtask setup): {e}"));
    assert!(status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&stderr));
    stdout
}

/// A 32-bit float WAV file of these channels.
pub fn write_wav(path: &Path, rate_hz: u32, channels: &[Vec<f32>]) {
    let (num_channels, len) = (channels.len() as u32, channels[0].len() as u32);
    let mut wav = Vec::new();
    let mut word = |bytes: &[u8]| wav.extend_from_slice(bytes);
    let num_bytes = len * num_channels * 4;
    word(b"RIFF");
    word(&(36 + num_bytes).to_le_bytes());
    word(b"WAVEfmt ");
    word(&16u32.to_le_bytes());
    word(&3u16.to_le_bytes());
    word(&(num_channels as u16).to_le_bytes());
    word(&rate_hz.to_le_bytes());
    word(&(rate_hz * num_channels * 4).to_le_bytes());
    word(&(num_channels as u16 * 4).to_le_bytes());
    word(&32u16.to_le_bytes());
    word(b"data");
    word(&num_bytes.to_le_bytes());
    for i in 0..len as usize {
        for channel in channels {
            word(&channel[i].to_le_bytes());
        }
    }
    std::fs::write(path, wav).unwrap();
}
