//! A numbered sequence of PNG files.

use std::path::{Path, PathBuf};

use lumawire_core::HostImage;

use super::still::{encode, persist};
use super::{FrameWriter, OutputError, Written, folder_of, rgba8, temporary_for, write_error};

/// File name in a folder that was given without one.
const DEFAULT_PATTERN: &str = "frame_%05d.png";

/// Writes each frame as a PNG of its own. Every file is complete when it appears, so a render
/// that breaks off leaves the frames it has.
#[derive(Debug)]
pub struct SequenceWriter {
    /// Folder and file name around the number.
    folder: PathBuf,
    prefix: String,
    num_digits: usize,
    suffix: String,
    size_px: (u32, u32),
    first_frame: u64,
    paths: Vec<PathBuf>,
    bytes: u64,
}

impl SequenceWriter {
    /// Numbers files from `first_frame` on as `path` says: `frames/%05d.png` (five digits, or
    /// more where needed), or a folder, which means `folder/frame_%05d.png`. The folder is made.
    pub fn create(path: &Path, size_px: (u32, u32), first_frame: u64) -> Result<Self, OutputError> {
        let pattern = if is_folder(path) { path.join(DEFAULT_PATTERN) } else { path.into() };
        let name = pattern.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some((prefix, num_digits, suffix)) = split_pattern(&name) else {
            let help = "needs one place for the number, such as `frames/%05d.png`".into();
            return Err(OutputError::Unusable { path: path.into(), help });
        };
        let folder = folder_of(&pattern).to_owned();
        std::fs::create_dir_all(&folder).map_err(|source| write_error(&folder, source))?;
        Ok(Self {
            folder,
            prefix: prefix.into(),
            num_digits,
            suffix: suffix.into(),
            size_px,
            first_frame,
            paths: Vec::new(),
            bytes: 0,
        })
    }

    /// The folder of the pictures.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Shows the last frame once more: its file gets another name, or a copy where files have one.
    pub(super) fn repeat(&mut self) -> Result<(), OutputError> {
        let Some(last) = self.paths.last().cloned() else {
            return Err(OutputError::NoFrames { path: self.folder.clone() });
        };
        let path = self.next_path();
        let copied = std::fs::hard_link(&last, &path).or_else(|_| {
            let copied = std::fs::copy(&last, &path)?;
            self.bytes += copied;
            Ok(())
        });
        copied.map_err(|source| write_error(&path, source))?;
        self.paths.push(path);
        Ok(())
    }

    fn next_number(&self) -> u64 {
        self.first_frame + self.paths.len() as u64
    }

    fn next_path(&self) -> PathBuf {
        let number = self.next_number();
        let (prefix, suffix, num_digits) = (&self.prefix, &self.suffix, self.num_digits);
        self.folder.join(format!("{prefix}{number:0num_digits$}{suffix}"))
    }
}

impl FrameWriter for SequenceWriter {
    fn write(&mut self, frame: &HostImage) -> Result<(), OutputError> {
        let path = self.next_path();
        let pixels = rgba8(frame, self.size_px, self.next_number())?;
        let mut file = temporary_for(&path)?;
        encode(&mut file, pixels, self.size_px).map_err(|source| write_error(&path, source))?;
        self.bytes += persist(file, &path)?;
        self.paths.push(path);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Written, OutputError> {
        if self.paths.is_empty() {
            return Err(OutputError::NoFrames { path: self.folder });
        }
        let frames = self.paths.len() as u64;
        Ok(Written { paths: self.paths, frames, bytes: self.bytes })
    }
}

/// Whether `path` means a sequence rather than one file.
pub(super) fn names_sequence(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_png = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("png"));
    is_folder(path) || (is_png && name.contains('%'))
}

/// An existing folder, or a name without extension.
pub(super) fn is_folder(path: &Path) -> bool {
    let ends_in_separator = path.to_string_lossy().ends_with(std::path::is_separator);
    ends_in_separator || path.is_dir() || path.extension().is_none()
}

/// `a%05d.png` → `("a", 5, ".png")`; `%d` has no least number of digits.
pub(super) fn split_pattern(name: &str) -> Option<(&str, usize, &str)> {
    let (prefix, rest) = name.split_once('%')?;
    let (digits, suffix) = rest.split_once('d')?;
    let num_digits = match digits {
        "" => 1,
        digits => digits.strip_prefix('0')?.parse().ok()?,
    };
    (num_digits <= 20 && !suffix.contains('%')).then_some((prefix, num_digits, suffix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::testing::{num_entries, pattern, read_png};

    #[test]
    fn a_sequence_comes_back_exactly() {
        let dir = tempfile::tempdir().unwrap();
        let pattern_path = dir.path().join("frames/a_%03d.png");
        let mut writer = Box::new(SequenceWriter::create(&pattern_path, (10, 7), 998).unwrap());
        for n in 0..3 {
            writer.write(&pattern((10, 7), n)).unwrap();
        }
        let written = writer.finish().unwrap();
        let names = ["a_998.png", "a_999.png", "a_1000.png"];
        assert_eq!(written.paths, names.map(|n| dir.path().join("frames").join(n)));
        for (n, path) in (0..).zip(&written.paths) {
            assert_eq!(read_png(path), pattern((10, 7), n));
        }
        assert_eq!((written.frames, num_entries(&dir.path().join("frames"))), (3, 3));
    }

    #[test]
    fn a_folder_gets_names_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        for folder in [dir.path().to_owned(), dir.path().join("new")] {
            let mut writer = Box::new(SequenceWriter::create(&folder, (2, 2), 0).unwrap());
            writer.write(&pattern((2, 2), 0)).unwrap();
            drop(writer);
            assert!(folder.join("frame_00000.png").exists());
        }
    }

    #[test]
    fn patterns_are_told_from_files() {
        assert_eq!(split_pattern("a%05d.png"), Some(("a", 5, ".png")));
        assert_eq!(split_pattern("%d.png"), Some(("", 1, ".png")));
        for wrong in ["a.png", "%s.png", "%5d.png", "%d%d.png", "%0999999d.png", "%"] {
            assert_eq!(split_pattern(wrong), None, "{wrong}");
        }
        assert!(names_sequence(Path::new("out/%04d.png")));
        assert!(names_sequence(Path::new("out/")));
        assert!(!names_sequence(Path::new("out.png")));
        assert!(!names_sequence(Path::new("100%.mp4")));
        let error = SequenceWriter::create(Path::new("x/%s.png"), (2, 2), 0).unwrap_err();
        assert!(error.to_string().contains("%05d"), "{error}");
    }

    #[test]
    fn a_frame_of_another_size_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = SequenceWriter::create(dir.path(), (4, 4), 0).unwrap();
        let error = writer.write(&pattern((4, 5), 0)).unwrap_err().to_string();
        assert!(error.contains("4x5") && error.contains("4x4"), "{error}");
        assert_eq!(num_entries(dir.path()), 0);
    }
}
