//! What travels along a wire.

use std::any::Any;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use num_complex::Complex32;
use serde::{Deserialize, Serialize};

use crate::error::NodeError;

/// The type of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortType {
    /// Samples of a block, `[channels, block]`, full scale ±1.
    Audio,
    /// Complex short-time spectra, `[hops, n_fft/2 + 1]`.
    Spectrum,
    /// Real bands of any meaning (mel, levels), `[hops, bands]`.
    Bands,
    /// Energy of the twelve pitch classes from C, `[hops, 12]`.
    Chroma,
    /// One real number, usually 0..1.
    Control,
    /// How often something happened in this tick.
    Trigger,
    /// One point of a generator's latent space.
    Latent,
    /// Several latents.
    LatentBank,
    /// A loaded network.
    Model,
    /// Changes of a network's features, layer by layer.
    Bends,
    /// The noise that a network adds to its features.
    Noise,
    /// A picture.
    Image,
}

impl PortType {
    /// Whether its values are new in one tick only: samples and rows.
    pub fn is_fresh(self) -> bool {
        matches!(self, Self::Audio | Self::Spectrum | Self::Bands | Self::Chroma)
    }

    /// Its name in messages and in the reference.
    pub fn name(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Spectrum => "spectrum",
            Self::Bands => "bands",
            Self::Chroma => "chroma",
            Self::Control => "control",
            Self::Trigger => "trigger",
            Self::Latent => "latent",
            Self::LatentBank => "latent bank",
            Self::Model => "model",
            Self::Bends => "bends",
            Self::Noise => "noise",
            Self::Image => "image",
        }
    }
}

impl fmt::Display for PortType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A value on a wire. Large ones are shared; their producers reuse the memory while nobody else
/// holds it.
#[derive(Debug, Clone, Default)]
pub enum Value {
    /// Nothing yet.
    #[default]
    Empty,
    /// See [`PortType::Audio`].
    Audio(Arc<AudioBlock>),
    /// See [`PortType::Spectrum`].
    Spectrum(Arc<Spectrum>),
    /// See [`PortType::Bands`].
    Bands(Arc<Bands>),
    /// See [`PortType::Chroma`].
    Chroma(Arc<Chroma>),
    /// See [`PortType::Control`].
    Control(f32),
    /// See [`PortType::Trigger`].
    Trigger(u32),
    /// See [`PortType::Latent`].
    Latent(Arc<Latent>),
    /// See [`PortType::LatentBank`].
    LatentBank(Arc<LatentBank>),
    /// See [`PortType::Model`].
    Model(Handle),
    /// See [`PortType::Bends`].
    Bends(Handle),
    /// See [`PortType::Noise`].
    Noise(Handle),
    /// See [`PortType::Image`].
    Image(Image),
}

impl Value {
    /// A hash of the content where that is cheap, for keys of cached results. `None` for sound,
    /// spectra and pictures, which the engine keys by how they were made.
    pub fn content_key(&self) -> Option<u64> {
        let mut hasher = DefaultHasher::new();
        match self {
            Self::Empty => {}
            Self::Control(v) => v.to_bits().hash(&mut hasher),
            Self::Trigger(n) => n.hash(&mut hasher),
            Self::Latent(v) => {
                (v.space as u8, v.dim).hash(&mut hasher);
                hash_floats(&v.data, &mut hasher);
            }
            Self::LatentBank(v) => {
                (v.space as u8, v.num_ws, v.dim).hash(&mut hasher);
                hash_floats(&v.data, &mut hasher);
            }
            Self::Chroma(v) => hash_floats(v.latest().unwrap_or_default(), &mut hasher),
            Self::Bands(v) => hash_floats(v.latest().unwrap_or_default(), &mut hasher),
            Self::Model(v) | Self::Bends(v) | Self::Noise(v) => v.key.hash(&mut hasher),
            Self::Audio(_) | Self::Spectrum(_) | Self::Image(_) => return None,
        }
        Some(hasher.finish())
    }
}

