//! Counts flashes on a coarse grid of a picture, and says how far the next picture may go.

use std::array::from_fn;

/// Most columns and rows of the grid: a cell of a wide screen is as wide as it is high. Cells are
/// this large because noise and fine patterns are no flashes: they are even within a cell.
const MAX_COLUMNS: u32 = 16;
const MAX_ROWS: u32 = 9;

/// Most flashes a second that can be asked for.
pub(crate) const MAX_FLASHES: usize = 10;

/// Changes that a track remembers: those that are allowed, and one more.
const NUM_TIMES: usize = 2 * MAX_FLASHES + 1;

/// Halvings of the search for the share.
const NUM_HALVINGS: usize = 12;

/// What is measured of the colour of a cell, and which change of it belongs to a flash.
struct Measure {
    level: fn([f32; 3]) -> f32,
    /// The least change that counts.
    step: f32,
    /// A change counts only where the lower level is below this.
    dark: f32,
}

/// WCAG 2.2, "general flash and red flash thresholds": relative luminance changes by 10 % of its
/// maximum with the darker state below 80 %; or a saturated red, R/(R + G + B) ≥ 0.8, comes or goes
/// by more than 20 of 320·(R − G − B).
const MEASURES: [Measure; 2] = [
    Measure { level: luminance, step: 0.1, dark: 0.8 },
    Measure { level: saturated_red, step: 20.0 / 320.0, dark: f32::INFINITY },
];

fn luminance([r, g, b]: [f32; 3]) -> f32 {
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

fn saturated_red([r, g, b]: [f32; 3]) -> f32 {
    if r >= 0.8 * (r + g + b) { (r - g - b).max(0.0) } else { 0.0 }
}

/// Mean light of the cells of a picture as it is shown, linear, 0..=1.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Grid {
    pub columns: usize,
    pub rows: usize,
    /// `[rows, columns]`
    pub cells: Vec<[f32; 3]>,
}

impl Grid {
    /// Columns and rows for a picture of this size: up to 16 × 9, and no more than pixels.
    pub fn shape(width_px: u32, height_px: u32) -> (u32, u32) {
        (width_px.clamp(1, MAX_COLUMNS), height_px.clamp(1, MAX_ROWS))
    }
}

/// What is allowed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FlashLimits {
    /// Flashes in any second, 1..=`MAX_FLASHES`; a flash is a change and the change back.
    pub max_flashes: usize,
    /// Share of the picture that may flash more often, 0..=1.
    pub area: f32,
}

/// The changes of every cell within the last second of what was shown.
#[derive(Debug, Default)]
pub(crate) struct FlashCounter {
    shown: Grid,
    tracks: Vec<[Track; MEASURES.len()]>,
    shares: Vec<f32>,
}

#[derive(Debug, Clone, Copy)]
enum Turn {
    None,
    Up,
    Down,
}

/// One measure of one cell.
#[derive(Debug, Clone, Copy)]
struct Track {
    /// The last change that counted.
    turn: Turn,
    /// Least and greatest level since then.
    low: f32,
    high: f32,
    /// When the last changes were, in samples, round a ring.
    times: [u64; NUM_TIMES],
    num_times: usize,
}

impl Track {
    fn new(level: f32) -> Self {
        Self { turn: Turn::None, low: level, high: level, times: [0; NUM_TIMES], num_times: 0 }
    }

    /// The change that `level` would be. With `slack` (a share of the step) even what comes near.
    fn turn_at(&self, level: f32, measure: &Measure, slack: f32) -> Turn {
        let step = measure.step * (1.0 - slack);
        let dark = measure.dark * (1.0 + slack * measure.step);
        if !matches!(self.turn, Turn::Down) && self.high - level >= step && level < dark {
            Turn::Down
        } else if !matches!(self.turn, Turn::Up) && level - self.low >= step && self.low < dark {
            Turn::Up
        } else {
            Turn::None
        }
    }

    fn push(&mut self, level: f32, measure: &Measure, now: u64) {
        match self.turn_at(level, measure, 0.0) {
            Turn::None => {
                self.low = self.low.min(level);
                self.high = self.high.max(level);
            }
            turn => {
                (self.turn, self.low, self.high) = (turn, level, level);
                self.times[self.num_times % NUM_TIMES] = now;
                self.num_times += 1;
            }
        }
    }

