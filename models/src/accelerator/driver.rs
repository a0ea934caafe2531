//! An NVIDIA GPU, reached through its driver (`libcuda.so.1`, `nvcuda.dll`). The driver is loaded
//! when a GPU is first asked for, so that the same program starts where there is none.
//!
//! All work of a GPU goes into one stream. A recording is captured in a stream of its own, so that
//! other threads allocate, copy and launch meanwhile.

// Every call into the driver is one into C. What is passed lives as long as the call, or, where the
// GPU reads or writes it later, in memory that the driver lent and that is given back after that.
#![allow(unsafe_code)]

mod kernels;
mod library;
mod memory;
mod recording;
mod words;

use std::ffi::CStr;
use std::fmt;
use std::sync::{Arc, OnceLock};

use cudarc::driver::sys;

use super::{Accelerator, AcceleratorError, Event, Launch, Pinned, Recording};
use crate::stylegan2::cuda::ptx;
use kernels::Kernels;
use memory::{PinnedMemory, Places, Staging};

/// The oldest GPUs that the kernels run on, by compute capability: Ampere of 2020.
const MIN_CAPABILITY: (i32, i32) = (8, 0);

/// One of the driver's handles. They may be used from any thread.
#[derive(Clone, Copy)]
struct Handle<T>(T);

// SAFETY: handles of contexts, streams, events, modules and graphs belong to a process, not to a
// thread; the driver locks what it shares. Graphs are apart: `recording` guards them by a lock.
unsafe impl<T> Send for Handle<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Handle<T> {}

/// An NVIDIA GPU.
pub struct Cuda {
    device: Arc<Device>,
}

/// What everything that lies on the GPU keeps alive.
struct Device {
    name: String,
    uuid: [u8; 16],
    num_multiprocessors: u32,
    number: sys::CUdevice,
    context: Handle<sys::CUcontext>,
    stream: Handle<sys::CUstream>,
    /// The first failure after which the driver refuses everything.
    fault: OnceLock<AcceleratorError>,
    kernels: Kernels,
    staging: Staging,
    places: Places,
    recorder: recording::Recorder,
}

impl Cuda {
    /// The GPU of number `index`, as the driver counts them. Fails in words where there is no driver,
    /// no such GPU, or one that is too old.
    pub fn open(index: usize) -> Result<Self, AcceleratorError> {
        Self::with_modules(index, ptx::MODULES)
    }

    fn with_modules(
        index: usize,
        modules: &'static [ptx::Module],
    ) -> Result<Self, AcceleratorError> {
        library::load()?;
        let number = number_of(index)?;
        let name = format!("{} (cuda:{index})", name_of(number)?);
        let attribute = |of| attribute(number, of);
        let major = attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?;
        let minor = attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?;
        if (major, minor) < MIN_CAPABILITY {
            return Err(AcceleratorError(format!(
                "{name} is too old: its compute capability is {major}.{minor}, and the kernels need \
                 {}.{} (GPUs of 2020 and later)",
                MIN_CAPABILITY.0, MIN_CAPABILITY.1
            )));
        }
        let pools = attribute(Attribute::CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED)? != 0;
        let num = attribute(Attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?;
        let mut device = Device {
            uuid: uuid_of(number)?,
            num_multiprocessors: u32::try_from(num).unwrap_or(1).max(1),
            number,
            context: retain(number, &name)?,
            stream: Handle(std::ptr::null_mut()),
            name,
            fault: OnceLock::new(),
            kernels: Kernels::new(modules),
            staging: Staging::default(),
            places: Places::new(pools),
            recorder: recording::Recorder::default(),
        };
        device.enter()?;
        device.stream = device.new_stream()?;
        Ok(Self { device: Arc::new(device) })
    }

    /// The driver's version: that of the kernel's module where the system tells it, else the newest
    /// CUDA that it knows.
    pub fn driver_version(&self) -> String {
        if let Ok(version) = std::fs::read_to_string("/sys/module/nvidia/version") {
            return format!("driver {}", version.trim());
        }
        let mut version = 0;
        // SAFETY: writes one number.
        let result = unsafe { sys::cuDriverGetVersion(&mut version) };
        match result {
            sys::CUresult::CUDA_SUCCESS => {
                format!("driver for CUDA {}.{}", version / 1000, version % 1000 / 10)
            }
            _ => "a driver of unknown version".to_owned(),
        }
    }

    /// Bytes of the GPU's memory that are free, for all programs, and all that it has.
    pub fn memory_info(&self) -> Result<(usize, usize), AcceleratorError> {
        self.device.enter()?;
        self.device.memory_info()
    }

    /// A mark that knows when it was reached.
    pub fn mark_time(&self) -> Result<Mark, AcceleratorError> {
        Mark::new(&self.device, sys::CUevent_flags_enum::CU_EVENT_DEFAULT)
    }

    /// Time from one mark to a later one, in ms; waits for it.
    pub fn elapsed_ms(&self, from: &Mark, to: &Mark) -> Result<f32, AcceleratorError> {
        to.wait()?;
        let mut ms = 0.0;
        // SAFETY: writes one number; both events are alive.
        let result = unsafe { sys::cuEventElapsedTime(&mut ms, from.event.0, to.event.0) };
        self.device.check("reading the time of a mark", result)?;
        Ok(ms)
    }
}

impl Device {
    /// Makes this thread's calls go to this GPU. Fails where it has failed for good.
    fn enter(&self) -> Result<(), AcceleratorError> {
        if let Some(fault) = self.fault.get() {
            return Err(fault.clone());
        }
        // SAFETY: the context is held until the device is dropped.
        let result = unsafe { sys::cuCtxSetCurrent(self.context.0) };
        self.check("turning to the GPU", result)
    }

