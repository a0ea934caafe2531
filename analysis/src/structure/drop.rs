//! Build-up, break-down and drop, heard as they come.
//!
//! The rules are this program's own: a drop is the sudden return (or first coming) of bass and
//! loudness after a break-down, which is some seconds without bass.

use num_complex::Complex32;

use crate::signal::{amplitude_from_db, keep_over};
use crate::spectrum::bins;
use crate::spectrum::layout::Layout;

/// How to listen for drops.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DropSettings {
    /// How far bass must rise over what it was in the break-down, in dB.
    pub rise_db: f32,
    /// Least length of the break-down, at most [`MAX_BREAK_SECS`].
    pub min_break_secs: f64,
}

impl Default for DropSettings {
    fn default() -> Self {
        Self { rise_db: 10.0, min_break_secs: 4.0 }
    }
}

/// Longest break-down that can be asked for.
pub const MAX_BREAK_SECS: f64 = 30.0;

/// Bass lies within these edges, the heights of a build-up above the third.
const BASS_HZ: (f64, f64) = (20.0, 150.0);
const HIGH_HZ: f64 = 2_000.0;
/// Levels are kept in cells of this length, as many as the memory is long.
const CELL_SECS: f64 = 0.1;
const MEMORY_CELLS: usize = 600;
/// Time constant of the levels that a drop is told by, and how long before it the break-down ends, so
/// that an upbeat does not hide it.
const FAST_SECS: f64 = 0.04;
const UPBEAT_CELLS: usize = 5;
/// How far loudness must rise, how far the break-down may lie below (else it was silence, and this
/// is a beginning), and how far bass may lie below the whole.
const LOUDER_DB: f32 = 3.0;
const SILENCE_DB: f32 = 50.0;
const BASS_SHARE_DB: f32 = 15.0;
/// What is not above this is no sound: `bins::db_from_power` ends a little below.
const SILENT_DB: f32 = -99.0;
/// Share of the break-down's cells that its level is above.
const BREAK_RANK: f64 = 0.9;
/// Gaps between kicks are no break-down.
const GAP_SECS: f64 = 1.0;
/// Windows whose levels a build-up compares, and the rise that counts as a whole one.
const BUILD_CELLS: (usize, usize) = (20, 40);
const BUILD_DB: f32 = 6.0;

/// Powers of a moment: in the bass, of all, in the heights.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct BandPowers {
    /// From 20 to 150 Hz.
    pub bass: f32,
    /// From 20 Hz up.
    pub all: f32,
    /// From 2 kHz up.
    pub high: f32,
}

impl BandPowers {
    /// Those of a row of a spectrum, `[n_fft/2 + 1]`, over n_fft²: about those of sound at full scale.
    pub fn of_row(row: &[Complex32], layout: Layout) -> Self {
        let mut powers = Self::default();
        let scale = 1.0 / (layout.n_fft as f32).powi(2);
        let first = (BASS_HZ.0 / layout.bin_hz()).ceil() as usize;
        for (bin, &x) in row.iter().enumerate().skip(first) {
            let (hz, power) = (bin as f64 * layout.bin_hz(), bins::power(x) * scale);
            powers.all += power;
            powers.bass += if hz < BASS_HZ.1 { power } else { 0.0 };
            powers.high += if hz >= HIGH_HZ { power } else { 0.0 };
        }
        powers
    }

    /// Each of the two changed into one.
    fn zip(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        Self {
            bass: f(self.bass, other.bass),
            all: f(self.all, other.all),
            high: f(self.high, other.high),
        }
    }
}

