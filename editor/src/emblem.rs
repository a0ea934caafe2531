//! The program's mark: bars of sound on the left become pixels of a picture on the right.

use egui::{Color32, IconData, Rgba};

use crate::theme;

/// Side of the icon, in pixels.
const SIDE_PX: u32 = 128;
/// The mark is laid out on a square of this side.
const UNITS: f32 = 16.0;
/// Bars of the waveform: left edge and height; each is 1.2 wide.
const BARS: [(f32, f32); 3] = [(2.2, 3.0), (4.2, 9.6), (6.2, 5.6)];
/// Pixels of the picture, row by row.
const PIXELS: [[Color32; 2]; 3] = [
    [Color32::from_rgb(0xff, 0xb4, 0x3c), Color32::from_rgb(0xf0, 0x74, 0x4c)],
    [Color32::from_rgb(0xd9, 0x5a, 0x8b), Color32::from_rgb(0x8f, 0x6b, 0xd6)],
    [Color32::from_rgb(0x56, 0x9c, 0xe9), Color32::from_rgb(0x1f, 0xb8, 0x8c)],
];

/// The mark as a window's icon.
pub fn icon() -> IconData {
    let units_per_px = UNITS / SIDE_PX as f32;
    let mut rgba = Vec::with_capacity((SIDE_PX * SIDE_PX * 4) as usize);
    for y in 0..SIDE_PX {
        for x in 0..SIDE_PX {
            let at = |i: u32| (i as f32 + 0.5) * units_per_px;
            rgba.extend_from_slice(&colour(at(x), at(y), units_per_px).to_srgba_unmultiplied());
        }
    }
    IconData { rgba, width: SIDE_PX, height: SIDE_PX }
}

fn colour(x: f32, y: f32, units_per_px: f32) -> Color32 {
    let inside = |rect, radius| (0.5 - distance(x, y, rect, radius) / units_per_px).clamp(0.0, 1.0);
    let mut colour = Rgba::from(theme::PANEL) * inside([0.0, 0.0, UNITS, UNITS], 3.4);
    let mut over = |top: Color32, share: f32| {
        colour = colour * (1.0 - share) + Rgba::from(top) * share;
    };
    for (left, height) in BARS {
        let top = (UNITS - height) / 2.0;
        over(theme::ACCENT, inside([left, top, left + 1.2, top + height], 0.6));
    }
    for (row, colours) in PIXELS.iter().enumerate() {
        for (column, pixel) in colours.iter().enumerate() {
            let (left, top) = (8.6 + 2.7 * column as f32, 4.1 + 2.7 * row as f32);
            over(*pixel, inside([left, top, left + 2.4, top + 2.4], 0.4));
        }
    }
    colour.into()
}

/// Distance from the edge of a rounded rectangle `[left, top, right, bottom]`, negative inside it.
fn distance(x: f32, y: f32, [left, top, right, bottom]: [f32; 4], radius: f32) -> f32 {
    let beyond = |at: f32, low: f32, high: f32| {
        (at - (low + high) / 2.0).abs() - (high - low) / 2.0 + radius
    };
    let (dx, dy) = (beyond(x, left, right), beyond(y, top, bottom));
    dx.max(0.0).hypot(dy.max(0.0)) + dx.max(dy).min(0.0) - radius
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_icon_is_clear_at_its_corners_and_solid_within() {
        let icon = icon();
        let alpha = |x: u32, y: u32| icon.rgba[((y * SIDE_PX + x) * 4 + 3) as usize];
        assert_eq!(icon.rgba.len(), (SIDE_PX * SIDE_PX * 4) as usize);
        assert_eq!([alpha(0, 0), alpha(SIDE_PX - 1, SIDE_PX - 1)], [0, 0]);
        assert_eq!([alpha(64, 64), alpha(64, 0), alpha(0, 64)], [255; 3]);
    }
}
