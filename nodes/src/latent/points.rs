//! Arithmetic of latents. A latent of several rows is treated row by row.

use std::sync::Arc;

use lumawire_core::{Io, Latent, LatentBank, NodeError, Space, Value};

/// Above this cosine (or below its negative) slerp falls back to lerp: the sine of the angle would
/// divide by almost nothing.
const PARALLEL: f32 = 0.9995;

/// The options of every node that goes from one latent to another; see [`between`].
pub(crate) const INTERPOLATIONS: &[&str] = &["auto", "lerp", "slerp"];

/// What `INTERPOLATIONS` do, for the nodes' docs.
pub(crate) const INTERPOLATIONS_DOC: &str =
    "Straight (lerp) or along the sphere (slerp); auto is slerp in Z and lerp in W and W+.";

/// Whether option `choice` of `INTERPOLATIONS` is slerp in `space`.
pub(crate) fn is_slerp(choice: usize, space: Space) -> bool {
    choice == 2 || (choice == 0 && space == Space::Z)
}

/// The space as a person reads it.
pub(crate) fn space_name(space: Space) -> &'static str {
    match space {
        Space::Z => "Z",
        Space::W => "W",
        Space::WPlus => "W+",
    }
}

/// Puts `latent` out as it is, through output 0; what is no finite number becomes 0.
pub(crate) fn pass(io: &mut Io<'_>, latent: &Arc<Latent>) {
    if is_finite(latent) {
        return io.outputs.set(0, Value::Latent(latent.clone()));
    }
    let copy = |rows: &mut [f32]| rows.copy_from_slice(&latent.data);
    emit(io, latent.space, latent.num_ws(), latent.dim, copy);
}

/// Euclidean length.
pub(crate) fn norm(row: &[f32]) -> f32 {
    row.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt() as f32
}

/// Scales `row` to a length; a row of zeros stays.
pub(crate) fn rescale(row: &mut [f32], length: f32) {
    let now = norm(row);
    if now > 0.0 {
        row.iter_mut().for_each(|v| *v *= length / now);
    }
}

/// `(1 − t)·a + t·b`.
pub(crate) fn lerp(a: &[f32], b: &[f32], t: f32, out: &mut [f32]) {
    weighted(a, b, 1.0 - t, t, out);
}

/// `sin((1 − t)Ω)/sin Ω · a + sin(tΩ)/sin Ω · b` with Ω the angle between them (Shoemake, 1985).
pub(crate) fn slerp(a: &[f32], b: &[f32], t: f32, out: &mut [f32]) {
    let dot: f64 = a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
    let cosine = (dot / (f64::from(norm(a)) * f64::from(norm(b)))) as f32;
    // A row of zeros has no direction: its cosine is no number.
    if cosine.is_nan() || cosine.abs() > PARALLEL {
        return lerp(a, b, t, out);
    }
    let angle = cosine.acos();
    let sine = angle.sin();
    weighted(a, b, ((1.0 - t) * angle).sin() / sine, (t * angle).sin() / sine, out);
}

fn weighted(a: &[f32], b: &[f32], weight_a: f32, weight_b: f32, out: &mut [f32]) {
    for ((o, a), b) in out.iter_mut().zip(a).zip(b) {
        *o = weight_a * a + weight_b * b;
    }
}

/// The cubic from `p[1]` to `p[2]` whose slopes are `(p[2] − p[0])/2` and `(p[3] − p[1])/2`
/// (Catmull and Rom, 1974).
pub(crate) fn catmull_rom(p: [&[f32]; 4], t: f32, out: &mut [f32]) {
    let (t2, t3) = (t * t, t * t * t);
    let weights = [
        0.5 * (-t + 2.0 * t2 - t3),
        0.5 * (2.0 - 5.0 * t2 + 3.0 * t3),
        0.5 * (t + 4.0 * t2 - 3.0 * t3),
        0.5 * (t3 - t2),
    ];
    out.fill(0.0);
    for (point, weight) in p.into_iter().zip(weights) {
        for (o, v) in out.iter_mut().zip(point) {
            *o += weight * v;
        }
    }
}

/// From latent `a` to latent `b`, row by row of `dim`.
pub(crate) fn between(a: &[f32], b: &[f32], dim: usize, t: f32, slerps: bool, out: &mut [f32]) {
    let step = if slerps { slerp } else { lerp };
    let dim = dim.max(1);
    for ((a, b), out) in a.chunks(dim).zip(b.chunks(dim)).zip(out.chunks_mut(dim)) {
        step(a, b, t, out);
    }
}