    /// What the driver answered, in words. A failure that lasts is kept.
    fn check(&self, doing: &str, result: sys::CUresult) -> Result<(), AcceleratorError> {
        if result == sys::CUresult::CUDA_SUCCESS {
            return Ok(());
        }
        let error = words::failure(&self.name, doing, result);
        if words::is_lasting(result) {
            return Err(self.fault.get_or_init(|| words::lasting(&error)).clone());
        }
        Err(error)
    }

    fn new_stream(&self) -> Result<Handle<sys::CUstream>, AcceleratorError> {
        let mut stream = std::ptr::null_mut();
        // Not in step with the default stream, which cannot be captured.
        let flags = sys::CUstream_flags_enum::CU_STREAM_NON_BLOCKING as u32;
        // SAFETY: writes one handle.
        let result = unsafe { sys::cuStreamCreate(&mut stream, flags) };
        self.check("opening a stream", result)?;
        Ok(Handle(stream))
    }

    fn memory_info(&self) -> Result<(usize, usize), AcceleratorError> {
        let (mut free, mut total) = (0, 0);
        // SAFETY: writes two numbers.
        let result = unsafe { sys::cuMemGetInfo_v2(&mut free, &mut total) };
        self.check("asking for free memory", result)?;
        Ok((free, total))
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // SAFETY: nothing of the GPU is in use any more, as all of it keeps the device. A failure
        // means that the driver has let go of it already.
        unsafe {
            let _ = sys::cuCtxSetCurrent(self.context.0);
            if !self.stream.0.is_null() {
                let _ = sys::cuStreamSynchronize(self.stream.0);
            }
            self.recorder.close();
            self.staging.close();
            self.kernels.close();
            if !self.stream.0.is_null() {
                let _ = sys::cuStreamDestroy_v2(self.stream.0);
            }
            let _ = sys::cuCtxSetCurrent(std::ptr::null_mut());
            let _ = sys::cuDevicePrimaryCtxRelease_v2(self.number);
        }
    }
}

type Attribute = sys::CUdevice_attribute_enum;

/// The driver's number of the GPU `index`.
fn number_of(index: usize) -> Result<sys::CUdevice, AcceleratorError> {
    let mut count = 0;
    // SAFETY: writes one number.
    let result = unsafe { sys::cuDeviceGetCount(&mut count) };
    words::check_start("counting the GPUs", result)?;
    let count = usize::try_from(count).unwrap_or(0);
    if count == 0 {
        return Err(AcceleratorError("the NVIDIA driver finds no GPU".into()));
    }
    if index >= count {
        return Err(AcceleratorError(format!(
            "there is no GPU cuda:{index}: the NVIDIA driver finds {count}, cuda:0{}",
            if count > 1 { format!(" to cuda:{}", count - 1) } else { String::new() }
        )));
    }
    let mut number = 0;
    // SAFETY: writes one number.
    let result = unsafe { sys::cuDeviceGet(&mut number, i32::try_from(index).unwrap_or(0)) };
    words::check_start("finding the GPU", result)?;
    Ok(number)
}

fn name_of(number: sys::CUdevice) -> Result<String, AcceleratorError> {
    let mut name = [0_u8; 256];
    // SAFETY: writes at most the length that is told, with a zero at the end.
    let result = unsafe { sys::cuDeviceGetName(name.as_mut_ptr().cast(), 255, number) };
    words::check_start("asking for the GPU's name", result)?;
    let name = CStr::from_bytes_until_nul(&name).unwrap_or(c"GPU");
    Ok(name.to_string_lossy().into_owned())
}

fn uuid_of(number: sys::CUdevice) -> Result<[u8; 16], AcceleratorError> {
    let mut uuid = sys::CUuuid { bytes: [0; 16] };
    // SAFETY: writes one UUID.
    let result = unsafe { sys::cuDeviceGetUuid_v2(&mut uuid, number) };
    words::check_start("asking for the GPU's UUID", result)?;
    Ok(uuid.bytes.map(|byte| byte as u8))
}

fn attribute(number: sys::CUdevice, of: Attribute) -> Result<i32, AcceleratorError> {
    let mut value = 0;
    // SAFETY: writes one number.
    let result = unsafe { sys::cuDeviceGetAttribute(&mut value, of, number) };
    words::check_start("asking what the GPU can do", result)?;
    Ok(value)
}

/// The context that this process shares on the GPU.
fn retain(number: sys::CUdevice, name: &str) -> Result<Handle<sys::CUcontext>, AcceleratorError> {
    let mut context = std::ptr::null_mut();
    // SAFETY: writes one handle; `Device` gives it back.
    let result = unsafe { sys::cuDevicePrimaryCtxRetain(&mut context, number) };
    match result {
        sys::CUresult::CUDA_SUCCESS => Ok(Handle(context)),
        failed => Err(words::failure(name, "opening the GPU", failed)),
    }
}

impl Accelerator for Cuda {
    fn name(&self) -> &str {
        &self.device.name
    }