/// Samples of a channel that are gathered at most: 2.7 s at 48 kHz.
const MAX_GATHERED_SAMPLES: usize = 1 << 17;
/// Rows that are gathered before the older ones are dropped.
const MAX_GATHERED_ROWS: usize = 1 << 12;
/// Bytes of rows that are gathered at most, on one wire.
const MAX_GATHERED_BYTES: usize = 64 << 20;

impl Value {
    /// Adds what a block brings anew to what was gathered since the last frame: hits are counted,
    /// samples and rows are appended. Other values stay as they are.
    pub fn gather(&mut self, block: &Value) {
        match (&mut *self, block) {
            (Self::Trigger(sum), Self::Trigger(hits)) => *sum = sum.saturating_add(*hits),
            (Self::Audio(all), Self::Audio(new)) => {
                Arc::make_mut(all).append(new, MAX_GATHERED_SAMPLES);
            }
            (Self::Spectrum(all), Self::Spectrum(new)) => {
                let all = Arc::make_mut(all);
                all.hops.gather(&new.hops, MAX_GATHERED_ROWS);
                (all.n_fft, all.hop_len) = (new.n_fft, new.hop_len);
                all.sample_rate_hz = new.sample_rate_hz;
            }
            (Self::Bands(all), Self::Bands(new)) | (Self::Chroma(all), Self::Chroma(new)) => {
                Arc::make_mut(all).gather(new, MAX_GATHERED_ROWS);
            }
            (Self::Empty, Self::Trigger(hits)) => *self = Self::Trigger(*hits),
            (Self::Empty, Self::Audio(_)) => {
                self.start_gathering(Self::Audio(Arc::default()), block)
            }
            (Self::Empty, Self::Spectrum(_)) => {
                self.start_gathering(Self::Spectrum(Arc::default()), block);
            }
            (Self::Empty, Self::Bands(_)) => {
                self.start_gathering(Self::Bands(Arc::default()), block)
            }
            (Self::Empty, Self::Chroma(_)) => {
                self.start_gathering(Self::Chroma(Arc::default()), block);
            }
            _ => {}
        }
    }

    fn start_gathering(&mut self, nothing: Self, block: &Value) {
        *self = nothing;
        self.gather(block);
    }

    /// The frame has seen what was gathered: no hits, no samples and no new rows are left, and the
    /// latest row stays.
    pub fn clear_gathered(&mut self) {
        match self {
            Self::Trigger(sum) => *sum = 0,
            Self::Audio(all) => {
                let all = Arc::make_mut(all);
                all.resize(all.num_channels(), 0);
            }
            Self::Spectrum(all) => {
                let hops = &mut Arc::make_mut(all).hops;
                hops.begin(hops.num_bins());
            }
            Self::Bands(all) | Self::Chroma(all) => {
                let all = Arc::make_mut(all);
                all.begin(all.num_bins());
            }
            _ => {}
        }
    }
}

fn hash_floats(values: &[f32], hasher: &mut DefaultHasher) {
    for v in values {
        hasher.write_u32(v.to_bits());
    }
}

/// Samples of one block, planar: `[num_channels, len]`, full scale ±1.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AudioBlock {
    num_channels: usize,
    len: usize,
    samples: Vec<f32>,
}

impl AudioBlock {
    /// A silent block.
    pub fn silent(num_channels: usize, len: usize) -> Self {
        Self { num_channels, len, samples: vec![0.0; num_channels * len] }
    }

    /// Takes this shape and falls silent, keeping its memory.
    pub fn resize(&mut self, num_channels: usize, len: usize) {
        (self.num_channels, self.len) = (num_channels, len);
        self.samples.clear();
        self.samples.resize(num_channels * len, 0.0);
    }

    /// Appends `more` and keeps the last `max_len` samples of all. Another number of channels starts
    /// anew.
    pub fn append(&mut self, more: &Self, max_len: usize) {
        if self.num_channels != more.num_channels {
            self.resize(more.num_channels, 0);
        }
        let taken = more.len.min(max_len);
        let kept = self.len.min(max_len - taken);
        let dropped = self.len - kept;
        for c in 0..self.num_channels {
            self.samples.copy_within(c * self.len + dropped..(c + 1) * self.len, c * kept);
        }
        let len = kept + taken;
        self.samples.resize(self.num_channels * len, 0.0);
        // From the last channel on, so that none is written over before it has moved.
        for c in (0..self.num_channels).rev() {
            self.samples.copy_within(c * kept..(c + 1) * kept, c * len);
            let new = &more.channel(c)[more.len - taken..];
            self.samples[c * len + kept..(c + 1) * len].copy_from_slice(new);
        }
        self.len = len;
    }

