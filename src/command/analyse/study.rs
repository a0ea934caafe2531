//! A sound under study, and what several features are made of.

use std::cell::OnceCell;
use std::sync::Arc;

use lumawire_analysis::Rows;
use lumawire_analysis::level::pyin::{Pitches, pyin};
use lumawire_analysis::level::yin::PitchSettings;
use lumawire_analysis::rhythm::beats::{BeatSettings, Beats, beat_track};
use lumawire_analysis::rhythm::onset_strength::{
    Aggregate, OnsetSettings, onset_strength_of_bands,
};
use lumawire_analysis::rhythm::peaks::{PeakSettings, onset_detect};
use lumawire_analysis::signal::framer::Framing;
use lumawire_analysis::spectrum::bins;
use lumawire_analysis::spectrum::chroma_cqt::{ChromaCqtSettings, chroma_cqt};
use lumawire_analysis::spectrum::chroma_stft::chroma_from_powers;
use lumawire_analysis::spectrum::cqt::{CqtSettings, cqt};
use lumawire_analysis::spectrum::decibels::{Decibels, Reference, power_to_db};
use lumawire_analysis::spectrum::layout::Layout;
use lumawire_analysis::spectrum::mel::MelSettings;
use lumawire_analysis::spectrum::mfcc::{Dct, MfccSettings};
use lumawire_analysis::spectrum::norm::Norm;
use lumawire_analysis::spectrum::stft::{StftSettings, stft};
use lumawire_analysis::structure::segment::{Section, SegmentSettings, segment};
use num_complex::Complex32;

use super::sound::{Loudness, Sound};

/// A sound, and what has been computed of it: each thing once, when it is first asked for.
pub struct Study {
    /// The sound.
    pub sound: Sound,
    /// How it is cut into frames.
    pub settings: StftSettings,
    /// Loudness of its file, where that was asked for.
    pub loudness: Option<Loudness>,
    stft: OnceCell<Arc<Rows<Complex32>>>,
    magnitudes: OnceCell<Rows>,
    mel: OnceCell<Arc<Rows>>,
    mel_db: OnceCell<Rows>,
    mfcc: OnceCell<Arc<Rows>>,
    chroma_stft: OnceCell<Arc<Rows>>,
    chroma_cqt: OnceCell<Rows>,
    pitches: OnceCell<Pitches>,
    onset_strength: OnceCell<Arc<Vec<f32>>>,
    onsets: OnceCell<Vec<usize>>,
    beats: OnceCell<Beats>,
    sections: OnceCell<Vec<Section>>,
}

impl Study {
    /// Nothing computed yet.
    pub fn new(sound: Sound, settings: StftSettings) -> Self {
        Self {
            sound,
            settings,
            loudness: None,
            stft: OnceCell::new(),
            magnitudes: OnceCell::new(),
            mel: OnceCell::new(),
            mel_db: OnceCell::new(),
            mfcc: OnceCell::new(),
            chroma_stft: OnceCell::new(),
            chroma_cqt: OnceCell::new(),
            pitches: OnceCell::new(),
            onset_strength: OnceCell::new(),
            onsets: OnceCell::new(),
            beats: OnceCell::new(),
            sections: OnceCell::new(),
        }
    }

    /// What bins and rows of the spectrum mean.
    pub fn layout(&self) -> Layout {
        self.settings.layout(self.sound.sample_rate_hz)
    }

    /// Number of frames.
    pub fn num_frames(&self) -> usize {
        self.settings.num_frames(self.sound.samples.len())
    }

    /// Frames a second.
    pub fn frame_rate_hz(&self) -> f64 {
        1.0 / self.layout().hop_secs()
    }

    /// The same frames, not transformed.
    pub fn framing(&self) -> Framing {
        let StftSettings { n_fft, hop_len, center, .. } = self.settings;
        Framing { frame_len: n_fft, hop_len, center }
    }

    /// The spectrum, `[frames, n_fft/2 + 1]`.
    pub fn stft(&self) -> &Arc<Rows<Complex32>> {
        self.stft.get_or_init(|| Arc::new(stft(&self.sound.samples, &self.settings)))
    }

    /// Its magnitudes, `[frames, n_fft/2 + 1]`.
    pub fn magnitudes(&self) -> &Rows {
        self.magnitudes.get_or_init(|| self.stft().map(bins::magnitude))
    }

