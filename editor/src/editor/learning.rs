//! Learning which MIDI control is to move a parameter: from the inspector to the show and back.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value as Json;

use crate::inspector::learn::Learning;

/// What the inspector wants learnt.
#[derive(Debug, Default)]
pub(super) struct Lesson {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The target that is listened for.
    target: Option<String>,
    /// Whether the show does not know of it yet.
    is_new: bool,
}

impl Lesson {
    /// The target of which the show is to be told.
    pub fn take_new(&self) -> Option<String> {
        let mut state = self.lock();
        if std::mem::take(&mut state.is_new) { state.target.clone() } else { None }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Learning for Lesson {
    fn begin(&self, target: String) {
        *self.lock() = State { target: Some(target), is_new: true };
    }

    fn cancel(&self) {
        *self.lock() = State::default();
    }

    fn waiting(&self) -> Option<String> {
        self.lock().target.clone()
    }

    /// The show tells the editor itself, which makes the edit.
    fn take(&self) -> Option<(String, Json)> {
        None
    }
}
