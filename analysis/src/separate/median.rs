//! Medians of sliding windows, many at once.
//!
//! A window's values are kept in order, and each step replaces the oldest by the newest: for the few
//! dozen values of a median filter that beats any tree. What a step does depends on no comparison's
//! outcome, so that neighbouring windows go in lockstep, in the lanes of one vector register.

/// Windows that slide together.
pub const LANES: usize = 16;

/// One value of each window.
pub type Lanes = [f32; LANES];

/// Replaces `old`, which must be there, by `new` in the windows' values `sorted`, none of them NaN.
/// An `old` of infinity in windows that hold one fills a place that was free.
pub fn replace_sorted(sorted: &mut [Lanes], old: &Lanes, new: &Lanes) {
    // With `old` taken out, value i is the one at i or the next; put in, `new` lies between the
    // values before and at its place.
    let mut before = [f32::NEG_INFINITY; LANES];
    let len = sorted.len();
    for i in 0..len {
        let next = if i + 1 < len { sorted[i + 1] } else { [f32::INFINITY; LANES] };
        let here = &mut sorted[i];
        for l in 0..LANES {
            let kept = if here[l] < old[l] { here[l] } else { next[l] };
            let least = if new[l] < kept { new[l] } else { kept };
            here[l] = if least > before[l] { least } else { before[l] };
            before[l] = kept;
        }
    }
}

/// Median of each value of a row and its neighbours. The row is cut into as many parts as there are
/// lanes, whose windows slide together.
#[derive(Debug, Clone)]
pub struct LineMedian {
    kernel: usize,
    len: usize,
    /// The parts with their neighbours on both sides, one a lane.
    parts: Vec<Lanes>,
    sorted: Vec<Lanes>,
}

impl LineMedian {
    /// Windows of `kernel` values: ⌊kernel/2⌋ before each value, the rest after it. Of an even number
    /// of values the upper middle one counts.
    pub fn new(kernel: usize) -> Self {
        let kernel = kernel.max(1);
        Self { kernel, len: 0, parts: Vec::new(), sorted: vec![[0.0; LANES]; kernel] }
    }

    /// Takes rows of `len` values from now on.
    pub fn resize(&mut self, len: usize) {
        self.len = len;
        self.parts.resize(len.div_ceil(LANES) + self.kernel - 1, [0.0; LANES]);
    }

    /// The medians of `row`, `[len]`, into `out`, `[len]`. Beyond its ends the row is mirrored, its
    /// end values repeated: `c b a | a b c`.
    pub fn run(&mut self, row: &[f32], out: &mut [f32]) {
        let part_len = self.len.div_ceil(LANES);
        let row = &row[..self.len.min(row.len())];
        for (i, part) in self.parts.iter_mut().enumerate() {
            for (l, x) in part.iter_mut().enumerate() {
                *x = mirrored(row, (l * part_len + i) as isize - (self.kernel / 2) as isize);
            }
        }
        for i in 0..self.parts.len() {
            let oldest =
                i.checked_sub(self.kernel).map_or([f32::INFINITY; LANES], |k| self.parts[k]);
            if let Some(free) = self.sorted.get_mut(i) {
                *free = oldest;
            }
            let len = self.kernel.min(i + 1);
            replace_sorted(&mut self.sorted[..len], &oldest, &self.parts[i]);
            let Some(place) = (i + 1).checked_sub(self.kernel) else { continue };
            let medians = self.sorted[self.kernel / 2];
            for (out, median) in out.iter_mut().skip(place).step_by(part_len).zip(medians) {
                *out = median;
            }
        }
    }
}

/// The value at `i` of a row that is mirrored beyond its ends; 0 where there is no row.
fn mirrored(row: &[f32], i: isize) -> f32 {
    if let Some(&x) = usize::try_from(i).ok().and_then(|i| row.get(i)) {
        return x;
    }
    if row.is_empty() { 0.0 } else { row[mirror(i, row.len())] }
}

/// Place `i` of a sequence of `len` that is mirrored beyond its ends, the end values repeated.
pub fn mirror(i: isize, len: usize) -> usize {
    let len = len as isize;
    let folded = i.rem_euclid(2 * len);
    folded.min(2 * len - 1 - folded) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A fixed sequence with ties and runs.
    fn values(n: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * i * 7 + i * 3) % 23) as f32).collect()
    }

    #[test]
    fn equals_sorting_every_window() {
        for (len, kernel) in [(1, 5), (4, 7), (16, 2), (17, 8), (40, 1), (100, 31), (1025, 31)] {
            let row = values(len);
            let mut out = vec![-1.0; len];
            let mut filter = LineMedian::new(kernel);
            filter.resize(len);
            for _ in 0..2 {
                filter.run(&row, &mut out);
                for (i, &found) in out.iter().enumerate() {
                    let start = i as isize - kernel as isize / 2;
                    let mut window: Vec<f32> =
                        (start..start + kernel as isize).map(|k| mirrored(&row, k)).collect();
                    window.sort_unstable_by(f32::total_cmp);
                    assert_eq!(found, window[kernel / 2], "{len} values, kernel {kernel}, at {i}");
                }
            }
        }
    }

    #[test]
    fn mirrors_with_the_end_repeated() {
        let at: Vec<f32> = (-4..7).map(|i| mirrored(&[1.0, 2.0, 3.0], i)).collect();
        assert_eq!(at, [3.0, 3.0, 2.0, 1.0, 1.0, 2.0, 3.0, 3.0, 2.0, 1.0, 1.0]);
    }
}
