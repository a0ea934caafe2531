//! Lines of text on a picture.

use font8x8::{BASIC_FONTS, GREEK_FONTS, LATIN_FONTS, UnicodeFonts};
use image::{Rgb, RgbImage};

/// The font has 8×8 pixels; it is drawn twice as large.
const FONT_SCALE: u32 = 2;
/// Width and height of a character.
pub const CHAR_PX: u32 = 8 * FONT_SCALE;

/// Width of a line.
pub fn width_px(line: &str) -> u32 {
    line.chars().count() as u32 * CHAR_PX
}

/// Writes a line with its upper left corner at (x, y). What lies outside is cut off, what the font
/// lacks is left blank.
pub fn write(canvas: &mut RgbImage, x: u32, y: u32, line: &str, colour: Rgb<u8>) {
    for (i, character) in line.chars().enumerate() {
        let glyph = BASIC_FONTS
            .get(character)
            .or_else(|| LATIN_FONTS.get(character))
            .or_else(|| GREEK_FONTS.get(character));
        let Some(glyph) = glyph else { continue };
        let left = x + i as u32 * CHAR_PX;
        for dy in 0..CHAR_PX {
            for dx in 0..CHAR_PX {
                let lit = glyph[(dy / FONT_SCALE) as usize] >> (dx / FONT_SCALE) & 1 == 1;
                if lit && let Some(pixel) = canvas.get_pixel_mut_checked(left + dx, y + dy) {
                    *pixel = colour;
                }
            }
        }
    }
}
