//! Where something new begins, heard as it plays.
//!
//! Foote, *Automatic audio segmentation using a measure of audio novelty* (2000): a checkerboard slid
//! along the diagonal of the self-similarity matrix. With dot products as similarities and a plain
//! board, that is the squared distance between the mean of the recent rows and the mean of those
//! before them, which needs no matrix.

use crate::Rows;

/// How to listen for what is new.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NoveltySettings {
    /// Length of the recent window: a boundary is heard so much later.
    pub recent_secs: f64,
    /// Length of the window before it.
    pub past_secs: f64,
    /// Novelty, 0..1, that a boundary must exceed.
    pub threshold: f32,
    /// Least time between two boundaries.
    pub min_gap_secs: f64,
}

impl Default for NoveltySettings {
    fn default() -> Self {
        Self { recent_secs: 3.0, past_secs: 9.0, threshold: 0.12, min_gap_secs: 6.0 }
    }
}

/// Kinds of section that are told apart at the most.
pub const MAX_LABELS: usize = 8;
/// Share of its peak that novelty must have lost before the peak counts as one.
const FALL: f32 = 0.1;

/// Listens row by row to fingerprints of length 1 without values below 0
/// (`fingerprint::Fingerprint`).
#[derive(Debug, Clone)]
pub struct NoveltyTracker {
    dt_secs: f64,
    num_recent: usize,
    num_past: usize,
    /// The last rows in a ring, `[recent + past, bins]`.
    ring: Rows,
    num_rows: u64,
    recent: Vec<f64>,
    past: Vec<f64>,
    novelty: f32,
    /// The greatest novelty since it rose above the threshold, and how many rows ago.
    peak: Option<(f32, u64)>,
    /// Row at which the running section began, and the one at which that was heard.
    began: u64,
    heard: Option<u64>,
    label: usize,
    /// Sum and number of the rows of each kind.
    kinds: Rows<f64>,
    counts: [u64; MAX_LABELS],
    num_kinds: usize,
}

impl NoveltyTracker {
    /// For rows of `num_bins` values that come every `dt_secs`.
    pub fn new(num_bins: usize, dt_secs: f64, settings: &NoveltySettings) -> Self {
        let rows = |secs: f64| ((secs / dt_secs).round() as usize).max(1);
        let (num_recent, num_past) = (rows(settings.recent_secs), rows(settings.past_secs));
        Self {
            dt_secs,
            num_recent,
            num_past,
            ring: Rows::new(num_recent + num_past, num_bins),
            num_rows: 0,
            recent: vec![0.0; num_bins],
            past: vec![0.0; num_bins],
            novelty: 0.0,
            peak: None,
            began: 0,
            heard: None,
            label: 0,
            kinds: Rows::new(MAX_LABELS, num_bins),
            counts: [0; MAX_LABELS],
            num_kinds: 1,
        }
    }

    /// Takes the next row, and says whether it makes a boundary heard, `recent_secs` after it was or
    /// a little more.
    pub fn push(&mut self, row: &[f32], threshold: f32, min_gap_secs: f64) -> bool {
        self.slide(row);
        self.novelty = self.contrast();
        let rested =
            self.heard.is_none_or(|h| (self.num_rows - h) as f64 * self.dt_secs >= min_gap_secs);
        self.peak = match self.peak {
            _ if !rested => None,
            Some((peak, age)) if self.novelty <= peak => Some((peak, age + 1)),
            None if self.novelty <= threshold => None,
            _ => Some((self.novelty, 0)),
        };
        match self.peak {
            Some((peak, age)) if self.novelty <= peak * (1.0 - FALL) => {
                self.begin(age, threshold);
                true
            }
            _ => false,
        }
    }

    /// Moves the windows on by a row.
    fn slide(&mut self, row: &[f32]) {
        let len = (self.num_recent + self.num_past) as u64;
        let (now, recent) = (self.num_rows, self.num_recent as u64);
        if let Some(leaves) = now.checked_sub(len).filter(|&row| row >= self.began) {
            let leaving = self.ring.row((leaves % len) as usize);
            self.past.iter_mut().zip(leaving).for_each(|(s, &x)| *s -= f64::from(x));
        }
        if let Some(ages) = now.checked_sub(recent) {
            let ageing = self.ring.row((ages % len) as usize);
            let kind = self.kinds.row_mut(self.label);
            self.counts[self.label] += 1;
            for (((recent, past), kind), &x) in
                self.recent.iter_mut().zip(&mut self.past).zip(kind).zip(ageing)
            {
                *recent -= f64::from(x);
                *past += f64::from(x);
                *kind += f64::from(x);
            }
        }
        let slot = self.ring.row_mut((now % len) as usize);
        for ((slot, sum), &x) in slot.iter_mut().zip(&mut self.recent).zip(row) {
            *slot = if x.is_finite() { x } else { 0.0 };
            *sum += f64::from(*slot);
        }
        self.num_rows += 1;
    }

    /// Distance of the two means, 0 for equal ones and 1 for windows that share nothing; 0 until the
    /// older window is as long as the recent one. The older one holds the running section alone: what
    /// was before it would make its middle new again.
    fn contrast(&self) -> f32 {
        let num_past = self.num_rows.saturating_sub(self.began + self.num_recent as u64);
        if num_past < self.num_recent.min(self.num_past) as u64 {
            return 0.0;
        }
        let num_past = num_past.min(self.num_past as u64);
        distance(&self.recent, self.num_recent as u64, &self.past, num_past)
    }

