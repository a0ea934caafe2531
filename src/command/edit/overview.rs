//! What a sound file looks like, for the editor's transport.

use std::num::NonZero;
use std::path::Path;

use lumawire_analysis::Rows;
use lumawire_analysis::spectrum::stft::StftSettings;
use lumawire_core::AudioBlock;
use lumawire_editor::Overview;
use lumawire_editor::transport::wave::Wave;
use lumawire_runtime::transport::{AudioFile, Read, Transport};

use crate::command::analyse::report::section_name;
use crate::command::analyse::sound::Sound;
use crate::command::analyse::study::Study;

/// The rate at which `analyse` listens where nothing else is asked for, too.
const RATE_HZ: NonZero<u32> = NonZero::new(22_050).unwrap();
/// Longest piece that is studied as a whole: the memory of its study grows with its length. Longer
/// ones are heard piece by piece, and have neither beats nor sections.
const MAX_WHOLE_SECS: f64 = 720.0;
/// Length of such pieces.
const PART_SECS: f64 = 60.0;
/// Samples that are read at a time.
const BLOCK_LEN: usize = 65_536;

/// The overview of a sound file in so many columns: its waveform as it is, and what `analyse` finds in
/// it.
///
/// # Errors
/// Where the file cannot be read: what to tell.
pub fn overview(path: &Path, columns: usize) -> Result<Overview, String> {
    let wave = Wave::read(path, columns)?;
    let is_whole = wave.secs <= MAX_WHOLE_SECS;
    let part_secs = if is_whole { wave.secs + 1.0 } else { PART_SECS };
    let mut overview =
        Overview { secs: wave.secs, peaks: wave.peaks, levels: wave.levels, ..Overview::default() };
    let mut colours = Colours::new(wave.secs, columns);
    let mut parts = Parts::open(path, part_secs)?;
    let mut from_secs = 0.0;
    while let Some(sound) = parts.next()? {
        let part_secs = sound.duration_secs();
        let study = Study::new(sound, StftSettings::default());
        let hop_secs = study.layout().hop_secs();
        let secs = |frame: &usize| from_secs + *frame as f64 * hop_secs;
        colours.add(study.chroma_stft(), from_secs, hop_secs);
        overview.onsets_secs.extend(study.onsets().iter().map(secs));
        if is_whole {
            overview.beats_secs = study.beats().frames.iter().map(secs).collect();
            let sections = study.sections().iter();
            overview.sections = sections.map(|s| (secs(&s.start), section_name(s.label))).collect();
        }
        from_secs += part_secs;
    }
    overview.chroma = colours.finish();
    Ok(overview)
}

/// A file's channels mixed to one, part by part.
struct Parts {
    file: AudioFile,
    block: AudioBlock,
    part_len: usize,
}

impl Parts {
    fn open(path: &Path, part_secs: f64) -> Result<Self, String> {
        let file = AudioFile::open(path, RATE_HZ).map_err(|error| error.to_string())?;
        let block = AudioBlock::silent(file.num_channels(), BLOCK_LEN);
        let part_len = (part_secs * f64::from(RATE_HZ.get())) as usize;
        Ok(Self { file, block, part_len })
    }

    /// The next part; `None` at the end.
    fn next(&mut self) -> Result<Option<Sound>, String> {
        let mut samples = Vec::new();
        while samples.len() < self.part_len {
            let read = self.file.read(&mut self.block, 0).map_err(|error| error.to_string())?;
            let Read::Samples(n) = read else { break };
            samples.extend((0..n).map(|i| self.block.mono(i)));
        }
        let sound = Sound { samples, sample_rate_hz: RATE_HZ.get() };
        Ok(Some(sound).filter(|sound| !sound.samples.is_empty()))
    }
}

/// Pitch classes by column.
struct Colours {
    columns_per_sec: f64,
    /// Energies, `[columns, 12]`.
    sums: Vec<[f32; 12]>,
}

impl Colours {
    fn new(secs: f64, num_columns: usize) -> Self {
        Self {
            columns_per_sec: num_columns as f64 / secs.max(1e-9),
            sums: vec![[0.0; 12]; num_columns],
        }
    }

    /// Adds frames to all columns that they touch.
    fn add(&mut self, chroma: &Rows, from_secs: f64, hop_secs: f64) {
        for (k, row) in chroma.iter().enumerate() {
            let middle = from_secs + k as f64 * hop_secs;
            let column = |secs: f64| (secs.max(0.0) * self.columns_per_sec) as usize;
            let (first, last) = (column(middle - hop_secs / 2.0), column(middle + hop_secs / 2.0));
            let end = (last + 1).min(self.sums.len());
            for sums in self.sums.get_mut(first..end).unwrap_or_default() {
                sums.iter_mut().zip(row).for_each(|(sum, v)| *sum += v);
            }
        }
    }

