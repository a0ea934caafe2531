//! A sound file, packet by packet.

use std::fs::File;
use std::io::{self, BufReader};
use std::num::NonZero;
use std::path::{Path, PathBuf};

use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::well_known::FORMAT_ID_ISOMP4;
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;
use thiserror::Error;

use lumawire_core::AudioBlock;

use super::memory::silence_non_finite;
use super::{TransportError, mp4};

/// What can be read, for messages.
pub const SUPPORTED_FORMATS: &str = "WAV, AIFF, FLAC, MP3, OGG (Vorbis), AAC and M4A (AAC or ALAC)";

/// The most channels that a file may have.
pub const MAX_CHANNELS: usize = 8;

/// Sample rates that a file may have, in Hz.
const RATES_HZ: std::ops::RangeInclusive<u32> = 1_000..=768_000;

/// Damaged packets in a row after which the rest of the file is given up.
const MAX_DAMAGED_IN_A_ROW: u32 = 1_000;

/// The longest silence that stands in for a damaged part, in samples.
const MAX_STAND_IN: u64 = 65_536;

/// A sound file that cannot be played.
#[derive(Debug, Error)]
pub enum AudioFileError {
    /// It is missing or may not be read.
    #[error("{}: cannot be opened: {source}; check the path and the permissions", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is a folder, a device or a pipe.
    #[error("{}: is no file; name a sound file ({SUPPORTED_FORMATS})", path.display())]
    NoFile {
        /// The path.
        path: PathBuf,
    },
    /// It has no content.
    #[error("{}: is empty; export or copy the sound again", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Its content is no sound that can be decoded.
    #[error(
        "{}: holds no sound that can be read ({reason}); supported are {SUPPORTED_FORMATS}",
        path.display()
    )]
    NoSound {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        reason: String,
    },
    /// It has more than [`MAX_CHANNELS`] channels.
    #[error(
        "{}: has {num_channels} channels, at most {MAX_CHANNELS} can be read; mix it down first",
        path.display()
    )]
    TooManyChannels {
        /// The file.
        path: PathBuf,
        /// How many it has.
        num_channels: usize,
    },
    /// Its sample rate cannot be converted to the patch's.
    #[error(
        "{}: {from_hz} Hz cannot be converted to {to_hz} Hz ({reason}); convert the file to \
         48000 Hz first",
        path.display()
    )]
    SampleRate {
        /// The file.
        path: PathBuf,
        /// The file's rate.
        from_hz: u32,
        /// The patch's rate.
        to_hz: u32,
        /// Why not.
        reason: String,
    },
}

/// Decodes one sound track at its own sample rate.
pub(super) struct Decoder {
    path: PathBuf,
    format: Box<dyn FormatReader>,
    codec: Box<dyn AudioDecoder>,
    track_id: u32,
    /// Sample rate of the file.
    pub rate_hz: NonZero<u32>,
    /// Channels of the file, 1 to [`MAX_CHANNELS`].
    pub num_channels: usize,
    /// Samples in a channel, if the file says so.
    pub num_samples: Option<u64>,
    /// Ticks a second of the packets' durations.
    ticks_hz: Option<NonZero<u32>>,
    /// Where the next packet begins, in ticks.
    next_pts: Option<i64>,
    /// The block that told rate and channels.
    first: Option<AudioBlock>,
    /// Encoder's delay, still to be left out.
    skip: u64,
    /// Samples still to be heard before the encoder's padding.
    left: u64,
    num_decoded: u64,
    num_damaged: u64,
    damaged_in_a_row: u32,
    planes: Vec<Vec<f32>>,
}

