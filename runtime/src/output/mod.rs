//! Where pictures go: video files, PNG sequences, stills, hashes; of a running show also streams.
//!
//! A file of a render appears under its name only when it is complete: until then it has a temporary name in
//! the same folder, which vanishes with its writer.

mod ffmpeg;
mod hash;
mod live_frames;
mod live_pipe;
mod live_target;
mod matroska;
mod sequence;
mod still;
mod threaded;
mod timeline;
mod video;

use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use thiserror::Error;

use lumawire_core::{HostImage, Pixels};

pub(crate) use ffmpeg::SharedChild;
pub use hash::FrameHash;
pub use live_target::{StreamUrl, Target};
pub use sequence::SequenceWriter;
pub use still::StillWriter;
pub use threaded::ThreadedWriter;
pub(crate) use timeline::{LiveWriter, Timeline};
pub use video::{Codec, Sound, VideoSettings, VideoWriter};

/// Takes the frames of a render, in order. Dropped without [`finish`](FrameWriter::finish), it
/// leaves no unfinished file behind.
pub trait FrameWriter: Send {
    /// Appends a frame: RGBA8 in sRGB code values, straight alpha, of the size announced.
    fn write(&mut self, frame: &HostImage) -> Result<(), OutputError>;

    /// Completes the output and gives it its name.
    fn finish(self: Box<Self>) -> Result<Written, OutputError>;
}

/// What a writer made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The files, in order.
    pub paths: Vec<PathBuf>,
    /// How many frames they hold.
    pub frames: u64,
    /// Their size on disk.
    pub bytes: u64,
}

/// An output that cannot be written.
#[derive(Debug, Error)]
pub enum OutputError {
    /// The path or the settings do not name something that can be written.
    #[error("{}: {help}", path.display())]
    Unusable {
        /// The output.
        path: PathBuf,
        /// What is wrong, and what to do.
        help: String,
    },
    /// The system refused to write.
    #[error(
        "{}: cannot be written: {source}; check the folder, its permissions and the free space",
        path.display()
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The frame is not what was announced.
    #[error("frame {frame} is {found}, expected {expected}")]
    Frame {
        /// Its number, from 0.
        frame: u64,
        /// What it is.
        found: String,
        /// What it should be.
        expected: String,
    },
    /// Nothing was rendered.
    #[error("{}: not a single frame was rendered, so nothing was written", path.display())]
    NoFrames {
        /// The output.
        path: PathBuf,
    },
    /// The encoder program is not there.
    #[error(
        "`{program}` cannot be run ({source}): video needs ffmpeg; install it (from a checkout: \
         `cargo xtask setup`), or name it in LUMAWIRE_FFMPEG, or render to a .png sequence"
    )]
    NoFfmpeg {
        /// The program that was tried.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// The encoder program failed.
    #[error("{}: ffmpeg failed ({status}):\n{log}", path.display())]
    Ffmpeg {
        /// The output.
        path: PathBuf,
        /// How it ended.
        status: String,
        /// The last that it said.
        log: String,
    },
    /// The sound that belongs to the video cannot be used.
    #[error(
        "{}: cannot be used as the video's sound; name a sound file, or render without sound. \
         ffmpeg said:\n{log}",
        path.display()
    )]
    Sound {
        /// The sound file.
        path: PathBuf,
        /// What ffmpeg said.
        log: String,
    },
    /// The film is there, but its sound could not be added.
    #[error("the sound could not be added, the film without it is {}: {source}", silent.display())]
    SoundFailed {
        /// The film without sound.
        silent: PathBuf,
        /// Why the sound is missing.
        source: Box<OutputError>,
    },
    /// The encoder's thread panicked.
    #[error("the encoder stopped by an internal fault")]
    Panicked,
}

