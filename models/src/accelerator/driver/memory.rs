//! Memory of a GPU and copies from and to it.

use std::collections::HashMap;
use std::ffi::c_void;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use cudarc::driver::sys;

use super::{Device, Handle};
use crate::accelerator::{AcceleratorError, Pinned};

/// Copies to the GPU go through memory that it reads by itself: so many pieces of so many bytes,
/// each used again when its copy is done.
const NUM_PIECES: usize = 16;
const PIECE_BYTES: usize = 256 << 10;

const MIB: usize = 1 << 20;

/// How a GPU's memory is had.
pub(super) struct Places {
    /// Whether allocations are work of the stream and wait for nothing.
    are_pooled: bool,
    /// What belongs to somebody else.
    imported: Mutex<HashMap<u64, Handle<sys::CUexternalMemory>>>,
}

impl Places {
    pub(super) fn new(are_pooled: bool) -> Self {
        Self { are_pooled, imported: Mutex::default() }
    }
}

impl Device {
    pub(super) fn allocate(&self, num_bytes: usize) -> Result<u64, AcceleratorError> {
        let mut result = self.try_allocate(num_bytes);
        if matches!(result, Err(sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY)) {
            // What was freed may still be held until the work before it is done.
            // SAFETY: the stream is alive.
            let waited = unsafe { sys::cuStreamSynchronize(self.stream.0) };
            self.check("waiting for memory", waited)?;
            result = self.try_allocate(num_bytes);
        }
        result.or_else(|failed| {
            let mib = num_bytes.div_ceil(MIB);
            let doing = match self.memory_info() {
                Ok((free, total)) => {
                    format!("reserving {mib} MiB, {} of {} MiB free", free / MIB, total / MIB)
                }
                Err(_) => format!("reserving {mib} MiB"),
            };
            self.check(&doing, failed).map(|()| 0)
        })
    }

    fn try_allocate(&self, num_bytes: usize) -> Result<u64, sys::CUresult> {
        let mut address = 0;
        let num_bytes = num_bytes.max(1);
        // SAFETY: writes one address.
        let result = unsafe {
            if self.places.are_pooled {
                sys::cuMemAllocAsync(&mut address, num_bytes, self.stream.0)
            } else {
                sys::cuMemAlloc_v2(&mut address, num_bytes)
            }
        };
        if result == sys::CUresult::CUDA_SUCCESS { Ok(address) } else { Err(result) }
    }

    pub(super) fn free(&self, address: u64) {
        let mut imported = self.places.imported.lock().unwrap_or_else(PoisonError::into_inner);
        let outside = imported.remove(&address);
        drop(imported);
        // SAFETY: the address came from `allocate` or `import`, and by the trait's promise is not
        // used by work that is asked for later. A failure shows at the next call.
        let result = unsafe {
            match outside {
                Some(memory) => {
                    let _ = sys::cuStreamSynchronize(self.stream.0);
                    let _ = sys::cuMemFree_v2(address);
                    sys::cuDestroyExternalMemory(memory.0)
                }
                None if self.places.are_pooled => sys::cuMemFreeAsync(address, self.stream.0),
                None => sys::cuMemFree_v2(address),
            }
        };
        let _ = self.check("giving memory back", result);
    }

    /// Copies to the GPU; the bytes are copied aside first.
    pub(super) fn write(&self, to: u64, bytes: &[u8]) -> Result<(), AcceleratorError> {
        let mut to = to;
        for bytes in bytes.chunks(PIECE_BYTES) {
            self.staging.copy(self, to, bytes)?;
            to += bytes.len() as u64;
        }
        Ok(())
    }

    /// Starts a copy from the GPU. What is at `to` lives until it is done.
    pub(super) fn copy_out(
        &self,
        from: u64,
        to: *mut u8,
        num_bytes: usize,
    ) -> Result<(), AcceleratorError> {
        if num_bytes == 0 {
            return Ok(());
        }
        // SAFETY: `to` has room for so many bytes, and the callers wait before they let go of it.
        let result =
            unsafe { sys::cuMemcpyDtoHAsync_v2(to.cast(), from, num_bytes, self.stream.0) };
        self.check("copying from the GPU", result)
    }

    /// Maps memory that Vulkan exported.
    #[cfg(unix)]
    pub(super) fn import(
        &self,
        memory: std::os::fd::OwnedFd,
        num_bytes: usize,
    ) -> Result<u64, AcceleratorError> {
        use std::os::fd::{AsRawFd, IntoRawFd};
        let what = sys::CUDA_EXTERNAL_MEMORY_HANDLE_DESC {
            type_: sys::CUexternalMemoryHandleType_enum::CU_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD,
            handle: sys::CUDA_EXTERNAL_MEMORY_HANDLE_DESC_st__bindgen_ty_1 {
                fd: memory.as_raw_fd(),
            },
            size: num_bytes as u64,
            flags: 0,
            reserved: [0; 16],
        };
        let mut outside = std::ptr::null_mut();
        // SAFETY: writes one handle; the descriptor is open.
        let result = unsafe { sys::cuImportExternalMemory(&mut outside, &what) };
        self.check("taking over memory of the graphics device", result)?;
        // The driver has it now, and closes it.
        let _ = memory.into_raw_fd();
        let part = sys::CUDA_EXTERNAL_MEMORY_BUFFER_DESC {
            offset: 0,
            size: num_bytes as u64,
            flags: 0,
            reserved: [0; 16],
        };
        let mut address = 0;
        // SAFETY: writes one address; the handle is alive.
        let result = unsafe { sys::cuExternalMemoryGetMappedBuffer(&mut address, outside, &part) };
        if let Err(error) = self.check("mapping memory of the graphics device", result) {
            // SAFETY: nothing of it is mapped.
            let _ = unsafe { sys::cuDestroyExternalMemory(outside) };
            return Err(error);
        }
        let mut imported = self.places.imported.lock().unwrap_or_else(PoisonError::into_inner);
        imported.insert(address, Handle(outside));
        Ok(address)
    }

