//! Plays a sound file through an output device, and lets the engine hear what is played.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Builder, JoinHandle};
use std::time::{Duration, Instant};

use cpal::FromSample;
use crossbeam_channel::Sender;
use lumawire_core::AudioBlock;
use rtrb::{Consumer, Producer, RingBuffer};

use super::deck::{Deck, Reopen};
use super::device::Format;
use super::health::Health;
use super::line::Capture;
use super::resample::StreamResampler;
use crate::transport::{Read, Song, Transport, TransportError};

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
    deck: Deck,
    /// Samples a channel that were taken from the ring.
    num_pulled: u64,
    /// Where the sound stood last.
    song: Option<Song>,
    /// `num_pulled` when the sound began to run again.
    resumed_at: u64,
    /// Whether the last callback played less than it was asked for.
    is_starved: bool,
}

impl Feed {
    fn is_at_end(&self) -> bool {
        self.is_over.load(Ordering::Acquire) && self.samples.is_empty()
    }

    /// Where the sound stands now.
    fn song(&mut self) -> Option<Song> {
        let runs = !self.deck.is_paused() && !self.is_starved;
        if !runs {
            self.resumed_at = self.num_pulled;
        }
        if let Some((sample, since)) = self.deck.place_at(self.num_pulled) {
            let since = since.min(self.num_pulled - self.resumed_at);
            self.song = Some(Song { sample, runs, since });
        }
        self.song
    }
}

