//! Operations against closed forms.

use std::f32::consts::{FRAC_PI_2, PI};

use proptest::prelude::*;

use super::*;

const BORDERS: [Border; 5] =
    [Border::Zero, Border::Edge, Border::Reflect, Border::Mirror, Border::Wrap];

/// A plane and its size.
#[derive(Debug, Clone, PartialEq)]
struct Plane {
    height: usize,
    width: usize,
    values: Vec<f32>,
}

impl Plane {
    fn new(height: usize, width: usize, value: impl Fn(usize, usize) -> f32) -> Self {
        let values = (0..height * width).map(|i| value(i % width, i / width)).collect();
        Self { height, width, values }
    }

    fn at(&self, x: usize, y: usize) -> f32 {
        self.values[y * self.width + x]
    }

    fn by(&self, op: BendOp) -> Self {
        let mut values = self.values.clone();
        op.apply(&mut values, self.height, self.width, &mut Vec::new());
        Self { values, ..*self }
    }

    fn map(&self, f: impl Fn(f32) -> f32) -> Self {
        Self { values: self.values.iter().map(|v| f(*v)).collect(), ..*self }
    }

    fn distance(&self, other: &Self) -> f32 {
        assert_eq!((self.height, self.width), (other.height, other.width));
        let differences = self.values.iter().zip(&other.values).map(|(a, b)| (a - b).abs());
        differences.fold(0.0, f32::max)
    }

    fn mean(&self) -> f32 {
        self.values.iter().sum::<f32>() / self.values.len() as f32
    }
}

/// Planes of all shapes from 4 to 64 pixels.
fn planes() -> impl Strategy<Value = Plane> {
    (4usize..=64, 4usize..=64).prop_flat_map(|(height, width)| {
        prop::collection::vec(-3f32..3.0, height * width).prop_map(move |values| Plane {
            height,
            width,
            values,
        })
    })
}

fn borders() -> impl Strategy<Value = Border> {
    prop::sample::select(BORDERS.to_vec())
}

/// One of each operation, none of them neutral.
fn all_ops() -> Vec<BendOp> {
    let border = Border::Mirror;
    vec![
        BendOp::Translate { x: 0.3, y: -0.2, border },
        BendOp::Zoom { factor: 1.7, border },
        BendOp::Rotate { radians: 0.4, border },
        BendOp::Shear { x: 0.3, y: 0.2, border },
        BendOp::Flip { horizontal: true, vertical: false },
        BendOp::Scale { factor: 2.5 },
        BendOp::Add { value: 0.7 },
        BendOp::Invert,
        BendOp::Threshold { level: 0.3, keep: Keep::Value },
        BendOp::Ablate,
        BendOp::Erode { radius: 0.2 },
        BendOp::Dilate { radius: 0.2 },
        BendOp::Blur { sigma: 0.2, border },
        BendOp::Sharpen { sigma: 0.2, strength: 1.5, border },
    ]
}

/// `op` with all its numbers at `v`.
fn with_numbers(op: BendOp, v: f32) -> BendOp {
    match op {
        BendOp::Translate { border, .. } => BendOp::Translate { x: v, y: v, border },
        BendOp::Zoom { border, .. } => BendOp::Zoom { factor: v, border },
        BendOp::Rotate { border, .. } => BendOp::Rotate { radians: v, border },
        BendOp::Shear { border, .. } => BendOp::Shear { x: v, y: v, border },
        BendOp::Scale { .. } => BendOp::Scale { factor: v },
        BendOp::Add { .. } => BendOp::Add { value: v },
        BendOp::Threshold { keep, .. } => BendOp::Threshold { level: v, keep },
        BendOp::Erode { .. } => BendOp::Erode { radius: v },
        BendOp::Dilate { .. } => BendOp::Dilate { radius: v },
        BendOp::Blur { border, .. } => BendOp::Blur { sigma: v, border },
        BendOp::Sharpen { border, .. } => BendOp::Sharpen { sigma: v, strength: v, border },
        BendOp::Flip { .. } | BendOp::Invert | BendOp::Ablate => op,
    }
}