    /// Number of channels.
    pub fn num_channels(&self) -> usize {
        self.num_channels
    }

    /// Samples in a channel.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds no sample.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Channel `c`, `[len]`; empty where there is none.
    pub fn channel(&self, c: usize) -> &[f32] {
        self.samples.get(c * self.len..(c + 1) * self.len).unwrap_or_default()
    }

    /// Channel `c`, `[len]`; empty where there is none.
    pub fn channel_mut(&mut self, c: usize) -> &mut [f32] {
        self.samples.get_mut(c * self.len..(c + 1) * self.len).unwrap_or_default()
    }

    /// All samples, channel after channel.
    pub fn samples(&self) -> &[f32] {
        &self.samples
    }

    /// All samples, channel after channel.
    pub fn samples_mut(&mut self) -> &mut [f32] {
        &mut self.samples
    }

    /// The mean of the channels at sample `i`; 0 without channels. A value that is no finite
    /// number counts as silence, so that a broken driver cannot poison a filter's state.
    pub fn mono(&self, i: usize) -> f32 {
        let sum: f32 = (0..self.num_channels)
            .map(|c| self.samples[c * self.len + i])
            .filter(|v| v.is_finite())
            .sum();
        sum / self.num_channels.max(1) as f32
    }
}

/// Rows that come at hops of their own, several or none in a block. The latest row stays readable
/// when a block brings no new one, so that a frame can sample it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Hops<T> {
    num_bins: usize,
    num_fresh: usize,
    started: bool,
    /// Row 0 is the latest of earlier ticks, rows `1..` are this tick's.
    rows: Vec<T>,
    /// Seconds between rows.
    pub hop_secs: f64,
}

impl<T: Copy + Default> Hops<T> {
    /// Starts a tick: what was the latest row stays the latest until a new one is pushed.
    /// Another number of bins forgets everything.
    pub fn begin(&mut self, num_bins: usize) {
        if num_bins != self.num_bins || self.rows.len() < num_bins {
            self.rows.clear();
            self.rows.resize(num_bins, T::default());
            (self.num_bins, self.started) = (num_bins, false);
        } else {
            self.rows.copy_within(self.num_fresh * num_bins..(self.num_fresh + 1) * num_bins, 0);
            self.rows.truncate(num_bins);
        }
        self.num_fresh = 0;
    }

    /// Appends a row of defaults and lends it to be filled.
    pub fn push(&mut self) -> &mut [T] {
        let start = self.rows.len();
        self.rows.resize(start + self.num_bins, T::default());
        self.num_fresh += 1;
        self.started = true;
        &mut self.rows[start..]
    }

    /// Adds the new rows of `from`. Of all new rows the last `max_rows` are kept, or as many as 64 MB
    /// hold, at least one, however they were cut into blocks. Where it brings none, its latest is
    /// the latest here too.
    pub fn gather(&mut self, from: &Self, max_rows: usize) {
        self.hop_secs = from.hop_secs;
        if self.num_bins != from.num_bins {
            self.begin(from.num_bins);
        }
        if !self.started
            && from.num_fresh == 0
            && let Some(row) = from.latest()
        {
            self.push().copy_from_slice(row);
            self.begin(from.num_bins);
        }
        let row_bytes = (self.num_bins * size_of::<T>()).max(1);
        let max_rows = max_rows.min(MAX_GATHERED_BYTES / row_bytes).max(1);
        let num_skipped = from.num_fresh.saturating_sub(max_rows);
        let num_added = from.num_fresh - num_skipped;
        self.drop_oldest((self.num_fresh + num_added).saturating_sub(max_rows));
        for row in from.fresh().skip(num_skipped) {
            self.push().copy_from_slice(row);
        }
    }