/// Reads a sound into a ring on a thread of its own.
pub(super) struct Feeder {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Feeder {
    /// Reads the sound that `open` gives, at `rate_hz`, from its beginning and where `deck` wants
    /// it. `failed` is told if it breaks off.
    pub fn start(
        sound: Box<dyn Transport>,
        open: Reopen,
        deck: Deck,
        rate_hz: u32,
        failed: impl FnOnce(TransportError) + Send + 'static,
    ) -> std::io::Result<(Self, Feed)> {
        let num_channels = sound.num_channels().max(1);
        let len = (f64::from(rate_hz) * AHEAD_SECS) as usize * num_channels;
        let (ring, samples) = RingBuffer::new(len.max(2 * BLOCK_LEN * num_channels));
        let (stop, is_over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let feed = Feed {
            samples,
            num_channels,
            is_over: is_over.clone(),
            deck: deck.clone(),
            num_pulled: 0,
            song: None,
            resumed_at: 0,
            is_starved: false,
        };
        let mut pour = Pour {
            sound,
            open,
            deck,
            num_channels,
            ring,
            stop: stop.clone(),
            is_over: is_over.clone(),
            at: 0,
            num_pushed: 0,
        };
        let thread = Builder::new().name("lumawire-playback".into()).spawn(move || {
            if let Err(error) = pour.run() {
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

/// What the feeder's thread does.
struct Pour {
    sound: Box<dyn Transport>,
    open: Reopen,
    deck: Deck,
    num_channels: usize,
    ring: Producer<f32>,
    stop: Arc<AtomicBool>,
    is_over: Arc<AtomicBool>,
    /// The sound's sample that is read next.
    at: u64,
    /// Samples a channel that went into the ring.
    num_pushed: u64,
}

impl Pour {
    /// Reads to the end, or until nobody plays.
    fn run(&mut self) -> Result<(), TransportError> {
        let mut block = AudioBlock::default();
        while !self.is_stopped() {
            if let Some((to, drops)) = self.deck.jump_at(self.at) {
                self.jump(to, drops)?;
            }
            let len = self.deck.until_jump(self.at).min(BLOCK_LEN as u64) as usize;
            block.resize(self.num_channels, len);
            match self.sound.read(&mut block, 0)? {
                Read::Samples(n) => self.push(&block, n),
                Read::Ended => match self.wait_at_end() {
                    Some((to, drops)) => self.jump(to, drops)?,
                    None => return Ok(()),
                },
            }
        }
        Ok(())
    }

    /// Until all was played the user may still go elsewhere, and later too where the show outlasts the
    /// sound: where to.
    fn wait_at_end(&mut self) -> Option<(u64, bool)> {
        // A sound without samples would begin again for ever.
        if self.at == 0 {
            return None;
        }
        loop {
            let next = self.deck.after_end();
            let is_played = self.ring.slots() == self.ring.buffer().capacity();
            let is_done = is_played && !self.deck.stays();
            if next.is_some() || is_done || self.is_stopped() {
                self.is_over.store(next.is_none(), Ordering::Release);
                return next;
            }
            self.is_over.store(true, Ordering::Release);
            thread::sleep(NAP);
        }
    }

    fn jump(&mut self, to: u64, drops: bool) -> Result<(), TransportError> {
        self.deck.set_seeking(true);
        let opened = (self.open)(to, &self.stop);
        self.deck.set_seeking(false);
        self.sound = opened?;
        self.deck.begin_span(self.num_pushed, to, drops);
        self.at = to;
        Ok(())
    }

    /// Waits for room, and puts the first `n` samples of `block` there, unless the user wants to be
    /// elsewhere meanwhile.
    fn push(&mut self, block: &AudioBlock, n: usize) {
        while self.ring.slots() < n * self.num_channels {
            if self.is_stopped() || self.deck.wants_to_seek() {
                return;
            }
            thread::sleep(NAP);
        }
        let num_channels = self.num_channels;
        if let Ok(chunk) = self.ring.write_chunk_uninit(n * num_channels) {
            chunk.fill_from_iter(
                (0..n).flat_map(|i| (0..num_channels).map(move |c| block.channel(c)[i])),
            );
        }
        self.at += n as u64;
        self.num_pushed += n as u64;
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.ring.is_abandoned()
    }
}

/// An output's callback: what it plays goes to the engine at the same moment, at the patch's rate,
/// sample for sample. When it is dropped the feed goes back to be played by another device.
pub struct Player {
    feed: Option<Feed>,
    echo: Capture,
    /// From the patch's rate to the device's.
    resampler: Option<StreamResampler>,
    num_device_channels: usize,
    rate_hz: u32,
    device_rate_hz: u32,
    /// What silence is still owed, in samples over both rates.
    rest: u64,
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
        let device_rate_hz = device.rate_hz.get();
        let player = Self {
            feed,
            echo,
            resampler,
            num_device_channels,
            rate_hz,
            device_rate_hz,
            rest: 0,
            piece,
            health,
            give_back,
        };
        // Dropping the player gives the feed back.
        fault.map_or(Ok(player), Err)
    }

    /// Fills what a callback asks for at `now`: `[len, channels]`, any format of samples. Where the
    /// file cannot follow there is silence, and the engine waits too; both stay in step.
    pub fn fill<T: Copy + FromSample<f32>>(&mut self, out: &mut [T], now: Instant) {
        let mut at = 0;
        let num_channels = self.num_device_channels.max(1);
        self.discard();
        if self.is_paused() {
            out.fill(T::from_sample_(0.0));
            let len = self.at_patch_rate(out.len() / num_channels);
            self.echo.push_silence(len);
            return self.stamp(now);
        }
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
                Some(feed) if feed.is_at_end() && !feed.deck.stays() => {
                    self.stamp(now);
                    self.health.end();
                    return;
                }
                // The show goes on in silence while the file is opened at another place, and after
                // its end where it outlasts it.
                Some(feed) if feed.deck.is_seeking() || feed.is_at_end() => {
                    let len = self.at_patch_rate((out.len() - at) / num_channels);
                    self.echo.push_silence(len);
                }
                _ => self.health.count_underrun(),
            }
        }
        if let Some(feed) = &mut self.feed {
            feed.is_starved = at < out.len();
        }
        self.stamp(now);
    }

    fn stamp(&mut self, now: Instant) {
        let song = self.feed.as_mut().and_then(Feed::song);
        self.echo.stamp(now, song);
    }

    fn is_paused(&self) -> bool {
        self.feed.as_ref().is_some_and(|feed| feed.deck.is_paused())
    }

    /// So many samples of the device in samples of the patch; what is over counts the next time.
    fn at_patch_rate(&mut self, len: usize) -> usize {
        let ticks = len as u64 * u64::from(self.rate_hz) + self.rest;
        self.rest = ticks % u64::from(self.device_rate_hz);
        (ticks / u64::from(self.device_rate_hz)) as usize
    }

    /// Throws away what was read ahead before the user went elsewhere.
    fn discard(&mut self) {
        let Some(feed) = &mut self.feed else { return };
        let wanted = feed.deck.num_to_discard(feed.num_pulled);
        let n = wanted.min((feed.samples.slots() / feed.num_channels) as u64);
        if let Ok(chunk) = feed.samples.read_chunk(n as usize * feed.num_channels) {
            chunk.commit_all();
            feed.num_pulled += n;
        }
    }

    /// Moves up to `wanted` samples a channel from the feed to the engine, into `piece`.
    fn pull(&mut self, wanted: usize) -> usize {
        let Some(feed) = &mut self.feed else { return 0 };
        let n = wanted.min(PIECE).min(feed.samples.slots() / feed.num_channels);
        let piece = &mut self.piece[..n * feed.num_channels];
        if feed.samples.pop_entire_slice(piece).is_err() {
            return 0;
        }
        feed.num_pulled += n as u64;
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
        deck: Deck,
        _feeder: Feeder,
        given_back: crossbeam_channel::Receiver<Feed>,
    }

    fn rig(sound: AudioBlock, device: Format) -> Rig {
        let deck = Deck::new(RATE_HZ, Some(sound.len() as u64));
        rig_with(sound, device, deck, |feed| feed.is_over.load(Ordering::Acquire) || is_full(feed))
    }

    fn rig_with(
        sound: AudioBlock,
        device: Format,
        deck: Deck,
        is_ready: impl Fn(&Feed) -> bool,
    ) -> Rig {
        let health = Arc::new(Health::default());
        let num_channels = sound.num_channels();
        let open = reopening(sound.clone());
        let first = Box::new(Memory::new(sound));
        let failed = |e| panic!("{e}");
        let (_feeder, feed) = Feeder::start(first, open, deck.clone(), RATE_HZ, failed).unwrap();
        while !is_ready(&feed) {
            thread::sleep(Duration::from_millis(1));
        }
        let (echo, line) = line(format(RATE_HZ, num_channels), &health);
        let (give_back, given_back) = bounded(1);
        let player =
            Player::new(feed, RATE_HZ, device, echo, health.clone(), give_back).ok().unwrap();
        Rig { player, line, health, deck, _feeder, given_back }
    }

    /// Whether the feeder has no room for more.
    fn is_full(feed: &Feed) -> bool {
        let room = feed.samples.buffer().capacity() - feed.samples.slots();
        room < BLOCK_LEN * feed.num_channels
    }

    fn reopening(sound: AudioBlock) -> Reopen {
        Box::new(move |from, _| Ok(Box::new(Memory::new(sound.clone()).from_sample(from))))
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

    /// What the next callback plays of the left channel, as numbers of samples.
    fn played(rig: &mut Rig, len: usize) -> Vec<i32> {
        let mut out = vec![9.0_f32; len * 2];
        rig.player.fill(&mut out, Instant::now());
        out.iter().step_by(2).map(|v| (v * 4_096.0) as i32).collect()
    }

    /// Waits until the feeder has read what the deck wants now.
    fn settle(rig: &Rig, is_there: impl Fn(&Feed) -> bool) {
        let feed = rig.player.feed.as_ref().unwrap();
        let started = Instant::now();
        while !is_there(feed) {
            assert!(started.elapsed() < Duration::from_secs(10));
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn a_pause_is_silence_and_goes_on_where_it_stopped() {
        let mut rig = rig(ramp(1_000), format(RATE_HZ, 2));
        assert_eq!(played(&mut rig, 3), [0, 1, 2]);
        rig.deck.set_paused(true);
        assert_eq!(played(&mut rig, 4), [0; 4]);
        rig.deck.set_paused(false);
        assert_eq!(played(&mut rig, 3), [3, 4, 5]);
        assert_eq!(rig.deck.position_secs(), 6.0 / 8_000.0);
        let mut songs = Vec::new();
        rig.line.refresh(|stamp| songs.push((stamp.end, stamp.song.unwrap())));
        let song = |sample, runs, since| Song { sample, runs, since };
        assert_eq!(songs, [(3, song(3, true, 3)), (7, song(3, false, 0)), (10, song(6, true, 3))]);
    }

    #[test]
    fn after_a_seek_the_next_sample_is_the_one_asked_for() {
        let mut rig = rig(ramp(60_000), format(RATE_HZ, 2));
        assert_eq!(played(&mut rig, 2), [0, 1]);
        rig.deck.seek(5.0);
        settle(&rig, |feed| feed.deck.num_to_discard(feed.num_pulled) > 0);
        let _ = played(&mut rig, 1); // throws away what was read ahead
        settle(&rig, |feed| feed.samples.slots() > 20);
        assert_eq!(played(&mut rig, 2), [40_000, 40_001]);
        assert_eq!(rig.deck.position_secs(), 40_002.0 / 8_000.0);
        assert_eq!(rig.deck.duration_secs(), Some(7.5));
    }

    #[test]
    fn a_loop_repeats_its_samples_without_a_gap() {
        let sound = ramp(1_000);
        let deck = Deck::new(RATE_HZ, Some(1_000));
        deck.set_loop(Some((0.01, 0.02)));
        let mut rig = rig_with(sound, format(RATE_HZ, 2), deck, is_full);
        let expected: Vec<i32> = (0..80).chain((80..160).cycle()).take(500).collect();
        assert_eq!(played(&mut rig, 500), expected);
    }

    #[test]
    fn a_repeated_sound_has_no_end() {
        let deck = Deck::new(RATE_HZ, Some(100));
        deck.set_repeats(true);
        let mut rig = rig_with(ramp(100), format(RATE_HZ, 2), deck, is_full);
        let expected: Vec<i32> = (0..100).cycle().take(350).collect();
        assert_eq!(played(&mut rig, 350), expected);
        assert!(!rig.health.has_ended());
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
