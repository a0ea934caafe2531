//! Passes that go to the device together.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use lumawire_core::NodeError;

use super::device::Gpu;

/// Passes of one submission, at most. Drivers stop what keeps a device busy for too long.
const MAX_PASSES: usize = 64;

/// Pixels that the passes of one submission draw, at most: what they hold, 1 GiB, is free only
/// after it.
const MAX_PIXELS: u64 = 1 << 27;

/// Bytes of uniforms of one submission, at most: the largest binding that every device takes.
const MAX_UNIFORM_BYTES: usize = 64 << 10;

/// Passes in the order in which they were recorded, yet to be submitted, and their uniforms: one
/// after the other in one buffer, which is written once a submission.
#[derive(Debug)]
pub(super) struct Recorder {
    uniforms: wgpu::Buffer,
    /// Bytes to which the start of every uniform is aligned, however it is bound.
    alignment: usize,
    pending: Mutex<Pending>,
    num_submissions: AtomicU64,
}

#[derive(Debug, Default)]
struct Pending {
    encoder: Option<wgpu::CommandEncoder>,
    uniforms: Vec<u8>,
    num_passes: usize,
    num_pixels: u64,
}

impl Recorder {
    pub fn new(device: &wgpu::Device) -> Self {
        let uniforms = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("uniforms"),
            size: MAX_UNIFORM_BYTES as u64,
            usage: wgpu::BufferUsages::UNIFORM
                | wgpu::BufferUsages::STORAGE
                | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let limits = device.limits();
        let alignment = limits
            .min_uniform_buffer_offset_alignment
            .max(limits.min_storage_buffer_offset_alignment);
        Self {
            uniforms,
            alignment: alignment.max(16) as usize,
            pending: Mutex::default(),
            num_submissions: AtomicU64::new(0),
        }
    }

    /// The buffer of all uniforms: bound with a dynamic offset, which [`Gpu::record`] gives.
    pub fn uniforms(&self) -> &wgpu::Buffer {
        &self.uniforms
    }
}

impl Pending {
    /// Whether a pass with so many bytes and pixels more would be too much for one submission.
    fn is_full(&self, num_bytes: usize, num_pixels: u64) -> bool {
        self.num_passes >= MAX_PASSES
            || self.uniforms.len() + num_bytes > MAX_UNIFORM_BYTES
            || (self.num_passes > 0 && self.num_pixels + num_pixels > MAX_PIXELS)
    }
}

impl Gpu {
    /// Records a pass: `pass` gets the encoder and the offset at which its uniforms, filled up to
    /// `num_bytes`, will lie. What was recorded before is submitted first where there is no room.
    ///
    /// # Errors
    /// Uniforms past the buffer; a device that fails, be it on behalf of earlier passes.
    pub(super) fn record(
        &self,
        uniforms: &[u8],
        num_bytes: usize,
        num_pixels: u64,
        pass: impl FnOnce(&mut wgpu::CommandEncoder, u32),
    ) -> Result<(), NodeError> {
        let num_bytes = num_bytes.max(uniforms.len()).next_multiple_of(self.recorder.alignment);
        if num_bytes > MAX_UNIFORM_BYTES {
            return Err(self.error(format!(
                "{num_bytes} bytes of uniforms are too many: a pass takes up to {MAX_UNIFORM_BYTES}"
            )));
        }
        let mut pending = self.recorder.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.is_full(num_bytes, num_pixels) {
            self.submit(std::mem::take(&mut *pending), |_| ())?;
        }
        let pending = &mut *pending;
        self.checked(|| {
            let offset = pending.uniforms.len();
            pending.uniforms.extend(uniforms);
            pending.uniforms.resize(offset + num_bytes, 0);
            pending.num_passes += 1;
            pending.num_pixels += num_pixels;
            let encoder = pending
                .encoder
                .get_or_insert_with(|| self.device().create_command_encoder(&Default::default()));
            pass(encoder, offset as u32);
        })
    }