    /// Forgets the first `num` of the new rows.
    fn drop_oldest(&mut self, num: usize) {
        let num = num.min(self.num_fresh);
        self.rows.drain(self.num_bins..(1 + num) * self.num_bins);
        self.num_fresh -= num;
    }

    /// This tick's new rows, oldest first. A node of frame rate that keeps state gets those of all
    /// blocks since the frame before; a pure one those of the last block alone.
    pub fn fresh(&self) -> impl Iterator<Item = &[T]> {
        let new = self.rows.get(self.num_bins..).unwrap_or_default();
        new.chunks_exact(self.num_bins.max(1))
    }

    /// Number of this tick's new rows.
    pub fn num_fresh(&self) -> usize {
        self.num_fresh
    }

    /// The latest row, `[num_bins]`, or `None` before the first.
    pub fn latest(&self) -> Option<&[T]> {
        self.started.then(|| &self.rows[self.num_fresh * self.num_bins..])
    }

    /// Values in a row.
    pub fn num_bins(&self) -> usize {
        self.num_bins
    }
}

/// Short-time spectra: rows of `n_fft/2 + 1` complex bins, sign convention exp(−iωt), not scaled.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Spectrum {
    /// The rows, `[hops, n_fft/2 + 1]`.
    pub hops: Hops<Complex32>,
    /// Length of the transform, in samples.
    pub n_fft: usize,
    /// Samples between rows.
    pub hop_len: usize,
    /// Sample rate of the sound, in Hz.
    pub sample_rate_hz: u32,
}

/// Rows of real bands, `[hops, bands]`.
pub type Bands = Hops<f32>;

/// Rows of pitch-class energies from C upwards, `[hops, 12]`.
pub type Chroma = Hops<f32>;

/// The space in which a latent lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Space {
    /// Input of the mapping network, `[1, z_dim]`.
    Z,
    /// Its output, one for all layers, `[1, w_dim]`.
    W,
    /// One w a layer, `[num_ws, w_dim]`.
    WPlus,
}

/// One latent, `[num_ws, dim]` with `num_ws` 1 outside W+.
#[derive(Debug, Clone, PartialEq)]
pub struct Latent {
    /// The space that it lies in.
    pub space: Space,
    /// Values in a row.
    pub dim: usize,
    /// Row after row.
    pub data: Vec<f32>,
}

impl Latent {
    /// Number of rows.
    pub fn num_ws(&self) -> usize {
        self.data.len() / self.dim.max(1)
    }
}

/// Several latents of one shape, `[num_latents, num_ws, dim]`.
#[derive(Debug, Clone, PartialEq)]
pub struct LatentBank {
    /// The space that they lie in.
    pub space: Space,
    /// Rows of one latent: 1 outside W+.
    pub num_ws: usize,
    /// Values in a row.
    pub dim: usize,
    /// Latent after latent.
    pub data: Vec<f32>,
}

impl LatentBank {
    /// Values of one latent.
    pub fn stride(&self) -> usize {
        self.num_ws * self.dim
    }

    /// Number of latents.
    pub fn len(&self) -> usize {
        self.data.len() / self.stride().max(1)
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Values of latent `i`, `[num_ws · dim]`; empty where there is none.
    pub fn get(&self, i: usize) -> &[f32] {
        self.data.get(i * self.stride()..(i + 1) * self.stride()).unwrap_or_default()
    }
}

/// Something that is opaque here: `nodes` knows the type behind it. Networks, bends and noise travel
/// so.
#[derive(Clone)]
pub struct Handle {
    /// Hash of the content: equal keys mean equal content.
    pub key: u64,
    /// The thing itself.
    pub value: Arc<dyn Any + Send + Sync>,
}

impl Handle {
    /// A handle on `value`, of which `key` is a hash.
    pub fn new<T: Any + Send + Sync>(key: u64, value: Arc<T>) -> Self {
        Self { key, value }
    }

    /// What lies behind it, or `None` where it is no `T`.
    pub fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.value.clone().downcast().ok()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({:016x})", self.key)
    }
}

/// Whether a picture's numbers are light or code values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Proportional to light: blend, blur and resize here.
    Linear,
    /// sRGB's transfer curve, as files and screens expect.
    Srgb,
}