    /// A section begins, at the peak of novelty `age` rows ago: that is where the recent window then
    /// began. It is of the kind that it resembles, or of a new one.
    fn begin(&mut self, age: u64, threshold: f32) {
        self.peak = None;
        self.heard = Some(self.num_rows);
        self.began = self.num_rows.saturating_sub(age + self.num_recent as u64);
        let len = (self.num_recent + self.num_past) as u64;
        self.past.fill(0.0);
        for row in self.began.max(self.num_rows.saturating_sub(len))
            ..self.num_rows.saturating_sub(self.num_recent as u64)
        {
            let row = self.ring.row((row % len) as usize);
            self.past.iter_mut().zip(row).for_each(|(s, &x)| *s += f64::from(x));
        }
        let others = (0..self.num_kinds).filter(|&k| k != self.label);
        let from = |k: usize| {
            distance(&self.recent, self.num_recent as u64, self.kinds.row(k), self.counts[k])
        };
        let nearest = others.map(|k| (from(k), k)).min_by(|a, b| a.0.total_cmp(&b.0));
        self.label = match nearest {
            Some((distance, kind)) if distance < threshold => kind,
            Some((_, kind)) if self.num_kinds == MAX_LABELS => kind,
            _ => {
                self.num_kinds += 1;
                self.num_kinds - 1
            }
        };
    }

    /// Novelty of the latest row, 0..1.
    pub fn novelty(&self) -> f32 {
        self.novelty
    }

    /// Kind of the running section, by first appearance.
    pub fn label(&self) -> usize {
        self.label
    }

    /// How long the running section has lasted, in seconds: at the boundary already what its
    /// hearing took.
    pub fn since_secs(&self) -> f64 {
        (self.num_rows - self.began) as f64 * self.dt_secs
    }

    /// Back to the start.
    pub fn reset(&mut self) {
        self.num_rows = 0;
        self.recent.fill(0.0);
        self.past.fill(0.0);
        self.kinds.iter_mut().for_each(|row| row.fill(0.0));
        (self.novelty, self.peak, self.began, self.heard) = (0.0, None, 0, None);
        (self.label, self.num_kinds, self.counts) = (0, 1, [0; MAX_LABELS]);
    }
}

/// Distance of two means, given as sums, over √2.
fn distance(a: &[f64], num_a: u64, b: &[f64], num_b: u64) -> f32 {
    let (num_a, num_b) = (num_a.max(1) as f64, num_b.max(1) as f64);
    let square = a.iter().zip(b).map(|(a, b)| (a / num_a - b / num_b).powi(2)).sum::<f64>();
    (0.5 * square).sqrt().min(1.0) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    const DT: f64 = 0.1;

    fn settings() -> NoveltySettings {
        NoveltySettings { recent_secs: 2.0, past_secs: 6.0, threshold: 0.3, min_gap_secs: 4.0 }
    }

    /// Boundaries, in rows, and the label and age then, of sections that each sound in one bin.
    fn boundaries(form: &[usize]) -> Vec<(usize, usize, f64)> {
        let mut tracker = NoveltyTracker::new(4, DT, &settings());
        let mut found = Vec::new();
        for i in 0..form.len() * 150 {
            let mut row = [0.0; 4];
            row[form[i / 150]] = 1.0;
            if tracker.push(&row, 0.3, 4.0) {
                found.push((i, tracker.label(), tracker.since_secs()));
            }
            assert!((0.0..=1.0).contains(&tracker.novelty()));
        }
        found
    }

    #[test]
    fn hears_each_section_with_its_kind_soon_after_it_began() {
        let found = boundaries(&[0, 1, 0, 2, 1]);
        let labels: Vec<usize> = found.iter().map(|f| f.1).collect();
        assert_eq!(labels, [1, 0, 2, 1]);
        for (n, (row, _, since)) in (1..).zip(&found) {
            let late = *row as f64 * DT - f64::from(n) * 15.0;
            // The recent window, and the tenth of its height that novelty then loses in the past
            // one's 6 s.
            assert!((2.0..3.0).contains(&late), "{late}");
            assert!((since - late).abs() <= 0.2, "{since} against {late}");
        }
    }

    /// Foote's checkerboard, summed over the matrix itself.
    #[test]
    fn is_the_checkerboard_of_the_self_similarity() {
        let row = |i: usize| -> Vec<f32> {
            let v: Vec<f32> = (0..4).map(|b| ((i * (b + 3)) % 7) as f32).collect();
            let norm = v.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-6);
            v.iter().map(|x| x / norm).collect()
        };
        let mut tracker = NoveltyTracker::new(4, DT, &settings());
        for i in 0..200 {
            tracker.push(&row(i), 1.0, 0.0);
        }
        let similarity = |i: usize, j: usize| -> f64 {
            row(i).iter().zip(&row(j)).map(|(a, b)| f64::from(a * b)).sum()
        };
        let (recent, past) = (180..200, 120..180);
        let mean = |a: std::ops::Range<usize>, b: std::ops::Range<usize>| {
            let num = (a.len() * b.len()) as f64;
            a.flat_map(|i| b.clone().map(move |j| (i, j)))
                .map(|(i, j)| similarity(i, j))
                .sum::<f64>()
                / num
        };
        let board = mean(recent.clone(), recent.clone()) + mean(past.clone(), past.clone())
            - 2.0 * mean(recent, past);
        assert!((f64::from(tracker.novelty()) - (0.5 * board).sqrt()).abs() < 1e-5);
    }

    #[test]
    fn what_goes_on_is_not_new() {
        let mut tracker = NoveltyTracker::new(2, DT, &settings());
        let hears = (0..600).any(|i| {
            let turn = if i % 8 < 4 { [1.0, 0.0] } else { [0.0, 1.0] };
            tracker.push(&turn, 0.3, 4.0)
        });
        assert!(!hears);
    }
}
