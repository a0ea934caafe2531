//! Contact sheets: a grid of pictures with labels, as a PNG.

use std::path::Path;

use candle_core::Tensor;
use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};
use lumawire_models::ModelError;

use crate::command::write_file;
use crate::error::CommandError;
use crate::text::{self, CHAR_PX};

const BACKGROUND: Rgb<u8> = Rgb([16, 17, 22]);
const TEXT: Rgb<u8> = Rgb([222, 224, 232]);
const DIM_TEXT: Rgb<u8> = Rgb([134, 139, 155]);
/// Margins, and the space between pictures.
const MARGIN_PX: u32 = 24;
const GAP_PX: u32 = 6;
const GROUP_GAP_PX: u32 = 18;
const LINE_PX: u32 = CHAR_PX + 6;
/// The largest side of a sheet.
const MAX_SIDE_PX: u32 = 32_768;

/// A row of pictures with a label on its left: its first line stands out.
pub struct Row {
    /// The label's lines.
    pub label: Vec<String>,
    /// The line below each picture, which may be empty.
    pub captions: Vec<String>,
}

/// What is on a sheet, but for the pictures.
pub struct Sheet {
    /// Lines above all else: the first stands out.
    pub title: Vec<String>,
    /// A heading for each column; may be empty.
    pub columns: Vec<String>,
    /// Columns that belong together: a wider space lies between groups. 0 is all.
    pub group: usize,
    /// The rows.
    pub rows: Vec<Row>,
    /// Side of the pictures in pixels.
    pub cell_px: u32,
}

impl Row {
    /// A row of `num_pictures` without captions.
    pub fn plain(label: Vec<String>, num_pictures: usize) -> Self {
        Self { label, captions: vec![String::new(); num_pictures] }
    }
}

/// The side that cells get for pictures of `resolution_px`: as they are where that is handy.
pub fn cell_px(resolution_px: usize) -> u32 {
    (resolution_px as u32).clamp(128, 192)
}

/// Planes of -1..1 (one, or three) of a square picture as 8 bit, by the rule of the published code:
/// x·127.5 + 128, cut to 0..255 and to whole numbers.
pub fn picture(planes: &[f32], side_px: usize) -> RgbImage {
    let area = side_px * side_px;
    let plane = |c: usize| planes.get(c * area..(c + 1) * area).unwrap_or(&planes[..area]);
    let (red, green, blue) = (plane(0), plane(1), plane(2));
    let level = |v: f32| (v * 127.5 + 128.0).clamp(0.0, 255.0) as u8;
    RgbImage::from_fn(side_px as u32, side_px as u32, |x, y| {
        let i = y as usize * side_px + x as usize;
        Rgb([level(red[i]), level(green[i]), level(blue[i])])
    })
}

/// Pictures `[n, channels, side, side]` of a network as 8 bit.
pub fn pictures(batch: &Tensor) -> Result<Vec<RgbImage>, ModelError> {
    let side_px = batch.dim(3)?;
    let planes = batch.flatten_from(1)?.to_vec2::<f32>()?;
    Ok(planes.iter().map(|planes| picture(planes, side_px)).collect())
}

/// A map `[side, side]` from black at its lowest over violet and orange to white at its highest.
pub fn heat(map: &[f32], side_px: usize) -> RgbImage {
    const STOPS: [[f32; 3]; 5] = [
        [8.0, 6.0, 24.0],
        [92.0, 24.0, 118.0],
        [206.0, 62.0, 82.0],
        [251.0, 158.0, 58.0],
        [253.0, 250.0, 214.0],
    ];
    let lowest = map.iter().copied().fold(f32::INFINITY, f32::min);
    let range = map.iter().copied().fold(f32::NEG_INFINITY, f32::max) - lowest;
    RgbImage::from_fn(side_px as u32, side_px as u32, |x, y| {
        let v = (map[y as usize * side_px + x as usize] - lowest) / range.max(f32::MIN_POSITIVE);
        let at = v.clamp(0.0, 1.0) * (STOPS.len() - 1) as f32;
        let below = (at as usize).min(STOPS.len() - 2);
        let (low, high) = (STOPS[below], STOPS[below + 1]);
        let mix = |c: usize| low[c] + (high[c] - low[c]) * (at - below as f32);
        Rgb([mix(0) as u8, mix(1) as u8, mix(2) as u8])
    })
}

