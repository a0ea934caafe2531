//! One PNG file.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use lumawire_core::HostImage;

use super::{FrameWriter, OutputError, Written, rgba8, temporary_for, write_error};

/// Writes one frame as an RGBA8 PNG in sRGB.
#[derive(Debug)]
pub struct StillWriter {
    path: PathBuf,
    size_px: (u32, u32),
    file: NamedTempFile,
    frames: u64,
}

impl StillWriter {
    /// Prepares `path` for a frame of `size_px` (width, height).
    pub fn create(path: &Path, size_px: (u32, u32)) -> Result<Self, OutputError> {
        Ok(Self { path: path.into(), size_px, file: temporary_for(path)?, frames: 0 })
    }
}

impl FrameWriter for StillWriter {
    fn write(&mut self, frame: &HostImage) -> Result<(), OutputError> {
        if self.frames > 0 {
            let help = "takes one frame only; name a sequence such as `frames/%05d.png`".into();
            return Err(OutputError::Unusable { path: self.path.clone(), help });
        }
        encode(&mut self.file, rgba8(frame, self.size_px, 0)?, self.size_px)
            .map_err(|source| write_error(&self.path, source))?;
        self.frames = 1;
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Written, OutputError> {
        if self.frames == 0 {
            return Err(OutputError::NoFrames { path: self.path });
        }
        let bytes = persist(self.file, &self.path)?;
        Ok(Written { paths: vec![self.path], frames: 1, bytes })
    }
}

/// Writes RGBA8 pixels as a PNG in sRGB.
pub(super) fn encode(
    file: &mut NamedTempFile,
    pixels: &[u8],
    (width_px, height_px): (u32, u32),
) -> std::io::Result<()> {
    let mut buffered = BufWriter::new(file);
    let mut encoder = png::Encoder::new(&mut buffered, width_px, height_px);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    encoder.set_source_srgb(png::SrgbRenderingIntent::Perceptual);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    buffered.flush()
}

/// Gives a complete file its name; returns its size in bytes.
pub(super) fn persist(file: NamedTempFile, path: &Path) -> Result<u64, OutputError> {
    file.as_file().sync_all().map_err(|source| write_error(path, source))?;
    let file = file.persist(path).map_err(|e| write_error(path, e.error))?;
    file.metadata().map(|m| m.len()).map_err(|source| write_error(path, source))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::testing::{num_entries, pattern, read_png};

    #[test]
    fn a_still_comes_back_exactly() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("still.png");
        let frame = pattern((33, 17), 5);
        let mut writer = Box::new(StillWriter::create(&path, (33, 17)).unwrap());
        writer.write(&frame).unwrap();
        assert!(!path.exists(), "the name must not appear before the end");
        assert!(writer.write(&frame).unwrap_err().to_string().contains("%05d"));
        let written = writer.finish().unwrap();
        assert_eq!(written.bytes, std::fs::metadata(&path).unwrap().len());
        assert_eq!((written.paths, written.frames), (vec![path.clone()], 1));
        assert_eq!(read_png(&path), frame);
        assert_eq!(num_entries(dir.path()), 1);
    }

    #[test]
    fn dropping_it_leaves_nothing_and_the_old_picture_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("still.png");
        std::fs::write(&path, b"old").unwrap();
        let mut writer = StillWriter::create(&path, (4, 4)).unwrap();
        writer.write(&pattern((4, 4), 0)).unwrap();
        drop(writer);
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(num_entries(dir.path()), 1);
        let empty = Box::new(StillWriter::create(&path, (4, 4)).unwrap());
        assert!(matches!(empty.finish(), Err(OutputError::NoFrames { .. })));
        let missing = StillWriter::create(&dir.path().join("no/such/still.png"), (4, 4));
        assert!(missing.unwrap_err().to_string().contains("check the folder"));
    }
}