fn bend(op: BendOp, amount: f32) -> Bend {
    Bend { layer: 0, channels: Channels::All, op, amount }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whole_pixels_shift_the_plane(
        plane in planes(), dx in -70i32..70, dy in -70i32..70, border in borders()
    ) {
        let (w, h) = (plane.width, plane.height);
        let moved = plane.by(BendOp::Translate {
            x: dx as f32 / w as f32,
            y: dy as f32 / h as f32,
            border,
        });
        let expected = Plane::new(h, w, |x, y| {
            let column = border.index(x as i32 - dx, w);
            let row = border.index(y as i32 - dy, h);
            column.zip(row).map_or(0.0, |(x, y)| plane.at(x, y))
        });
        // A shift in widths is a whole number of pixels up to rounding.
        prop_assert!(moved.distance(&expected) < 3e-4);
    }

    #[test]
    fn an_affine_plane_stays_affine(
        a in -1f32..1.0, b in -1f32..1.0, h in 4usize..=64, w in 4usize..=64,
        angle in -3f32..3.0, zoom in 1.5f32..4.0, shear in -0.4f32..0.4,
    ) {
        // Bilinear interpolation is exact on a·x + b·y.
        let (cx, cy) = ((w - 1) as f32 / 2.0, (h - 1) as f32 / 2.0);
        let ramp = |x: f32, y: f32| a * (x - cx) + b * (y - cy);
        let plane = Plane::new(h, w, |x, y| ramp(x as f32, y as f32));
        let border = Border::Edge;
        let (sin, cos) = angle.sin_cos();
        for (op, m) in [
            (BendOp::Zoom { factor: zoom, border }, [1.0 / zoom, 0.0, 0.0, 1.0 / zoom]),
            (BendOp::Rotate { radians: angle, border }, [cos, -sin, sin, cos]),
            (BendOp::Shear { x: shear, y: 0.0, border }, [1.0, -shear, 0.0, 1.0]),
            (BendOp::Shear { x: 0.0, y: shear, border }, [1.0, 0.0, -shear, 1.0]),
        ] {
            let found = plane.by(op);
            for y in 0..h {
                for x in 0..w {
                    let (dx, dy) = (x as f32 - cx, y as f32 - cy);
                    let (sx, sy) = (m[0] * dx + m[1] * dy + cx, m[2] * dx + m[3] * dy + cy);
                    let inside = (0.0..=(w - 1) as f32).contains(&sx)
                        && (0.0..=(h - 1) as f32).contains(&sy);
                    let error = (found.at(x, y) - ramp(sx, sy)).abs();
                    prop_assert!(!inside || error < 1e-4, "{op:?} at {x}, {y}: {error}");
                }
            }
        }
    }

    #[test]
    fn what_is_undone_is_as_before(plane in planes(), h: bool, v: bool) {
        let flip = BendOp::Flip { horizontal: h, vertical: v };
        prop_assert_eq!(&plane.by(flip).by(flip), &plane);
        prop_assert_eq!(&plane.by(BendOp::Invert).by(BendOp::Invert), &plane);
        let turn = BendOp::Flip { horizontal: true, vertical: true };
        let half = BendOp::Rotate { radians: PI, border: Border::Edge };
        prop_assert!(plane.by(half).distance(&plane.by(turn)) < 1e-3);
    }

    #[test]
    fn erosion_of_the_negative_is_the_negative_of_dilation(
        plane in planes(), radius in 0f32..0.6
    ) {
        let dilated = plane.by(BendOp::Dilate { radius });
        let eroded = plane.map(|v| -v).by(BendOp::Erode { radius }).map(|v| -v);
        prop_assert_eq!(dilated, eroded);
    }

    #[test]
    fn dilation_is_the_maximum_of_a_square(plane in planes(), r in 0usize..70) {
        let (w, h) = (plane.width, plane.height);
        let r = r.min(w.min(h));
        let radius = r as f32 / w.min(h) as f32;
        let found = plane.by(BendOp::Dilate { radius });
        let expected = Plane::new(h, w, |x, y| {
            let mut most = f32::MIN;
            for row in y.saturating_sub(r)..(y + r + 1).min(h) {
                for column in x.saturating_sub(r)..(x + r + 1).min(w) {
                    most = most.max(plane.at(column, row));
                }
            }
            most
        });
        // A share of the side is a whole number of pixels up to rounding.
        prop_assert!(found.distance(&expected) < 1e-4);
    }

    #[test]
    fn a_blur_keeps_the_mean(plane in planes(), sigma in 0.001f32..1.0) {
        for border in [Border::Mirror, Border::Wrap] {
            let op = BendOp::Blur { sigma, border };
            prop_assert!((plane.by(op).mean() - plane.mean()).abs() < 1e-4, "{border:?}");
        }
    }

    #[test]
    fn a_blur_leaves_what_is_even(
        value in -3f32..3.0, h in 4usize..64, w in 4usize..64, sigma in 0.001f32..0.5
    ) {
        let plane = Plane::new(h, w, |_, _| value);
        for border in [Border::Edge, Border::Reflect, Border::Mirror, Border::Wrap] {
            for op in [
                BendOp::Blur { sigma, border },
                BendOp::Sharpen { sigma, strength: 2.0, border },
            ] {
                prop_assert!(plane.by(op).distance(&plane) < 1e-4, "{op:?}");
            }
        }
    }

    #[test]
    fn no_number_poisons_a_plane(plane in planes(), v: f32, border in borders()) {
        for op in all_ops() {
            let op = match with_numbers(op, v) {
                // Factors this large leave the numbers by themselves.
                BendOp::Scale { factor } => BendOp::Scale { factor: factor.clamp(-1e30, 1e30) },
                BendOp::Add { value } => BendOp::Add { value: value.clamp(-1e30, 1e30) },
                BendOp::Sharpen { sigma, strength, .. } => {
                    BendOp::Sharpen { sigma, strength: strength.clamp(-1e30, 1e30), border }
                }
                op => op,
            };
            prop_assert!(plane.by(op).values.iter().all(|v| v.is_finite()), "{op:?}");
        }
    }

    #[test]
    fn amount_crossfades(plane in planes(), amount in 0f32..=1.0) {
        for op in all_ops() {
            let mut found = plane.clone();
            bend(op, amount).apply(&mut found.values, plane.height, plane.width);
            let end = plane.by(op);
            for ((v, x), e) in found.values.iter().zip(&plane.values).zip(&end.values) {
                prop_assert!((v - ((1.0 - amount) * x + amount * e)).abs() < 1e-4, "{op:?}");
            }
        }
    }
}