    /// Each column over its largest.
    fn finish(mut self) -> Vec<[f32; 12]> {
        for row in &mut self.sums {
            let largest = row.iter().copied().fold(0.0, f32::max);
            if largest > 0.0 {
                row.iter_mut().for_each(|v| *v /= largest);
            }
        }
        self.sums
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;
    use std::fs::File;
    use std::io::Write;
    use std::path::PathBuf;

    use super::*;

    const WAV_RATE_HZ: u32 = 44_100;

    fn wav(folder: &tempfile::TempDir, secs: f64, sound: impl Fn(f64) -> f64) -> PathBuf {
        let path = folder.path().join("a.wav");
        let num_samples = (secs * f64::from(WAV_RATE_HZ)) as u32;
        let sample = |i| (sound(f64::from(i) / f64::from(WAV_RATE_HZ)) * 32_767.0) as i16;
        let mut bytes = b"RIFF".to_vec();
        bytes.extend((36 + 2 * num_samples).to_le_bytes());
        bytes.extend(b"WAVEfmt ");
        for word in [16, 0x0001_0001, WAV_RATE_HZ, 2 * WAV_RATE_HZ, 0x0010_0002] {
            bytes.extend(u32::to_le_bytes(word));
        }
        bytes.extend(b"data");
        bytes.extend((2 * num_samples).to_le_bytes());
        bytes.extend((0..num_samples).flat_map(|i| sample(i).to_le_bytes()));
        File::create(&path).unwrap().write_all(&bytes).unwrap();
        path
    }

    /// A click every half second: that is where onsets and beats are.
    #[test]
    fn a_click_track_has_its_beats() {
        let folder = tempfile::tempdir().unwrap();
        let click = |t: f64| {
            let since = t % 0.5;
            0.8 * (-since / 0.01).exp() * (since * 1_500.0 * TAU).sin()
        };
        let found = overview(&wav(&folder, 20.0, click), 400).unwrap();
        assert_eq!(found.secs, 20.0);
        assert_eq!((found.peaks.len(), found.levels.len(), found.chroma.len()), (400, 400, 400));
        let off_grid = |secs: f64| (secs - (secs * 2.0).round() / 2.0).abs();
        assert!(found.beats_secs.len() >= 36, "{:?}", found.beats_secs);
        assert!(found.beats_secs.iter().all(|t| off_grid(*t) < 0.05), "{:?}", found.beats_secs);
        assert!(found.onsets_secs.len() >= 36);
        assert!(found.onsets_secs.iter().all(|t| off_grid(*t) < 0.05), "{:?}", found.onsets_secs);
        // Ten columns from click to click: the click is loud, the last of them is silent.
        assert!(found.levels[20] > found.levels[29] + 0.3);
        assert_eq!(found.sections.first().map(|(secs, _)| *secs), Some(0.0));
    }

    /// A, then E, in a piece that is heard in parts as well as as a whole.
    #[test]
    fn colours_are_the_pitch_classes() {
        let folder = tempfile::tempdir().unwrap();
        let path =
            wav(&folder, 4.0, |t| 0.5 * (t * TAU * if t < 2.0 { 440.0 } else { 659.255 }).sin());
        let found = overview(&path, 40).unwrap();
        let mut colours = Colours::new(4.0, 40);
        let mut parts = Parts::open(&path, 0.9).unwrap();
        let mut from_secs = 0.0;
        while let Some(sound) = parts.next().unwrap() {
            let part_secs = sound.duration_secs();
            let study = Study::new(sound, StftSettings::default());
            colours.add(study.chroma_stft(), from_secs, study.layout().hop_secs());
            from_secs += part_secs;
        }
        assert!((from_secs - 4.0).abs() < 1e-3);
        for chroma in [found.chroma, colours.finish()] {
            for (c, row) in chroma.iter().enumerate().filter(|(c, _)| c % 20 > 2 && c % 20 < 17) {
                let loudest = row.iter().position(|v| *v == 1.0);
                assert_eq!(loudest, Some(if c < 20 { 9 } else { 4 }), "{c} {row:?}");
            }
        }
    }

    #[test]
    fn a_file_that_is_no_sound_says_so() {
        assert!(overview(Path::new("no/such.wav"), 10).unwrap_err().contains("such.wav"));
    }
}