    /// Whether there were `num` changes or more since the sample `since`.
    fn has(&self, num: usize, since: u64) -> bool {
        self.num_times >= num && self.times[(self.num_times - num) % NUM_TIMES] > since
    }
}

impl FlashCounter {
    /// How far the picture of `next` may come in over what was shown last, 0..=1: 1 unless more of
    /// the picture than is allowed would flash too often within the second before `now`.
    pub fn share(&mut self, next: &Grid, now: u64, second: u64, limits: FlashLimits) -> f32 {
        if self.tracks.is_empty() || !self.has_shape_of(next) {
            return 1.0;
        }
        let since = now.checked_sub(second);
        let max_changes = 2 * limits.max_flashes.clamp(1, MAX_FLASHES);
        // Before the first second is over, all changes are recent.
        let has = |track: &Track, num| match since {
            Some(since) => track.has(num, since),
            None => track.num_times >= num,
        };
        let is_over = |tracks: &[Track; 2]| tracks.iter().any(|t| has(t, max_changes + 1));
        let num_allowed = (limits.area * self.tracks.len() as f32) as usize;
        let num_over = self.tracks.iter().filter(|tracks| is_over(tracks)).count();
        self.shares.clear();
        for ((tracks, from), to) in self.tracks.iter().zip(&self.shown.cells).zip(&next.cells) {
            if num_over <= num_allowed && is_over(tracks) {
                continue;
            }
            let share = tracks
                .iter()
                .zip(&MEASURES)
                .filter(|(track, _)| has(track, max_changes))
                .map(|(track, measure)| share_without_turn(track, measure, *from, *to))
                .fold(1.0, f32::min);
            if share < 1.0 {
                self.shares.push(share);
            }
        }
        let num_left = num_allowed.saturating_sub(num_over);
        self.shares.sort_unstable_by(f32::total_cmp);
        self.shares.get(num_left).copied().unwrap_or(1.0)
    }

    /// Takes note of what is shown.
    pub fn show(&mut self, grid: &Grid, now: u64) {
        if self.tracks.is_empty() || !self.has_shape_of(grid) {
            self.tracks.clear();
            self.tracks.extend(
                grid.cells.iter().map(|cell| from_fn(|i| Track::new((MEASURES[i].level)(*cell)))),
            );
        } else {
            for (tracks, cell) in self.tracks.iter_mut().zip(&grid.cells) {
                for (track, measure) in tracks.iter_mut().zip(&MEASURES) {
                    track.push((measure.level)(*cell), measure, now);
                }
            }
        }
        self.shown.clone_from(grid);
    }

    /// The cells of what was shown last.
    pub fn shown(&self) -> &Grid {
        &self.shown
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.tracks.clear();
    }

    fn has_shape_of(&self, grid: &Grid) -> bool {
        (self.shown.columns, self.shown.rows) == (grid.columns, grid.rows)
            && self.tracks.len() == grid.cells.len()
    }
}

/// The greatest share of `to` in a mixture with `from` that is no change yet.
fn share_without_turn(track: &Track, measure: &Measure, from: [f32; 3], to: [f32; 3]) -> f32 {
    let turns = |share: f32, slack: f32| {
        let mixed = from_fn(|c| from[c] + share * (to[c] - from[c]));
        !matches!(track.turn_at((measure.level)(mixed), measure, slack), Turn::None)
    };
    if !turns(1.0, 0.0) {
        return 1.0;
    }
    // Room for the rounding of what is shown.
    let slack = 0.1;
    if turns(0.0, slack) {
        return 0.0;
    }
    let (mut calm, mut turning) = (0.0, 1.0);
    for _ in 0..NUM_HALVINGS {
        let middle = (calm + turning) / 2.0;
        if turns(middle, slack) {
            turning = middle;
        } else {
            calm = middle;
        }
    }
    calm
}