    fn uuid(&self) -> Option<[u8; 16]> {
        Some(self.device.uuid)
    }

    fn num_multiprocessors(&self) -> u32 {
        self.device.num_multiprocessors
    }

    fn allocate(&self, num_bytes: usize) -> Result<u64, AcceleratorError> {
        self.device.enter()?;
        self.device.allocate(num_bytes)
    }

    fn free(&self, address: u64) {
        // What has failed for good took its memory with it.
        if self.device.enter().is_ok() {
            self.device.free(address);
        }
    }

    fn write(&self, to: u64, bytes: &[u8]) -> Result<(), AcceleratorError> {
        self.device.enter()?;
        self.device.refuse_recording("copying to the GPU")?;
        self.device.write(to, bytes)
    }

    fn read(&self, from: u64, bytes: &mut [u8]) -> Result<(), AcceleratorError> {
        self.device.enter()?;
        self.device.refuse_recording("copying from the GPU")?;
        self.device.copy_out(from, bytes.as_mut_ptr(), bytes.len())?;
        self.mark().and_then(|mark| mark.wait()).inspect_err(|_| self.device.synchronize())
    }

    fn pinned(&self, num_bytes: usize) -> Result<Box<dyn Pinned>, AcceleratorError> {
        self.device.enter()?;
        Ok(Box::new(PinnedMemory::new(&self.device, num_bytes)?))
    }

