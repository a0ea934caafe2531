//! Puts what a show hears and shows onto a clock without gaps: picture `n` at `n/fps`, sample `i`
//! at `i/rate`, whatever came late or not at all.

use std::collections::VecDeque;
use std::sync::Arc;

use lumawire_core::{Clock, HostImage};

use super::OutputError;
use super::matroska::NUM_CHANNELS;

/// Seconds of sound before the first picture that are kept.
const MAX_LEAD_SECS: u64 = 2;
/// Pieces of sound that may wait for their picture.
const MAX_PIECES: usize = 4_096;
/// Samples of silence that are written at once.
const SILENCE_LEN: u64 = 256;

/// Takes pictures and sound in their order.
pub(crate) trait LiveWriter: Send {
    /// Picture `n`; `is_new` is false where it repeats the one before.
    fn picture(&mut self, n: u64, image: &HostImage, is_new: bool) -> Result<(), OutputError>;

    /// Sound from sample `first` on, `[len, 2]`.
    fn sound(&mut self, first: u64, samples: &[f32]) -> Result<(), OutputError>;

    /// Completes the output.
    fn finish(self: Box<Self>) -> Result<(), OutputError>;
}

/// What was put onto the timeline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Put {
    /// Pictures in all.
    pub num_frames: u64,
    /// Those among them that repeat the one before.
    pub num_repeated: u64,
}

/// One output's clock. Samples are counted as the show counts them; the output's own begin with the
/// first frame whose sound is there.
pub(crate) struct Timeline {
    clock: Clock,
    /// The show's sample that is the output's first.
    origin: Option<u64>,
    /// Sound that waits for its picture, `[len, 2]`, with the show's sample at which it begins.
    pieces: VecDeque<(u64, Arc<[f32]>)>,
    /// The show's sample at which the sound goes on.
    sound_at: u64,
    picture: Option<Arc<HostImage>>,
    put: Put,
    /// Frames missing in a row that are left out instead of repeated.
    max_gap: u64,
}

impl Timeline {
    /// An empty one. Gaps in the pictures of more than `max_gap` frames are left as they are.
    pub fn new(clock: Clock, max_gap: u64) -> Self {
        Self {
            clock,
            origin: None,
            pieces: VecDeque::new(),
            sound_at: 0,
            picture: None,
            put: Put::default(),
            max_gap,
        }
    }

    /// How much there is.
    pub fn put(&self) -> Put {
        self.put
    }

    /// The show heard `samples`, `[len, 2]`, from its sample `start` on.
    pub fn hear(&mut self, start: u64, samples: Arc<[f32]>) {
        self.pieces.push_back((start, samples));
        if self.pieces.len() > MAX_PIECES {
            self.pieces.pop_front();
        }
    }

    /// Whether there is something to write now that the show's frame at `sample` is over.
    /// `picture` is what came with it; `None` if it showed what was shown before.
    pub fn is_ready(&mut self, sample: u64, picture: Option<&Arc<HostImage>>) -> bool {
        let is_heard = self.pieces.front().is_some_and(|(start, _)| sample >= *start);
        let max_lead = MAX_LEAD_SECS * u64::from(self.clock.sample_rate_hz);
        let is_over =
            |origin: u64| self.put.num_frames == 0 && sample.saturating_sub(origin) > max_lead;
        if is_heard && self.origin.is_none_or(is_over) {
            (self.origin, self.sound_at) = (Some(sample), sample);
        }
        if self.picture.is_none() && self.origin.is_none() {
            self.picture = picture.cloned();
        }
        self.origin.is_some() && (self.picture.is_some() || picture.is_some())
    }

    /// Writes what is due when the show's frame at `sample` is over, and the sound that belongs to
    /// it. Call when it is ready.
    pub fn write(
        &mut self,
        sample: u64,
        picture: Option<Arc<HostImage>>,
        writer: &mut dyn LiveWriter,
    ) -> Result<(), OutputError> {
        let Some(origin) = self.origin else { return Ok(()) };
        let Some(before) = self.picture.clone().or(picture.clone()) else { return Ok(()) };
        let n = self.nearest_frame(sample.saturating_sub(origin));
        if n.saturating_sub(self.put.num_frames) > self.max_gap {
            self.put.num_frames = n;
            self.sound_at = self.sound_at.max(origin + self.clock.frame_due(n));
        }
        while self.put.num_frames < n {
            // The first of all cannot repeat.
            self.put_picture(&before, self.put.num_frames == 0, writer)?;
            self.put.num_repeated += 1;
        }
        let is_new = picture.is_some() || self.put.num_frames == 0;
        let picture = picture.unwrap_or(before);
        // Where the show is faster than the output, the frame is written already.
        if self.put.num_frames == n {
            self.put_picture(&picture, is_new, writer)?;
            self.put.num_repeated += u64::from(!is_new);
        }
        self.picture = Some(picture);
        Ok(())
    }