impl Sheet {
    /// The sheet with its texts, ready for its pictures. Fails where it would become too large: call
    /// it before the pictures are computed.
    pub fn begin(&self) -> Result<Drawing, CommandError> {
        let layout = Layout::of(self);
        if layout.width.max(layout.height) > MAX_SIDE_PX {
            return Err(CommandError::Usage(format!(
                "the sheet would have {}x{} pixels, and at most {MAX_SIDE_PX} a side are drawn: ask \
                 for less on it",
                layout.width, layout.height
            )));
        }
        let mut canvas = RgbImage::from_pixel(layout.width, layout.height, BACKGROUND);
        for (i, line) in self.title.iter().enumerate() {
            let y = MARGIN_PX + i as u32 * LINE_PX;
            text::write(&mut canvas, MARGIN_PX, y, line, if i == 0 { TEXT } else { DIM_TEXT });
        }
        for (i, heading) in self.columns.iter().enumerate() {
            let x = layout.column(i) + self.cell_px.saturating_sub(text::width_px(heading)) / 2;
            text::write(&mut canvas, x, layout.top - LINE_PX, heading, DIM_TEXT);
        }
        for (i, row) in self.rows.iter().enumerate() {
            self.write_row(&mut canvas, &layout, layout.row(i), row);
        }
        Ok(Drawing { canvas, layout, cell_px: self.cell_px })
    }

    fn write_row(&self, canvas: &mut RgbImage, layout: &Layout, top: u32, row: &Row) {
        let label_px = row.label.len() as u32 * LINE_PX;
        let label_top = top + self.cell_px.saturating_sub(label_px) / 2;
        for (i, line) in row.label.iter().enumerate() {
            let x = MARGIN_PX + layout.label_px.saturating_sub(text::width_px(line) + 2 * CHAR_PX);
            let colour = if i == 0 { TEXT } else { DIM_TEXT };
            text::write(canvas, x, label_top + i as u32 * LINE_PX, line, colour);
        }
        for (i, caption) in row.captions.iter().enumerate() {
            let x = layout.column(i) + self.cell_px.saturating_sub(text::width_px(caption)) / 2;
            text::write(canvas, x, top + self.cell_px + 6, caption, DIM_TEXT);
        }
    }
}

/// A sheet that is being drawn. It holds the pictures at the size of its cells only.
pub struct Drawing {
    canvas: RgbImage,
    layout: Layout,
    cell_px: u32,
}

impl Drawing {
    /// Draws a picture, brought to the size of the cells, in a row and column counted from 0.
    pub fn put(&mut self, row: usize, column: usize, picture: &RgbImage) {
        let (x, y) = (self.layout.column(column), self.layout.row(row));
        imageops::replace(&mut self.canvas, &fit(picture, self.cell_px), x.into(), y.into());
    }

    /// Writes it as a PNG.
    pub fn save(&self, path: &Path) -> Result<(), CommandError> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        self.canvas
            .write_to(&mut bytes, image::ImageFormat::Png)
            .map_err(|e| CommandError::Usage(format!("the sheet cannot be drawn: {e}")))?;
        write_file(path, bytes.get_ref())
    }
}

/// Where things lie on a sheet.
struct Layout {
    width: u32,
    height: u32,
    /// Width of the labels and the space behind them.
    label_px: u32,
    /// Top of the first row.
    top: u32,
    /// From row to row.
    row_px: u32,
    /// From column to column.
    column_px: u32,
    group: usize,
}

impl Layout {
    fn of(sheet: &Sheet) -> Self {
        let labels = sheet.rows.iter().flat_map(|row| &row.label);
        let label_px = labels.map(|line| text::width_px(line) + 2 * CHAR_PX).max().unwrap_or(0);
        let title_px = sheet.title.iter().map(|line| text::width_px(line)).max().unwrap_or(0);
        let has_captions = sheet.rows.iter().flat_map(|r| &r.captions).any(|c| !c.is_empty());
        let row_px = sheet.cell_px + if has_captions { LINE_PX + 2 * GAP_PX } else { GAP_PX };
        let column_px = sheet.cell_px + GAP_PX;
        let num_columns = sheet.rows.iter().map(|row| row.captions.len()).max().unwrap_or(0);
        let heading_px = if sheet.columns.is_empty() { 0 } else { LINE_PX };
        let top = MARGIN_PX + sheet.title.len() as u32 * LINE_PX + CHAR_PX + heading_px;
        let group = if sheet.group == 0 { usize::MAX } else { sheet.group };
        let num_gaps = num_columns.div_ceil(group).saturating_sub(1);
        // Numbers of any size come here: what is too large is refused later.
        let times = |n: usize, px: u32| u32::try_from(n).unwrap_or(u32::MAX).saturating_mul(px);
        let grid_px = label_px
            .saturating_add(times(num_columns, column_px))
            .saturating_add(times(num_gaps, GROUP_GAP_PX));
        let rows_px = times(sheet.rows.len(), row_px);
        Self {
            width: grid_px.saturating_sub(GAP_PX).max(title_px).saturating_add(2 * MARGIN_PX),
            height: rows_px.saturating_sub(GAP_PX).saturating_add(top + MARGIN_PX),
            label_px,
            top,
            row_px,
            column_px,
            group,
        }
    }

