//! What the driver's answers mean, and what to do.

use std::ffi::{CStr, c_char};

use cudarc::driver::sys::{self, CUresult};

use crate::accelerator::AcceleratorError;

/// The answer to a call that is made before a GPU is open.
pub(super) fn check_start(doing: &str, result: CUresult) -> Result<(), AcceleratorError> {
    match result {
        CUresult::CUDA_SUCCESS => Ok(()),
        failed => Err(failure("the NVIDIA driver", doing, failed)),
    }
}

/// A failure of `who` while `doing` something.
pub(super) fn failure(who: &str, doing: &str, result: CUresult) -> AcceleratorError {
    let (code, name) = (result as u32, text(result, sys::cuGetErrorName));
    let name = name.unwrap_or_else(|| format!("CUDA error {code}"));
    let what = match meaning(code) {
        Some(meaning) => meaning.to_owned(),
        None => text(result, sys::cuGetErrorString).unwrap_or_else(|| "it failed".into()),
    };
    AcceleratorError(format!("{who}: {what} ({doing}: {name})"))
}

/// Whether the driver refuses everything after this, until the program is started again.
pub(super) fn is_lasting(result: CUresult) -> bool {
    matches!(result as u32, 4 | 46 | 201 | 214 | 220 | 700 | 702 | 709 | 710 | 714..=719 | 999)
}

/// The same failure, as later calls tell it.
pub(super) fn lasting(error: &AcceleratorError) -> AcceleratorError {
    AcceleratorError(format!("{error}; the GPU is out of use until the program is started again"))
}

type Ask = unsafe fn(CUresult, *mut *const c_char) -> CUresult;

/// What the driver itself calls an answer.
fn text(result: CUresult, ask: Ask) -> Option<String> {
    let mut text = std::ptr::null();
    // SAFETY: writes a pointer to a text that stays, or null.
    let answer = unsafe { ask(result, &mut text) };
    if answer != CUresult::CUDA_SUCCESS || text.is_null() {
        return None;
    }
    // SAFETY: the driver's texts end with a zero.
    Some(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

/// What the answers that people meet mean, in words that help; by their numbers, which never change.
fn meaning(code: u32) -> Option<&'static str> {
    Some(match code {
        2 => "its memory is full: close other programs that use it, or choose a smaller network",
        34 => "the library that was found is the toolkit's stand-in: install NVIDIA's driver",
        46 => "another program has the GPU for itself: end it",
        100 => "it finds no GPU",
        209 | 218 => "the kernels do not suit this GPU and driver: install a newer driver",
        214 => "its memory has a defect (ECC): start the computer again, and test the GPU",
        221 => {
            "a part of the driver is missing, the compiler for kernels \
             (libnvidia-ptxjitcompiler.so.1): install the driver in full"
        }
        222 => "it is too old for the kernels: install driver 470 or newer",
        223 => "compiling kernels is turned off: unset CUDA_DISABLE_PTX_JIT",
        304 => "the system refused it: is there leave to open /dev/nvidia*?",
        700 => "a kernel reached outside of its memory",
        701 => "a kernel needs more registers or shared memory than a block may have",
        702 => "a kernel took too long, and the system ended it",
        716 => "a kernel reached an address that is not aligned",
        719 => "a kernel failed",
        800 => "it does not permit this here",
        802 => "it is not ready yet: try again in a minute",
        803 => "driver and kernel module have different versions: start the computer again",
        804 => "this GPU needs a driver of its own, not the compatibility package",
        900..=908 => "recording the kernels failed",
        999 => "it failed for no reason that it knows; after a sleep, start the computer again",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_that_last_are_told_from_those_that_pass() {
        for lasting in [
            CUresult::CUDA_ERROR_ILLEGAL_ADDRESS,
            CUresult::CUDA_ERROR_LAUNCH_FAILED,
            CUresult::CUDA_ERROR_MISALIGNED_ADDRESS,
            CUresult::CUDA_ERROR_ECC_UNCORRECTABLE,
        ] {
            assert!(is_lasting(lasting), "{lasting:?}");
        }
        for passing in [
            CUresult::CUDA_ERROR_OUT_OF_MEMORY,
            CUresult::CUDA_ERROR_INVALID_VALUE,
            CUresult::CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES,
            CUresult::CUDA_ERROR_STREAM_CAPTURE_INVALIDATED,
        ] {
            assert!(!is_lasting(passing), "{passing:?}");
        }
    }
}
