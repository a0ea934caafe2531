//! Plays a sound file through an output device, and lets the engine hear what is played.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Builder, JoinHandle};
use std::time::{Duration, Instant};

use cpal::FromSample;
use crossbeam_channel::Sender;
use lumawire_core::AudioBlock;
use rtrb::{Consumer, Producer, RingBuffer};

use super::device::Format;
use super::health::Health;
use super::line::Capture;
use super::resample::StreamResampler;
use crate::transport::{Read, Transport, TransportError};

/// Sound that is read ahead, in seconds.
const AHEAD_SECS: f64 = 0.5;
/// Samples that the feeder reads at once.
const BLOCK_LEN: usize = 256;
/// How long the feeder sleeps while the ring is full.
const NAP: Duration = Duration::from_millis(5);
/// Samples that the callback moves at once.
const PIECE: usize = 64;

/// The sound that waits to be played, at the patch's rate, `[len, channels]`.
pub(super) struct Feed {
    samples: Consumer<f32>,
    num_channels: usize,
    /// Whether no more will come.
    is_over: Arc<AtomicBool>,
}

/// Reads a sound into a ring on a thread of its own.
pub(super) struct Feeder {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Feeder {
    /// Reads `sound`, which is at `rate_hz`. `failed` is told if it breaks off.
    pub fn start(
        mut sound: Box<dyn Transport>,
        rate_hz: u32,
        failed: impl FnOnce(TransportError) + Send + 'static,
    ) -> std::io::Result<(Self, Feed)> {
        let num_channels = sound.num_channels().max(1);
        let len = (f64::from(rate_hz) * AHEAD_SECS) as usize * num_channels;
        let (mut ring, samples) = RingBuffer::new(len.max(2 * BLOCK_LEN * num_channels));
        let (stop, is_over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let feed = Feed { samples, num_channels, is_over: is_over.clone() };
        let stopped = stop.clone();
        let thread = Builder::new().name("lumawire-playback".into()).spawn(move || {
            if let Err(error) = pour(&mut *sound, num_channels, &mut ring, &stopped) {
                failed(error);
            }
            is_over.store(true, Ordering::Release);
        })?;
        Ok((Self { stop, thread: Some(thread) }, feed))
    }
}

impl Drop for Feeder {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Reads to the end, or until nobody plays.
fn pour(
    sound: &mut dyn Transport,
    num_channels: usize,
    ring: &mut Producer<f32>,
    stop: &AtomicBool,
) -> Result<(), TransportError> {
    let mut block = AudioBlock::silent(num_channels, BLOCK_LEN);
    while let Read::Samples(n) = sound.read(&mut block, 0)? {
        while ring.slots() < n * num_channels {
            if stop.load(Ordering::Relaxed) || ring.is_abandoned() {
                return Ok(());
            }
            thread::sleep(NAP);
        }
        if let Ok(chunk) = ring.write_chunk_uninit(n * num_channels) {
            let block = &block;
            chunk.fill_from_iter(
                (0..n).flat_map(|i| (0..num_channels).map(move |c| block.channel(c)[i])),
            );
        }
    }
    Ok(())
}

/// An output's callback: what it plays goes to the engine at the same moment, at the patch's rate,
/// sample for sample. When it is dropped the feed goes back to be played by another device.
pub struct Player {
    feed: Option<Feed>,
    echo: Capture,
    /// From the patch's rate to the device's.
    resampler: Option<StreamResampler>,
    num_device_channels: usize,
    piece: Vec<f32>,
    health: Arc<Health>,
    give_back: Sender<Feed>,
}

impl Player {
    /// Plays `feed`, which is at `rate_hz`, on a device of `device`. The error says why their rates
    /// do not fit, and gives the feed back.
    pub(super) fn new(
        feed: Feed,
        rate_hz: u32,
        device: Format,
        echo: Capture,
        health: Arc<Health>,
        give_back: Sender<Feed>,
    ) -> Result<Self, String> {
        let resampler = (device.rate_hz.get() != rate_hz)
            .then(|| StreamResampler::new(feed.num_channels, rate_hz, device.rate_hz.get()))
            .transpose();
        let (resampler, fault) = match resampler {
            Ok(resampler) => (resampler, None),
            Err(fault) => (None, Some(fault)),
        };
        let piece = vec![0.0; PIECE * feed.num_channels];
        let num_device_channels = device.num_channels;
        let feed = Some(feed);
        let player = Self { feed, echo, resampler, num_device_channels, piece, health, give_back };
        // Dropping the player gives the feed back.
        fault.map_or(Ok(player), Err)
    }

