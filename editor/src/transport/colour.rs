//! Colours of what sounds.

use std::f32::consts::TAU;

use egui::{Color32, Rgba};

/// The colour of chroma, `[12]` from C: the hue says where its energy lies on the circle of fifths, so
/// that related keys look related; the more it is spread, the greyer. `level`, 0..1, is its lightness.
pub fn of_chroma(chroma: &[f32; 12], level: f32) -> Color32 {
    let (mut x, mut y, mut sum) = (0.0, 0.0, 0.0);
    for (class, energy) in chroma.iter().enumerate() {
        let turn = TAU * ((class * 7) % 12) as f32 / 12.0;
        let weight = energy.powi(3);
        (x, y, sum) = (x + weight * turn.cos(), y + weight * turn.sin(), sum + weight);
    }
    let purity = if sum > 0.0 { x.hypot(y) / sum } else { 0.0 };
    of_hue(0.52 + 0.26 * level, 0.04 + 0.10 * purity, y.atan2(x))
}

/// The colour of a section: as far as may be from those of the letters near it.
pub fn of_section(label: &str) -> Color32 {
    const GOLDEN_TURN: f32 = 0.381_966;
    let number = label.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(26) + u32::from(byte));
    of_hue(0.62, 0.09, TAU * (number % 360) as f32 * GOLDEN_TURN)
}

/// A colour of Oklab (Ottosson, "A perceptual color space for image processing", 2020) by lightness,
/// chroma and hue in radians.
fn of_hue(lightness: f32, chroma: f32, hue: f32) -> Color32 {
    let (a, b) = (chroma * hue.cos(), chroma * hue.sin());
    let l = (lightness + 0.396_337_78 * a + 0.215_803_76 * b).powi(3);
    let m = (lightness - 0.105_561_346 * a - 0.063_854_17 * b).powi(3);
    let s = (lightness - 0.089_484_18 * a - 1.291_485_5 * b).powi(3);
    let red = 4.076_741_7 * l - 3.307_711_6 * m + 0.230_969_94 * s;
    let green = -1.268_438 * l + 2.609_757_4 * m - 0.341_319_4 * s;
    let blue = -0.004_196_086_3 * l - 0.703_418_6 * m + 1.707_614_7 * s;
    Rgba::from_rgb(red.clamp(0.0, 1.0), green.clamp(0.0, 1.0), blue.clamp(0.0, 1.0)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_class(class: usize) -> [f32; 12] {
        std::array::from_fn(|i| if i == class { 1.0 } else { 0.0 })
    }

    fn distance(a: Color32, b: Color32) -> f32 {
        let [a, b] = [a, b].map(|c| [c.r(), c.g(), c.b()].map(f32::from));
        (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f32>().sqrt()
    }

    #[test]
    fn related_keys_look_related_and_noise_is_grey() {
        let colour = |class| of_chroma(&of_class(class), 0.5);
        // G is a fifth from C, F sharp as far as can be.
        assert!(distance(colour(0), colour(7)) < 0.5 * distance(colour(0), colour(6)));
        let spread = of_chroma(&[1.0; 12], 0.5);
        let range = |c: Color32| c.r().max(c.g()).max(c.b()) - c.r().min(c.g()).min(c.b());
        assert!(range(spread) < 45 && range(colour(3)) > 60, "{spread:?} {:?}", colour(3));
    }

    /// White and a mid grey of Oklab are those of sRGB; the reference values are the paper's.
    #[test]
    fn greys_are_grey() {
        assert_eq!(of_hue(1.0, 0.0, 0.0), Color32::WHITE);
        let grey = of_hue(0.5, 0.0, 1.0);
        assert_eq!((grey.r(), grey.g()), (grey.g(), grey.b()));
        assert_eq!(grey.r(), 99);
    }
}
