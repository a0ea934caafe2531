//! The way of samples from a callback to the engine: a ring that neither end ever waits at.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cpal::FromSample;
use rtrb::{Consumer, Producer, RingBuffer};

use super::device::Format;
use super::health::Health;
use crate::transport::Song;

/// Sound that may wait for the engine before samples get lost, in seconds.
const CAPACITY_SECS: usize = 2;
/// Callbacks that may wait: more than two seconds of the smallest usual buffers.
const MAX_STAMPS: usize = 8_192;

/// When samples came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp {
    /// Samples a channel that the line has carried with these.
    pub end: u64,
    /// When their callback came.
    pub arrived: Instant,
    /// Where a played sound stands after them.
    pub song: Option<Song>,
}

/// The callback's end. Its methods allocate nothing, take no lock and never wait.
#[derive(Debug)]
pub struct Capture {
    samples: Producer<f32>,
    stamps: Producer<Stamp>,
    num_channels: usize,
    num_written: u64,
    has_spoken: Arc<AtomicBool>,
    health: Arc<Health>,
}

/// The engine's end.
#[derive(Debug)]
pub(super) struct Line {
    pub format: Format,
    samples: Consumer<f32>,
    stamps: Consumer<Stamp>,
    num_read: u64,
    /// The newest callback: its first sample, and its stamp.
    newest: Option<(u64, Stamp)>,
}

/// A line for samples of `format`.
pub(super) fn line(format: Format, health: &Arc<Health>) -> (Capture, Line) {
    let len = format.rate_hz.get() as usize * CAPACITY_SECS * format.num_channels;
    let (samples, heard) = RingBuffer::new(len);
    let (stamps, stamped) = RingBuffer::new(MAX_STAMPS);
    let num_channels = format.num_channels;
    let (has_spoken, health) = (Arc::default(), health.clone());
    (
        Capture { samples, stamps, num_channels, num_written: 0, has_spoken, health },
        Line { format, samples: heard, stamps: stamped, num_read: 0, newest: None },
    )
}

impl Capture {
    /// Takes in what a callback brought at `arrived`: `[len, channels]`, any format of samples.
    /// What does not fit is lost, and counted.
    pub fn write<T: Copy>(&mut self, data: &[T], arrived: Instant)
    where
        f32: FromSample<T>,
    {
        self.push(data);
        self.stamp(arrived, None);
    }

    /// As `write`, of silence.
    pub fn write_silence(&mut self, len: usize, arrived: Instant) {
        self.push_silence(len);
        self.stamp(arrived, None);
    }

    /// As `push`, of silence.
    pub(super) fn push_silence(&mut self, len: usize) {
        let n = self.fitting(len);
        if let Ok(chunk) = self.samples.write_chunk_uninit(n * self.num_channels) {
            chunk.fill_from_iter(std::iter::repeat(0.0));
        }
        self.num_written += n as u64;
    }

    /// Becomes true with the first callback.
    pub(super) fn has_spoken(&self) -> Arc<AtomicBool> {
        self.has_spoken.clone()
    }

    /// Takes in a part of what a callback brings; `stamp` follows with the last.
    pub(super) fn push<T: Copy>(&mut self, data: &[T])
    where
        f32: FromSample<T>,
    {
        let n = self.fitting(data.len() / self.num_channels.max(1));
        if let Ok(chunk) = self.samples.write_chunk_uninit(n * self.num_channels) {
            chunk.fill_from_iter(data.iter().map(|v| f32::from_sample_(*v)));
        }
        self.num_written += n as u64;
    }

    /// Says when all that was pushed came, and where the sound stands after it.
    pub(super) fn stamp(&mut self, arrived: Instant, song: Option<Song>) {
        // Without room the next stamp stands for these samples too.
        let _ = self.stamps.push(Stamp { end: self.num_written, arrived, song });
        self.has_spoken.store(true, Ordering::Relaxed);
        self.health.touch(arrived);
    }

    /// How many of `len` samples a channel have room.
    fn fitting(&self, len: usize) -> usize {
        let n = len.min(self.samples.slots() / self.num_channels.max(1));
        if n < len {
            self.health.count_overflow(len - n);
        }
        n
    }
}

impl Line {
    /// Takes note of the callbacks that came, and tells `each` of them.
    pub fn refresh(&mut self, mut each: impl FnMut(Stamp)) {
        while let Ok(stamp) = self.stamps.pop() {
            let start = self.newest.map_or(0, |(_, stamp)| stamp.end);
            self.newest = Some((start, stamp));
            each(stamp);
        }
    }

    /// Samples a channel that may be read at `now`. A large callback is let out bit by bit, as its
    /// samples were played, so that its frames do not fall due all at once; a `head` of it, and all
    /// that came before it, at once.
    pub fn released(&self, now: Instant, head: Duration) -> usize {
        let Some((start, stamp)) = self.newest else { return 0 };
        let secs = (now.saturating_duration_since(stamp.arrived) + head).as_secs_f64();
        let played = (secs * f64::from(self.format.rate_hz.get())) as u64;
        let until = stamp.end.min(start.saturating_add(played));
        usize::try_from(until.saturating_sub(self.num_read)).unwrap_or(usize::MAX)
    }

