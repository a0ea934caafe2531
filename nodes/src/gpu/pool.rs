//! Textures that wait to be used again.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Memory that may lie idle; what was idle longest goes first.
const MAX_IDLE_BYTES: u64 = 512 << 20;

const BYTES_PER_TEXEL: u64 = 8;

/// The level of a texture that holds a picture, with its view. Clones share both.
#[derive(Debug, Clone)]
pub(super) struct Texture {
    pub texture: wgpu::Texture,
    pub view: wgpu::TextureView,
    /// Sides of that level, in pixels.
    pub size: (u32, u32),
    pub mip_level: u32,
}

impl Texture {
    fn num_bytes(&self) -> u64 {
        u64::from(self.size.0) * u64::from(self.size.1) * BYTES_PER_TEXEL
    }
}

/// Idle textures, the latest returned last.
#[derive(Debug, Default)]
pub(super) struct Pool {
    idle: Mutex<VecDeque<Texture>>,
    num_allocated: AtomicU64,
}

impl Pool {
    /// An idle texture of this size, or one that `allocate` makes. Its texels are undefined.
    pub fn take<E>(
        &self,
        size: (u32, u32),
        allocate: impl FnOnce() -> Result<Texture, E>,
    ) -> Result<Texture, E> {
        let mut idle = self.idle();
        let found = idle.iter().rposition(|t| t.size == size);
        if let Some(texture) = found.and_then(|i| idle.remove(i)) {
            return Ok(texture);
        }
        drop(idle);
        let texture = allocate()?;
        self.num_allocated.fetch_add(1, Ordering::Relaxed);
        Ok(texture)
    }

    /// Takes a texture back. Work that the queue holds may still read it: later work that writes
    /// it comes after that.
    pub fn give_back(&self, texture: Texture) {
        let mut idle = self.idle();
        idle.push_back(texture);
        let mut num_bytes: u64 = idle.iter().map(Texture::num_bytes).sum();
        while num_bytes > MAX_IDLE_BYTES
            && let Some(oldest) = idle.pop_front()
        {
            num_bytes -= oldest.num_bytes();
        }
    }

    /// How many textures `take` had to allocate.
    pub fn num_allocated(&self) -> u64 {
        self.num_allocated.load(Ordering::Relaxed)
    }

    fn idle(&self) -> MutexGuard<'_, VecDeque<Texture>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
