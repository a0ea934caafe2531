//! Decibels as librosa's `power_to_db` gives them.

use crate::Rows;

/// What 0 dB is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reference {
    /// This power.
    Power(f32),
    /// The largest power of all; causal, the largest so far.
    Max,
}

/// How powers become decibels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decibels {
    /// What 0 dB is.
    pub reference: Reference,
    /// Least power, above 0: what is smaller counts as this.
    pub amin: f32,
    /// How far below the largest value of all the others may lie; causal, below the largest so far.
    pub top_db: Option<f32>,
}

impl Default for Decibels {
    /// librosa's: 1, 1e-10, 80 dB.
    fn default() -> Self {
        Self { reference: Reference::Power(1.0), amin: 1e-10, top_db: Some(80.0) }
    }
}

impl Decibels {
    /// 10·log₁₀ of a power, before any reference.
    fn db(&self, power: f32) -> f32 {
        10.0 * power.max(self.amin.max(f32::MIN_POSITIVE)).log10()
    }

    /// Turns powers into decibels, where the largest of all lies at `max_db` before any reference.
    fn apply(&self, powers: &mut [f32], max_db: f32) {
        let reference_db = match self.reference {
            Reference::Power(power) => self.db(power.abs()),
            Reference::Max => max_db,
        };
        let floor_db = self.top_db.map_or(f32::NEG_INFINITY, |range| max_db - range.max(0.0));
        for x in powers {
            *x = self.db(*x).max(floor_db) - reference_db;
        }
    }
}

/// `powers`, `[frames, bins]`, in decibels: 10·log₁₀(max(amin, power)) − 10·log₁₀(reference), at
/// most `top_db` below the largest of all.
pub fn power_to_db(powers: &Rows, settings: &Decibels) -> Rows {
    let max = powers.data().iter().copied().fold(0.0, f32::max);
    powers.map_rows(powers.num_bins(), |row, out| {
        out.copy_from_slice(row);
        settings.apply(out, settings.db(max));
    })
}

/// Decibels row by row: as [`power_to_db`], but the largest value is the largest so far.
#[derive(Debug, Clone, Copy)]
pub struct RunningDecibels {
    settings: Decibels,
    max_db: f32,
}

impl RunningDecibels {
    /// Before the first row.
    pub fn new(settings: Decibels) -> Self {
        Self { settings, max_db: f32::NEG_INFINITY }
    }

    /// Turns the powers of the next row into decibels.
    pub fn apply(&mut self, row: &mut [f32]) {
        let max = row.iter().copied().fold(0.0, f32::max);
        self.max_db = self.max_db.max(self.settings.db(max));
        self.settings.apply(row, self.max_db);
    }

    /// Takes other settings, and keeps the largest value so far.
    pub fn set(&mut self, settings: Decibels) {
        self.settings = settings;
    }

    /// Forgets what was loud.
    pub fn reset(&mut self) {
        self.max_db = f32::NEG_INFINITY;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Rows {
        Rows::from_vec(2, vec![1.0, 0.01, 0.0, 100.0, 1e-3, 1e-9])
    }

    #[test]
    fn reference_and_range() {
        let all = power_to_db(&rows(), &Decibels::default());
        assert_eq!(all.data(), [0.0, -20.0, -60.0, 20.0, -30.0, -60.0]);
        let settings = Decibels { reference: Reference::Max, amin: 1e-4, top_db: None };
        let below_max = power_to_db(&rows(), &settings);
        assert_eq!(below_max.data(), [-20.0, -40.0, -60.0, 0.0, -50.0, -60.0]);
    }

    /// Row by row only what is loudest later is not known yet.
    #[test]
    fn causal_decibels_know_the_loudest_so_far() {
        let mut running = RunningDecibels::new(Decibels::default());
        let mut found = rows();
        found.iter_mut().for_each(|row| running.apply(row));
        assert_eq!(found.data(), [0.0, -20.0, -60.0, 20.0, -30.0, -60.0]);
        running.reset();
        let mut quiet = [0.0, 1e-9];
        running.apply(&mut quiet);
        assert_eq!(quiet, [-100.0, -90.0]);
    }
}