/// Listens row by row.
#[derive(Debug, Clone)]
pub struct DropDetector {
    fast: BandPowers,
    /// What the running cell has gathered, and over which time.
    gathered: BandPowers,
    gathered_secs: f64,
    /// Levels of the last cells in dB, in a ring.
    cells: Vec<BandPowers>,
    num_cells: usize,
    scratch: Vec<f32>,
    /// Cells closed since the last drop or the start.
    cells_since_drop: usize,
    /// Levels of the break-down in dB: of bass and of all.
    base: Option<(f32, f32)>,
    /// How long bass has been away from its height of late.
    low_secs: f64,
    break_down: f32,
    build_up: f32,
    energy: f32,
}

impl Default for DropDetector {
    fn default() -> Self {
        Self::with(vec![BandPowers::default(); MEMORY_CELLS], Vec::with_capacity(MEMORY_CELLS))
    }
}

impl DropDetector {
    /// At the start, in the memory at hand.
    fn with(cells: Vec<BandPowers>, scratch: Vec<f32>) -> Self {
        Self {
            fast: BandPowers::default(),
            gathered: BandPowers::default(),
            gathered_secs: 0.0,
            cells,
            num_cells: 0,
            scratch,
            cells_since_drop: 0,
            base: None,
            low_secs: 0.0,
            break_down: 0.0,
            build_up: 0.0,
            energy: 0.0,
        }
    }

    /// Takes the powers of the next row, `dt_secs` after the last, and says whether a drop comes with
    /// it. It is heard within some 0.1 s.
    pub fn push(&mut self, powers: BandPowers, dt_secs: f64, settings: &DropSettings) -> bool {
        let keep = keep_over(dt_secs, FAST_SECS);
        self.fast = powers.zip(self.fast, |now, before| now + (before - now) * keep);
        let drops = self.base.is_some_and(|base| self.drops(base, settings));
        self.gathered = self.gathered.zip(powers, |sum, now| sum + now * dt_secs as f32);
        self.gathered_secs += dt_secs;
        if self.gathered_secs + 1e-9 >= CELL_SECS {
            let over = 1.0 / self.gathered_secs as f32;
            let cell = self.gathered.zip(self.gathered, |sum, _| bins::db_from_power(sum * over));
            self.close_cell(cell, settings);
        }
        if drops {
            // The next one needs a break-down of its own.
            (self.base, self.cells_since_drop) = (None, 0);
        }
        drops
    }

    fn drops(&self, (base_bass_db, base_all_db): (f32, f32), settings: &DropSettings) -> bool {
        let bass_db = bins::db_from_power(self.fast.bass);
        let all_db = bins::db_from_power(self.fast.all);
        bass_db >= base_bass_db + settings.rise_db
            && all_db >= base_all_db + LOUDER_DB
            && all_db <= base_all_db + SILENCE_DB
            && bass_db >= all_db - BASS_SHARE_DB
    }

    fn close_cell(&mut self, cell: BandPowers, settings: &DropSettings) {
        let secs = std::mem::take(&mut self.gathered_secs);
        self.gathered = BandPowers::default();
        self.cells[self.num_cells % MEMORY_CELLS] = cell;
        self.num_cells += 1;
        self.cells_since_drop += 1;
        let kept = self.num_cells.min(MEMORY_CELLS);

        let break_secs = settings.min_break_secs.clamp(CELL_SECS, MAX_BREAK_SECS);
        let break_cells = (break_secs / CELL_SECS).round() as usize;
        self.base = (self.cells_since_drop >= UPBEAT_CELLS + break_cells).then(|| {
            let bass_db = self.level(UPBEAT_CELLS, break_cells, |c| c.bass);
            (bass_db, self.level(UPBEAT_CELLS, break_cells, |c| c.all))
        });

        let highest = |cells: &[BandPowers], level: fn(&BandPowers) -> f32| {
            cells[..kept].iter().map(level).fold(f32::MIN, f32::max)
        };
        let is_low = cell.bass <= highest(&self.cells, |c| c.bass) - settings.rise_db;
        self.low_secs = if is_low { self.low_secs + secs } else { 0.0 };
        let over = (break_secs - GAP_SECS).max(CELL_SECS);
        self.break_down = ((self.low_secs - GAP_SECS) / over).clamp(0.0, 1.0) as f32;
        let below_db = cell.all - highest(&self.cells, |c| c.all);
        let silent = cell.all <= SILENT_DB;
        self.energy = if silent { 0.0 } else { amplitude_from_db(below_db).min(1.0) };
        self.build_up = if kept >= BUILD_CELLS.0 + BUILD_CELLS.1 {
            let rise_db =
                self.mean_high(0, BUILD_CELLS.0) - self.mean_high(BUILD_CELLS.0, BUILD_CELLS.1);
            (rise_db / BUILD_DB).clamp(0.0, 1.0) * self.break_down
        } else {
            0.0
        };
    }

