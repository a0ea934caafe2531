//! A picture of what is in a sound: panels over one axis of time.

use std::io::Cursor;
use std::path::Path;

use image::{ImageFormat, Rgb, RgbImage};
use lumawire_analysis::Rows;
use lumawire_analysis::level::rms::rms;
use lumawire_analysis::spectrum::bins;
use lumawire_analysis::structure::segment::Section;
use num_complex::Complex32;

use super::sound::Loudness;
use super::study::Study;
use crate::chart::{Area, axis, colour, columns, curve, fill, paint, span};
use crate::command::write_file;
use crate::error::CommandError;
use crate::text::{self, CHAR_PX};

const WIDTH_PX: u32 = 1600;
const MARGIN_PX: u32 = 24;
/// Left of the panels stand the marks of their axes, right of them their scales.
const LEFT_PX: u32 = 100;
const RIGHT_PX: u32 = 110;
const GAP_PX: u32 = 16;
const HEADING_PX: u32 = CHAR_PX + 8;
const SECTIONS_PX: u32 = 30;
const SPECTROGRAM_PX: u32 = 310;
const CHROMA_PX: u32 = 12 * 16;
const ONSETS_PX: u32 = 120;
const LEVEL_PX: u32 = 100;
/// The strips of a panel in which onsets and beats have their marks.
const STRIP_PX: u32 = 9;

const BACKGROUND: Rgb<u8> = Rgb([16, 17, 22]);
const PANEL: Rgb<u8> = Rgb([24, 26, 33]);
const GRID: Rgb<u8> = Rgb([70, 74, 88]);
const TEXT: Rgb<u8> = Rgb([222, 224, 232]);
const DIM_TEXT: Rgb<u8> = Rgb([134, 139, 155]);
const WHITE: Rgb<u8> = Rgb([255; 3]);
const ONSET: Rgb<u8> = Rgb([255, 166, 77]);
const BEAT: Rgb<u8> = Rgb([94, 206, 255]);
const LEVEL: Rgb<u8> = Rgb([126, 217, 134]);
const LOUDNESS: Rgb<u8> = Rgb([255, 214, 102]);

/// Range of the spectrogram below its loudest bin, in dB, and of its axis, in Hz.
const RANGE_DB: f32 = 70.0;
const MIN_HZ: f64 = 40.0;
const MAX_HZ: f64 = 16_000.0;
/// The quietest level that is drawn, in dB of full scale.
const MIN_LEVEL_DB: f32 = -60.0;

const CLASSES: [&str; 12] = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];

/// Draws the report and writes it as a PNG.
pub fn draw(path: &Path, name: &str, study: &Study) -> Result<(), CommandError> {
    let mut bytes = Cursor::new(Vec::new());
    picture(name, study)
        .write_to(&mut bytes, ImageFormat::Png)
        .map_err(|e| CommandError::Usage(format!("the report cannot be drawn: {e}")))?;
    write_file(path, bytes.get_ref())
}

fn picture(name: &str, study: &Study) -> RgbImage {
    let mut page = Page::new(study);
    page.title(name, study);
    page.spectrogram(study.stft(), study.layout().bin_hz());
    page.chroma(study.chroma_stft());
    page.onsets(study);
    let level = rms(&study.sound.samples, &study.framing());
    page.level(&level, study.loudness.as_ref());
    page.sections(study.sections(), study.layout().hop_secs());
    page.time_axis();
    page.canvas
}

/// The picture, from above downwards.
struct Page {
    canvas: RgbImage,
    /// Where the next panel's heading begins.
    top: u32,
    /// Upper edge of the sections' bar.
    sections_top: u32,
    /// The panels so far.
    panels: Vec<Area>,
    duration_secs: f64,
}

impl Page {
    fn new(study: &Study) -> Self {
        let panels = [SPECTROGRAM_PX, CHROMA_PX, ONSETS_PX, LEVEL_PX];
        let panels_px: u32 = panels.iter().map(|px| px + HEADING_PX + GAP_PX).sum();
        let height =
            MARGIN_PX + 2 * HEADING_PX + SECTIONS_PX + GAP_PX + panels_px + CHAR_PX + MARGIN_PX;
        Self {
            canvas: RgbImage::from_pixel(WIDTH_PX, height, BACKGROUND),
            top: MARGIN_PX,
            sections_top: 0,
            panels: Vec::new(),
            duration_secs: study.sound.duration_secs(),
        }
    }