    /// All samples a channel that have come and were not read.
    pub fn waiting(&self) -> usize {
        let end = self.newest.map_or(0, |(_, stamp)| stamp.end);
        usize::try_from(end - self.num_read).unwrap_or(usize::MAX)
    }

    /// Whether samples have come, noted or not.
    pub fn has_samples(&self) -> bool {
        !self.samples.is_empty()
    }

    /// Whether its callback is gone.
    pub fn is_abandoned(&self) -> bool {
        self.samples.is_abandoned()
    }

    /// Reads the next samples, `[len, channels]`. They must have come.
    pub fn read(&mut self, interleaved: &mut [f32]) {
        if self.samples.pop_entire_slice(interleaved).is_err() {
            interleaved.fill(0.0);
        }
        for v in interleaved.iter_mut().filter(|v| !v.is_finite()) {
            *v = 0.0;
        }
        self.num_read += (interleaved.len() / self.format.num_channels.max(1)) as u64;
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZero;

    use cpal::{I24, U24};

    use super::*;

    fn stereo(rate_hz: u32) -> Format {
        Format { rate_hz: NonZero::new(rate_hz).unwrap(), num_channels: 2 }
    }

    fn read(line: &mut Line) -> Vec<f32> {
        line.refresh(|_| ());
        let mut samples = vec![9.0; line.waiting() * line.format.num_channels];
        line.read(&mut samples);
        samples
    }

    #[test]
    fn every_format_of_samples_means_the_same() {
        let (mut capture, mut line) = line(stereo(48_000), &Arc::default());
        let now = Instant::now();
        // Silence, half of full scale, and the lowest value.
        capture.write(&[0_i8, 64, -128, 0], now);
        capture.write(&[0_i16, 16_384, i16::MIN, 0], now);
        capture.write(&[I24::new(0).unwrap(), I24::new(4_194_304).unwrap()], now);
        capture.write(&[I24::new(-8_388_608).unwrap(), I24::new(0).unwrap()], now);
        capture.write(&[0_i32, 1 << 30, i32::MIN, 0], now);
        capture.write(&[0_i64, 1 << 62, i64::MIN, 0], now);
        capture.write(&[128_u8, 192, 0, 128], now);
        capture.write(&[32_768_u16, 49_152, 0, 32_768], now);
        capture.write(&[U24::new(8_388_608).unwrap(), U24::new(12_582_912).unwrap()], now);
        capture.write(&[U24::new(0).unwrap(), U24::new(8_388_608).unwrap()], now);
        capture.write(&[1_u32 << 31, 3 << 30, 0, 1 << 31], now);
        capture.write(&[1_u64 << 63, 3 << 62, 0, 1 << 63], now);
        capture.write(&[0.0_f32, 0.5, -1.0, 0.0], now);
        capture.write(&[0.0_f64, 0.5, -1.0, 0.0], now);
        let samples = read(&mut line);
        assert_eq!(samples.len(), 12 * 4);
        for (i, samples) in samples.chunks(4).enumerate() {
            assert_eq!(samples, [0.0, 0.5, -1.0, 0.0], "format {i}");
        }
    }

    #[test]
    fn what_is_no_number_becomes_silence() {
        let (mut capture, mut line) = line(stereo(48_000), &Arc::default());
        capture.write(&[f32::NAN, 0.25, f32::INFINITY, -0.25], Instant::now());
        assert_eq!(read(&mut line), [0.0, 0.25, 0.0, -0.25]);
    }

    #[test]
    fn what_does_not_fit_is_lost_in_whole_samples_and_counted() {
        let health = Arc::new(Health::default());
        let (mut capture, mut line) = line(stereo(1_000), &health);
        let numbered: Vec<f32> = (0..5_000).map(|i| i as f32).collect();
        capture.write(&numbered, Instant::now());
        let counts = health.counts();
        assert_eq!((counts.num_overflows, counts.num_lost), (1, 500));
        assert_eq!(read(&mut line), numbered[..4_000]);
        capture.write(&numbered[..6], Instant::now());
        assert_eq!(read(&mut line), numbered[..6], "and it goes on");
        assert_eq!(health.counts().num_overflows, 1);
    }

    #[test]
    fn a_large_callback_is_let_out_as_it_was_played() {
        let (mut capture, mut line) = line(stereo(1_000), &Arc::default());
        let start = Instant::now();
        let head = Duration::from_millis(20);
        let at = |ms| start + Duration::from_millis(ms);
        capture.write(&[0.0_f32; 200], start);
        line.refresh(|_| ());
        let released = [0, 10, 50, 80, 500].map(|ms| line.released(at(ms), head));
        assert_eq!(released, [20, 30, 70, 100, 100]);
        capture.write(&[0.0_f32; 20], at(60));
        line.refresh(|_| ());
        assert_eq!(line.released(at(60), head), 110, "what came before it is let out at once");
        assert_eq!(line.waiting(), 110);
    }
}