    fn copy_out(&self, from: u64, to: &mut dyn Pinned) -> Result<(), AcceleratorError> {
        let any: &mut dyn std::any::Any = to;
        match any.downcast_mut::<PinnedMemory>() {
            Some(to) if Arc::ptr_eq(to.device(), &self.device) => {
                self.device.enter()?;
                self.device.refuse_recording("copying from the GPU")?;
                to.fill(from)
            }
            _ => self.read(from, to.bytes_mut()),
        }
    }

    #[cfg(unix)]
    fn import(
        &self,
        memory: std::os::fd::OwnedFd,
        num_bytes: usize,
    ) -> Result<u64, AcceleratorError> {
        self.device.enter()?;
        self.device.import(memory, num_bytes)
    }

    fn prepare(&self, kernel: &'static str) -> Result<(), AcceleratorError> {
        self.device.enter()?;
        self.device.prepare(kernel)
    }

    fn launch(&self, launch: &Launch<'_>) -> Result<(), AcceleratorError> {
        self.device.enter()?;
        self.device.launch(launch)
    }

    fn mark(&self) -> Result<Box<dyn Event>, AcceleratorError> {
        use sys::CUevent_flags_enum::{CU_EVENT_BLOCKING_SYNC, CU_EVENT_DISABLE_TIMING};
        // Who waits sleeps: the processor has the sound to hear.
        let flags = CU_EVENT_BLOCKING_SYNC as u32 | CU_EVENT_DISABLE_TIMING as u32;
        Ok(Box::new(Mark::of_flags(&self.device, flags)?))
    }

    fn record(
        &self,
        run: &mut dyn FnMut() -> Result<(), AcceleratorError>,
    ) -> Result<Option<Box<dyn Recording>>, AcceleratorError> {
        self.device.enter()?;
        recording::record(&self.device, run).map(Some)
    }
}

impl fmt::Debug for Cuda {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cuda").field(&self.device.name).finish()
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A mark in a GPU's order of work.
pub struct Mark {
    device: Arc<Device>,
    event: Handle<sys::CUevent>,
}

impl Mark {
    fn new(device: &Arc<Device>, flags: sys::CUevent_flags_enum) -> Result<Self, AcceleratorError> {
        Self::of_flags(device, flags as u32)
    }

    fn of_flags(device: &Arc<Device>, flags: u32) -> Result<Self, AcceleratorError> {
        device.enter()?;
        let mark = Self { device: device.clone(), event: device.new_event(flags)? };
        device.record_event(mark.event)?;
        Ok(mark)
    }
}

impl Event for Mark {
    fn wait(&self) -> Result<(), AcceleratorError> {
        self.device.enter()?;
        // SAFETY: the event is alive as long as the mark.
        let result = unsafe { sys::cuEventSynchronize(self.event.0) };
        self.device.check("waiting for the GPU", result)
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        if self.device.enter().is_ok() {
            // SAFETY: nobody else has the event. One that is still to come may be destroyed.
            let _ = unsafe { sys::cuEventDestroy_v2(self.event.0) };
        }
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Mark").field(&self.device).finish()
    }
}

impl Device {
    fn new_event(&self, flags: u32) -> Result<Handle<sys::CUevent>, AcceleratorError> {
        let mut event = std::ptr::null_mut();
        // SAFETY: writes one handle.
        let result = unsafe { sys::cuEventCreate(&mut event, flags) };
        self.check("making a mark", result)?;
        Ok(Handle(event))
    }

    /// Sets `event` after a copy; where that fails, waits for the copy.
    fn record_copy(&self, event: Handle<sys::CUevent>) -> Result<(), AcceleratorError> {
        self.record_event(event).inspect_err(|_| self.synchronize())
    }

    /// Waits until nothing is under way, or the GPU is lost.
    fn synchronize(&self) {
        // SAFETY: the stream is alive.
        let _ = self.check("waiting", unsafe { sys::cuStreamSynchronize(self.stream.0) });
    }

    /// Sets `event` after all work that was asked for before.
    fn record_event(&self, event: Handle<sys::CUevent>) -> Result<(), AcceleratorError> {
        // SAFETY: event and stream are alive.
        let result = unsafe { sys::cuEventRecord(event.0, self.stream.0) };
        self.check("setting a mark", result)
    }
}

#[cfg(test)]
mod tests;