    fn title(&mut self, name: &str, study: &Study) {
        text::write(&mut self.canvas, LEFT_PX, self.top, name, TEXT);
        let facts = format!("{:.1} s  {} Hz", self.duration_secs, study.sound.sample_rate_hz);
        let x = WIDTH_PX - RIGHT_PX - text::width_px(&facts);
        text::write(&mut self.canvas, x, self.top, &facts, DIM_TEXT);
        self.sections_top = self.top + HEADING_PX + 6;
        self.top = self.sections_top + SECTIONS_PX + GAP_PX;
    }

    /// A panel of this height below the last one, under a heading.
    fn panel(&mut self, heading: &str, height: u32) -> Area {
        text::write(&mut self.canvas, LEFT_PX, self.top, heading, TEXT);
        let top = self.top + HEADING_PX;
        let area = Area { left: LEFT_PX, top, width: WIDTH_PX - LEFT_PX - RIGHT_PX, height };
        fill(&mut self.canvas, area, PANEL, 1.0);
        self.top = area.bottom() + GAP_PX;
        self.panels.push(area);
        area
    }

    /// A mark of the vertical axis at `y`.
    fn mark(&mut self, area: Area, y: u32, label: &str, line: f32) {
        let x = area.left.saturating_sub(text::width_px(label) + 10);
        let top = y.saturating_sub(CHAR_PX / 2).clamp(area.top - 2, area.bottom() + 2 - CHAR_PX);
        text::write(&mut self.canvas, x, top, label, DIM_TEXT);
        fill(
            &mut self.canvas,
            Area { left: area.left - 6, top: y, width: 6, height: 1 },
            GRID,
            1.0,
        );
        fill(&mut self.canvas, Area { top: y, height: 1, ..area }, WHITE, line);
    }

    /// A colour map with the text of its ends, right of a panel.
    fn scale(&mut self, area: Area, stops: &[[u8; 3]], high: &str, low: &str) {
        let bar = Area { left: area.right() + 12, width: 14, ..area };
        paint(&mut self.canvas, bar, |_, y| {
            colour::map(stops, 1.0 - y as f32 / (area.height - 1) as f32)
        });
        let x = bar.right() + 6;
        text::write(&mut self.canvas, x, area.top, high, DIM_TEXT);
        text::write(&mut self.canvas, x, area.bottom() - CHAR_PX, low, DIM_TEXT);
    }

    fn spectrogram(&mut self, stft: &Rows<Complex32>, bin_hz: f64) {
        let area = self.panel("Spectrogram, dB over Hz", SPECTROGRAM_PX);
        let powers = mean_powers(stft, area.width as usize);
        let loudest = powers.data().iter().copied().fold(0.0, f32::max);
        let max_hz = (bin_hz * (stft.num_bins().max(2) - 1) as f64).min(MAX_HZ);
        let hz = |y: f64| MIN_HZ * (max_hz / MIN_HZ).powf(1.0 - y / f64::from(area.height));
        let decibels = powers.map(bins::db_from_power);
        let top_db = bins::db_from_power(loudest);
        paint(&mut self.canvas, area, |x, y| {
            let (high, low) = (hz(f64::from(y)) / bin_hz, hz(f64::from(y) + 1.0) / bin_hz);
            let level = loudest_between(decibels.row(x as usize), low, high);
            colour::map(&colour::MAGMA, 1.0 + (level - top_db) / RANGE_DB)
        });
        for (at_hz, label) in axis::frequency_marks(MIN_HZ, max_hz) {
            let share = (at_hz / MIN_HZ).ln() / (max_hz / MIN_HZ).ln();
            let y = area.bottom() - 1 - (share * f64::from(area.height - 1)) as u32;
            self.mark(area, y, label, 0.08);
        }
        self.scale(area, &colour::MAGMA, "0 dB", "-70");
    }