#[test]
fn a_quarter_turn_is_anticlockwise_and_exact() {
    let plane = Plane::new(8, 8, |x, y| (x * x + 10 * y) as f32);
    for border in BORDERS {
        let turned = plane.by(BendOp::Rotate { radians: FRAC_PI_2, border });
        // What lay at the right edge lies at the top.
        let expected = Plane::new(8, 8, |x, y| plane.at(7 - y, x));
        assert!(turned.distance(&expected) < 1e-4, "{border:?}");
    }
}

#[test]
fn two_shears_are_one_after_the_other() {
    let border = Border::Edge;
    let ramp = Plane::new(16, 16, |x, y| x as f32 + 3.0 * y as f32);
    let both = ramp.by(BendOp::Shear { x: 0.2, y: 0.1, border });
    let apart = ramp.by(BendOp::Shear { x: 0.2, y: 0.0, border }).by(BendOp::Shear {
        x: 0.0,
        y: 0.1,
        border,
    });
    for y in 5..11 {
        for x in 5..11 {
            assert!((both.at(x, y) - apart.at(x, y)).abs() < 1e-4);
        }
    }
    // Below the centre a positive shear shows what lay further left.
    let slanted = ramp.by(BendOp::Shear { x: 0.2, y: 0.0, border });
    assert!((slanted.at(8, 12) - (ramp.at(8, 12) - 0.2 * 4.5)).abs() < 1e-5);
}

