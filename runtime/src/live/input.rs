//! The transport of the stage.

use std::collections::VecDeque;
use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TryRecvError, never};
use lumawire_core::AudioBlock;

use super::health::Health;
use super::line::Line;
use super::resample::StreamResampler;
use crate::transport::{Read, Song, Transport, TransportError};

/// How long it sleeps while there is nothing to read.
const NAP: Duration = Duration::from_micros(500);
/// Samples that are moved at once.
const PIECE: usize = 256;
/// Callbacks whose time is remembered.
const MAX_ARRIVALS: usize = 16_384;
/// Channels where nothing has come yet.
const DEFAULT_CHANNELS: usize = 2;

/// When samples came.
struct Arrival {
    /// The first sample that came later.
    end: u64,
    at: Instant,
    song: Option<Song>,
}

/// Where samples come from.
pub(super) struct Heard {
    /// One line after the other.
    pub lines: Receiver<Line>,
    /// What goes wrong on them.
    pub health: Arc<Health>,
}

/// What comes from a device, at the patch's rate. `read` waits for samples; it ends when its
/// [`Keeper`](super::Keeper) is gone or the sound file has been played.
pub struct LiveInput {
    lines: Receiver<Line>,
    line: Option<Line>,
    next: Option<Line>,
    /// Whether no more lines will come.
    is_closed: bool,
    /// What is to be heard instead, and whether what waits of the line before is dropped for it.
    switch: Option<Receiver<Heard>>,
    hurries: bool,
    /// Closed when the show begins to hear.
    begun: Option<Sender<()>>,
    rate_hz: NonZero<u32>,
    /// What is read of a callback at once: a frame's length.
    head: Duration,
    health: Arc<Health>,
    resampler: Option<StreamResampler>,
    piece: Vec<f32>,
    /// Samples a channel given since the beginning.
    num_given: u64,
    /// The transport's sample at which the line began, with the resampler's delay.
    line_start: u64,
    /// When samples came: all before this one, at this time, with the song after it. Rising.
    arrivals: VecDeque<Arrival>,
}

impl LiveInput {
    /// Reads from the lines that come, one after the other, at `rate_hz`. A callback that is longer
    /// than `head` is let out bit by bit.
    pub(super) fn new(heard: Heard, rate_hz: NonZero<u32>, head: Duration) -> Self {
        let Heard { lines, health } = heard;
        Self {
            lines,
            line: None,
            next: None,
            is_closed: false,
            switch: None,
            hurries: false,
            begun: None,
            rate_hz,
            head,
            health,
            resampler: None,
            piece: Vec::new(),
            num_given: 0,
            line_start: 0,
            arrivals: VecDeque::with_capacity(MAX_ARRIVALS + 1),
        }
    }

    /// Hears what comes from `switch`, the newest of it; drops `begun` when it begins to.
    pub(super) fn switched(
        switch: Receiver<Heard>,
        begun: Sender<()>,
        rate_hz: NonZero<u32>,
        head: Duration,
    ) -> Self {
        let heard = Heard { lines: never(), health: Arc::default() };
        let input = Self::new(heard, rate_hz, head);
        Self { switch: Some(switch), begun: Some(begun), ..input }
    }

    /// When the sample came that is number `sample` here; `None` where that is forgotten.
    pub fn arrival_of(&self, sample: u64) -> Option<Instant> {
        self.arrival(sample).map(|arrival| arrival.at)
    }

    /// The callback that brought a sample.
    fn arrival(&self, sample: u64) -> Option<&Arrival> {
        let i = self.arrivals.partition_point(|arrival| arrival.end <= sample);
        self.arrivals.get(i)
    }

    /// Samples a channel, at the patch's rate, that have come and were not read.
    pub fn backlog(&mut self) -> u64 {
        self.refresh();
        let ready = self.resampler.as_ref().map_or(0, StreamResampler::num_ready) as u64;
        let waiting = self.line.as_ref().map_or(0, |line| {
            let released = line.released(Instant::now(), self.head) as u64;
            released * u64::from(self.rate_hz.get()) / u64::from(line.format.rate_hz.get())
        });
        ready + waiting
    }

    /// What is known of the sound's health.
    pub fn health(&self) -> &Arc<Health> {
        &self.health
    }

    /// Takes note of new callbacks and new lines. False when no more will ever come.
    fn refresh(&mut self) -> bool {
        self.begun = None;
        self.follow_switch();
        // A stream that failed before its first callback leaves an empty line.
        self.next = self.next.take().filter(|line| !line.is_abandoned() || line.has_samples());
        if self.next.is_none() {
            match self.lines.try_recv() {
                Ok(line) => self.next = Some(line),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => self.is_closed = true,
            }
        }
        self.note_arrivals();
        let is_over = self.hurries || self.line.as_ref().is_none_or(|line| line.waiting() == 0);
        let next_speaks = self.next.as_ref().is_some_and(Line::has_samples);
        if is_over && (next_speaks || self.line.is_none()) {
            self.take_next();
            self.note_arrivals();
        }
        let is_gone = self.line.as_ref().is_none_or(|l| l.is_abandoned() && l.waiting() == 0);
        !(is_gone && self.next.is_none() && self.is_closed && self.switch.is_none())
    }

