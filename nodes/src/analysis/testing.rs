//! What the tests of this folder share: reference data, and nodes in a row.

use std::path::PathBuf;

use lumawire_core::harness::Harness;
use lumawire_core::{AudioBlock, Clock, NodeSpec, Value};

use super::stft;

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
pub fn reference_frames(path: &str) -> Vec<i64> {
    words(&read(path)).map(|w| i64::from(i32::from_le_bytes(w))).collect()
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

/// The clip's clock.
pub fn a10_clock(block_len: usize) -> Clock {
    Clock { sample_rate_hz: 22_050, block_len, ..Clock::default() }
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

/// Nodes in a row, the first output of each wired to the first input of the next.
pub struct Chain {
    clock: Clock,
    nodes: Vec<(&'static NodeSpec, Harness)>,
}

impl Chain {
    /// No node yet.
    pub fn new(clock: Clock) -> Self {
        Self { clock, nodes: Vec::new() }
    }

    /// An STFT at its defaults, at the clip's clock in blocks of 512 samples.
    pub fn stft() -> Self {
        Self::new(a10_clock(512)).then(&stft::SPEC, |h| h)
    }

    /// An STFT, at the clip's clock in blocks of 512 samples.
    pub fn stft_with(n_fft: &str, hop: i64, window: &str) -> Self {
        Self::new(a10_clock(512)).then(&stft::SPEC, |h| {
            h.param("n_fft", n_fft).param("hop", hop).param("window", window)
        })
    }

    /// Appends a node.
    pub fn then(
        mut self,
        spec: &'static NodeSpec,
        configure: impl FnOnce(Harness) -> Harness,
    ) -> Self {
        let node = configure(Harness::new(spec).clock(self.clock)).prepare().unwrap();
        self.nodes.push((spec, node));
        self
    }

    /// The last node.
    pub fn last(&self) -> &Harness {
        &self.nodes.last().unwrap().1
    }

    /// Runs a block through all.
    pub fn tick(&mut self, block: AudioBlock) {
        let mut value = Value::Audio(block.into());
        for (spec, node) in &mut self.nodes {
            match spec.inputs.first() {
                Some(port) => node.input(port.id, value),
                None => {
                    let Value::Audio(block) = value else { panic!("a source takes sound") };
                    node.transport_audio(AudioBlock::clone(&block));
                }
            }
            node.tick().unwrap();
            value = node.output(spec.outputs[0].id).clone();
        }
    }

    /// Back to sample 0.
    pub fn reset(&mut self) {
        self.nodes.iter_mut().for_each(|(_, node)| node.reset());
    }

    /// Tells all that they have heard the whole sound, and goes back to sample 0.
    pub fn learn(&mut self) {
        self.nodes.iter_mut().for_each(|(_, node)| node.learn().unwrap());
    }

    /// Runs sound, one row a channel, through all, and reads the last node after each block. What
    /// is too short for a block is padded with silence.
    pub fn feed_channels(&mut self, channels: &[Vec<f32>], mut read: impl FnMut(&Harness)) {
        let block_len = self.clock.block_len;
        for start in (0..channels[0].len()).step_by(block_len) {
            let mut block = AudioBlock::silent(channels.len(), block_len);
            for (c, channel) in channels.iter().enumerate() {
                let part = &channel[start..channel.len().min(start + block_len)];
                block.channel_mut(c)[..part.len()].copy_from_slice(part);
            }
            self.tick(block);
            read(self.last());
        }
    }

    /// As `feed_channels` for one channel, and silence after it until the last rows have come.
    pub fn feed(mut self, sound: &[f32], read: impl FnMut(&Harness)) {
        let mut sound = sound.to_vec();
        sound.resize(sound.len() + 1024, 0.0);
        self.feed_channels(&[sound], read);
    }
}
