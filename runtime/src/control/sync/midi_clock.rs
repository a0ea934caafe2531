//! The tempo and position of a MIDI clock.

use std::collections::VecDeque;
use std::time::Duration;

use super::ClockNews;
use crate::control::midi::Message;

/// Ticks a beat.
const TICKS_PER_BEAT: f64 = 24.0;
/// Ticks a sixteenth, the unit of song positions.
const TICKS_PER_SIXTEENTH: i64 = 6;
/// Ticks that the line is laid through: two beats.
const MAX_TICKS: usize = 48;
/// Fewer ticks than these keep the tempo that was known before.
const MIN_TICKS: usize = 6;
/// Ticks after which a clock without a known tempo is told of first.
const FIRST_TICKS: usize = 3;
/// News come every so many ticks: four a beat.
const TELL_TICKS: u32 = 6;
/// A longer pause, in seconds, is the clock's end: 10 beats a minute.
const MAX_GAP_SECS: f64 = 0.25;
/// So many ticks in turn that lie so much to one side, in ticks, are another tempo.
const MOVED_TICKS: usize = 6;
const MOVED_BY: f64 = 0.3;

/// Lays a line through the last ticks of one device, so that their jitter averages out.
#[derive(Debug, Clone, Default)]
pub struct MidiClock {
    /// Time in seconds and number.
    ticks: VecDeque<(f64, f64)>,
    /// Ticks a second, once known.
    rate_hz: Option<f64>,
    /// How far, in turn, the last ticks lay from the line.
    strays: VecDeque<f64>,
    /// Number of the tick that comes next.
    next: i64,
    runs: bool,
    stopped_at: Option<i64>,
    num_untold: u32,
    last: Option<ClockNews>,
}

impl MidiClock {
    /// Takes a message that came at `at` of the device's own time, and says where the clock is then,
    /// now and again.
    pub fn hear(&mut self, at: Duration, message: &Message) -> Option<ClockNews> {
        match message {
            Message::Tick => return self.tick(at.as_secs_f64()),
            Message::Start => self.go(0),
            Message::Continue => self.go(self.stopped_at.unwrap_or(self.next)),
            Message::SongPosition(sixteenths) => {
                let position = i64::from(*sixteenths) * TICKS_PER_SIXTEENTH;
                self.stopped_at = Some(position);
                self.renumber(position);
            }
            Message::Stop => {
                self.stopped_at.get_or_insert(self.next);
                self.runs = false;
                self.last.as_mut()?.runs = false;
                return self.last;
            }
            _ => {}
        }
        None
    }

    fn go(&mut self, next: i64) {
        self.renumber(next);
        self.runs = true;
        self.stopped_at = None;
    }

    /// The next tick has another number: the line begins anew, at the tempo that it had.
    fn renumber(&mut self, next: i64) {
        self.next = next;
        self.begin();
        self.num_untold = TELL_TICKS;
    }

    fn begin(&mut self) {
        self.ticks.clear();
        self.strays.clear();
    }

    fn tick(&mut self, secs: f64) -> Option<ClockNews> {
        if let Some((last, _)) = self.ticks.back()
            && !(0.0..MAX_GAP_SECS).contains(&(secs - last))
        {
            self.begin();
            self.rate_hz = None;
        }
        self.notice_change(secs);
        self.ticks.push_back((secs, self.next as f64));
        self.next += 1;
        if self.ticks.len() > MAX_TICKS {
            self.ticks.pop_front();
        }
        self.fit();
        self.num_untold += 1;
        let is_first = self.last.is_none();
        if self.num_untold < TELL_TICKS && !is_first {
            return None;
        }
        let rate_hz = self.rate_hz?;
        self.num_untold = 0;
        let (bpm, beats) = (rate_hz * 60.0 / TICKS_PER_BEAT, self.at(secs)? / TICKS_PER_BEAT);
        self.last = Some(ClockNews { bpm, beats, runs: self.runs });
        self.last
    }

    /// Begins anew with the last ticks where all of them lie to one side of the line.
    fn notice_change(&mut self, secs: f64) {
        if self.ticks.len() < MIN_TICKS {
            return;
        }
        let Some(expected) = self.at(secs) else { return };
        self.strays.push_back(self.next as f64 - expected);
        if self.strays.len() > MOVED_TICKS {
            self.strays.pop_front();
        }
        let is_full = self.strays.len() == MOVED_TICKS;
        let all = |side: f64| self.strays.iter().all(|stray| stray * side > MOVED_BY);
        if is_full && (all(1.0) || all(-1.0)) {
            let num_old = self.ticks.len().saturating_sub(MOVED_TICKS - 1);
            self.ticks.drain(..num_old);
            self.strays.clear();
        }
    }

    /// The means of time and number.
    fn means(&self) -> Option<(f64, f64)> {
        let n = self.ticks.len() as f64;
        let sum = self.ticks.iter().fold((0.0, 0.0), |sum, tick| (sum.0 + tick.0, sum.1 + tick.1));
        (n > 0.0).then_some((sum.0 / n, sum.1 / n))
    }

    /// The slope of least squares.
    fn fit(&mut self) {
        let least = if self.rate_hz.is_some() { MIN_TICKS } else { FIRST_TICKS };
        let Some((t, n)) = self.means().filter(|_| self.ticks.len() >= least) else { return };
        let (mut square, mut product) = (0.0, 0.0);
        for (secs, number) in &self.ticks {
            square += (secs - t) * (secs - t);
            product += (secs - t) * (number - n);
        }
        if square > 0.0 && product > 0.0 {
            self.rate_hz = Some(product / square);
        }
    }