/// A picture, top row first, RGBA with straight alpha.
#[derive(Debug, Clone)]
pub struct Image {
    /// Width in pixels.
    pub width_px: u32,
    /// Height in pixels.
    pub height_px: u32,
    /// What its numbers mean. A device image's texels follow it too.
    pub encoding: Encoding,
    /// Where it lies.
    pub home: ImageHome,
}

/// Where a picture lies.
#[derive(Debug, Clone)]
pub enum ImageHome {
    /// In memory.
    Host(Arc<HostImage>),
    /// On a graphics or compute device.
    Device(Arc<dyn DeviceImage>),
}

/// A picture on a device. The node that needs it there downcasts; anybody may fetch it.
pub trait DeviceImage: Any + Send + Sync + fmt::Debug {
    /// Copies it to memory, waiting for the device.
    fn fetch(&self) -> Result<HostImage, NodeError>;

    /// Whether its device is gone, and the picture with it.
    fn is_lost(&self) -> bool {
        false
    }
}

/// A picture in memory, `[height, width, 4]`.
#[derive(Debug, Clone, PartialEq)]
pub struct HostImage {
    /// Width in pixels.
    pub width_px: u32,
    /// Height in pixels.
    pub height_px: u32,
    /// The numbers.
    pub pixels: Pixels,
}

/// The numbers of a picture in memory, RGBA interleaved.
#[derive(Debug, Clone, PartialEq)]
pub enum Pixels {
    /// 0..255.
    Rgba8(Vec<u8>),
    /// Black 0, white 1, not clamped.
    RgbaF32(Vec<f32>),
}

impl Image {
    /// A picture in memory.
    pub fn from_host(image: HostImage, encoding: Encoding) -> Self {
        Self {
            width_px: image.width_px,
            height_px: image.height_px,
            encoding,
            home: ImageHome::Host(Arc::new(image)),
        }
    }

    /// Whether it lay on a device that is gone.
    pub fn is_lost(&self) -> bool {
        matches!(&self.home, ImageHome::Device(image) if image.is_lost())
    }