#[cfg(test)]
pub(crate) mod testing {
    /// The most flashes within any second of a series of levels, counted from the definition: of
    /// all turning points of the series, pairs whose swing does not count are taken out, smallest
    /// first, until every swing counts; two swings are a flash. For tests.
    pub fn max_flashes_per_sec(levels: &[f64], fps: f64, step: f64, dark: f64) -> usize {
        let mut points: Vec<(f64, f64)> = Vec::new();
        for (i, level) in levels.iter().enumerate() {
            let n = points.len();
            let goes_on =
                n >= 2 && (points[n - 1].1 - points[n - 2].1) * (level - points[n - 1].1) >= 0.0;
            if goes_on {
                points.pop();
            }
            points.push((i as f64 / fps, *level));
        }
        let swing = |a: (f64, f64), b: (f64, f64)| {
            if a.1.min(b.1) < dark { (a.1 - b.1).abs() } else { 0.0 }
        };
        loop {
            let least = (1..points.len())
                .map(|i| (i, swing(points[i - 1], points[i])))
                .min_by(|a, b| a.1.total_cmp(&b.1));
            match least {
                Some((i, size)) if size < step => {
                    if i == 1 {
                        points.remove(0);
                    } else if i + 1 == points.len() {
                        points.pop();
                    } else {
                        points.drain(i - 1..=i);
                    }
                }
                _ => break,
            }
        }
        let times: Vec<f64> = points.iter().skip(1).map(|p| p.0).collect();
        let within =
            |start: f64| times.iter().filter(move |t| **t >= start && **t < start + 1.0 - 1e-9);
        times.iter().map(|t| within(*t).count() / 2).max().unwrap_or(0)
    }