    fn chroma(&mut self, chroma: &Rows) {
        let area = self.panel("Chroma", CHROMA_PX);
        let class_px = CHROMA_PX / 12;
        let classes = chroma.transposed();
        let rows: Vec<Vec<f32>> =
            classes.iter().map(|row| columns(row, area.width as usize, false)).collect();
        paint(&mut self.canvas, area, |x, y| {
            let class = 11_u32.saturating_sub(y / class_px) as usize;
            colour::map(&colour::VIRIDIS, rows.get(class).map_or(0.0, |row| row[x as usize]))
        });
        for (class, name) in (0..).zip(CLASSES) {
            if !name.ends_with('#') {
                let y = area.bottom() - class_px * class - class_px / 2;
                self.mark(area, y, name, 0.0);
            }
        }
        self.scale(area, &colour::VIRIDIS, "1", "0");
    }

    fn onsets(&mut self, study: &Study) {
        let bpm = study.beats().bpm;
        let area = self.panel(&format!("Onset strength, {bpm:.1} BPM"), ONSETS_PX);
        self.legend(ONSETS_PX, &[("onsets", ONSET), ("beats", BEAT)]);
        let secs = study.layout().hop_secs();
        let place = |frame: &usize| *frame as f64 * secs / self.duration_secs;
        let beats: Vec<u32> =
            study.beats().frames.iter().map(place).map(|share| area.x(share)).collect();
        let onsets: Vec<u32> =
            study.onsets().iter().map(place).map(|share| area.x(share)).collect();
        // Long pieces have more beats than the eye can part: then only the strip shows them.
        let are_apart = beats.len() as u32 * 12 < area.width;
        for x in beats {
            let strip = Area { left: x, top: area.bottom() - STRIP_PX, width: 2, height: STRIP_PX };
            fill(&mut self.canvas, strip, BEAT, 1.0);
            if are_apart {
                fill(&mut self.canvas, Area { left: x, width: 2, ..area }, BEAT, 0.28);
            }
        }
        for x in onsets {
            let strip = Area { left: x, width: 2, height: STRIP_PX, ..area };
            fill(&mut self.canvas, strip, ONSET, 1.0);
        }
        let strength = study.onset_strength();
        let peak = strength.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        let values = columns(strength, area.width as usize, true);
        let values: Vec<f32> = values.iter().map(|v| v / peak).collect();
        let inner =
            Area { top: area.top + STRIP_PX + 3, height: area.height - 2 * STRIP_PX - 5, ..area };
        curve(&mut self.canvas, inner, &values, TEXT, 0.22);
        let right = area.right() + 12;
        text::write(&mut self.canvas, right, inner.top, &format!("{peak:.1}"), DIM_TEXT);
        text::write(&mut self.canvas, right, inner.bottom() - CHAR_PX, "0", DIM_TEXT);
    }

    fn level(&mut self, rms: &[f32], loudness: Option<&Loudness>) {
        let heading = loudness.map_or("Level, dB".into(), |Loudness { integrated_lufs, range_lu, true_peak_dbtp, .. }| {
            format!("Level, dB; {integrated_lufs:.1} LUFS, range {range_lu:.1} LU, peak {true_peak_dbtp:.1} dBTP")
        });
        let area = self.panel(&heading, LEVEL_PX);
        let decibels: Vec<f32> = columns(rms, area.width as usize, false)
            .iter()
            .map(|v| 1.0 - 20.0 * v.max(1e-10).log10() / MIN_LEVEL_DB)
            .collect();
        for (share, label) in [(0.0, "0"), (1.0 / 3.0, "-20"), (2.0 / 3.0, "-40"), (1.0, "-60")] {
            let y = area.top + (share * f64::from(area.height - 1)) as u32;
            self.mark(area, y, label, 0.1);
        }
        curve(&mut self.canvas, area, &decibels, LEVEL, 0.3);
        if let Some(loudness) = loudness {
            let lufs = columns(&loudness.short_term_lufs, area.width as usize, false);
            let lufs: Vec<f32> = lufs.iter().map(|v| 1.0 - v / MIN_LEVEL_DB).collect();
            curve(&mut self.canvas, area, &lufs, LOUDNESS, 0.0);
            self.legend(LEVEL_PX, &[("RMS", LEVEL), ("loudness (3 s)", LOUDNESS)]);
        }
    }