/// The writer that suits `path`: a still for `name.png`, a sequence for `name_%05d.png` or a
/// folder (an existing one, or a name that ends in `/` or has no extension), and a video
/// otherwise. `first_frame` is the number of a sequence's first file.
pub fn writer_for(
    path: &Path,
    settings: &VideoSettings,
    first_frame: u64,
) -> Result<Box<dyn FrameWriter>, OutputError> {
    if sequence::names_sequence(path) {
        return Ok(Box::new(SequenceWriter::create(path, settings.size_px, first_frame)?));
    }
    if names_still(path) {
        return Ok(Box::new(StillWriter::create(path, settings.size_px)?));
    }
    Ok(Box::new(VideoWriter::create(path, settings)?))
}

/// Whether `path` means one picture.
pub fn names_still(path: &Path) -> bool {
    let is_png = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("png"));
    is_png && !sequence::names_sequence(path)
}

/// Whether `path` means a folder of pictures, numbered as the writer likes.
pub fn names_folder(path: &Path) -> bool {
    sequence::is_folder(path)
}

/// The bytes of `frame`, which must be RGBA8 of `size_px`.
fn rgba8(frame: &HostImage, size_px: (u32, u32), number: u64) -> Result<&[u8], OutputError> {
    let (width_px, height_px) = size_px;
    let num_bytes = width_px as usize * height_px as usize * 4;
    match &frame.pixels {
        Pixels::Rgba8(bytes)
            if (frame.width_px, frame.height_px) == size_px && bytes.len() == num_bytes =>
        {
            Ok(bytes)
        }
        pixels => {
            let (kind, len) = match pixels {
                Pixels::Rgba8(bytes) => ("RGBA8", bytes.len()),
                Pixels::RgbaF32(values) => ("float RGBA", values.len()),
            };
            Err(OutputError::Frame {
                frame: number,
                found: format!("{}x{} {kind}, {len} values", frame.width_px, frame.height_px),
                expected: format!("{width_px}x{height_px} RGBA8, {num_bytes} values"),
            })
        }
    }
}

/// The folder that `path` lies in.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// An empty file beside `path`, which vanishes unless it is given its name.
fn temporary_for(path: &Path) -> Result<NamedTempFile, OutputError> {
    if path.is_dir() {
        let help = "is a folder; name a file".into();
        return Err(OutputError::Unusable { path: path.into(), help });
    }
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    let (prefix, suffix) = (format!(".{name}."), format!(".part.{extension}"));
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(&suffix);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder_of(path)).map_err(|source| write_error(path, source))
}

fn write_error(path: &Path, source: io::Error) -> OutputError {
    OutputError::Write { path: path.into(), source }
}

#[cfg(test)]
mod testing;

#[cfg(test)]
mod tests {
    use super::testing::{num_entries, pattern};
    use super::*;
    use lumawire_core::Fps;

    #[test]
    fn the_path_chooses_the_writer() {
        let dir = tempfile::tempdir().unwrap();
        let (fps, codec, crf, sound) = (Fps::new(25, 1), None, None, None);
        let settings = VideoSettings { size_px: (16, 16), fps, codec, crf, sound };
        for (name, expected) in [
            ("a.mp4", "a.mp4"),
            ("b.PNG", "b.PNG"),
            ("c_%02d.png", "c_07.png"),
            ("d", "d/frame_00007.png"),
            ("e.frames/", "e.frames/frame_00007.png"),
        ] {
            let path = dir.path().join(name);
            let mut writer = ThreadedWriter::new(writer_for(&path, &settings, 7).unwrap());
            writer.write(&pattern((16, 16), 0)).unwrap();
            let written = Box::new(writer).finish().unwrap();
            assert_eq!(written.paths, [dir.path().join(expected)], "{name}");
            assert_eq!(written.bytes, std::fs::metadata(&written.paths[0]).unwrap().len());
        }
        assert_eq!(num_entries(dir.path()), 5);
        assert!(writer_for(&dir.path().join("x.gif"), &settings, 0).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn others_may_read_what_is_written() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let (ours, plain) = (dir.path().join("a.png"), dir.path().join("plain"));
        let mut writer = Box::new(StillWriter::create(&ours, (2, 2)).unwrap());
        writer.write(&pattern((2, 2), 0)).unwrap();
        writer.finish().unwrap();
        std::fs::write(&plain, "x").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }
}
