//! Which shader drew last, so that one that takes the device down is not run again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use lumawire_core::{NodeError, Services};

use crate::gpu::Gpu;

/// Losses of the device for which a shader is held to be guilty: the first may be an accident, of the
/// driver or of another program.
const MAX_LOSSES: u32 = 2;
/// So many draws without a loss clear a shader.
const DRAWS_TO_CLEAR: u32 = 1_000;

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
    suspects: BTreeMap<u64, Suspect>,
}

#[derive(Debug, Default)]
struct Suspect {
    num_losses: u32,
    /// Draws since the last loss.
    num_draws: u32,
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

    /// Whether `shader` may draw: not if the device was lost while it drew, and soon again.
    ///
    /// # Errors
    /// It may not, until its text changes.
    pub fn check(&self, shader: u64) -> Result<(), NodeError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, guilty)) = state.last.take_if(|(gpu, _)| gpu.is_lost()) {
            let suspect = state.suspects.entry(guilty).or_default();
            (suspect.num_losses, suspect.num_draws) = (suspect.num_losses + 1, 0);
        }
        if state.suspects.get(&shader).is_some_and(|s| s.num_losses >= MAX_LOSSES) {
            let reason = "the graphics device was lost twice while this shader drew; it is not run \
                          again until its file changes";
            return Err(NodeError::device("shader", reason));
        }
        Ok(())
    }

    /// Notes that `shader` draws on `gpu` now.
    pub fn draws(&self, gpu: &Arc<Gpu>, shader: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.last = Some((gpu.clone(), shader));
        if let Some(suspect) = state.suspects.get_mut(&shader) {
            suspect.num_draws += 1;
            if suspect.num_draws >= DRAWS_TO_CLEAR {
                state.suspects.remove(&shader);
            }
        }
    }
}
