//! The place where the tests of kernels run them.

use std::sync::{Arc, OnceLock};

use super::emulated::{emulated, emulated_with};
use super::{Accelerator, Choice, choose};

/// Names a GPU to test on.
const VARIABLE: &str = "LUMAWIRE_ACCELERATOR";

/// A real GPU where `LUMAWIRE_ACCELERATOR` names one (`cuda`, `cuda:1`), so that the tests of kernels
/// check those that a GPU runs, and fail where it is not there; else the emulator.
pub(crate) fn accelerator() -> Arc<dyn Accelerator> {
    gpu().unwrap_or_else(emulated)
}

/// As [`accelerator`], with an emulator of so many multiprocessors, see [`emulated_with`].
pub(crate) fn accelerator_with(num_multiprocessors: u32, is_eager: bool) -> Arc<dyn Accelerator> {
    gpu().unwrap_or_else(|| emulated_with(num_multiprocessors, is_eager))
}

fn gpu() -> Option<Arc<dyn Accelerator>> {
    static GPU: OnceLock<Option<Arc<dyn Accelerator>>> = OnceLock::new();
    let open = || {
        let wanted = std::env::var(VARIABLE).ok()?;
        let choice: Choice = wanted.parse().expect(VARIABLE);
        choose(choice).expect(VARIABLE).accelerator
    };
    GPU.get_or_init(open).clone()
}
