//! A running show as numbered PNG files with a WAV file beside them.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use lumawire_core::HostImage;

use super::matroska::NUM_CHANNELS;
use super::sequence::SequenceWriter;
use super::timeline::LiveWriter;
use super::{FrameWriter, OutputError, write_error};

/// Name of the sound beside the pictures.
const SOUND: &str = "sound.wav";
/// Bytes before the samples.
const HEAD_LEN: u32 = 44;

/// Pictures and sound, each in files of its own.
pub(crate) struct LiveFrames {
    pictures: SequenceWriter,
    sound: BufWriter<File>,
    path: PathBuf,
    rate_hz: u32,
    num_bytes: u64,
}

impl LiveFrames {
    /// Numbers pictures from 0 as `path` says, and writes the sound into the same folder.
    pub fn create(path: &Path, size_px: (u32, u32), rate_hz: u32) -> Result<Self, OutputError> {
        let pictures = SequenceWriter::create(path, size_px, 0)?;
        let path = pictures.folder().join(SOUND);
        let file = File::create(&path).map_err(|source| write_error(&path, source))?;
        let mut frames =
            Self { pictures, sound: BufWriter::new(file), path, rate_hz, num_bytes: 0 };
        // As long as can be said, until it is known: what breaks off can be read so.
        frames.write_sound(&head(rate_hz, u32::MAX - HEAD_LEN))?;
        Ok(frames)
    }

    fn write_sound(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        self.sound.write_all(bytes).map_err(|source| write_error(&self.path, source))
    }

    fn finish_sound(&mut self) -> io::Result<()> {
        let len = u32::try_from(self.num_bytes).unwrap_or(u32::MAX).min(u32::MAX - HEAD_LEN);
        self.sound.flush()?;
        self.sound.seek(SeekFrom::Start(0))?;
        self.sound.write_all(&head(self.rate_hz, len))?;
        self.sound.flush()
    }
}

impl LiveWriter for LiveFrames {
    fn picture(&mut self, _: u64, image: &HostImage, is_new: bool) -> Result<(), OutputError> {
        if is_new { self.pictures.write(image) } else { self.pictures.repeat() }
    }

    fn sound(&mut self, _: u64, samples: &[f32]) -> Result<(), OutputError> {
        self.num_bytes += size_of_val(samples) as u64;
        let bytes: Vec<u8> = samples.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.write_sound(&bytes)
    }

    fn finish(mut self: Box<Self>) -> Result<(), OutputError> {
        self.finish_sound().map_err(|source| write_error(&self.path, source))?;
        Box::new(self.pictures).finish().map(|_| ())
    }
}

/// Head of a WAV file of f32 samples, `num_bytes` long.
fn head(rate_hz: u32, num_bytes: u32) -> [u8; HEAD_LEN as usize] {
    let frame_len = (NUM_CHANNELS * size_of::<f32>()) as u16;
    let mut head = Vec::with_capacity(HEAD_LEN as usize);
    head.extend(b"RIFF");
    head.extend((num_bytes + HEAD_LEN - 8).to_le_bytes());
    head.extend(b"WAVEfmt ");
    head.extend(16_u32.to_le_bytes());
    // 3: floating point.
    for v in [3, NUM_CHANNELS as u16] {
        head.extend(v.to_le_bytes());
    }
    for v in [rate_hz, rate_hz.saturating_mul(frame_len.into())] {
        head.extend(v.to_le_bytes());
    }
    for v in [frame_len, 8 * size_of::<f32>() as u16] {
        head.extend(v.to_le_bytes());
    }
    head.extend(b"data");
    head.extend(num_bytes.to_le_bytes());
    let mut bytes = [0; HEAD_LEN as usize];
    bytes.copy_from_slice(&head);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::testing::{num_entries, pattern, read_png};
    use crate::transport::testing::run;

    #[test]
    fn pictures_and_sound_come_back_exactly() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("take");
        let mut frames = Box::new(LiveFrames::create(&folder, (6, 4), 48_000).unwrap());
        let samples: Vec<f32> = (0..2_000).map(|i| i as f32 / 4_096.0).collect();
        for (n, is_new) in [(0, true), (1, false), (2, true)] {
            frames.picture(n, &pattern((6, 4), n as u32), is_new).unwrap();
        }
        frames.sound(0, &samples[..1_000]).unwrap();
        frames.sound(500, &samples[1_000..]).unwrap();
        let wav = folder.join("sound.wav");
        frames.sound.flush().unwrap();
        let unfinished = heard(&wav);
        assert!(unfinished == samples, "what breaks off can be read");
        frames.finish().unwrap();
        assert!(heard(&wav) == samples);
        for (n, shown) in [(0, 0), (1, 0), (2, 2)] {
            let name = format!("frame_{n:05}.png");
            assert_eq!(read_png(&folder.join(name)), pattern((6, 4), shown));
        }
        assert_eq!(num_entries(&folder), 4);
    }

    fn heard(path: &Path) -> Vec<f32> {
        let args = ["-i", path.to_str().unwrap(), "-f", "f32le", "-"];
        run("ffmpeg", &args).as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
    }
}