    #[test]
    fn the_counter_counts() {
        let square = |hz: f64| -> Vec<f64> {
            (0..240).map(|i| f64::from((f64::from(i) / 60.0 * hz * 2.0) as u32 % 2)).collect()
        };
        assert_eq!(max_flashes_per_sec(&square(10.0), 60.0, 0.1, 0.8), 10);
        assert_eq!(max_flashes_per_sec(&square(2.0), 60.0, 0.1, 0.8), 2);
        let bright: Vec<f64> = square(10.0).iter().map(|v| 0.82 + 0.18 * v).collect();
        assert_eq!(max_flashes_per_sec(&bright, 60.0, 0.1, 0.8), 0);
        let noisy: Vec<f64> = (0..240).map(|i| f64::from(i % 2) * 0.09).collect();
        assert_eq!(max_flashes_per_sec(&noisy, 60.0, 0.1, 0.8), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::testing::max_flashes_per_sec;
    use super::*;

    const LIMITS: FlashLimits = FlashLimits { max_flashes: 3, area: 0.25 };

    /// Plays `colour(frame, cell)` on a grid of 10 × 10 at 60 frames a second through the limiter:
    /// the colours shown, `[frames, cells]`, and the shares.
    fn play(
        num_frames: usize,
        limits: FlashLimits,
        colour: impl Fn(usize, usize) -> [f32; 3],
    ) -> (Vec<Vec<[f32; 3]>>, Vec<f32>) {
        let mut counter = FlashCounter::default();
        let mut frames: Vec<Vec<[f32; 3]>> = Vec::new();
        let mut shares = Vec::new();
        for frame in 0..num_frames {
            let cells: Vec<[f32; 3]> = (0..100).map(|cell| colour(frame, cell)).collect();
            let mut grid = Grid { columns: 10, rows: 10, cells };
            let now = frame as u64 * 800;
            let share = counter.share(&grid, now, 48_000, limits);
            if let Some(before) = frames.last() {
                for (to, from) in grid.cells.iter_mut().zip(before) {
                    *to = from_fn(|c| from[c] + share * (to[c] - from[c]));
                }
            }
            counter.show(&grid, now);
            frames.push(grid.cells);
            shares.push(share);
        }
        (frames, shares)
    }

    fn levels(frames: &[Vec<[f32; 3]>], cell: usize, level: fn([f32; 3]) -> f32) -> Vec<f64> {
        frames.iter().map(|f| f64::from(level(f[cell]))).collect()
    }

    #[test]
    fn flashes_of_every_shape_are_held_to_the_limit() {
        let wave = |hz: f32, frame: usize| (std::f32::consts::TAU * hz * frame as f32 / 60.0).sin();
        let series: [&dyn Fn(usize) -> f32; 5] = [
            &|frame| f32::from(wave(10.0, frame) >= 0.0),
            &|frame| 0.5 + 0.5 * wave(7.0, frame),
            &|frame| 0.3 + 0.06 * wave(13.0, frame),
            &|frame| (frame % 9) as f32 / 9.0,
            &|frame| if frame % 4 == 0 { 1.0 } else { 0.7 },
        ];
        for (i, series) in series.iter().enumerate() {
            for max_flashes in [1, 3] {
                let limits = FlashLimits { max_flashes, ..LIMITS };
                let (frames, shares) = play(300, limits, |frame, _| [series(frame); 3]);
                let source: Vec<f64> = (0..300).map(|f| f64::from(series(f))).collect();
                assert!(max_flashes_per_sec(&source, 60.0, 0.1, 0.8) > max_flashes, "{i}");
                let found = max_flashes_per_sec(&levels(&frames, 0, luminance), 60.0, 0.1, 0.8);
                assert!(found <= max_flashes, "series {i}: {found} flashes");
                assert!(found + 1 >= max_flashes, "series {i}: no more than needed, {found}");
                assert!(shares.iter().any(|s| *s < 1.0));
            }
        }
    }

    #[test]
    fn what_does_not_flash_passes() {
        let passes = |colour: &dyn Fn(usize, usize) -> [f32; 3]| {
            play(300, LIMITS, colour).1.iter().all(|share| *share == 1.0)
        };
        assert!(passes(&|frame, _| [frame as f32 / 300.0; 3]), "a fade");
        assert!(passes(&|frame, _| [((frame / 15) % 2) as f32; 3]), "2 Hz");
        assert!(passes(&|frame, _| [((frame / 10) % 2) as f32; 3]), "3 Hz");
        assert!(passes(&|frame, _| [0.82 + 0.18 * ((frame / 2) % 2) as f32; 3]), "all bright");
        assert!(passes(&|frame, _| [0.09 * ((frame / 2) % 2) as f32; 3]), "below 10 %");
        let bar = |frame: usize, cell: usize| [f32::from(cell % 10 == (frame / 4) % 10); 3];
        assert!(passes(&bar), "a bar that runs across in two thirds of a second");
        let corner =
            |frame: usize, cell: usize| [if cell < 25 { ((frame / 3) % 2) as f32 } else { 0.5 }; 3];
        assert!(passes(&corner), "a quarter of the picture");
        assert!(!passes(&|frame, cell| if cell == 25 {
            corner(frame, 0)
        } else {
            corner(frame, cell)
        }));
    }

    #[test]
    fn areas_in_turns_count_together() {
        let board = |frame: usize, cell: usize| [((frame / 3 + cell) % 2) as f32; 3];
        let (frames, _) = play(300, LIMITS, board);
        for cell in 0..100 {
            assert!(max_flashes_per_sec(&levels(&frames, cell, luminance), 60.0, 0.1, 0.8) <= 3);
        }
    }

    #[test]
    fn red_counts_by_itself() {
        // As bright as each other: 0.2126 · 0.7 and 0.149 of grey.
        let red = |frame: usize, _: usize| {
            if (frame / 3).is_multiple_of(2) { [0.7, 0.0, 0.0] } else { [0.149; 3] }
        };
        let (frames, _) = play(300, LIMITS, red);
        let source: Vec<Vec<[f32; 3]>> = (0..300).map(|f| vec![red(f, 0)]).collect();
        let count = |frames: &[Vec<[f32; 3]>]| {
            let found = levels(frames, 0, saturated_red);
            max_flashes_per_sec(&found, 60.0, 20.0 / 320.0, f64::INFINITY)
        };
        assert_eq!(max_flashes_per_sec(&levels(&source, 0, luminance), 60.0, 0.1, 0.8), 0);
        assert_eq!(count(&source), 10);
        assert!(count(&frames) <= 3, "{}", count(&frames));
    }
}