#[test]
fn a_blurred_impulse_is_a_gaussian() {
    let plane = Plane::new(32, 48, |x, y| if (x, y) == (24, 16) { 1.0 } else { 0.0 });
    let sigma_px = 2.5_f32;
    for border in BORDERS {
        let blurred = plane.by(BendOp::Blur { sigma: sigma_px / 32.0, border });
        for y in 0..32 {
            for x in 0..48 {
                let (dx, dy) = (x as f32 - 24.0, y as f32 - 16.0);
                let far = dx.abs().max(dy.abs()) > 3.0 * sigma_px + 0.5;
                let d2 = (dx * dx + dy * dy) / (sigma_px * sigma_px);
                let expected =
                    if far { 0.0 } else { (-0.5 * d2).exp() / (2.0 * PI * sigma_px * sigma_px) };
                // The tail beyond 3 sigma is shared out.
                assert!((blurred.at(x, y) - expected).abs() < 2e-4, "{border:?} at {x}, {y}");
            }
        }
    }
}

/// Beyond 8 px boxes stand in for the Gaussian.
#[test]
fn a_wide_blur_is_nearly_a_gaussian() {
    for sigma_px in [8.5_f32, 12.0, 15.3] {
        let plane = Plane::new(128, 160, |x, y| f32::from(u8::from((x, y) == (80, 64))));
        let op = BendOp::Blur { sigma: sigma_px / 128.0, border: Border::Zero };
        let blurred = plane.by(op);
        let peak = 1.0 / (std::f32::consts::TAU * sigma_px * sigma_px);
        for (y, x) in (0..128).flat_map(|y| (0..160).map(move |x| (y, x))) {
            let (dx, dy) = (x as f32 - 80.0, y as f32 - 64.0);
            let expected = peak * (-0.5 * (dx * dx + dy * dy) / (sigma_px * sigma_px)).exp();
            let error = (blurred.at(x, y) - expected).abs() / peak;
            assert!(error < 0.08, "{sigma_px} at {x}, {y}: {error}");
        }
    }
}

#[test]
fn sharpening_adds_what_a_blur_takes() {
    let plane = Plane::new(9, 13, |x, y| ((x * 7 + y * 5) % 11) as f32);
    let border = Border::Reflect;
    let blurred = plane.by(BendOp::Blur { sigma: 0.2, border });
    let sharpened = plane.by(BendOp::Sharpen { sigma: 0.2, strength: 0.5, border });
    let expected =
        Plane::new(9, 13, |x, y| plane.at(x, y) + 0.5 * (plane.at(x, y) - blurred.at(x, y)));
    assert!(sharpened.distance(&expected) < 1e-5);
    assert!(sharpened.distance(&plane) > 0.5);
}

#[test]
fn a_radius_between_pixels_crossfades() {
    let plane = Plane::new(16, 16, |x, y| ((x * 5 + y * 3) % 7) as f32);
    let by = |radius_px: f32| plane.by(BendOp::Dilate { radius: radius_px / 16.0 });
    let (one, two) = (by(1.0), by(2.0));
    let expected = Plane::new(16, 16, |x, y| 0.75 * one.at(x, y) + 0.25 * two.at(x, y));
    assert!(by(1.25).distance(&expected) < 1e-5);
}