    /// Submits what was recorded. Whoever gives work to the queue by himself, and reads or writes
    /// pictures in it, calls it before; [`GpuImage::view`](super::GpuImage::view) does.
    ///
    /// # Errors
    /// A device that fails, be it on behalf of any pass since the last submission.
    pub fn flush(&self) -> Result<(), NodeError> {
        let mut pending = self.recorder.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.encoder.is_none() {
            return Ok(());
        }
        self.submit(std::mem::take(&mut *pending), |_| ())
    }

    /// Submits what was recorded, and what `last` adds to it.
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    pub(super) fn flush_with(
        &self,
        last: impl FnOnce(&mut wgpu::CommandEncoder),
    ) -> Result<(), NodeError> {
        let mut pending = self.recorder.pending.lock().unwrap_or_else(PoisonError::into_inner);
        self.submit(std::mem::take(&mut *pending), last)
    }

    /// How many submissions there were so far.
    pub fn num_submissions(&self) -> u64 {
        self.recorder.num_submissions.load(Ordering::Relaxed)
    }

    /// The caller holds the lock, so that no other submission writes the uniforms meanwhile.
    fn submit(
        &self,
        pending: Pending,
        last: impl FnOnce(&mut wgpu::CommandEncoder),
    ) -> Result<(), NodeError> {
        self.checked(|| {
            let mut encoder = pending
                .encoder
                .unwrap_or_else(|| self.device().create_command_encoder(&Default::default()));
            last(&mut encoder);
            if !pending.uniforms.is_empty() {
                self.queue().write_buffer(&self.recorder.uniforms, 0, &pending.uniforms);
            }
            self.queue().submit([encoder.finish()]);
            self.recorder.num_submissions.fetch_add(1, Ordering::Relaxed);
            // Frees what finished work held; it does not wait, so it has no outcome to report.
            let _ = self.device().poll(wgpu::PollType::Poll);
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lumawire_core::{Image, Services};

    use super::super::testing::{picture, speckle, values};
    use super::super::{Effect, device_from_image};
    use super::*;

    const WGSL: &str = "
        @group(0) @binding(0) var<uniform> factor: f32;
        @group(0) @binding(1) var image: texture_2d<f32>;
        fn effect(pixel: vec2<i32>) -> vec4<f32> { return textureLoad(image, pixel, 0) * factor; }";

    /// A device of its own, so that nobody else's work is counted, and an effect on it.
    fn scaler() -> (Arc<Gpu>, Services, Effect<f32>) {
        let services = Services::default();
        let gpu = Gpu::of(&services).unwrap();
        let mut effect = Effect::new("scale", WGSL, 1);
        effect.prepare(&services).unwrap();
        (gpu, services, effect)
    }

    fn on_device(gpu: &Arc<Gpu>, image: &Image) -> Image {
        Arc::into_inner(device_from_image(gpu, image).unwrap()).unwrap().into_image()
    }

    #[test]
    fn a_chain_is_one_submission_with_the_uniforms_of_each_pass() {
        let (gpu, _services, mut effect) = scaler();
        let image = on_device(&gpu, &picture(3, 2, |x, y| [x as f32, y as f32, 1.0, 1.0]));
        let before = gpu.num_submissions();
        let mut chain = image;
        for factor in [2.0, 0.5, 4.0, 0.25, 3.0] {
            chain = effect.draw(&factor, &[&chain], (3, 2)).unwrap();
        }
        assert_eq!(gpu.num_submissions(), before);
        assert_eq!(values(&chain)[4..8], [3.0, 0.0, 3.0, 3.0]);
        assert_eq!(gpu.num_submissions(), before + 1);
    }

    #[test]
    fn draws_of_one_effect_keep_their_own_uniforms() {
        let (gpu, _services, mut effect) = scaler();
        let image = on_device(&gpu, &picture(1, 1, |_, _| [1.0; 4]));
        let drawn: Vec<Image> =
            (0..40_u8).map(|i| effect.draw(&i.into(), &[&image], (1, 1)).unwrap()).collect();
        let found: Vec<f32> = drawn.iter().map(|image| values(image)[0]).collect();
        assert_eq!(found, (0..40_u8).map(f32::from).collect::<Vec<_>>());
    }

    #[test]
    fn passes_without_end_are_submitted_in_parts() {
        let (gpu, _services, mut effect) = scaler();
        let mut image = on_device(&gpu, &picture(1, 1, |_, _| [1.0; 4]));
        let before = gpu.num_submissions();
        for i in 0..200 {
            let factor = if i % 2 == 0 { 2.0 } else { 0.5 };
            image = effect.draw(&factor, &[&image], (1, 1)).unwrap();
        }
        assert_eq!(values(&image), [1.0; 4]);
        assert_eq!(gpu.num_submissions() - before, 200_u64.div_ceil(MAX_PASSES as u64));
    }

    #[test]
    fn frames_without_end_allocate_nothing() {
        let (gpu, _services, mut effect) = scaler();
        let source = speckle(40, 30);
        let mut frame = || {
            let mut image = source.clone();
            for _ in 0..7 {
                image = effect.draw(&1.0, &[&image], (40, 30)).unwrap();
            }
            values(&image)
        };
        let first = frame();
        let allocated = (gpu.num_textures_allocated(), gpu.num_buffers_allocated());
        for _ in 0..5 {
            assert_eq!(frame(), first);
        }
        assert_eq!((gpu.num_textures_allocated(), gpu.num_buffers_allocated()), allocated);
    }

    /// The texture that is uploaded to was given back by a pass that is only recorded, and reads it.
    #[test]
    fn a_picture_uploaded_meanwhile_does_not_reach_passes_before_it() {
        let (gpu, _services, mut effect) = scaler();
        for i in 0..4_u8 {
            let early = on_device(&gpu, &picture(4, 4, |_, _| [f32::from(i); 4]));
            let drawn = effect.draw(&2.0, &[&early], (4, 4)).unwrap();
            drop(early);
            let late = on_device(&gpu, &picture(4, 4, |_, _| [100.0; 4]));
            assert_eq!(values(&drawn)[0], 2.0 * f32::from(i));
            assert_eq!(values(&late)[0], 100.0);
        }
        assert!(gpu.num_textures_allocated() <= 3, "the test must see textures again");
    }

    #[test]
    fn work_of_others_comes_after_what_was_recorded() {
        let (gpu, _services, mut effect) = scaler();
        let image = on_device(&gpu, &speckle(5, 5));
        let before = gpu.num_submissions();
        let drawn = effect.draw(&1.0, &[&image], (5, 5)).unwrap();
        let _ = device_from_image(&gpu, &drawn).unwrap().view();
        assert_eq!(gpu.num_submissions(), before + 1);
        gpu.flush().unwrap();
        assert_eq!(gpu.num_submissions(), before + 1, "nothing is left");
    }

    #[test]
    fn a_device_lost_in_the_middle_of_a_frame_is_replaced() {
        let (gpu, services, mut effect) = scaler();
        let source = picture(2, 2, |_, _| [0.5; 4]);
        let half = effect.draw(&2.0, &[&source], (2, 2)).unwrap();
        gpu.device().destroy();
        let _ = gpu.device().poll(wgpu::PollType::wait_indefinitely());
        assert!(half.is_lost() && gpu.flush().is_err());
        assert!(effect.draw(&2.0, &[&half], (2, 2)).is_err(), "it went with its device");
        let whole = effect.draw(&2.0, &[&source], (2, 2)).unwrap();
        assert_eq!(values(&whole), [1.0; 16]);
        assert!(!Arc::ptr_eq(&gpu, &Gpu::of(&services).unwrap()));
    }

    #[test]
    fn threads_share_a_device() {
        let (gpu, services, _effect) = scaler();
        std::thread::scope(|scope| {
            for i in 1..=4_u8 {
                let services = services.clone();
                scope.spawn(move || {
                    let mut effect = Effect::<f32>::new("scale", WGSL, 1);
                    effect.prepare(&services).unwrap();
                    for _ in 0..30 {
                        let mut image = picture(8, 8, |_, _| [f32::from(i); 4]);
                        for factor in [2.0, 4.0, 0.125] {
                            image = effect.draw(&factor, &[&image], (8, 8)).unwrap();
                        }
                        assert_eq!(values(&image), [f32::from(i); 256]);
                    }
                });
            }
        });
        assert!(gpu.checked(|| ()).is_ok());
    }
}