    /// The cell of `age` cells ago.
    fn cell(&self, age: usize) -> BandPowers {
        self.cells[(self.num_cells + MEMORY_CELLS - 1 - age) % MEMORY_CELLS]
    }

    /// The level that nine tenths of `num` cells lie below, the newest `age` cells ago, in dB.
    fn level(&mut self, age: usize, num: usize, level: fn(BandPowers) -> f32) -> f32 {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        scratch.extend((age..age + num).map(|a| level(self.cell(a))));
        let rank = (BREAK_RANK * num.saturating_sub(1) as f64).round() as usize;
        let found = *scratch.select_nth_unstable_by(rank, f32::total_cmp).1;
        self.scratch = scratch;
        found
    }

    fn mean_high(&self, age: usize, num: usize) -> f32 {
        (age..age + num).map(|a| self.cell(a).high).sum::<f32>() / num as f32
    }

    /// Loudness over its greatest of the last minute, as amplitude, 0..1.
    pub fn energy(&self) -> f32 {
        self.energy
    }

    /// How far a break-down has come: 0 while bass is there, 1 once it has been `rise_db` below its
    /// greatest of the last minute for the least length of a break-down. 0..1.
    pub fn break_down(&self) -> f32 {
        self.break_down
    }

    /// How strongly what is above 2 kHz has risen lately within a break-down, 0..1: 1 where the last
    /// 2 s are 6 dB above the 4 s before.
    pub fn build_up(&self) -> f32 {
        self.build_up
    }

