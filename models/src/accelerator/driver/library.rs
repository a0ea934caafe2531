//! Finds the driver's library and looks that it has all that is called, as a missing library or
//! function would be a panic at its first use.

use cudarc::driver::sys;

use super::words;
use crate::accelerator::AcceleratorError;

/// Every function of the driver that this program calls.
pub(super) const FUNCTIONS: &[&str] = &[
    "cuInit",
    "cuDriverGetVersion",
    "cuGetErrorName",
    "cuGetErrorString",
    "cuDeviceGetCount",
    "cuDeviceGet",
    "cuDeviceGetName",
    "cuDeviceGetUuid_v2",
    "cuDeviceGetAttribute",
    "cuDevicePrimaryCtxRetain",
    "cuDevicePrimaryCtxRelease_v2",
    "cuCtxSetCurrent",
    "cuStreamCreate",
    "cuStreamDestroy_v2",
    "cuStreamSynchronize",
    "cuStreamBeginCapture_v2",
    "cuStreamEndCapture",
    "cuGraphInstantiateWithFlags",
    "cuGraphUpload",
    "cuGraphLaunch",
    "cuGraphDestroy",
    "cuGraphExecDestroy",
    "cuMemAlloc_v2",
    "cuMemFree_v2",
    "cuMemAllocAsync",
    "cuMemFreeAsync",
    "cuMemAllocHost_v2",
    "cuMemFreeHost",
    "cuMemGetInfo_v2",
    "cuMemcpyHtoDAsync_v2",
    "cuMemcpyDtoHAsync_v2",
    "cuImportExternalMemory",
    "cuExternalMemoryGetMappedBuffer",
    "cuDestroyExternalMemory",
    "cuEventCreate",
    "cuEventDestroy_v2",
    "cuEventRecord",
    "cuEventSynchronize",
    "cuEventElapsedTime",
    "cuModuleLoadDataEx",
    "cuModuleGetFunction",
    "cuModuleUnload",
    "cuFuncSetAttribute",
    "cuLaunchKernel",
];

/// The library's name where it is installed.
const NAME: &str = if cfg!(windows) { "nvcuda.dll" } else { "libcuda.so.1" };

/// Loads the driver and wakes it.
pub(super) fn load() -> Result<(), AcceleratorError> {
    // SAFETY: the library's initialisers are run, as by any program that uses the driver.
    if !unsafe { sys::is_culib_present() } {
        return Err(AcceleratorError(format!("no NVIDIA driver was found ({NAME})")));
    }
    // SAFETY: as above; the pointers are looked at, not called.
    let lacks = |name: &&&str| unsafe { sys::culib().get::<*const ()>(name.as_bytes()) }.is_err();
    if let Some(missing) = FUNCTIONS.iter().find(lacks) {
        return Err(AcceleratorError(format!(
            "the NVIDIA driver is too old or damaged: {NAME} lacks `{missing}`; install driver 470 or \
             newer"
        )));
    }
    // SAFETY: takes no memory of ours.
    words::check_start("starting the NVIDIA driver", unsafe { sys::cuInit(0) })
}