#[test]
fn values_change_one_by_one() {
    let plane = Plane { height: 1, width: 4, values: vec![-1.0, 0.0, 0.5, 2.0] };
    for (op, expected) in [
        (BendOp::Scale { factor: -2.0 }, [2.0, 0.0, -1.0, -4.0]),
        (BendOp::Add { value: 0.25 }, [-0.75, 0.25, 0.75, 2.25]),
        (BendOp::Invert, [1.0, 0.0, -0.5, -2.0]),
        (BendOp::Threshold { level: 0.5, keep: Keep::Value }, [0.0, 0.0, 0.5, 2.0]),
        (BendOp::Threshold { level: 0.5, keep: Keep::One }, [0.0, 0.0, 1.0, 1.0]),
        (BendOp::Ablate, [0.0; 4]),
        (BendOp::Flip { horizontal: true, vertical: true }, [2.0, 0.5, 0.0, -1.0]),
    ] {
        assert_eq!(plane.by(op).values, expected, "{op:?}");
    }
}

#[test]
fn what_is_neutral_or_no_number_changes_nothing() {
    let plane = Plane::new(8, 12, |x, y| (x as f32 * 0.37 - y as f32 * 0.61).sin());
    let border = Border::Zero;
    for op in [
        BendOp::Translate { x: 0.0, y: 0.0, border },
        BendOp::Zoom { factor: 1.0, border },
        BendOp::Zoom { factor: 0.0, border },
        BendOp::Zoom { factor: -2.0, border },
        BendOp::Rotate { radians: 0.0, border },
        BendOp::Shear { x: 0.0, y: 0.0, border },
        BendOp::Flip { horizontal: false, vertical: false },
        BendOp::Scale { factor: 1.0 },
        BendOp::Add { value: 0.0 },
        BendOp::Erode { radius: 0.0 },
        BendOp::Dilate { radius: -1.0 },
        BendOp::Blur { sigma: 0.0, border },
        BendOp::Sharpen { sigma: 0.0, strength: 1.0, border },
        BendOp::Sharpen { sigma: 0.1, strength: 0.0, border },
    ] {
        assert!(op.is_identity() && bend(op, 1.0).is_identity(), "{op:?}");
        assert_eq!(plane.by(op), plane, "{op:?}");
    }
    for op in all_ops() {
        assert!(!bend(op, 1.0).is_identity() && plane.by(op) != plane, "{op:?}");
        for amount in [0.0, f32::NAN, f32::INFINITY] {
            let mut found = plane.clone();
            bend(op, amount).apply(&mut found.values, 8, 12);
            assert!(bend(op, amount).is_identity() && found == plane, "{op:?}");
        }
        for v in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let broken = with_numbers(op, v);
            assert!(broken == op || plane.by(broken) == plane, "{broken:?}");
        }
    }
}

#[test]
fn only_its_channels_are_bent() {
    let features: Vec<f32> = (0..5 * 12).map(|i| i as f32 + 1.0).collect();
    for (channels, expected) in [
        (Channels::All, vec![0, 1, 2, 3, 4]),
        (Channels::Range { first: 3, len: 9 }, vec![3, 4]),
        (Channels::Set([4, 0].into()), vec![0, 4]),
        (Channels::Set([].into()), vec![]),
    ] {
        let mut found = features.clone();
        let op = BendOp::Invert;
        Bend { layer: 0, channels, op, amount: 1.0 }.apply(&mut found, 3, 4);
        for (c, (found, plane)) in found.chunks(12).zip(features.chunks(12)).enumerate() {
            let sign = if expected.contains(&c) { -1.0 } else { 1.0 };
            assert!(found.iter().zip(plane).all(|(f, v)| *f == sign * v), "{c}");
        }
    }
}

#[test]
fn a_plane_of_another_size_and_a_single_pixel_are_no_danger() {
    let mut scratch = Vec::new();
    for op in all_ops() {
        let mut plane = [1.0, 2.0, 3.0];
        op.apply(&mut plane, 2, 2, &mut scratch);
        assert_eq!(plane, [1.0, 2.0, 3.0]);
        op.apply(&mut [], 0, 7, &mut scratch);
        op.apply(&mut [1.0], 1, 1, &mut scratch);
        op.apply(&mut plane, 3, 1, &mut scratch);
        assert!(plane.iter().all(|v| v.is_finite()));
    }
}
