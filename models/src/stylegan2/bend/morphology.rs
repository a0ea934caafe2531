//! Bright or dark parts grown: greyscale morphology with a square (Serra, 1982).

/// Maximum (of `pick` = `f32::max`; minimum of `f32::min`) over the square of 2·radius + 1 pixels
/// about each pixel, of which only the part inside the plane counts. A radius between whole numbers
/// crossfades between both neighbours. `plane` and `work` are `[height, width]`.
pub(super) fn square(
    plane: &mut [f32],
    work: &mut [f32],
    width_px: usize,
    radius_px: f32,
    pick: impl Fn(f32, f32) -> f32 + Copy,
) {
    for Step { step, amount } in steps(radius_px) {
        grow(plane, work, width_px, step, amount, pick);
    }
}

/// One of the steps by which a square is grown: picks among the pixels that lie 0 and ±`step` away,
/// across and down, and goes `amount` of the way there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// In pixels.
    pub step: usize,
    /// 0..1, 1 in all but the last.
    pub amount: f32,
}

/// The steps that make a square of 2·`radius_px` + 1 pixels.
pub fn steps(radius_px: f32) -> impl Iterator<Item = Step> {
    let whole = radius_px.floor() as usize;
    let fraction = radius_px - radius_px.floor();
    let mut covered = 0;
    let whole_steps = std::iter::from_fn(move || {
        // Three squares of radius r that lie s ≤ 2·r + 1 apart cover one of radius r + s.
        let step = (2 * covered + 1).min(whole - covered);
        covered += step;
        (step > 0).then_some(Step { step, amount: 1.0 })
    });
    whole_steps.chain((fraction > 0.0).then_some(Step { step: 1, amount: fraction }))
}

/// Picks among the pixels that lie 0 and ±`step` away, across and down, held at the border, and
/// goes `amount` of the way there.
fn grow(
    plane: &mut [f32],
    work: &mut [f32],
    width_px: usize,
    step: usize,
    amount: f32,
    pick: impl Fn(f32, f32) -> f32 + Copy,
) {
    for (row, out) in plane.chunks_exact(width_px).zip(work.chunks_exact_mut(width_px)) {
        let reach = step.min(width_px - 1);
        out.copy_from_slice(row);
        out[reach..].iter_mut().zip(row).for_each(|(o, v)| *o = pick(*o, *v));
        out.iter_mut().zip(&row[reach..]).for_each(|(o, v)| *o = pick(*o, *v));
        // Nearer the border than a step, the border pixel stands for what lies outside.
        out[..reach].iter_mut().for_each(|o| *o = pick(*o, row[0]));
        out[width_px - reach..].iter_mut().for_each(|o| *o = pick(*o, row[width_px - 1]));
    }
    let height_px = plane.len() / width_px;
    let row = |y: usize| &work[y * width_px..(y + 1) * width_px];
    for (y, out) in plane.chunks_exact_mut(width_px).enumerate() {
        let (above, below) = (row(y.saturating_sub(step)), row((y + step).min(height_px - 1)));
        for (((o, v), a), b) in out.iter_mut().zip(row(y)).zip(above).zip(below) {
            let grown = pick(pick(*v, *a), *b);
            *o += amount * (grown - *o);
        }
    }
}