impl Decoder {
    /// Opens `path` and decodes its first packet, so that what is no sound fails here.
    pub fn open(path: &Path) -> Result<Self, AudioFileError> {
        let file = open_file(path)?;
        let no_sound = |reason: &dyn ToString| AudioFileError::NoSound {
            path: path.into(),
            reason: reason.to_string(),
        };
        let mut hint = Hint::new();
        if let Some(extension) = path.extension().and_then(|e| e.to_str()) {
            hint.with_extension(extension);
        }
        let stream = MediaSourceStream::new(Box::new(file), Default::default());
        let (format_options, meta_options) = (FormatOptions::default(), MetadataOptions::default());
        let format = symphonia::default::get_probe()
            .probe(&hint, stream, format_options, meta_options)
            .map_err(|e| no_sound(&e))?;
        let track =
            format.default_track(TrackType::Audio).ok_or_else(|| no_sound(&"no sound track"))?;
        let params = track
            .codec_params
            .as_ref()
            .and_then(|p| p.audio())
            .ok_or_else(|| no_sound(&"unknown codec"))?;
        let codec = symphonia::default::get_codecs()
            .make_audio_decoder(params, &AudioDecoderOptions::default())
            .map_err(|e| no_sound(&e))?;
        let is_mp4 = format.format_info().format == FORMAT_ID_ISOMP4;
        let (skip, num_samples) = heard_part(path, track, is_mp4);
        let (track_id, ticks_hz) = (track.id, track.time_base.map(|b| b.denom));
        let mut decoder = Self {
            path: path.into(),
            track_id,
            format,
            codec,
            rate_hz: NonZero::<u32>::MIN,
            num_channels: 0,
            num_samples,
            ticks_hz,
            next_pts: None,
            first: None,
            skip,
            left: num_samples.filter(|_| is_mp4).unwrap_or(u64::MAX),
            num_decoded: 0,
            num_damaged: 0,
            damaged_in_a_row: 0,
            planes: Vec::new(),
        };
        decoder.first = decoder.next_block().map_err(|e| no_sound(&e))?;
        if decoder.first.is_none() {
            return Err(no_sound(&"not a single sample"));
        }
        decoder.check_shape()?;
        Ok(decoder)
    }

    fn check_shape(&self) -> Result<(), AudioFileError> {
        if self.num_channels > MAX_CHANNELS {
            let (path, num_channels) = (self.path.clone(), self.num_channels);
            return Err(AudioFileError::TooManyChannels { path, num_channels });
        }
        if !RATES_HZ.contains(&self.rate_hz.get()) {
            let reason = format!("a sample rate of {} Hz", self.rate_hz);
            return Err(AudioFileError::NoSound { path: self.path.clone(), reason });
        }
        Ok(())
    }

    /// The next samples, `[num_channels, n]` with `n` at least 1; `None` at the end.
    pub fn next_block(&mut self) -> Result<Option<AudioBlock>, TransportError> {
        if let Some(block) = self.first.take() {
            return Ok(Some(block));
        }
        while let Some(packet) = self.next_packet()? {
            let (rate_hz, num_channels) = self.decode(&packet);
            if let Some(block) = self.trimmed(rate_hz, num_channels) {
                return Ok(Some(block));
            }
        }
        if self.num_damaged > 0 {
            let (path, n) = (self.path.display(), self.num_damaged);
            tracing::warn!("{path}: {n} damaged packets are silent or left out");
        }
        Ok(None)
    }

    /// The track's next packet, until there is nothing more to hear.
    fn next_packet(&mut self) -> Result<Option<Packet>, TransportError> {
        while self.left > 0 && self.damaged_in_a_row < MAX_DAMAGED_IN_A_ROW {
            match self.format.next_packet() {
                Ok(Some(packet)) if packet.track_id == self.track_id => return Ok(Some(packet)),
                Ok(Some(_)) => {}
                Ok(None) => break,
                // The container is damaged here: its reader goes on behind.
                Err(Error::DecodeError(reason)) => self.count_damaged(reason),
                Err(error) => {
                    self.broken(error)?;
                    break;
                }
            }
        }
        Ok(None)
    }

    /// Decodes `packet` into the planes, silence where it is damaged or parts before it are
    /// missing; returns sample rate and channels.
    fn decode(&mut self, packet: &Packet) -> (u32, usize) {
        let num_missing = self.missing_before(packet);
        let shape = match self.codec.decode(packet) {
            Ok(buffer) => {
                buffer.copy_to_vecs_planar(&mut self.planes);
                self.damaged_in_a_row = 0;
                (buffer.spec().rate(), buffer.spec().channels().count())
            }
            Err(error) => {
                self.count_damaged(&error.to_string());
                self.silence(self.samples_of(packet.dur.get()));
                (self.rate_hz.get(), self.num_channels)
            }
        };
        for plane in &mut self.planes {
            plane.splice(0..0, std::iter::repeat_n(0.0, num_missing));
        }
        shape
    }

    fn count_damaged(&mut self, reason: &str) {
        tracing::debug!("{}: damaged packet: {reason}", self.path.display());
        self.num_damaged += 1;
        self.damaged_in_a_row += 1;
    }