    /// Back to the start.
    pub fn reset(&mut self) {
        let (mut cells, mut scratch) =
            (std::mem::take(&mut self.cells), std::mem::take(&mut self.scratch));
        cells.fill(BandPowers::default());
        scratch.clear();
        *self = Self::with(cells, scratch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spectrum::stft::{StftSettings, stft};
    use crate::testing::a10;

    const RATE: usize = 22_050;

    /// What is heard at the rows' times.
    struct Heard {
        drops_secs: Vec<f64>,
        rows: Vec<(f64, f32, f32, f32)>,
    }

    fn listen(sound: &[f32]) -> Heard {
        let stft_settings = StftSettings::default();
        let layout = stft_settings.layout(RATE as u32);
        let mut detector = DropDetector::default();
        let mut heard = Heard { drops_secs: Vec::new(), rows: Vec::new() };
        for (k, row) in stft(sound, &stft_settings).iter().enumerate() {
            // A row is there once its last sample is.
            let secs = (k * 512 + 1_024) as f64 / RATE as f64;
            let powers = BandPowers::of_row(row, layout);
            if detector.push(powers, layout.hop_secs(), &DropSettings::default()) {
                heard.drops_secs.push(secs);
            }
            let now = (detector.energy(), detector.break_down(), detector.build_up());
            heard.rows.push((secs, now.0, now.1, now.2));
        }
        heard
    }

    fn sine(hz: f64, i: usize) -> f32 {
        (i as f64 * hz * std::f64::consts::TAU / RATE as f64).sin() as f32
    }

    /// A kick every half second and a bass; a chord and a hiss throughout, the hiss rising where
    /// `riser`.
    fn music(secs: f64, has_bass: impl Fn(f64) -> bool, riser: impl Fn(f64) -> f32) -> Vec<f32> {
        let mut noise = 1_u32;
        let sample = |i: usize| {
            let t = i as f64 / RATE as f64;
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let hiss = (noise >> 8) as f32 / 8_388_608.0 - 1.0;
            let chord = [262.0, 330.0, 392.0].map(|hz| sine(hz, i)).iter().sum::<f32>();
            let kick = sine(55.0, i) * (-((t % 0.5) / 0.12)).exp() as f32;
            let low = 0.3 * sine(65.0, i) + 0.6 * kick;
            0.06 * chord + 0.01 * riser(t) * hiss + if has_bass(t) { low } else { 0.0 }
        };
        (0..(secs * RATE as f64) as usize).map(sample).collect()
    }

    #[test]
    fn a_drop_follows_a_quiet_part_without_bass() {
        // As an intro of 8 s, and as a break-down of 8 s in the middle.
        let intro = listen(&music(16.0, |t| t >= 8.0, |_| 1.0));
        let middle = listen(&music(28.0, |t| !(10.0..18.0).contains(&t), |_| 1.0));
        for (heard, expected) in [(&intro, 8.0), (&middle, 18.0)] {
            assert_eq!(heard.drops_secs.len(), 1, "{:?}", heard.drops_secs);
            let late = heard.drops_secs[0] - expected;
            assert!((0.0..0.15).contains(&late), "{late}");
        }
        let at = |secs: f64| middle.rows.iter().find(|r| r.0 >= secs).unwrap();
        assert!(at(9.0).2 == 0.0 && at(15.5).2 == 1.0 && at(19.0).2 == 0.0);
        assert!(at(9.0).1 > 0.3 && at(15.0).1 < 0.3 && at(19.0).1 > 0.3);
    }

    #[test]
    fn a_riser_builds_up() {
        let riser = |t: f64| if t > 14.0 { ((t - 14.0) / 4.0 * 2.5).exp() as f32 } else { 1.0 };
        let heard = listen(&music(22.0, |t| !(10.0..18.0).contains(&t), riser));
        let at = |secs: f64| heard.rows.iter().find(|r| r.0 >= secs).unwrap().3;
        assert!(at(13.9) < 0.1 && at(17.9) > 0.9 && at(20.0) == 0.0);
        assert_eq!(heard.drops_secs.len(), 1);
    }

    #[test]
    fn no_drop_without_a_break_or_out_of_silence() {
        let none: [Vec<f32>; 5] = [
            // Bass all the time, a gap too short, a song's beginning, silence, real music.
            music(20.0, |_| true, |_| 1.0),
            music(20.0, |t| !(10.0..12.0).contains(&t), |_| 1.0),
            [vec![0.0; 8 * RATE], music(8.0, |_| true, |_| 1.0)].concat(),
            vec![0.0; 10 * RATE],
            a10(),
        ];
        for (i, sound) in none.iter().enumerate() {
            let heard = listen(sound);
            assert!(heard.drops_secs.is_empty(), "{i}: {:?}", heard.drops_secs);
            assert!(
                heard.rows.iter().all(|r| [r.1, r.2, r.3].iter().all(|v| (0.0..=1.0).contains(v)))
            );
        }
    }

    #[test]
    fn reset_repeats() {
        let mut detector = DropDetector::default();
        let mut run = || -> Vec<(bool, f32)> {
            let push = |i: usize| {
                let bass = if i % 400 < 200 { 1e-8 } else { 0.1 };
                let powers = BandPowers { bass, all: bass + 0.01, high: 0.001 };
                (detector.push(powers, 0.03, &DropSettings::default()), detector.energy())
            };
            let all = (0..900).map(push).collect();
            detector.reset();
            all
        };
        let first = run();
        assert!(first.iter().any(|r| r.0) && first == run());
    }
}
