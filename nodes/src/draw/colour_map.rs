//! Colours of levels.

/// Options of a parameter that chooses a map; the last is made of the node's own two colours.
pub(super) const MAPS: &[&str] = &["magma", "inferno", "viridis", "grey", "custom"];

/// Colours at even distances, sRGB codes. Of matplotlib's maps (Smith and van der Walt, public
/// domain) at every eighth.
const STOPS: [&[[u8; 3]]; 4] = [
    &[
        [0, 0, 4],
        [29, 17, 71],
        [81, 18, 124],
        [131, 38, 129],
        [183, 55, 121],
        [231, 82, 99],
        [252, 137, 97],
        [254, 196, 136],
        [252, 253, 191],
    ],
    &[
        [0, 0, 4],
        [33, 12, 74],
        [87, 16, 110],
        [138, 34, 106],
        [188, 55, 84],
        [228, 90, 49],
        [249, 142, 9],
        [249, 203, 53],
        [252, 255, 164],
    ],
    &[
        [68, 1, 84],
        [71, 45, 123],
        [59, 82, 139],
        [44, 114, 142],
        [33, 145, 140],
        [40, 174, 128],
        [94, 201, 98],
        [173, 220, 48],
        [253, 231, 37],
    ],
    &[[0, 0, 0], [255, 255, 255]],
];

/// The colours of 256 levels from 0 to 1, as sRGB codes: a straight line of codes between stops.
/// `ends` are the two colours of the last map.
pub(super) fn table(map: usize, ends: [[u8; 3]; 2]) -> [[u8; 3]; 256] {
    let stops: &[[u8; 3]] = STOPS.get(map).copied().unwrap_or(&ends);
    std::array::from_fn(|i| {
        let place = i as f32 / 255.0 * (stops.len() - 1) as f32;
        let first = (place as usize).min(stops.len() - 2);
        let t = place - first as f32;
        let (a, b) = (stops[first], stops[first + 1]);
        [0, 1, 2].map(|c| (f32::from(a[c]) * (1.0 - t) + f32::from(b[c]) * t).round() as u8)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_begin_and_end_in_their_colours_and_grow_lighter() {
        for (map, name) in MAPS.iter().enumerate() {
            let colours = table(map, [[10, 0, 0], [200, 255, 90]]);
            let light = |c: [u8; 3]| {
                let [r, g, b] = c.map(|v| crate::gpu::linear_from_srgb(f32::from(v) / 255.0));
                0.2126 * r + 0.7152 * g + 0.0722 * b
            };
            let lights: Vec<f32> = colours.iter().map(|c| light(*c)).collect();
            assert!(lights.windows(2).all(|w| w[1] >= w[0] - 2e-3), "{name}");
        }
        assert_eq!(table(4, [[10, 0, 0], [200, 255, 90]])[255], [200, 255, 90]);
        assert_eq!(table(2, [[0; 3]; 2])[0], [68, 1, 84]);
        // viridis at its middle, by matplotlib: (33, 145, 140).
        assert_eq!(table(2, [[0; 3]; 2])[128].map(|v| v / 2), [33, 145, 140].map(|v: u8| v / 2));
    }
}