    /// Memory of the computer that the GPU reaches.
    fn new_host_memory(&self, num_bytes: usize) -> Result<Handle<*mut u8>, AcceleratorError> {
        let mut memory: *mut c_void = std::ptr::null_mut();
        // SAFETY: writes one pointer.
        let result = unsafe { sys::cuMemAllocHost_v2(&mut memory, num_bytes.max(1)) };
        self.check("reserving memory that the GPU reaches", result)?;
        let memory = memory.cast::<u8>();
        // SAFETY: it has so many bytes, and nobody else has it yet.
        unsafe { memory.write_bytes(0, num_bytes) };
        Ok(Handle(memory))
    }
}

/// The pieces through which copies go.
#[derive(Default)]
pub(super) struct Staging(Mutex<Option<Pieces>>);

struct Pieces {
    memory: Handle<*mut u8>,
    /// When the copy of each is done.
    done: Vec<Handle<sys::CUevent>>,
    next: usize,
}

impl Staging {
    fn copy(&self, device: &Device, to: u64, bytes: &[u8]) -> Result<(), AcceleratorError> {
        let mut pieces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pieces = match &mut *pieces {
            Some(pieces) => pieces,
            none => none.insert(Pieces::new(device)?),
        };
        let done = pieces.done[pieces.next];
        // SAFETY: the event is alive; one that was never set is done.
        let waited = unsafe { sys::cuEventSynchronize(done.0) };
        device.check("waiting for a copy", waited)?;
        // SAFETY: the piece lies within the memory and has room for the bytes; its last copy is
        // done, and the next one waits for this.
        let result = unsafe {
            let piece = pieces.memory.0.add(pieces.next * PIECE_BYTES);
            piece.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            sys::cuMemcpyHtoDAsync_v2(to, piece.cast(), bytes.len(), device.stream.0)
        };
        device.check("copying to the GPU", result)?;
        device.record_copy(done)?;
        pieces.next = (pieces.next + 1) % NUM_PIECES;
        Ok(())
    }

    /// Gives the pieces back, when no copy is under way.
    pub(super) fn close(&mut self) {
        let pieces = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(pieces) = pieces.take() {
            for event in pieces.done {
                // SAFETY: nobody else has it.
                let _ = unsafe { sys::cuEventDestroy_v2(event.0) };
            }
            // SAFETY: no copy is under way.
            let _ = unsafe { sys::cuMemFreeHost(pieces.memory.0.cast()) };
        }
    }
}

impl Pieces {
    fn new(device: &Device) -> Result<Self, AcceleratorError> {
        let flags = sys::CUevent_flags_enum::CU_EVENT_DISABLE_TIMING as u32;
        let done = (0..NUM_PIECES).map(|_| device.new_event(flags)).collect::<Result<_, _>>()?;
        let memory = device.new_host_memory(NUM_PIECES * PIECE_BYTES)?;
        Ok(Self { memory, done, next: 0 })
    }
}

/// Memory of the computer that a GPU writes to by itself.
pub(super) struct PinnedMemory {
    device: Arc<Device>,
    memory: Handle<*mut u8>,
    num_bytes: usize,
    /// When the last copy into it is done.
    done: Handle<sys::CUevent>,
}

impl PinnedMemory {
    pub(super) fn new(device: &Arc<Device>, num_bytes: usize) -> Result<Self, AcceleratorError> {
        use sys::CUevent_flags_enum::{CU_EVENT_BLOCKING_SYNC, CU_EVENT_DISABLE_TIMING};
        let flags = CU_EVENT_BLOCKING_SYNC as u32 | CU_EVENT_DISABLE_TIMING as u32;
        let done = device.new_event(flags)?;
        let memory = device.new_host_memory(num_bytes)?;
        Ok(Self { device: device.clone(), memory, num_bytes, done })
    }

    pub(super) fn device(&self) -> &Arc<Device> {
        &self.device
    }

    /// Starts a copy from the GPU.
    pub(super) fn fill(&mut self, from: u64) -> Result<(), AcceleratorError> {
        self.device.copy_out(from, self.memory.0, self.num_bytes)?;
        self.device.record_copy(self.done)
    }

    /// Waits until nothing is written to it. Where that fails, the GPU is lost and writes no more.
    fn settle(&self) {
        if self.device.enter().is_ok() {
            // SAFETY: the event is alive; one that was never set is done.
            let result = unsafe { sys::cuEventSynchronize(self.done.0) };
            let _ = self.device.check("waiting for a copy", result);
        }
    }
}

impl Pinned for PinnedMemory {
    fn bytes(&self) -> &[u8] {
        self.settle();
        // SAFETY: it has so many bytes, all set, and nothing writes to it until `fill` or
        // `bytes_mut`, which borrow it for themselves.
        unsafe { std::slice::from_raw_parts(self.memory.0, self.num_bytes) }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        self.settle();
        // SAFETY: as above, and nobody else has it.
        unsafe { std::slice::from_raw_parts_mut(self.memory.0, self.num_bytes) }
    }
}

impl Drop for PinnedMemory {
    fn drop(&mut self) {
        self.settle();
        if self.device.enter().is_ok() {
            // SAFETY: nothing writes to it, and nobody else has it.
            unsafe {
                let _ = sys::cuEventDestroy_v2(self.done.0);
                let _ = sys::cuMemFreeHost(self.memory.0.cast());
            }
        }
    }
}

impl fmt::Debug for PinnedMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PinnedMemory").field("num_bytes", &self.num_bytes).finish()
    }
}
