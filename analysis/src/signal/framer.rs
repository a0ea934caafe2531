//! Overlapping frames of a stream of samples.

use super::sane;

/// The last `len` samples, and when the next frame of them is due.
///
/// Frame `k` is centred on sample `k · hop_len` and thus complete `len/2` samples later; what lies
/// before sample 0 is silent. Frames depend on the position of the samples alone, so neither block
/// length nor the moment at which a node is put in shifts them.
#[derive(Debug, Clone)]
pub struct Framer {
    ring: Vec<f32>,
    head: usize,
    hop_len: u64,
}

impl Framer {
    /// Frames of `len` samples every `hop_len`; both at least 1.
    pub fn new(len: usize, hop_len: usize) -> Self {
        Self { ring: vec![0.0; len.max(1)], head: 0, hop_len: hop_len.max(1) as u64 }
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
        let ahead = self.ring.len().div_ceil(2) as u64;
        (position + 1).checked_sub(ahead).is_some_and(|centre| centre % self.hop_len == 0)
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