    /// Top of row `i`.
    fn row(&self, i: usize) -> u32 {
        self.top + i as u32 * self.row_px
    }

    /// Left of column `i`.
    fn column(&self, i: usize) -> u32 {
        let gaps_px = (i / self.group) as u32 * GROUP_GAP_PX;
        MARGIN_PX + self.label_px + i as u32 * self.column_px + gaps_px
    }
}

/// The picture with its longer side at `side_px`.
fn fit(picture: &RgbImage, side_px: u32) -> RgbImage {
    let (width, height) = picture.dimensions();
    let longer = width.max(height).max(1);
    if longer == side_px {
        return picture.clone();
    }
    let scaled = |side: u32| (side * side_px / longer).max(1);
    // Small maps keep their pixels in sight, pictures are smooth.
    let filter = if 4 * longer <= side_px { FilterType::Nearest } else { FilterType::CatmullRom };
    imageops::resize(picture, scaled(width), scaled(height), filter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(rows: usize, columns: usize) -> Sheet {
        let headings = (0..columns).map(|i| format!("{i}")).collect();
        let rows = (0..rows).map(|_| Row::plain(vec!["x".into()], columns)).collect();
        Sheet { title: vec!["A".into()], columns: headings, group: 3, rows, cell_px: 32 }
    }

    #[test]
    fn pictures_follow_the_published_rule() {
        let planes = [-2.0, -1.0, 0.0, 0.9961, 1.0, f32::NAN];
        let levels = |v: f32| picture(&[v; 3], 1).get_pixel(0, 0).0;
        assert_eq!(planes.map(|v| levels(v)[0]), [0, 0, 128, 255, 255, 0]);
        let planes: Vec<f32> = [0.0, -1.0, 1.0].iter().flat_map(|v| [*v; 4]).collect();
        assert_eq!(picture(&planes, 2).get_pixel(1, 0).0, [128, 0, 255]);
        assert_eq!(picture(&[0.0; 4], 2).get_pixel(1, 1).0, [128; 3]);
    }

    #[test]
    fn heat_rises_from_dark_to_light() {
        let drawn = heat(&[-3.0, 1.0, 5.0, 3.0], 2);
        let light = |x, y| drawn.get_pixel(x, y).0.iter().map(|v| u32::from(*v)).sum::<u32>();
        assert!(
            light(0, 0) < light(1, 0) && light(1, 0) < light(1, 1) && light(1, 1) < light(0, 1)
        );
        assert_eq!(heat(&[2.0; 4], 2).get_pixel(0, 0).0, [8, 6, 24]);
    }

    #[test]
    fn every_cell_is_drawn_once() {
        let mut drawing = sheet(3, 4).begin().unwrap();
        let red = RgbImage::from_pixel(8, 8, Rgb([200, 0, 0]));
        for i in 0..12 {
            drawing.put(i / 4, i % 4, &red);
        }
        let drawn = drawing.canvas;
        let red = drawn.pixels().filter(|p| p.0 == [200, 0, 0]).count();
        assert_eq!(red, 3 * 4 * 32 * 32);
        let lit = drawn.pixels().filter(|p| **p == TEXT).count();
        assert!(lit > 100, "labels: {lit}");
    }

    #[test]
    fn sheets_that_are_too_large_are_refused_before_their_pictures_are_drawn() {
        assert!(sheet(800, 1).begin().is_ok());
        for (rows, columns) in [(2000, 1), (1, 2000)] {
            let why = sheet(rows, columns).begin().err().unwrap().to_string();
            assert!(why.contains("ask for less"), "{why}");
        }
    }
}