    /// Its pixels in memory, fetched from the device if they lie there.
    pub fn host(&self) -> Result<Arc<HostImage>, NodeError> {
        match &self.home {
            ImageHome::Host(image) => Ok(image.clone()),
            ImageHome::Device(image) => image.fetch().map(Arc::new),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hops_keep_the_latest_row_between_ticks() {
        let mut hops = Hops::<f32>::default();
        hops.begin(2);
        assert_eq!(hops.latest(), None);
        hops.push().copy_from_slice(&[1.0, 2.0]);
        hops.push().copy_from_slice(&[3.0, 4.0]);
        assert_eq!(hops.fresh().collect::<Vec<_>>(), [[1.0, 2.0], [3.0, 4.0]]);
        hops.begin(2);
        assert_eq!((hops.num_fresh(), hops.latest()), (0, Some(&[3.0, 4.0][..])));
        hops.begin(2);
        hops.push().copy_from_slice(&[5.0, 6.0]);
        assert_eq!(hops.latest(), Some(&[5.0, 6.0][..]));
        hops.begin(3);
        assert_eq!(hops.latest(), None);
    }

    fn block(samples: [&[f32]; 2]) -> Value {
        let mut block = AudioBlock::silent(2, samples[0].len());
        for (c, channel) in samples.iter().enumerate() {
            block.channel_mut(c).copy_from_slice(channel);
        }
        Value::Audio(block.into())
    }

    #[test]
    fn samples_of_all_blocks_are_gathered_for_a_frame() {
        let mut all = Value::Empty;
        all.gather(&block([&[1.0, 2.0], &[-1.0, -2.0]]));
        all.gather(&block([&[3.0], &[-3.0]]));
        let Value::Audio(audio) = &all else { panic!("{all:?}") };
        assert_eq!(
            (audio.channel(0), audio.channel(1)),
            (&[1.0, 2.0, 3.0][..], &[-1.0, -2.0, -3.0][..])
        );
        all.clear_gathered();
        let Value::Audio(audio) = &all else { panic!("{all:?}") };
        assert_eq!((audio.num_channels(), audio.len()), (2, 0));
        all.gather(&block([&[4.0], &[-4.0]]));
        let Value::Audio(audio) = &all else { panic!("{all:?}") };
        assert_eq!(audio.samples(), [4.0, -4.0]);
    }

    #[test]
    fn what_is_gathered_is_bounded_and_the_oldest_goes() {
        let mut all = AudioBlock::default();
        for i in 0..5 {
            let mut more = AudioBlock::silent(2, 2);
            more.samples_mut().copy_from_slice(&[2.0, 3.0, 12.0, 13.0].map(|v| v + 2.0 * i as f32));
            all.append(&more, 5);
        }
        assert_eq!(all.channel(0), [7.0, 8.0, 9.0, 10.0, 11.0]);
        assert_eq!(all.channel(1), [17.0, 18.0, 19.0, 20.0, 21.0]);
        all.append(&AudioBlock::silent(2, 9), 5);
        assert_eq!(all.samples(), [0.0; 10]);
        let mut rows = Bands::default();
        for i in 0..7 {
            let mut new = Bands::default();
            new.begin(1);
            new.push()[0] = i as f32;
            rows.gather(&new, 3);
        }
        assert_eq!(rows.fresh().collect::<Vec<_>>(), [[4.0], [5.0], [6.0]]);
        assert_eq!(rows.latest(), Some(&[6.0][..]));
    }

    #[test]
    fn the_last_rows_are_kept_however_they_are_cut() {
        let block = |values: std::ops::Range<usize>| {
            let mut new = Bands::default();
            new.begin(2);
            values.for_each(|v| new.push().fill(v as f32));
            new
        };
        for len in 1..=12 {
            let mut rows = Bands::default();
            for start in (0..12).step_by(len) {
                rows.gather(&block(start..(start + len).min(12)), 5);
            }
            let found: Vec<f32> = rows.fresh().map(|row| row[1]).collect();
            assert_eq!(found, [7.0, 8.0, 9.0, 10.0, 11.0], "{len}");
            rows.begin(2);
            assert_eq!(rows.latest(), Some(&[11.0, 11.0][..]));
        }
        // Rows of 24 MB: two of them.
        let mut rows = Bands::default();
        for v in 0..4 {
            let mut new = Bands::default();
            new.begin(6 << 20);
            new.push().fill(v as f32);
            rows.gather(&new, 5);
        }
        assert_eq!(rows.fresh().map(|row| row[0]).collect::<Vec<_>>(), [2.0, 3.0]);
    }

    #[test]
    fn rows_are_gathered_and_the_latest_stays() {
        let mut rows = Bands::default();
        let mut block = |values: &[f32]| {
            rows.begin(1);
            values.iter().for_each(|v| rows.push()[0] = *v);
            Value::Bands(rows.clone().into())
        };
        let mut all = Value::Empty;
        let blocks = [block(&[1.0]), block(&[]), block(&[2.0, 3.0])];
        blocks.iter().for_each(|b| all.gather(b));
        let Value::Bands(found) = &all else { panic!("{all:?}") };
        assert_eq!(found.fresh().collect::<Vec<_>>(), [[1.0], [2.0], [3.0]]);
        all.clear_gathered();
        let Value::Bands(found) = &all else { panic!("{all:?}") };
        assert_eq!((found.num_fresh(), found.latest()), (0, Some(&[3.0][..])));
        // Gathering that begins late knows the latest row too.
        let mut late = Value::Empty;
        late.gather(&block(&[]));
        let Value::Bands(found) = &late else { panic!("{late:?}") };
        assert_eq!((found.num_fresh(), found.latest()), (0, Some(&[3.0][..])));
    }

    #[test]
    fn mono_ignores_what_is_no_number() {
        let mut block = AudioBlock::silent(2, 1);
        block.channel_mut(0)[0] = 0.5;
        block.channel_mut(1)[0] = f32::NAN;
        assert_eq!(block.mono(0), 0.25);
        assert_eq!(AudioBlock::silent(0, 4).channel(3), &[] as &[f32]);
    }
}