    /// Fills what a callback asks for at `now`: `[len, channels]`, any format of samples. Where the
    /// file cannot follow there is silence, and the engine waits too; both stay in step.
    pub fn fill<T: Copy + FromSample<f32>>(&mut self, out: &mut [T], now: Instant) {
        let mut at = 0;
        let num_channels = self.num_device_channels.max(1);
        while at + num_channels <= out.len() {
            let wanted = (out.len() - at) / num_channels;
            let to = &mut out[at..];
            let n = if self.resampler.is_some() {
                self.fill_converted(to, wanted)
            } else {
                self.fill_as_it_is(to, wanted)
            };
            if n == 0 {
                break;
            }
            at += n * num_channels;
        }
        if at < out.len() {
            out[at..].fill(T::from_sample_(0.0));
            match &self.feed {
                Some(feed) if feed.is_over.load(Ordering::Acquire) && feed.samples.is_empty() => {
                    self.echo.stamp(now);
                    self.health.end();
                    return;
                }
                _ => self.health.count_underrun(),
            }
        }
        self.echo.stamp(now);
    }

    /// Moves up to `wanted` samples a channel from the feed to the engine, into `piece`.
    fn pull(&mut self, wanted: usize) -> usize {
        let Some(feed) = &mut self.feed else { return 0 };
        let n = wanted.min(PIECE).min(feed.samples.slots() / feed.num_channels);
        let piece = &mut self.piece[..n * feed.num_channels];
        if feed.samples.pop_entire_slice(piece).is_err() {
            return 0;
        }
        self.echo.push(piece);
        n
    }

    fn fill_as_it_is<T: Copy + FromSample<f32>>(&mut self, out: &mut [T], wanted: usize) -> usize {
        let n = self.pull(wanted);
        let from = self.piece.len() / PIECE;
        for (i, out) in out.chunks_exact_mut(self.num_device_channels).take(n).enumerate() {
            let samples = &self.piece[i * from..(i + 1) * from];
            spread(out, from, |c| samples[c]);
        }
        n
    }

