//! What nodes that hear onsets share.

use lumawire_analysis::rhythm::onset_functions::{FluxRow, FluxSettings, OnsetFunction};
use lumawire_analysis::rhythm::onset_row::OnsetRow;
use lumawire_analysis::rhythm::onset_strength::{OnsetSettings, band_range};
use lumawire_analysis::rhythm::onset_tracker::{OnsetTracker, TrackerSettings};
use lumawire_analysis::rhythm::peaks::{PeakSettings, onset_shares};
use lumawire_analysis::spectrum::layout::Layout;
use lumawire_analysis::spectrum::stft::StftSettings;
use lumawire_core::{Param, Unit};
use num_complex::Complex32;

/// What sensitivity 0 asks for: causal, and of a whole file, where 0.8 then gives librosa's onsets.
const MAX_THRESHOLD: f32 = 0.5;
const MAX_THRESHOLD_WHOLE: f32 = 0.35;
/// Range of the running peak, and where it begins, in dB.
const PEAK_RANGE_DB: (f32, f32) = (1.0, 15.0);
const FIRST_PEAK_DB: f32 = 10.0;

/// How the strength of a row is measured.
pub const METHOD: Param =
    Param::choice("method", "Method", &["mel", "superflux", "complex_flux", "flux"])
        .rebuild()
        .doc("Mel: the mean rise of 128 mel bands, librosa's. Flux: that of quarter tones. Superflux: the same, deaf to vibrato. Complex flux: deaf to tremolo too.");

/// Time constant of the running peak.
pub const PEAK_SECS: Param = Param::float("peak_secs", "Peak memory", 8.0, (1.0, 30.0))
    .hard(0.1, 600.0)
    .unit(Unit::Secs)
    .doc("Time constant with which the running peak of the flux decays; counts where the whole is not known.");

/// Least time between two hits.
pub const MIN_GAP_SECS: Param = Param::float("min_gap_secs", "Least gap", 0.05, (0.02, 0.5))
    .hard(0.0, 60.0)
    .unit(Unit::Secs)
    .doc("Least time between two hits.");

/// Rises of the rows of a spectrum, by one of the choices of [`METHOD`].
pub enum Rises {
    Mel(OnsetRow),
    Flux(FluxRow, OnsetFunction),
}

impl Rises {
    /// For the choice at `method`.
    pub fn new(method: usize) -> Self {
        let function = match method {
            1 => OnsetFunction::Superflux,
            2 => OnsetFunction::ComplexFlux,
            3 => OnsetFunction::SpectralFlux,
            _ => return Self::Mel(OnsetRow::new(OnsetSettings::default())),
        };
        let settings = FluxSettings { log_gain: Some(1.0), ..FluxSettings::default() };
        Self::Flux(FluxRow::new(settings), function)
    }

    /// Takes rows of this layout from now on, and says whether it is another one.
    pub fn prepare_for(&mut self, layout: Layout) -> bool {
        match self {
            Self::Mel(rows) => rows.prepare_for(layout),
            Self::Flux(rows, _) => rows.prepare_for(layout),
        }
    }

    /// Takes a row, `[bins]`.
    pub fn push(&mut self, row: &[Complex32]) {
        match self {
            Self::Mel(rows) => {
                rows.push(row);
            }
            Self::Flux(rows, _) => rows.push(row),
        }
    }

    /// Mean rise in dB of the bands whose centres lie within the range, in either order.
    pub fn mean(&mut self, a_hz: f32, b_hz: f32) -> f32 {
        let (low, high) = (a_hz.min(b_hz), a_hz.max(b_hz));
        match self {
            Self::Mel(rows) => {
                let bands = band_range(rows.centres_hz(), low, high);
                rows.rises()[bands.clone()].iter().sum::<f32>() / bands.len().max(1) as f32
            }
            Self::Flux(rows, function) => {
                let bands = band_range(rows.centres_hz(), low, high);
                let num = bands.len().max(1) as f32;
                rows.strength(*function, 0, bands) / num
            }
        }
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        match self {
            Self::Mel(rows) => rows.clear(),
            Self::Flux(rows, _) => rows.clear(),
        }
    }
}

/// What makes a hit.
#[derive(Clone, Copy)]
pub struct HitSettings {
    pub sensitivity: f32,
    pub min_gap_secs: f64,
    pub peak_secs: f64,
}

/// The onsets of one range of frequencies: causal, or from what was learnt of the whole sound.
pub struct Voice {
    layout: Layout,
    tracker: OnsetTracker,
    /// What the study hears, and what it has learnt: the rise of each row as a share of the greatest.
    studies: bool,
    heard: Vec<f32>,
    learnt: Option<Vec<f32>>,
    /// The coming row, and rows still to come that can be no hit.
    row: usize,
    rest: usize,
    pub flux: f32,
    pub strength: f32,
}

impl Voice {
    /// Before the first row.
    pub fn new(studies: bool) -> Self {
        Self {
            layout: Layout::default(),
            tracker: OnsetTracker::new(StftSettings::default().layout(48_000)),
            studies,
            heard: Vec::new(),
            learnt: None,
            row: 0,
            rest: 0,
            flux: 0.0,
            strength: 0.0,
        }
    }

    /// Takes rows of this layout from now on.
    pub fn prepare_for(&mut self, layout: Layout) {
        self.layout = layout;
        self.tracker = OnsetTracker::new(layout);
    }

    /// Takes the rise of the next row, and says whether that is a hit.
    pub fn advance(&mut self, flux: f32, settings: &HitSettings) -> bool {
        self.flux = flux;
        let row = self.row;
        self.row += 1;
        if let Some(shares) = &self.learnt {
            self.strength = shares.get(row).copied().unwrap_or(0.0);
            if self.rest > 0 {
                self.rest -= 1;
                return false;
            }
            let Layout { sample_rate_hz, hop_len, .. } = self.layout;
            let peaks = PeakSettings {
                delta: MAX_THRESHOLD_WHOLE * (1.0 - settings.sensitivity),
                wait: PeakSettings::wait(settings.min_gap_secs, self.layout.hop_secs()),
                ..PeakSettings::onsets(sample_rate_hz, hop_len)
            };
            let is_hit = peaks.is_peak(shares, row);
            self.rest = if is_hit { peaks.wait } else { 0 };
            return is_hit;
        }
        if self.studies {
            self.heard.push(flux);
        }
        let is_hit = self.tracker.push(
            flux,
            &TrackerSettings {
                threshold: MAX_THRESHOLD * (1.0 - settings.sensitivity),
                min_gap_secs: settings.min_gap_secs,
                peak_secs: settings.peak_secs,
                peak_range: PEAK_RANGE_DB,
                first_peak: FIRST_PEAK_DB,
            },
        );
        self.strength = self.tracker.strength();
        is_hit
    }

    /// Whether it is to hear the whole sound first.
    pub fn studies(&self) -> bool {
        self.studies
    }

    /// The whole sound has been heard.
    pub fn learn(&mut self) {
        if self.studies && self.learnt.is_none() {
            self.learnt = Some(onset_shares(&std::mem::take(&mut self.heard)));
        }
    }

    /// Back to the first row.
    pub fn reset(&mut self) {
        self.tracker.clear();
        self.heard.clear();
        (self.row, self.rest, self.flux, self.strength) = (0, 0, 0.0, 0.0);
    }
}
