//! Colours of charts: maps that rise evenly to the eye, and a palette.

use image::Rgb;

/// matplotlib's magma (CC0), at 17 even steps: from black over violet and orange to light yellow.
pub const MAGMA: [[u8; 3]; 17] = [
    [0, 0, 4],
    [10, 8, 34],
    [29, 17, 71],
    [54, 16, 107],
    [81, 18, 124],
    [106, 28, 129],
    [131, 38, 129],
    [156, 46, 127],
    [183, 55, 121],
    [208, 65, 111],
    [231, 82, 99],
    [245, 107, 92],
    [252, 137, 97],
    [254, 167, 114],
    [254, 196, 136],
    [253, 226, 163],
    [252, 253, 191],
];

/// matplotlib's viridis (CC0), at 17 even steps: from violet over green to yellow.
pub const VIRIDIS: [[u8; 3]; 17] = [
    [68, 1, 84],
    [72, 24, 106],
    [71, 45, 123],
    [66, 64, 134],
    [59, 82, 139],
    [51, 99, 141],
    [44, 114, 142],
    [38, 130, 142],
    [33, 145, 140],
    [31, 160, 136],
    [40, 174, 128],
    [63, 188, 115],
    [94, 201, 98],
    [132, 212, 75],
    [173, 220, 48],
    [216, 226, 25],
    [253, 231, 37],
];

/// Colours of sections, in the order of their first appearance.
const PALETTE: [[u8; 3]; 10] = [
    [102, 194, 165],
    [252, 141, 98],
    [141, 160, 203],
    [231, 138, 195],
    [166, 216, 84],
    [255, 217, 47],
    [229, 196, 148],
    [128, 200, 230],
    [200, 110, 110],
    [179, 179, 179],
];

/// The colour of `v`, 0..1, in a map.
pub fn map(stops: &[[u8; 3]], v: f32) -> Rgb<u8> {
    let last = stops.len().saturating_sub(1);
    let at = if v > 0.0 { v.min(1.0) * last as f32 } else { 0.0 };
    let below = (at as usize).min(last);
    let (Some(low), Some(high)) = (stops.get(below), stops.get((below + 1).min(last))) else {
        return Rgb([0; 3]);
    };
    let mix = |c: usize| {
        let (low, high) = (f32::from(low[c]), f32::from(high[c]));
        (low + (high - low) * (at - below as f32)).round() as u8
    };
    Rgb([mix(0), mix(1), mix(2)])
}

/// The colour of section `id`.
pub fn section(id: usize) -> Rgb<u8> {
    Rgb(PALETTE[id % PALETTE.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_grow_lighter_all_the_way() {
        let luma = |c: Rgb<u8>| {
            let [r, g, b] = c.0.map(f32::from);
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        for stops in [MAGMA, VIRIDIS] {
            let lights: Vec<f32> = (0..=64).map(|i| luma(map(&stops, i as f32 / 64.0))).collect();
            assert!(lights.windows(2).all(|pair| pair[1] > pair[0] - 1.0), "{lights:?}");
            assert!(lights[64] > lights[0] + 150.0);
            assert_eq!(map(&stops, f32::NAN).0, stops[0]);
            assert_eq!(map(&stops, 7.0).0, stops[16]);
        }
    }
}