    /// Names of colours, right above the last panel.
    fn legend(&mut self, panel_px: u32, names: &[(&str, Rgb<u8>)]) {
        let y = self.top - GAP_PX - panel_px - HEADING_PX;
        let mut x = WIDTH_PX - RIGHT_PX;
        for (name, colour) in names.iter().rev() {
            x -= text::width_px(name);
            text::write(&mut self.canvas, x, y, name, *colour);
            x -= 2 * CHAR_PX;
        }
    }

    /// Bars of the sections, and their edges in all panels.
    fn sections(&mut self, sections: &[Section], secs_per_frame: f64) {
        let bar = Area {
            left: LEFT_PX,
            top: self.sections_top,
            width: WIDTH_PX - LEFT_PX - RIGHT_PX,
            height: SECTIONS_PX,
        };
        for (i, section) in sections.iter().enumerate() {
            let x = |frame: usize| bar.x(frame as f64 * secs_per_frame / self.duration_secs);
            let (left, right) = (x(section.start), x(section.end) + 1);
            let part = Area { left, width: right - left, ..bar };
            fill(&mut self.canvas, part, colour::section(section.label), 1.0);
            let name = section_name(section.label);
            let name_px = text::width_px(&name);
            if name_px + 4 < part.width {
                let x = left + (part.width - name_px) / 2;
                let y = bar.top + (SECTIONS_PX - CHAR_PX) / 2;
                text::write(&mut self.canvas, x, y, &name, BACKGROUND);
            }
            if i > 0 {
                for panel in [bar].iter().chain(&self.panels) {
                    fill(&mut self.canvas, Area { left, width: 1, ..*panel }, WHITE, 0.5);
                }
            }
        }
    }

    fn time_axis(&mut self) {
        let width = WIDTH_PX - LEFT_PX - RIGHT_PX;
        let axis = Area { left: LEFT_PX, top: self.top - GAP_PX, width, height: 6 };
        let most = (width / (7 * CHAR_PX)) as usize;
        for (secs, label) in axis::time_marks(self.duration_secs, most) {
            let x = axis.x(secs / self.duration_secs);
            fill(&mut self.canvas, Area { left: x, width: 1, ..axis }, DIM_TEXT, 1.0);
            let left = x.saturating_sub(text::width_px(&label) / 2);
            text::write(&mut self.canvas, left, axis.top + 12, &label, DIM_TEXT);
        }
    }
}

/// A, B, … Z, and from there on numbers.
pub fn section_name(label: usize) -> String {
    match u8::try_from(label) {
        Ok(label @ 0..26) => char::from(b'A' + label).to_string(),
        _ => (label + 1).to_string(),
    }
}

/// Mean power of each bin over the frames of each column, `[columns, bins]`.
fn mean_powers(stft: &Rows<Complex32>, num_columns: usize) -> Rows {
    let mut out = Rows::new(num_columns, stft.num_bins());
    out.par_fill(|x, row| {
        let (start, end) = span(stft.num_frames(), num_columns, x);
        let middle = (start + end) / 2.0;
        let frames = if end - start < 1.0 {
            // Columns are narrower than frames: between the two nearest.
            let low = (middle - 0.5).max(0.0);
            let share = (low - low.floor()) as f32;
            [(low as usize, 1.0 - share), (low as usize + 1, share)].to_vec()
        } else {
            let frames = start as usize..(end as usize).max(start as usize + 1);
            let share = 1.0 / frames.len() as f32;
            frames.map(|frame| (frame, share)).collect()
        };
        for (frame, share) in frames {
            for (sum, x) in row.iter_mut().zip(stft.row(frame)) {
                *sum += share * bins::power(*x);
            }
        }
    });
    out
}

/// The largest value between two places of a row, or the one on the line between its neighbours.
fn loudest_between(row: &[f32], low: f64, high: f64) -> f32 {
    let at = |place: f64| {
        let below = (place as usize).min(row.len().saturating_sub(1));
        let (a, b) = (row.get(below), row.get(below + 1));
        let a = a.copied().unwrap_or(f32::MIN);
        a + (b.copied().unwrap_or(a) - a) * (place - below as f64).clamp(0.0, 1.0) as f32
    };
    let inner = row.get(low.ceil() as usize..(high as usize + 1).min(row.len()));
    inner.unwrap_or_default().iter().copied().fold(at(low).max(at(high)), f32::max)
}
