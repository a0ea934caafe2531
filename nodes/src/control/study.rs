//! What a control does in the whole sound.

/// Values that are remembered at the most: some hours of them.
const MAX_VALUES: usize = 4 << 20;

/// Hears a control once, and keeps what was learnt of it.
#[derive(Default)]
pub struct Study {
    is_wanted: bool,
    heard: Vec<f32>,
    learnt: Option<Vec<f32>>,
}

impl Study {
    /// Before the study, if one is wanted at all.
    pub fn new(is_wanted: bool) -> Self {
        Self { is_wanted, ..Self::default() }
    }

    /// Whether the whole sound should be heard before the render.
    pub fn is_wanted(&self) -> bool {
        self.is_wanted
    }

    /// Takes the next value. What is learnt already stays so.
    pub fn hear(&mut self, x: f32) {
        if self.is_wanted && self.learnt.is_none() && self.heard.len() < MAX_VALUES {
            self.heard.push(x);
        }
    }

    /// Makes what shall be kept of all values; the second time of none, which changes nothing.
    pub fn learn(&mut self, make: impl FnOnce(&[f32]) -> Vec<f32>) {
        let heard = std::mem::take(&mut self.heard);
        if self.is_wanted && self.learnt.is_none() {
            self.learnt = Some(make(&heard));
        }
    }

    /// What was learnt, once it was.
    pub fn learnt(&self) -> Option<&[f32]> {
        self.learnt.as_deref()
    }

    /// Back to sample 0.
    pub fn reset(&mut self) {
        self.heard.clear();
    }
}
