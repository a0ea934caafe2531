//! Overlapping frames of a stream of samples.

use super::sane;

/// How sound is cut into overlapping frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Framing {
    /// Samples in a frame.
    pub frame_len: usize,
    /// Samples between frames.
    pub hop_len: usize,
    /// Whether frame k is centred on sample k·hop, with silence beyond both ends, or begins there.
    pub center: bool,
}

impl Default for Framing {
    /// librosa's: 2048, 512, centred.
    fn default() -> Self {
        Self { frame_len: 2048, hop_len: 512, center: true }
    }
}

impl Framing {
    /// Frames that a signal of `len` samples has.
    pub fn num_frames(&self, len: usize) -> usize {
        let padded = len + 2 * self.pad();
        padded.checked_sub(self.frame_len.max(1)).map_or(0, |rest| rest / self.hop_len.max(1) + 1)
    }

    /// Frame `k` of `sound`, `[frame_len]`.
    pub fn frame<'a>(&self, sound: &'a [f32], k: usize) -> impl Iterator<Item = f32> + 'a {
        let (start, pad) = (k * self.hop_len, self.pad());
        let at =
            move |i: usize| i.checked_sub(pad).and_then(|i| sound.get(i)).map_or(0.0, |&x| sane(x));
        (start..start + self.frame_len).map(at)
    }

    /// Silent samples before the first.
    fn pad(&self) -> usize {
        if self.center { self.frame_len / 2 } else { 0 }
    }
}

/// The last `len` samples, and when the next frame of them is due.
///
/// A centred frame `k` lies about sample `k · hop_len` and is thus complete `len/2` samples later,
/// one that is not begins there; what lies before sample 0 is silent. Frames depend on the position of the samples alone, so neither block
/// length nor the moment at which a node is put in shifts them.
#[derive(Debug, Clone)]
pub struct Framer {
    ring: Vec<f32>,
    head: usize,
    hop_len: u64,
    /// Samples from k·hop to the end of frame k.
    ahead: u64,
}

impl Framer {
    /// Centred frames of `len` samples every `hop_len`; both at least 1.
    pub fn new(len: usize, hop_len: usize) -> Self {
        Self::with(Framing { frame_len: len, hop_len, center: true })
    }

    /// Frames as `framing` says, both its lengths at least 1.
    pub fn with(framing: Framing) -> Self {
        let len = framing.frame_len.max(1);
        let ahead = if framing.center { len.div_ceil(2) } else { len };
        let hop_len = framing.hop_len.max(1) as u64;
        Self { ring: vec![0.0; len], head: 0, hop_len, ahead: ahead as u64 }
    }

    /// Samples in a frame.
    pub fn frame_len(&self) -> usize {
        self.ring.len()
    }

    /// Takes the sample at `position` (samples since the start of the run), and says whether it
    /// completes a frame.
    pub fn push(&mut self, x: f32, position: u64) -> bool {
        self.ring[self.head] = sane(x);
        self.head = (self.head + 1) % self.ring.len();
        (position + 1).checked_sub(self.ahead).is_some_and(|grid| grid % self.hop_len == 0)
    }

    /// Samples from k·hop until frame k is complete.
    pub fn latency_len(&self) -> usize {
        self.ahead as usize
    }

    /// The last samples, oldest first: `[len]`.
    pub fn frame(&self) -> impl Iterator<Item = f32> + '_ {
        let (newer, older) = self.ring.split_at(self.head);
        older.iter().chain(newer).copied()
    }

    /// Back to silence.
    pub fn reset(&mut self) {
        self.ring.fill(0.0);
        self.head = 0;
    }

    /// Takes over the last samples of another framer, as many as both hold.
    pub fn adopt(&mut self, old: &Self) {
        self.reset();
        let keep = self.ring.len().min(old.ring.len());
        let start = self.ring.len() - keep;
        for (to, from) in self.ring[start..].iter_mut().zip(old.frame().skip(old.ring.len() - keep))
        {
            *to = from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_centred_on_multiples_of_the_hop() {
        let mut framer = Framer::new(4, 3);
        let mut frames = Vec::new();
        for i in 0..10_u64 {
            if framer.push(i as f32 + 1.0, i) {
                frames.push(framer.frame().collect::<Vec<_>>());
            }
        }
        let expected = [[0.0, 0.0, 1.0, 2.0], [2.0, 3.0, 4.0, 5.0], [5.0, 6.0, 7.0, 8.0]];
        assert_eq!(frames, expected);
    }

    #[test]
    fn a_stream_has_the_frames_of_the_whole() {
        let sound: Vec<f32> = (1_u8..=20).map(f32::from).collect();
        for (frame_len, hop_len, center) in [(5, 3, true), (4, 4, true), (6, 2, false)] {
            let framing = Framing { frame_len, hop_len, center };
            let mut framer = Framer::with(framing);
            let mut k = 0;
            for (&x, i) in sound.iter().zip(0..) {
                if framer.push(x, i) {
                    assert!(framer.frame().eq(framing.frame(&sound, k)), "{framing:?} {k}");
                    k += 1;
                }
            }
            assert!(k > 3 && k <= framing.num_frames(sound.len()));
        }
        let begins = Framing { frame_len: 6, hop_len: 2, center: false };
        assert_eq!(begins.frame(&sound, 1).next(), Some(3.0));
        assert_eq!((begins.num_frames(20), begins.num_frames(5)), (8, 0));
    }

    #[test]
    fn adopts_the_latest_samples() {
        let mut old = Framer::new(4, 1);
        for i in 0..6_u64 {
            old.push(i as f32, i);
        }
        let (mut longer, mut shorter) = (Framer::new(6, 1), Framer::new(2, 1));
        longer.adopt(&old);
        shorter.adopt(&old);
        assert_eq!(longer.frame().collect::<Vec<_>>(), [0.0, 0.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(shorter.frame().collect::<Vec<_>>(), [4.0, 5.0]);
    }
}