    fn put_picture(
        &mut self,
        picture: &HostImage,
        is_new: bool,
        writer: &mut dyn LiveWriter,
    ) -> Result<(), OutputError> {
        writer.picture(self.put.num_frames, picture, is_new)?;
        self.put.num_frames += 1;
        self.release(writer)
    }

    /// Writes the sound that has its picture by now.
    pub fn release(&mut self, writer: &mut dyn LiveWriter) -> Result<(), OutputError> {
        let Some((origin, end)) = self.sound_end() else { return Ok(()) };
        while self.sound_at < end {
            let Some((start, samples)) = self.pieces.front() else { return Ok(()) };
            let piece_end = start + (samples.len() / NUM_CHANNELS) as u64;
            if piece_end <= self.sound_at {
                self.pieces.pop_front();
            } else if *start > self.sound_at {
                let to = (*start).min(end);
                self.silence(to, origin, writer)?;
            } else {
                let to = piece_end.min(end);
                let range = [self.sound_at, to].map(|at| (at - start) as usize * NUM_CHANNELS);
                let samples = samples.get(range[0]..range[1]).unwrap_or_default();
                writer.sound(self.sound_at - origin, samples)?;
                self.sound_at = to;
            }
        }
        Ok(())
    }

    /// Writes the rest: the sound becomes as long as the pictures.
    pub fn finish(&mut self, writer: &mut dyn LiveWriter) -> Result<(), OutputError> {
        self.release(writer)?;
        let Some((origin, end)) = self.sound_end() else { return Ok(()) };
        self.silence(end, origin, writer)
    }

    /// The show's samples at which the output begins, and until which its pictures last.
    fn sound_end(&self) -> Option<(u64, u64)> {
        let origin = self.origin?;
        Some((origin, origin + self.clock.frame_due(self.put.num_frames)))
    }

    fn silence(
        &mut self,
        to: u64,
        origin: u64,
        writer: &mut dyn LiveWriter,
    ) -> Result<(), OutputError> {
        let silence = [0.0; SILENCE_LEN as usize * NUM_CHANNELS];
        while self.sound_at < to {
            let len = (to - self.sound_at).min(SILENCE_LEN);
            writer.sound(self.sound_at - origin, &silence[..len as usize * NUM_CHANNELS])?;
            self.sound_at += len;
        }
        Ok(())
    }

    /// The frame that falls due nearest to `samples` after the origin: the show's own frames are
    /// within a sample of it.
    fn nearest_frame(&self, samples: u64) -> u64 {
        let Clock { sample_rate_hz, fps, .. } = self.clock;
        let frame = u128::from(sample_rate_hz.max(1)) * u128::from(fps.den);
        let n = (u128::from(samples) * u128::from(fps.num) * 2 + frame) / (2 * frame);
        u64::try_from(n).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::{Fps, Pixels};
    use proptest::prelude::*;

    use super::*;

    /// What was written: the first byte of every picture, and the left channel.
    #[derive(Default)]
    struct Written {
        pictures: Vec<u8>,
        sound: Vec<f32>,
    }

    impl LiveWriter for Written {
        fn picture(&mut self, n: u64, image: &HostImage, is_new: bool) -> Result<(), OutputError> {
            assert_eq!(n, self.pictures.len() as u64, "no gap, none twice");
            let Pixels::Rgba8(bytes) = &image.pixels else { panic!("{image:?}") };
            assert!(is_new || self.pictures.last() == bytes.first(), "a repeat repeats");
            self.pictures.push(bytes[0]);
            Ok(())
        }

        fn sound(&mut self, first: u64, samples: &[f32]) -> Result<(), OutputError> {
            assert_eq!(first, self.sound.len() as u64, "no gap, none twice");
            self.sound.extend(samples.iter().step_by(2));
            Ok(())
        }

        fn finish(self: Box<Self>) -> Result<(), OutputError> {
            Ok(())
        }
    }

    fn picture(shade: u8) -> Arc<HostImage> {
        let pixels = Pixels::Rgba8(vec![shade; 4]);
        Arc::new(HostImage { width_px: 1, height_px: 1, pixels })
    }

    /// What becomes of each frame and of each block.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Fate {
        Comes,
        Late,
        Lost,
    }

    fn fates(len: usize) -> impl Strategy<Value = Vec<Fate>> {
        let fate =
            prop_oneof![6 => Just(Fate::Comes), 2 => Just(Fate::Late), 1 => Just(Fate::Lost)];
        prop::collection::vec(fate, len)
    }

    const NUM_FRAMES: usize = 40;
    const BLOCK_LEN: u64 = 256;

