//! A picture that an accelerator draws.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use half::f16;
use half::slice::HalfFloatSliceExt;
use lumawire_core::{DeviceImage, Encoding, HostImage, Image, ImageHome, NodeError, Pixels};

use super::slot::{Idle, Slot};
use crate::gpu::Gpu;
use crate::gpu::convert::half_from_host;
use crate::gpu::picture::{
    BYTES_PER_TEXEL, GpuImage, host_from_texture, texture_from_host, upload,
};

/// Draws a picture in memory that an accelerator failed to draw.
pub type Redraw = Box<dyn Fn() -> Result<Image, NodeError> + Send + Sync>;

/// A picture that an accelerator draws: linear light, straight alpha. It may be under way; the first
/// who needs its texels waits for it, and brings it to the graphics device or to memory. What it was
/// drawn into is used again once nobody reads that any more.
pub struct AcceleratedImage {
    size_px: (u32, u32),
    texels: Mutex<Texels>,
    /// On the graphics device, once somebody needed it there.
    placed: OnceLock<Arc<GpuImage>>,
    idle: Arc<Idle>,
    redraw: Redraw,
}

/// Where the texels are before they are placed.
enum Texels {
    /// Where they were asked for.
    Drawn(Slot),
    /// In memory: the accelerator failed.
    Redrawn(Vec<f16>),
    /// On the graphics device, or lost on the way there.
    Gone,
}

impl AcceleratedImage {
    /// The picture that was asked for in `slot`, which goes to `idle` afterwards.
    pub(super) fn new(size_px: (u32, u32), slot: Slot, idle: &Arc<Idle>, redraw: Redraw) -> Self {
        let texels = Mutex::new(Texels::Drawn(slot));
        Self { size_px, texels, placed: OnceLock::new(), idle: idle.clone(), redraw }
    }

    /// The picture as a value.
    pub fn into_image(self) -> Image {
        let (width_px, height_px) = self.size_px;
        let home = ImageHome::Device(Arc::new(self));
        Image { width_px, height_px, encoding: Encoding::Linear, home }
    }

    /// The picture on `gpu`: the first call waits for it and brings it there.
    pub(in crate::gpu) fn on(&self, gpu: &Arc<Gpu>) -> Result<Arc<GpuImage>, NodeError> {
        let mut texels = self.texels();
        if let Some(placed) = self.placed.get() {
            if Arc::ptr_eq(placed.gpu(), gpu) {
                return Ok(placed.clone());
            }
            let host = host_from_texture(placed)?;
            return texture_from_host(gpu, &host, Encoding::Linear).map(Arc::new);
        }
        self.arrive(&mut texels)?;
        let target = GpuImage::unwritten(gpu, self.size_px)?;
        match std::mem::replace(&mut *texels, Texels::Gone) {
            Texels::Drawn(slot) => match slot.buffer_on(gpu).cloned() {
                Some(buffer) => self.copy(gpu, &buffer, slot, &target)?,
                None => {
                    upload(&target, &slot.bytes().map_err(|e| gpu.error(e))?)?;
                    self.idle.give_back(slot);
                }
            },
            Texels::Redrawn(halves) => upload(&target, bytemuck::cast_slice(&halves))?,
            Texels::Gone => return Err(gpu.error("the picture is gone")),
        }
        Ok(self.placed.get_or_init(|| Arc::new(target)).clone())
    }

    /// Waits for the picture, and draws it in memory where it does not come.
    fn arrive(&self, texels: &mut Texels) -> Result<(), NodeError> {
        if let Texels::Redrawn(_) = texels {
            return Ok(());
        }
        if let Texels::Drawn(slot) = texels
            && slot.wait().is_ok()
        {
            return Ok(());
        }
        let drawn = (self.redraw)()?;
        *texels = Texels::Redrawn(half_from_host(&*drawn.host()?, drawn.encoding));
        Ok(())
    }

    /// Records the copy within the device. Only when that is done the slot may be drawn into again.
    fn copy(
        &self,
        gpu: &Arc<Gpu>,
        buffer: &wgpu::Buffer,
        slot: Slot,
        target: &GpuImage,
    ) -> Result<(), NodeError> {
        let (width, height) = self.size_px;
        let idle = self.idle.clone();
        gpu.record(&[], 0, u64::from(width) * u64::from(height), |encoder, _| {
            // Where rows are not aligned as copies want them, each is a copy of its own: that are
            // small pictures.
            let row_len = width * BYTES_PER_TEXEL;
            let is_aligned = row_len.is_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
            let num_rows = if is_aligned { height } else { 1 };
            for y in (0..height).step_by(num_rows.max(1) as usize) {
                let mut to = target.copied();
                to.origin.y = y;
                encoder.copy_buffer_to_texture(
                    wgpu::TexelCopyBufferInfo {
                        buffer,
                        layout: wgpu::TexelCopyBufferLayout {
                            offset: u64::from(y) * u64::from(row_len),
                            bytes_per_row: is_aligned.then_some(row_len),
                            rows_per_image: None,
                        },
                    },
                    to,
                    wgpu::Extent3d { width, height: num_rows, depth_or_array_layers: 1 },
                );
            }
            encoder.on_submitted_work_done(move || idle.give_back(slot));
        })
    }

    fn texels(&self) -> MutexGuard<'_, Texels> {
        self.texels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DeviceImage for AcceleratedImage {
    fn fetch(&self) -> Result<HostImage, NodeError> {
        let mut texels = self.texels();
        if let Some(placed) = self.placed.get() {
            return host_from_texture(placed);
        }
        self.arrive(&mut texels)?;
        let bytes = match &*texels {
            Texels::Drawn(slot) => {
                slot.bytes().map_err(|e| NodeError::device("the generator's GPU", e))?
            }
            Texels::Redrawn(halves) => Cow::Borrowed(bytemuck::cast_slice(halves)),
            Texels::Gone => return Err(NodeError::device("graphics", "the picture is gone")),
        };
        Ok(host_from_texels(self.size_px, &bytes))
    }

    fn is_lost(&self) -> bool {
        self.placed.get().is_some_and(|placed| placed.is_lost())
    }
}

impl Drop for AcceleratedImage {
    fn drop(&mut self) {
        let texels = self.texels.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Texels::Drawn(slot) = std::mem::replace(texels, Texels::Gone) {
            self.idle.give_back(slot);
        }
    }
}

impl fmt::Debug for AcceleratedImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcceleratedImage").field("size_px", &self.size_px).finish_non_exhaustive()
    }
}

/// Texels in memory as reals.
fn host_from_texels((width_px, height_px): (u32, u32), bytes: &[u8]) -> HostImage {
    // Their place in memory need not be aligned.
    let mut halves = vec![f16::ZERO; bytes.len() / 2];
    for (half, bytes) in halves.iter_mut().zip(bytes.as_chunks().0) {
        *half = f16::from_ne_bytes(*bytes);
    }
    let mut pixels = vec![0.0; halves.len()];
    halves.convert_to_f32_slice(&mut pixels);
    HostImage { width_px, height_px, pixels: Pixels::RgbaF32(pixels) }
}
