//! Memory that an accelerator draws a picture into.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use lumawire_models::ModelError;
use lumawire_models::accelerator::{Accelerator, AcceleratorError, Event, Memory, Pinned};

use crate::gpu::Gpu;

/// Bytes that may lie idle for one generator.
const MAX_IDLE_BYTES: usize = 256 << 20;

/// Memory for one picture after the other.
#[derive(Debug)]
pub(super) struct Slot {
    accelerator: Arc<dyn Accelerator>,
    num_bytes: usize,
    /// The mark of what was asked for last, until it was waited for.
    pending: Option<Box<dyn Event>>,
    store: Store,
}

#[derive(Debug)]
enum Store {
    /// Memory of the graphics device, as both see it.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    Shared { memory: Memory, buffer: wgpu::Buffer, gpu: Weak<Gpu> },
    /// The accelerator's own memory, and where it is copied to.
    Copied { memory: Memory, pinned: Box<dyn Pinned> },
}

impl Slot {
    /// Memory of `gpu` that the accelerator writes.
    ///
    /// # Errors
    /// Why there is none, as the end of a sentence.
    #[cfg(target_os = "linux")]
    pub fn shared(
        gpu: &Arc<Gpu>,
        accelerator: &Arc<dyn Accelerator>,
        num_bytes: usize,
    ) -> Result<Self, String> {
        let (ours, theirs) = (super::vulkan::uuid(gpu), accelerator.uuid());
        if ours.is_none() || ours != theirs {
            return Err(format!("{} is not {} through Vulkan", gpu.describe(), accelerator.name()));
        }
        let exported = super::vulkan::export(gpu, num_bytes as u64)?;
        let len = usize::try_from(exported.num_bytes).map_err(|e| e.to_string())?;
        let memory =
            Memory::imported(accelerator, exported.memory, len).map_err(|e| e.to_string())?;
        let store = Store::Shared { memory, buffer: exported.buffer, gpu: Arc::downgrade(gpu) };
        Ok(Self { accelerator: accelerator.clone(), num_bytes, pending: None, store })
    }

    /// As on Linux, where there is none.
    #[cfg(not(target_os = "linux"))]
    pub fn shared(_: &Arc<Gpu>, _: &Arc<dyn Accelerator>, _: usize) -> Result<Self, String> {
        Err("memory is shared on Linux only".into())
    }

    /// Memory of the accelerator, and pinned memory beside it.
    pub fn copied(
        accelerator: &Arc<dyn Accelerator>,
        num_bytes: usize,
    ) -> Result<Self, AcceleratorError> {
        let memory = Memory::new(accelerator, num_bytes)?;
        let pinned = accelerator.pinned(num_bytes)?;
        let store = Store::Copied { memory, pinned };
        Ok(Self { accelerator: accelerator.clone(), num_bytes, pending: None, store })
    }

    /// Asks for a picture by `draw_to`, which gets the address for it, and for its copy.
    pub fn draw(
        &mut self,
        draw_to: impl FnOnce(u64) -> Result<Box<dyn Event>, ModelError>,
    ) -> Result<(), ModelError> {
        self.pending = Some(match &mut self.store {
            Store::Shared { memory, .. } => draw_to(memory.address())?,
            Store::Copied { memory, pinned } => {
                draw_to(memory.address())?;
                self.accelerator.copy_out(memory.address(), &mut **pinned)?;
                self.accelerator.mark()?
            }
        });
        Ok(())
    }

    /// Waits until the picture is there.
    pub fn wait(&mut self) -> Result<(), AcceleratorError> {
        if let Some(mark) = &self.pending {
            mark.wait()?;
            self.pending = None;
        }
        Ok(())
    }

    /// The buffer where the picture lies for `gpu`, if it does.
    pub fn buffer_on(&self, gpu: &Arc<Gpu>) -> Option<&wgpu::Buffer> {
        match &self.store {
            Store::Shared { buffer, gpu: own, .. } if own.as_ptr() == Arc::as_ptr(gpu) => {
                Some(buffer)
            }
            _ => None,
        }
    }

    /// The picture in memory, once it was waited for.
    pub fn bytes(&self) -> Result<Cow<'_, [u8]>, AcceleratorError> {
        match &self.store {
            Store::Shared { memory, .. } => {
                let mut bytes = vec![0; self.num_bytes];
                self.accelerator.read(memory.address(), &mut bytes)?;
                Ok(bytes.into())
            }
            Store::Copied { pinned, .. } => {
                let bytes = pinned.bytes();
                Ok(bytes.get(..self.num_bytes).unwrap_or(bytes).into())
            }
        }
    }
}

impl Drop for Slot {
    /// The accelerator may still write to it.
    fn drop(&mut self) {
        // What fails here has failed for all, and writes nothing more.
        let _ = self.wait();
    }
}

/// Slots that wait to be drawn into again. Nobody reads them any more.
#[derive(Debug, Default)]
pub(super) struct Idle(Mutex<Vec<Slot>>);

impl Idle {
    /// An idle slot of this size. Those of other sizes leave: pictures have changed theirs.
    pub fn take(&self, num_bytes: usize) -> Option<Slot> {
        let mut idle = self.slots();
        idle.retain(|slot| slot.num_bytes == num_bytes);
        idle.pop()
    }

    /// Keeps a slot, unless there are enough.
    pub fn give_back(&self, slot: Slot) {
        let mut idle = self.slots();
        let num_bytes: usize = idle.iter().map(|slot| slot.num_bytes).sum();
        if idle.is_empty() || num_bytes + slot.num_bytes <= MAX_IDLE_BYTES {
            idle.push(slot);
        }
    }

    fn slots(&self) -> MutexGuard<'_, Vec<Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