    /// Samples between the packet before and this one: where a damaged part was passed over,
    /// silence takes its place, so that what follows stays in time.
    fn missing_before(&mut self, packet: &Packet) -> usize {
        let pts = packet.pts.get();
        let expected = self.next_pts.replace(pts.saturating_add_unsigned(packet.dur.get()));
        let ticks = expected.map_or(0, |expected| pts.saturating_sub(expected));
        let num_missing = self.samples_of(u64::try_from(ticks).unwrap_or(0));
        self.num_damaged += u64::from(num_missing > 0);
        num_missing
    }

    /// Samples in a time of the track, at most [`MAX_STAND_IN`]; 0 if its ticks are no samples.
    fn samples_of(&self, ticks: u64) -> usize {
        let are_samples = self.ticks_hz == Some(self.rate_hz);
        if are_samples { ticks.min(MAX_STAND_IN) as usize } else { 0 }
    }

    /// Makes the planes `num_samples` of silence.
    fn silence(&mut self, num_samples: usize) {
        self.planes.resize_with(self.num_channels, Vec::new);
        for plane in &mut self.planes {
            plane.clear();
            plane.resize(num_samples, 0.0);
        }
    }

    /// The decoded planes without the encoder's delay and padding; `None` if nothing remains.
    fn trimmed(&mut self, rate_hz: u32, num_channels: usize) -> Option<AudioBlock> {
        let len = self.planes.first().map_or(0, Vec::len);
        let start = usize::try_from(self.skip).unwrap_or(usize::MAX).min(len);
        self.skip -= start as u64;
        let n = (len - start).min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if n == 0 {
            return None;
        }
        if self.num_channels == 0 {
            self.num_channels = num_channels;
            self.rate_hz = NonZero::new(rate_hz)?;
        }
        let mut block = AudioBlock::silent(self.num_channels, n);
        for c in 0..self.num_channels {
            // A file that turns from stereo to mono on its way goes on in all channels.
            if let Some(plane) = self.planes.get(c).or(self.planes.first()) {
                block.channel_mut(c).copy_from_slice(&plane[start..start + n]);
            }
        }
        silence_non_finite(block.samples_mut());
        self.left -= n as u64;
        self.num_decoded += n as u64;
        Some(block)
    }

    /// A container that breaks off: what came before it is played; a failing disk is an error.
    fn broken(&self, error: Error) -> Result<(), TransportError> {
        let secs = self.num_decoded as f64 / f64::from(self.rate_hz.get());
        match error {
            Error::IoError(source) if source.kind() != io::ErrorKind::UnexpectedEof => {
                Err(TransportError::Read { path: self.path.clone(), secs, source })
            }
            error => {
                let path = self.path.display();
                tracing::warn!("{path}: is damaged ({error}); it ends after {secs:.1} s");
                Ok(())
            }
        }
    }
}

fn open_file(path: &Path) -> Result<File, AudioFileError> {
    let open_error = |source| AudioFileError::Open { path: path.into(), source };
    let metadata = std::fs::metadata(path).map_err(open_error)?;
    if !metadata.is_file() {
        return Err(AudioFileError::NoFile { path: path.into() });
    }
    if metadata.len() == 0 {
        return Err(AudioFileError::Empty { path: path.into() });
    }
    File::open(path).map_err(open_error)
}

/// How many decoded samples to leave out before the first, and how many there are to hear. The
/// decoders of MP3 and Vorbis leave out themselves; MPEG-4 needs its edit list.
fn heard_part(path: &Path, track: &Track, is_mp4: bool) -> (u64, Option<u64>) {
    let num_samples = track.num_frames.filter(|n| *n > 0);
    let edit = File::open(path).and_then(|f| mp4::sound_edit(&mut BufReader::new(f)));
    let (Some(num_samples), Ok(Some(edit)), true) = (num_samples, edit, is_mp4) else {
        return (0, num_samples);
    };
    let after_start = num_samples.saturating_sub(edit.start);
    // The stated length is rounded up to coarse ticks: the track's own end still bounds it.
    let stated = edit.duration.zip(track.time_base).map_or(u64::MAX, |((ticks, hz), base)| {
        let samples = u128::from(ticks) * u128::from(base.denom.get());
        u64::try_from(samples.div_ceil(u128::from(hz))).unwrap_or(u64::MAX)
    });
    (edit.start, Some(after_start.min(stated)))
}