/// Σ weight · latent over `parts`, pairs of a latent's index and its weight, which sum to 1. In Z
/// every row is scaled to the weighted mean of the latents' lengths, so that it stays on the shell
/// where a generator expects it.
pub(crate) fn blend(
    bank: &LatentBank,
    parts: impl Iterator<Item = (usize, f32)> + Clone,
    out: &mut [f32],
) {
    let dim = bank.dim.max(1);
    out.fill(0.0);
    for (i, weight) in parts.clone() {
        out.iter_mut().zip(bank.get(i)).for_each(|(o, v)| *o += weight * v);
    }
    if bank.space == Space::Z {
        for (row, out) in out.chunks_mut(dim).enumerate() {
            let length = |i: usize| bank.get(i).get(row * dim..(row + 1) * dim).map_or(0.0, norm);
            rescale(out, parts.clone().map(|(i, weight)| weight * length(i)).sum());
        }
    }
}

/// Space and number of rows of what latents `a` and `b` (of inputs `a` and port `b_port`) make
/// together: both must come from one space and have rows of one length, and a w stands for all
/// layers beside a W+.
pub(crate) fn common_shape(
    a: &Latent,
    b: &Latent,
    b_port: &'static str,
) -> Result<(Space, usize), NodeError> {
    let plus = |latent: &Latent| latent.space == Space::WPlus;
    if a.dim != b.dim {
        let reason = format!(
            "has rows of {}, but those of a have {}: take both from the same generator",
            b.dim, a.dim
        );
        return Err(NodeError::input(b_port, reason));
    }
    if (a.space == Space::Z) != (b.space == Space::Z) {
        let (a, b) = (space_name(a.space), space_name(b.space));
        let reason = format!("lies in {b}, but a in {a}: map the z to W first");
        return Err(NodeError::input(b_port, reason));
    }
    if plus(a) && plus(b) && a.num_ws() != b.num_ws() {
        let (a, b) = (a.num_ws(), b.num_ws());
        let reason = format!("has {b} layers, but a has {a}: take both from the same generator");
        return Err(NodeError::input(b_port, reason));
    }
    let plus = [a, b].into_iter().find(|latent| plus(latent));
    Ok(plus.map_or((a.space, 1), |latent| (Space::WPlus, latent.num_ws())))
}

/// Row `i` of a latent; of a single row, that one.
pub(crate) fn row(latent: &Latent, i: usize) -> &[f32] {
    let i = i.min(latent.num_ws().saturating_sub(1));
    latent.data.get(i * latent.dim..(i + 1) * latent.dim).unwrap_or_default()
}

/// Whether all numbers of a latent can be used.
pub(crate) fn is_finite(latent: &Latent) -> bool {
    latent.data.iter().all(|v| v.is_finite())
}

/// Sets the latent at output 0; what is no finite number becomes 0.
pub(crate) fn emit(
    io: &mut Io<'_>,
    space: Space,
    num_ws: usize,
    dim: usize,
    fill: impl FnOnce(&mut [f32]),
) {
    io.outputs.fill_latent(0, space, num_ws, dim, |rows| {
        fill(rows);
        rows.iter_mut().filter(|v| !v.is_finite()).for_each(|v| *v = 0.0);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at<const N: usize>(
        step: impl Fn(&[f32], &[f32], f32, &mut [f32]),
        a: [f32; N],
        b: [f32; N],
        t: f32,
    ) -> [f32; N] {
        let mut out = [0.0; N];
        step(&a, &b, t, &mut out);
        out
    }

    #[test]
    fn slerp_goes_round_the_circle() {
        for t in [0.0_f32, 0.25, 0.5, 1.0] {
            let [x, y] = at(slerp, [2.0, 0.0], [0.0, 2.0], t);
            let angle = t * std::f32::consts::FRAC_PI_2;
            assert!((x - 2.0 * angle.cos()).abs() < 1e-6 && (y - 2.0 * angle.sin()).abs() < 1e-6);
        }
    }

    #[test]
    fn slerp_is_straight_where_there_is_no_angle() {
        assert_eq!(at(slerp, [1.0, 0.0], [3.0, 0.0], 0.5), [2.0, 0.0]);
        assert_eq!(at(slerp, [1.0, 0.0], [-1.0, 0.0], 0.25), [0.5, 0.0]);
        assert_eq!(at(slerp, [0.0, 0.0], [1.0, 0.0], 0.5), [0.5, 0.0]);
    }

    #[test]
    fn catmull_rom_passes_its_points_and_follows_a_line() {
        let p: [&[f32]; 4] = [&[5.0], &[1.0], &[-2.0], &[7.0]];
        let value = |p, t| {
            let mut out = [0.0];
            catmull_rom(p, t, &mut out);
            out[0]
        };
        assert_eq!([value(p, 0.0), value(p, 1.0)], [1.0, -2.0]);
        assert!((value([&[0.0], &[1.0], &[2.0], &[3.0]], 0.3) - 1.3).abs() < 1e-6);
    }
}