    fn fill_converted<T: Copy + FromSample<f32>>(&mut self, out: &mut [T], wanted: usize) -> usize {
        loop {
            let Some(resampler) = &mut self.resampler else { return 0 };
            let n = resampler.num_ready().min(wanted);
            if n > 0 {
                let from = self.piece.len() / PIECE;
                for (i, out) in out.chunks_exact_mut(self.num_device_channels).take(n).enumerate() {
                    spread(out, from, |c| resampler.ready(c, n)[i]);
                }
                resampler.take(n);
                return n;
            }
            let missing = resampler.num_missing();
            let n = self.pull(missing);
            if n == 0 {
                return 0;
            }
            let samples = n * (self.piece.len() / PIECE);
            if let Some(resampler) = &mut self.resampler {
                resampler.push(&self.piece[..samples]);
            }
        }
    }
}

/// Channel by channel; a single one goes to all, and what the sound lacks stays silent.
fn spread<T: Copy + FromSample<f32>>(
    out: &mut [T],
    num_channels: usize,
    sample: impl Fn(usize) -> f32,
) {
    for (c, out) in out.iter_mut().enumerate() {
        let v = match c {
            _ if num_channels == 1 => sample(0),
            c if c < num_channels => sample(c),
            _ => 0.0,
        };
        *out = T::from_sample_(v);
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        if let Some(feed) = self.feed.take() {
            let _ = self.give_back.try_send(feed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZero;

    use crossbeam_channel::bounded;

    use super::super::line::{Line, line};
    use super::*;
    use crate::transport::Memory;

    const RATE_HZ: u32 = 8_000;

    fn format(rate_hz: u32, num_channels: usize) -> Format {
        Format { rate_hz: NonZero::new(rate_hz).unwrap(), num_channels }
    }

    struct Rig {
        player: Player,
        line: Line,
        health: Arc<Health>,
        _feeder: Feeder,
        given_back: crossbeam_channel::Receiver<Feed>,
    }

    fn rig(sound: AudioBlock, device: Format) -> Rig {
        let health = Arc::new(Health::default());
        let num_channels = sound.num_channels();
        let (_feeder, feed) =
            Feeder::start(Box::new(Memory::new(sound)), RATE_HZ, |e| panic!("{e}")).unwrap();
        while !feed.is_over.load(Ordering::Acquire) {
            thread::sleep(Duration::from_millis(1));
        }
        let (echo, line) = line(format(RATE_HZ, num_channels), &health);
        let (give_back, given_back) = bounded(1);
        let player =
            Player::new(feed, RATE_HZ, device, echo, health.clone(), give_back).ok().unwrap();
        Rig { player, line, health, _feeder, given_back }
    }

    fn ramp(len: usize) -> AudioBlock {
        let mut block = AudioBlock::silent(2, len);
        for i in 0..len {
            block.channel_mut(0)[i] = i as f32 / 4_096.0;
            block.channel_mut(1)[i] = -(i as f32) / 4_096.0;
        }
        block
    }

    fn heard(line: &mut Line) -> Vec<f32> {
        line.refresh(|_| ());
        let mut samples = vec![0.0; line.waiting() * line.format.num_channels];
        line.read(&mut samples);
        samples
    }

    #[test]
    fn plays_and_lets_hear_the_same_samples() {
        let mut rig = rig(ramp(1_000), format(RATE_HZ, 3));
        let mut played = Vec::new();
        for len in [1, 700, 63, 64, 172] {
            let mut out = vec![9.0_f32; len * 3];
            rig.player.fill(&mut out, Instant::now());
            played.extend(out);
        }
        let heard = heard(&mut rig.line);
        assert_eq!(heard.len(), 2_000);
        for i in 0..1_000 {
            let x = i as f32 / 4_096.0;
            assert_eq!(heard[2 * i..2 * i + 2], [x, -x]);
            assert_eq!(played[3 * i..3 * i + 3], [x, -x, 0.0]);
        }
        assert!(!rig.health.has_ended());
        let mut out = [9_i16; 6];
        rig.player.fill(&mut out, Instant::now());
        assert_eq!(out, [0; 6], "after the end there is silence");
        assert!(rig.health.has_ended());
        assert_eq!(rig.health.counts().num_underruns, 0, "an end is no fault");
    }

    #[test]
    fn at_another_rate_the_engine_still_hears_every_sample_of_the_file() {
        let mut rig = rig(ramp(2_000), format(11_025, 2));
        let mut num_played = 0;
        while !rig.health.has_ended() {
            let mut out = [0.0_f32; 2 * 147];
            rig.player.fill(&mut out, Instant::now());
            num_played += 147;
        }
        let heard = heard(&mut rig.line);
        assert_eq!(heard.len(), 4_000);
        assert!((0..2_000).all(|i| heard[2 * i] == i as f32 / 4_096.0));
        let expected = 2_000 * 11_025 / 8_000;
        assert!((expected..expected + 600).contains(&num_played), "{num_played} {expected}");
    }

    #[test]
    fn a_dropped_player_gives_back_what_it_did_not_play() {
        let mut rig = rig(ramp(1_000), format(RATE_HZ, 2));
        rig.player.fill(&mut [0.0_f32; 600], Instant::now());
        drop(rig.player);
        let feed = rig.given_back.try_recv().unwrap();
        assert_eq!(feed.samples.slots(), 2 * 700);
    }
}