    /// Power in 128 mel bands, `[frames, 128]`.
    pub fn mel(&self) -> &Arc<Rows> {
        self.mel.get_or_init(|| {
            let bank = MelSettings::default().bank(self.layout());
            Arc::new(self.stft().map_rows(bank.num_bands(), |row, bands| {
                let powers: Vec<f32> = row.iter().map(|&x| bins::power(x)).collect();
                bank.apply(&powers, bands);
            }))
        })
    }

    /// The mel bands in dB, at most 80 dB below the loudest, `[frames, 128]`.
    pub fn mel_db(&self) -> &Rows {
        self.mel_db.get_or_init(|| power_to_db(self.mel(), &Decibels::default()))
    }

    /// Mel-frequency cepstral coefficients, `[frames, 20]`.
    pub fn mfcc(&self) -> &Arc<Rows> {
        self.mfcc.get_or_init(|| {
            let num_mfcc = MfccSettings::default().num_mfcc;
            let dct = Dct::new(num_mfcc, self.mel_db().num_bins());
            Arc::new(self.mel_db().map_rows(num_mfcc, |row, out| dct.apply(row, out)))
        })
    }

    /// Pitch classes by the short-time spectrum, each row over its maximum, `[frames, 12]`.
    pub fn chroma_stft(&self) -> &Arc<Rows> {
        self.chroma_stft.get_or_init(|| {
            let powers = self.stft().map(bins::power);
            Arc::new(chroma_from_powers(&powers, &self.layout(), None, Norm::Max))
        })
    }

    /// Pitch classes by the constant-Q transform, as they are, `[frames, 12]`.
    pub fn chroma_cqt(&self) -> &Rows {
        self.chroma_cqt.get_or_init(|| {
            let hop_len = self.settings.hop_len;
            let settings = ChromaCqtSettings { hop_len, ..ChromaCqtSettings::default() };
            chroma_cqt(&self.sound.samples, self.sound.sample_rate_hz, &settings, Norm::None)
        })
    }

    /// Fundamental frequencies.
    pub fn pitches(&self) -> &Pitches {
        self.pitches.get_or_init(|| {
            let settings = PitchSettings { framing: self.framing(), ..PitchSettings::default() };
            pyin(&self.sound.samples, self.sound.sample_rate_hz, &settings)
        })
    }

    /// Strength of onsets, `[frames]`.
    pub fn onset_strength(&self) -> &Arc<Vec<f32>> {
        self.onset_strength.get_or_init(|| Arc::new(self.strength(Aggregate::Mean)))
    }

    fn strength(&self, aggregate: Aggregate) -> Vec<f32> {
        let settings = OnsetSettings { stft: self.settings, aggregate, ..OnsetSettings::default() };
        onset_strength_of_bands(self.mel_db(), &settings)
    }

    /// Frames of the onsets.
    pub fn onsets(&self) -> &[usize] {
        self.onsets.get_or_init(|| {
            let rate_hz = self.sound.sample_rate_hz;
            onset_detect(
                self.onset_strength(),
                &PeakSettings::onsets(rate_hz, self.settings.hop_len),
            )
        })
    }

    /// Tempo and beats.
    pub fn beats(&self) -> &Beats {
        self.beats.get_or_init(|| self.beats_by(&BeatSettings::default()))
    }

    fn beats_by(&self, settings: &BeatSettings) -> Beats {
        beat_track(&self.strength(Aggregate::Median), self.frame_rate_hz(), settings)
    }

    /// The sections, in order and without gaps. Between the beats harmony (constant-Q spectrum) and
    /// timbre (MFCCs) are compared, as in the segmentation of librosa's gallery.
    pub fn sections(&self) -> &[Section] {
        self.sections.get_or_init(|| {
            let octaves = CqtSettings::octaves(7, 36);
            let settings = CqtSettings { hop_len: self.settings.hop_len, ..octaves };
            let powers = cqt(&self.sound.samples, self.sound.sample_rate_hz, &settings);
            let below_max = Decibels { reference: Reference::Max, ..Decibels::default() };
            let harmony = power_to_db(&powers.map(bins::power), &below_max);
            let beats = self.beats_by(&BeatSettings { trim: false, ..BeatSettings::default() });
            segment(&harmony, self.mfcc(), &beats.frames, &SegmentSettings::default())
        })
    }
}
