//! Where kernels run that are written in CUDA C++: an NVIDIA GPU, reached through its driver alone,
//! so that nothing of a CUDA toolkit has to be installed; in tests, the same kernels compiled for
//! this processor.

mod choice;
#[cfg(feature = "cuda")]
pub mod driver;
#[cfg(test)]
pub(crate) mod emulated;
#[cfg(test)]
pub(crate) mod testing;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use thiserror::Error;

pub use choice::{Choice, Chosen, choose};

/// A failure of the GPU or of its driver, in words.
#[derive(Debug, Clone, Error)]
#[error("{0}")]
pub struct AcceleratorError(pub String);

/// Where kernels run. All work is done in the order in which it is asked for; only `read` and
/// [`Event::wait`] wait for it.
pub trait Accelerator: Send + Sync + fmt::Debug {
    /// The device in words, with its number: "NVIDIA H200 (cuda:0)".
    fn name(&self) -> &str;

    /// The device's UUID, by which Vulkan knows it as well.
    fn uuid(&self) -> Option<[u8; 16]>;

    /// How many blocks run at once at least: the number of multiprocessors.
    fn num_multiprocessors(&self) -> u32;

    /// Reserves memory whose content is arbitrary; its address is a multiple of 256.
    fn allocate(&self, num_bytes: usize) -> Result<u64, AcceleratorError>;

    /// Gives memory back once the work that was asked for before is done.
    fn free(&self, address: u64);

    /// Copies `bytes` to the device. They may change as soon as this returns.
    fn write(&self, to: u64, bytes: &[u8]) -> Result<(), AcceleratorError>;

    /// Copies from the device, after all work that was asked for before.
    fn read(&self, from: u64, bytes: &mut [u8]) -> Result<(), AcceleratorError>;

    /// Memory of the computer that the device writes to by itself, all 0.
    fn pinned(&self, num_bytes: usize) -> Result<Box<dyn Pinned>, AcceleratorError> {
        Ok(Box::new(Heap(vec![0; num_bytes].into_boxed_slice())))
    }

    /// Fills `to` from the device, without waiting: who looks at its content before a later mark is
    /// reached waits for it.
    fn copy_out(&self, from: u64, to: &mut dyn Pinned) -> Result<(), AcceleratorError> {
        self.read(from, to.bytes_mut())
    }

    /// The address on this device of memory that Vulkan exported from the same device as an opaque
    /// file descriptor (`VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT`, not a dedicated
    /// allocation). `free` lets go of it.
    #[cfg(unix)]
    fn import(
        &self,
        _memory: std::os::fd::OwnedFd,
        _num_bytes: usize,
    ) -> Result<u64, AcceleratorError> {
        Err(AcceleratorError(format!("{} shares no memory with Vulkan", self.name())))
    }

    /// Makes a kernel ready, so that its first launch is as quick as any.
    fn prepare(&self, _kernel: &'static str) -> Result<(), AcceleratorError> {
        Ok(())
    }

    /// Runs a kernel.
    fn launch(&self, launch: &Launch<'_>) -> Result<(), AcceleratorError>;

    /// A mark after all work that was asked for before.
    fn mark(&self) -> Result<Box<dyn Event>, AcceleratorError>;

    /// Records the launches that `run` makes, without running them. `None` where this place cannot;
    /// then nothing was called. `run` neither allocates, copies nor waits, and its kernels were run
    /// before: the first run of a kernel has it compiled.
    fn record(
        &self,
        run: &mut dyn FnMut() -> Result<(), AcceleratorError>,
    ) -> Result<Option<Box<dyn Recording>>, AcceleratorError>;
}

/// A kernel and what it is run on.
#[derive(Debug, Clone, Copy)]
pub struct Launch<'a> {
    /// Its name in the kernels' source.
    pub kernel: &'static str,
    /// Blocks along x, y and z.
    pub grid: [u32; 3],
    /// Threads of a block.
    pub num_threads: u32,
    /// Bytes of shared memory that a block has beyond what the kernel declares.
    pub shared_bytes: u32,
    /// The kernel's one argument, a struct that is laid out as in the source.
    pub argument: &'a [u8],
}

/// A mark in the order of work.
pub trait Event: Send + Sync + fmt::Debug {
    /// Waits until all work before the mark is done.
    fn wait(&self) -> Result<(), AcceleratorError>;
}

/// Memory of the computer that a device reaches, see [`Accelerator::pinned`].
pub trait Pinned: Any + Send + Sync + fmt::Debug {
    /// Its content, when the last copy into it is done.
    fn bytes(&self) -> &[u8];

    /// Its content, to be changed.
    fn bytes_mut(&mut self) -> &mut [u8];
}

/// Memory like any other, for places whose copies wait.
#[derive(Debug)]
struct Heap(Box<[u8]>);

impl Pinned for Heap {
    fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

/// Launches that were recorded, to be run again and again.
pub trait Recording: Send + Sync {
    /// Runs them in their order.
    fn replay(&self) -> Result<(), AcceleratorError>;
}

/// Memory of an accelerator, given back when it is dropped.
#[derive(Debug)]
pub struct Memory {
    accelerator: Arc<dyn Accelerator>,
    address: u64,
    num_bytes: usize,
}

impl Memory {
    /// Memory with arbitrary content.
    pub fn new(
        accelerator: &Arc<dyn Accelerator>,
        num_bytes: usize,
    ) -> Result<Self, AcceleratorError> {
        let address = accelerator.allocate(num_bytes)?;
        Ok(Self { accelerator: accelerator.clone(), address, num_bytes })
    }

    /// Memory that holds `bytes`.
    pub fn holding(
        accelerator: &Arc<dyn Accelerator>,
        bytes: &[u8],
    ) -> Result<Self, AcceleratorError> {
        let memory = Self::new(accelerator, bytes.len())?;
        accelerator.write(memory.address, bytes)?;
        Ok(memory)
    }

    /// Memory that another device exported: see [`Accelerator::import`].
    #[cfg(unix)]
    pub fn imported(
        accelerator: &Arc<dyn Accelerator>,
        memory: std::os::fd::OwnedFd,
        num_bytes: usize,
    ) -> Result<Self, AcceleratorError> {
        let address = accelerator.import(memory, num_bytes)?;
        Ok(Self { accelerator: accelerator.clone(), address, num_bytes })
    }

    /// Where it begins on the device.
    pub fn address(&self) -> u64 {
        self.address
    }

    /// Its size.
    pub fn num_bytes(&self) -> usize {
        self.num_bytes
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.accelerator.free(self.address);
    }
}
