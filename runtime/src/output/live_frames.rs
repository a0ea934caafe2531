//! A running show as numbered PNG files with a WAV file beside them.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use lumawire_core::HostImage;

use super::matroska::NUM_CHANNELS;
use super::sequence::SequenceWriter;
use super::timeline::LiveWriter;
use super::{FrameWriter, OutputError, write_error};
use crate::take::wav::WavWriter;

/// Sounds of earlier shows that may lie in a folder.
const MAX_SOUNDS: u32 = 100_000;

/// Pictures and sound, each in files of its own.
pub(crate) struct LiveFrames {
    pictures: SequenceWriter,
    sound: WavWriter,
    path: PathBuf,
}

impl LiveFrames {
    /// Numbers pictures from 0 as `path` says, and writes the sound into the same folder, as
    /// `sound.wav`, or the first of `sound-2.wav` … that is not there.
    pub fn create(path: &Path, size_px: (u32, u32), rate_hz: u32) -> Result<Self, OutputError> {
        let pictures = SequenceWriter::create(path, size_px, 0)?;
        let mut number = 1;
        loop {
            let name = if number == 1 { "sound.wav".into() } else { format!("sound-{number}.wav") };
            let path = pictures.folder().join(name);
            match WavWriter::create(&path, NUM_CHANNELS, rate_hz) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists && number < MAX_SOUNDS => {
                    number += 1;
                }
                Err(source) => return Err(write_error(&path, source)),
                Ok(sound) => return Ok(Self { pictures, sound, path }),
            }
        }
    }
}

impl LiveWriter for LiveFrames {
    fn picture(&mut self, _: u64, image: &HostImage, is_new: bool) -> Result<(), OutputError> {
        if is_new { self.pictures.write(image) } else { self.pictures.repeat() }
    }

    fn sound(&mut self, _: u64, samples: &[f32]) -> Result<(), OutputError> {
        let bytes: Vec<u8> = samples.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.sound.write(&bytes).map_err(|source| write_error(&self.path, source))
    }

    fn finish(self: Box<Self>) -> Result<(), OutputError> {
        let Self { pictures, sound, path } = *self;
        sound.finish().map_err(|source| write_error(&path, source))?;
        Box::new(pictures).finish().map(|_| ())
    }
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