    /// Takes what is to be heard instead; the line goes on until that speaks.
    fn follow_switch(&mut self) {
        while let Some(switch) = &self.switch {
            match switch.try_recv() {
                Ok(heard) => {
                    (self.lines, self.health) = (heard.lines, heard.health);
                    (self.next, self.is_closed, self.hurries) = (None, false, true);
                }
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => self.switch = None,
            }
        }
    }

    /// Forgets when samples came that were not read.
    fn drop_arrivals(&mut self) {
        let mut last = None;
        while self.arrivals.back().is_some_and(|arrival| arrival.end > self.num_given) {
            last = self.arrivals.pop_back();
        }
        if let Some(Arrival { at, .. }) = last {
            self.arrivals.push_back(Arrival { end: self.num_given, at, song: None });
        }
    }

    fn note_arrivals(&mut self) {
        let Some(line) = &mut self.line else { return };
        let (from_hz, to_hz) = (line.format.rate_hz.get(), self.rate_hz.get());
        let (start, arrivals) = (self.line_start, &mut self.arrivals);
        line.refresh(|stamp| {
            let end = start + stamp.end * u64::from(to_hz) / u64::from(from_hz);
            arrivals.push_back(Arrival { end, at: stamp.arrived, song: stamp.song });
        });
        while arrivals.len() > MAX_ARRIVALS {
            arrivals.pop_front();
        }
    }

    /// Goes on with the next line, if there is one.
    fn take_next(&mut self) {
        let Some(line) = self.next.take() else { return };
        if std::mem::take(&mut self.hurries) {
            self.drop_arrivals();
        }
        let (from_hz, to_hz) = (line.format.rate_hz, self.rate_hz);
        self.resampler = None;
        if from_hz != to_hz {
            let made = StreamResampler::new(line.format.num_channels, from_hz.get(), to_hz.get());
            match made {
                Ok(resampler) => self.resampler = Some(resampler),
                // Checked before a device is taken.
                Err(error) => tracing::error!("resampling: {error}"),
            }
        }
        self.piece.resize(PIECE * line.format.num_channels, 0.0);
        let delay = self.resampler.as_ref().map_or(0, StreamResampler::delay);
        self.line_start = self.num_given + delay as u64;
        self.line = Some(line);
    }

    /// Moves samples that are there into `block` from `from` on; returns how many.
    fn read_now(&mut self, block: &mut AudioBlock, from: usize) -> usize {
        let wanted = block.len().saturating_sub(from);
        let is_last = self.next.is_some();
        let Some(line) = &mut self.line else { return 0 };
        let num_channels = line.format.num_channels;
        let is_over = is_last || line.is_abandoned();
        let released =
            if is_over { line.waiting() } else { line.released(Instant::now(), self.head) };
        let Some(resampler) = &mut self.resampler else {
            let n = wanted.min(released).min(PIECE);
            let piece = &mut self.piece[..n * num_channels];
            line.read(piece);
            self.health.hear(peak(piece));
            for c in 0..block.num_channels() {
                let to = &mut block.channel_mut(c)[from..from + n];
                for (i, to) in to.iter_mut().enumerate() {
                    *to = if c < num_channels { piece[i * num_channels + c] } else { 0.0 };
                }
            }
            return n;
        };
        if resampler.num_ready() == 0 {
            let n = released.min(resampler.num_missing()).min(PIECE);
            let piece = &mut self.piece[..n * num_channels];
            line.read(piece);
            self.health.hear(peak(piece));
            resampler.push(piece);
        }
        let n = resampler.num_ready().min(wanted);
        for c in 0..block.num_channels() {
            let to = &mut block.channel_mut(c)[from..from + n];
            match resampler.ready(c, n) {
                [] => to.fill(0.0),
                samples => to.copy_from_slice(samples),
            }
        }
        resampler.take(n);
        n
    }
}

impl Transport for LiveInput {
    fn num_channels(&self) -> usize {
        self.line.as_ref().map_or(DEFAULT_CHANNELS, |line| line.format.num_channels)
    }

    fn settle(&mut self) {
        while self.line.is_none() && !self.health.has_ended() && self.refresh() {
            thread::sleep(NAP);
        }
    }

    fn num_samples(&self) -> Option<u64> {
        None
    }

    fn song_at(&self, sample: u64) -> Option<Song> {
        let arrival = self.arrival(sample)?;
        let song = arrival.song?;
        let back = if song.runs { arrival.end - sample } else { 0 };
        // What came before a jump in the same callback belongs to the place before it.
        let since = song.since.checked_sub(back)?;
        Some(Song { sample: song.sample.saturating_sub(back), since, ..song })
    }

    fn read(&mut self, block: &mut AudioBlock, from: usize) -> Result<Read, TransportError> {
        if from >= block.len() {
            return Ok(Read::Samples(0));
        }
        loop {
            // Asked first: what came before the end is there.
            let has_ended = self.health.has_ended();
            let goes_on = self.refresh();
            let before = self.line.as_ref().map_or(0, Line::waiting);
            let n = self.read_now(block, from);
            if n > 0 {
                self.num_given += n as u64;
                return Ok(Read::Samples(n));
            }
            let after = self.line.as_ref().map_or(0, Line::waiting);
            if after < before {
                continue; // went into the resampler
            }
            if !goes_on || (has_ended && after == 0) {
                return Ok(Read::Ended);
            }
            thread::sleep(NAP);
        }
    }
}

fn peak(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0, |peak, v| peak.max(v.abs()))
}
