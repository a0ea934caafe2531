//! Cubic splines through points one apart, slopes and curvatures without a leap.
//!
//! Between the points i and i + 1 the spline is
//! `(1 − t)·y_i + t·y_{i+1} + ((1 − t)³ − (1 − t))/6·M_i + (t³ − t)/6·M_{i+1}`, where the curvatures
//! M solve `M_{i−1} + 4·M_i + M_{i+1} = 6·(y_{i−1} − 2·y_i + y_{i+1})` (de Boor, "A Practical Guide
//! to Splines", 1978). The inverse of that system has a closed form in powers of a root of
//! `x² + 4x + 1`, so that a point of the spline is a sum over its neighbours, and nothing is kept.

/// The root within the unit circle, √3 − 2.
const ROOT: f64 = -0.267_949_192_431_122_7;
/// `1/(2·√3)`, the curvature that a unit on the right of the system makes where it stands.
const PEAK: f64 = 0.288_675_134_594_812_9;
/// Weights below this are not summed.
const NEGLIGIBLE: f64 = 1e-9;

/// The closed spline through `keys` 0..`num`, after the last of which comes the first, at `t` (0..1)
/// from key `i` to the next.
pub(super) fn closed<'a>(
    num: usize,
    i: usize,
    t: f32,
    key: impl Fn(usize) -> &'a [f32],
    out: &mut [f32],
) {
    line(key(i), key((i + 1) % num), t, out);
    let (p, q) = weights(t);
    for j in 0..num {
        let weight = p * closed_inverse(i, j, num) + q * closed_inverse(i + 1, j, num);
        add_bend(weight, [key((j + num - 1) % num), key(j), key((j + 1) % num)], out);
    }
}

/// As [`closed`], but through points 0..=`last` with ends: the first two pieces are one cubic, and
/// so are the last two ("not a knot").
pub(super) fn open<'a>(
    last: usize,
    i: usize,
    t: f32,
    key: impl Fn(usize) -> &'a [f32],
    out: &mut [f32],
) {
    line(key(i), key(i + 1), t, out);
    let (p, q) = weights(t);
    for j in 1..last {
        let weight = p * open_inverse(i, j, last) + q * open_inverse(i + 1, j, last);
        add_bend(weight, [key(j - 1), key(j), key(j + 1)], out);
    }
}

fn line(a: &[f32], b: &[f32], t: f32, out: &mut [f32]) {
    super::points::lerp(a, b, t, out);
}

/// What the curvatures at both ends of a piece count for.
fn weights(t: f32) -> (f64, f64) {
    let (t, s) = (f64::from(t), 1.0 - f64::from(t));
    ((s * s * s - s) / 6.0, (t * t * t - t) / 6.0)
}

/// Adds `weight·6·(y_{j−1} − 2·y_j + y_{j+1})`.
fn add_bend(weight: f64, y: [&[f32]; 3], out: &mut [f32]) {
    if weight.abs() < NEGLIGIBLE {
        return;
    }
    let weight = (6.0 * weight) as f32;
    for (((o, before), at), after) in out.iter_mut().zip(y[0]).zip(y[1]).zip(y[2]) {
        *o += weight * (before - 2.0 * at + after);
    }
}

/// Integer power of the root.
fn power(n: usize) -> f64 {
    ROOT.powi(i32::try_from(n).unwrap_or(i32::MAX))
}

/// Entry (i, j) of the inverse of the closed system of `num` points.
fn closed_inverse(i: usize, j: usize, num: usize) -> f64 {
    let k = (i + num - j) % num;
    PEAK * (power(k) + power(num - k)) / (1.0 - power(num))
}

/// Curvature at point `i` of the open spline for a unit of `6·(y_{j−1} − 2·y_j + y_{j+1})`, j within
/// 1..`last`. Its ends make the curvatures at points 1 and `last` − 1 what they are on their own;
/// those beyond follow in a line.
fn open_inverse(i: usize, j: usize, last: usize) -> f64 {
    if last == 2 {
        return 1.0 / 6.0;
    }
    if i == 0 {
        return 2.0 * open_inverse(1, j, last) - open_inverse(2, j, last);
    }
    if i == last {
        return 2.0 * open_inverse(last - 1, j, last) - open_inverse(last - 2, j, last);
    }
    let (len, x, y) = (last - 2, i - 1, j - 1);
    let scale = 1.0 / (1.0 - power(2 * len));
    let from_end = |distance: usize| (power(distance) - power(2 * len - distance)) * scale / 6.0;
    match y {
        0 => from_end(x),
        _ if y == len => from_end(len - x),
        _ => {
            let apart = x.abs_diff(y);
            let images =
                power(apart) - power(x + y) - power(2 * len - x - y) + power(2 * len - apart);
            PEAK * images * scale
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A spline's value at `place` through `y`.
    fn at(y: &[f32], place: f64, is_closed: bool) -> f32 {
        let (i, t) = (place as usize, place.fract() as f32);
        let key = |j: usize| &y[j..=j];
        let mut out = [0.0];
        if is_closed {
            closed(y.len(), i, t, key, &mut out);
        } else {
            open(y.len() - 1, i, t, key, &mut out);
        }
        out[0]
    }

    #[test]
    fn a_closed_spline_of_a_wave_bends_as_the_closed_form_says() {
        // A wave e^(ikh) is an eigenvector: M = y·6·(2·cos h − 2)/(4 + 2·cos h).
        for num in [1_usize, 2, 3, 5, 8, 40] {
            let h = std::f64::consts::TAU / num as f64;
            let wave: Vec<f32> = (0..num).map(|i| (h * i as f64).cos() as f32).collect();
            let bend = 6.0 * (2.0 * h.cos() - 2.0) / (4.0 + 2.0 * h.cos());
            for n in 0..4 * num {
                let place = 0.25 * n as f64;
                let (i, (p, q)) = (place.floor(), weights(place.fract() as f32));
                let y = |at: f64| (h * at).cos();
                let t = place.fract();
                let expected =
                    (1.0 - t) * y(i) + t * y(i + 1.0) + bend * (p * y(i) + q * y(i + 1.0));
                let found = at(&wave, place, true);
                assert!((f64::from(found) - expected).abs() < 1e-5, "{num} {place}: {found}");
            }
        }
    }

    #[test]
    fn an_open_spline_is_the_cubic_that_it_passes() {
        // Not-a-knot reproduces every cubic exactly.
        let cubic = |x: f64| 0.02 * x.powi(3) - 0.3 * x * x + x - 1.0;
        for num in [4_usize, 5, 6, 12] {
            let y: Vec<f32> = (0..num).map(|i| cubic(i as f64) as f32).collect();
            for n in 0..5 * (num - 1) {
                let place = 0.2 * n as f64 + 0.01;
                let found = at(&y, place, false);
                assert!((f64::from(found) - cubic(place)).abs() < 1e-4, "{num} {place}: {found}");
            }
        }
        // Of three points it is the parabola, of two the line.
        assert!((at(&[0.0, 1.0, 4.0], 1.5, false) - 2.25).abs() < 1e-6);
        assert_eq!(at(&[1.0, 3.0], 0.25, false), 1.5);
    }
}