    proptest! {
        #[test]
        fn pictures_and_sound_are_where_the_clock_has_them(
            fps in prop_oneof![Just((60, 1)), Just((30_000, 1_001)), Just((25, 1)), Just((7, 3))],
            frames in fates(NUM_FRAMES),
            blocks in fates(2_000),
            first_frame in 0_u64..500,
        ) {
            let fps = Fps::from(fps);
            let clock = Clock { sample_rate_hz: 48_000, fps, ..Clock::default() };
            let due = |n: usize| clock.frame_due(first_frame + n as u64);
            let mut timeline = Timeline::new(clock, u64::MAX);
            let mut written = Written::default();
            // The sample's own number is its value, so that each can be told.
            let value = |sample: u64| (sample % 65_536 + 1) as f32;
            let mut at = due(0) / BLOCK_LEN * BLOCK_LEN;
            let (mut shown, mut is_heard) = (Vec::new(), Vec::new());
            for (n, fate) in frames.iter().enumerate() {
                while at <= due(n) {
                    let i = (at / BLOCK_LEN) as usize % blocks.len();
                    // The first one comes: without sound there is no beginning.
                    let comes = blocks[i] != Fate::Lost || is_heard.is_empty();
                    is_heard.extend((at..at + BLOCK_LEN).map(|at| (at, comes)));
                    if comes {
                        let samples = (at..at + BLOCK_LEN).flat_map(|at| [value(at); 2]).collect();
                        timeline.hear(at, samples);
                        timeline.release(&mut written).unwrap();
                    }
                    at += BLOCK_LEN;
                }
                let comes = n == 0 || *fate == Fate::Comes;
                shown.push(if comes { n as u8 } else { shown[n - 1] });
                if n == 0 || *fate != Fate::Lost {
                    let drawn = comes.then(|| picture(n as u8));
                    prop_assert!(timeline.is_ready(due(n), drawn.as_ref()));
                    timeline.write(due(n), drawn, &mut written).unwrap();
                }
            }
            timeline.finish(&mut written).unwrap();
            let last = frames.iter().rposition(|fate| *fate != Fate::Lost).unwrap_or(0);
            let num_frames = last + 1;
            prop_assert_eq!(timeline.put().num_frames, num_frames as u64);
            prop_assert_eq!(&written.pictures[..], &shown[..num_frames]);
            let num_samples = clock.frame_due(num_frames as u64);
            prop_assert_eq!(written.sound.len() as u64, num_samples, "as long as the pictures");
            let heard: std::collections::BTreeMap<_, _> = is_heard.into_iter().collect();
            for (i, v) in (due(0)..).zip(&written.sound) {
                let expected = if heard.get(&i) == Some(&true) { value(i) } else { 0.0 };
                prop_assert_eq!(*v, expected, "sample {}", i);
            }
        }
    }

    #[test]
    fn frames_before_the_first_picture_show_it_too() {
        let clock = Clock { fps: Fps::new(48, 1), ..Clock::default() };
        let (mut timeline, mut written) = (Timeline::new(clock, u64::MAX), Written::default());
        timeline.hear(0, vec![0.5; 2 * 4_000].into());
        assert!(!timeline.is_ready(0, None));
        assert!(!timeline.is_ready(1_000, None));
        assert!(timeline.is_ready(2_000, Some(&picture(9))));
        timeline.write(2_000, Some(picture(9)), &mut written).unwrap();
        timeline.finish(&mut written).unwrap();
        assert_eq!((written.pictures, written.sound.len()), (vec![9; 3], 3_000));
    }

    #[test]
    fn a_long_gap_is_jumped_where_that_was_asked_for() {
        struct Places(Vec<u64>, Vec<u64>);
        impl LiveWriter for Places {
            fn picture(&mut self, n: u64, _: &HostImage, _: bool) -> Result<(), OutputError> {
                self.0.push(n);
                Ok(())
            }
            fn sound(&mut self, first: u64, _: &[f32]) -> Result<(), OutputError> {
                self.1.push(first);
                Ok(())
            }
            fn finish(self: Box<Self>) -> Result<(), OutputError> {
                Ok(())
            }
        }
        let clock = Clock { fps: Fps::new(48, 1), ..Clock::default() };
        let (mut timeline, mut places) = (Timeline::new(clock, 48), Places(vec![], vec![]));
        for frame in [0, 1, 100, 101] {
            let sample = frame * 1_000;
            timeline.hear(sample, vec![0.5; 2_000].into());
            assert!(timeline.is_ready(sample, None) == (frame > 0));
            timeline.write(sample, Some(picture(1)), &mut places).unwrap();
        }
        assert_eq!(places.0, [0, 1, 100, 101]);
        assert_eq!(places.1, [0, 1_000, 100_000, 101_000]);
    }
}
