//! Which shader drew last, so that one that takes the device down is not run again.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use lumawire_core::{NodeError, Services};

use crate::gpu::Gpu;

/// Shared by all shaders of a run, by [`Services`].
#[derive(Debug, Default)]
pub struct Watch {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The device of the last draw, and the shader that drew, by the hash of its text.
    last: Option<(Arc<Gpu>, u64)>,
    /// Those with which a device was lost.
    bad: BTreeSet<u64>,
}

impl Watch {
    /// The one of `services`.
    pub fn of(services: &Services) -> Arc<Self> {
        let made: Result<_, std::convert::Infallible> =
            services.get_or_try_init(|| Ok(Self::default()));
        match made {
            Ok(watch) => watch,
            Err(never) => match never {},
        }
    }

    /// Whether `shader` may draw: not if the device was lost while it drew.
    ///
    /// # Errors
    /// It may not, until its text changes.
    pub fn check(&self, shader: u64) -> Result<(), NodeError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, guilty)) = state.last.take_if(|(gpu, _)| gpu.is_lost()) {
            state.bad.insert(guilty);
        }
        if state.bad.contains(&shader) {
            let reason = "the graphics device was lost while this shader drew; it is not run again \
                          until its file changes";
            return Err(NodeError::device("shader", reason));
        }
        Ok(())
    }

    /// Notes that `shader` draws on `gpu` now.
    pub fn draws(&self, gpu: &Arc<Gpu>, shader: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.last = Some((gpu.clone(), shader));
    }
}