    /// The number of the tick at a time, by the line.
    fn at(&self, secs: f64) -> Option<f64> {
        let (t, n) = self.means()?;
        Some(n + (secs - t) * self.rate_hz?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A generator of reproducible jitter in −1..1.
    struct Jitter(u32);

    impl Jitter {
        fn next(&mut self) -> f64 {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(self.0 >> 8) / f64::from(1 << 23) - 1.0
        }
    }

    struct Player {
        clock: MidiClock,
        secs: f64,
        jitter: Jitter,
    }

    impl Player {
        fn new() -> Self {
            Self { clock: MidiClock::default(), secs: 10.0, jitter: Jitter(1) }
        }

        /// Ticks at a tempo, each up to `jitter_secs` too soon or too late; what was told, with the
        /// time.
        fn play(&mut self, bpm: f64, num: u32, jitter_secs: f64) -> Vec<(f64, ClockNews)> {
            let mut told = Vec::new();
            for _ in 0..num {
                let at = self.secs + jitter_secs * self.jitter.next();
                let news = self.clock.hear(Duration::from_secs_f64(at), &Message::Tick);
                told.extend(news.map(|news| (at, news)));
                self.secs += 60.0 / bpm / TICKS_PER_BEAT;
            }
            told
        }
    }

    #[test]
    fn a_steady_clock_is_exact() {
        for bpm in [20.0, 60.0, 128.0, 174.3, 300.0] {
            let mut player = Player::new();
            player.clock.hear(Duration::ZERO, &Message::Start);
            let told = player.play(bpm, 240, 0.0);
            assert!(told.len() >= 38, "{}", told.len());
            for (secs, news) in told {
                let beats = (secs - 10.0) * bpm / 60.0;
                assert!((news.bpm - bpm).abs() < 1e-3 * bpm, "{bpm}: {news:?}");
                assert!((news.beats - beats).abs() < 1e-4, "{bpm}: {beats} {news:?}");
                assert!(news.runs);
            }
        }
    }

    /// Jitter as of USB (1 ms) and of a busy computer (4 ms), even in between.
    #[test]
    fn jitter_averages_out() {
        for (jitter_secs, bpm_error) in [(0.001, 0.2), (0.004, 0.8)] {
            let mut player = Player::new();
            let told = player.play(128.0, 24 * 200, jitter_secs);
            let settled: Vec<_> = told.iter().filter(|(secs, _)| *secs > 12.0).collect();
            assert!(settled.len() > 700);
            let beats_of = |secs: f64| (secs - 10.0) * 128.0 / 60.0;
            let errors = settled.iter().map(|(secs, news)| {
                ((news.bpm - 128.0).abs(), (news.beats - beats_of(*secs)).abs() * 60.0 / 128.0)
            });
            let (mut worst_bpm, mut worst_secs) = (0.0_f64, 0.0_f64);
            for (bpm, secs) in errors {
                (worst_bpm, worst_secs) = (worst_bpm.max(bpm), worst_secs.max(secs));
            }
            assert!(worst_bpm < bpm_error, "{jitter_secs}: {worst_bpm} bpm");
            assert!(worst_secs < jitter_secs, "{jitter_secs}: {worst_secs} s");
            let mean = settled.iter().map(|(_, news)| news.bpm).sum::<f64>() / settled.len() as f64;
            assert!((mean - 128.0).abs() < 0.02, "{mean}");
        }
    }

    #[test]
    fn a_new_tempo_is_followed_within_a_beat() {
        let mut player = Player::new();
        player.play(120.0, 200, 0.001);
        player.play(140.0, 24, 0.001);
        let told = player.play(140.0, 48, 0.001);
        for (_, news) in &told {
            assert!((news.bpm - 140.0).abs() < 4.0, "{news:?}");
        }
        assert!((told.last().unwrap().1.bpm - 140.0).abs() < 0.5);
    }

    #[test]
    fn start_stop_continue_and_song_position() {
        let mut player = Player::new();
        let told = player.play(120.0, 48, 0.0);
        assert!(!told.last().unwrap().1.runs);
        player.clock.hear(Duration::ZERO, &Message::Start);
        let told = player.play(120.0, 25, 0.0);
        // The first tick after the start is beat 0, and is told at once.
        assert_eq!((told[0].1.beats, told[0].1.runs), (0.0, true));
        let stopped = player.clock.hear(Duration::ZERO, &Message::Stop).unwrap();
        assert!(!stopped.runs);
        player.play(120.0, 30, 0.0);
        player.clock.hear(Duration::ZERO, &Message::Continue);
        let told = player.play(120.0, 1, 0.0);
        assert!((told[0].1.beats - 25.0 / 24.0).abs() < 1e-6, "{told:?}");
        player.clock.hear(Duration::ZERO, &Message::Stop);
        player.clock.hear(Duration::ZERO, &Message::SongPosition(32));
        player.clock.hear(Duration::ZERO, &Message::Continue);
        let told = player.play(120.0, 1, 0.0);
        assert!((told[0].1.beats - 8.0).abs() < 1e-6 && told[0].1.runs, "{told:?}");
    }

    #[test]
    fn a_pause_begins_anew() {
        let mut player = Player::new();
        player.play(120.0, 100, 0.0);
        player.secs += 3.0;
        let told = player.play(90.0, 60, 0.0);
        assert!((told.last().unwrap().1.bpm - 90.0).abs() < 1e-6);
        // Time that goes back, as of a device that was replaced, does no harm.
        player.secs = 1.0;
        let told = player.play(75.0, 60, 0.0);
        assert!((told.last().unwrap().1.bpm - 75.0).abs() < 1e-6);
    }
}
