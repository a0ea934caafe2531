//! Small pictures of large ones, without waiting for the device.

use std::any::Any;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Builder;

use bytemuck::{Pod, Zeroable};
use half::f16;
use lumawire_core::{Encoding, HostImage, Image, ImageHome, NodeError, Pixels, Services};

use super::convert::{linear_from_srgb, linear_from_srgb8, srgb8_from_linear};
use super::device::Gpu;
use super::effect::Effect;
use super::picture::GpuImage;

/// Taps along one side of what a thumbnail's pixel covers, at most: in memory, and on the device.
const MAX_HOST_TAPS: u32 = 4;
const MAX_DEVICE_TAPS: u32 = 8;
/// Thumbnails of device pictures that may be under way together.
const MAX_UNDER_WAY: usize = 4;
/// Thumbnails that may wait to be taken.
const MAX_READY: usize = 16;
/// Bytes of a texel.
const TEXEL_LEN: u32 = 8;

/// Makes thumbnails: 8-bit sRGB with straight alpha, in the shape of their picture and no larger than
/// it. Each pixel is the mean of what it covers, taken in light at no more than 4 × 4 places (8 × 8
/// on a device). Pictures in memory are made small on a thread of their own. Those on the device are
/// made small there, and come to memory when it has the time: a frame or two later. A device that is
/// lost takes those along that were under way.
pub struct GpuThumbnails {
    services: Services,
    max_px: u32,
    shrink: Effect<Uniforms>,
    /// The device for which `shrink` was prepared.
    gpu: Option<Arc<Gpu>>,
    under_way: VecDeque<UnderWay>,
    /// Buffers of this device that nothing uses.
    idle: Vec<wgpu::Buffer>,
    /// Started by the first picture in memory.
    worker: Option<Worker>,
    ready: VecDeque<(usize, Arc<HostImage>)>,
}

#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Uniforms {
    size_px: [f32; 2],
    thumbnail_px: [f32; 2],
    num_taps: [u32; 2],
    padding: [u32; 2],
}

/// A thumbnail on its way to memory.
struct UnderWay {
    key: usize,
    size: (u32, u32),
    buffer: wgpu::Buffer,
    /// One of the states below.
    state: Arc<AtomicU8>,
}

const MAPPING: u8 = 0;
const MAPPED: u8 = 1;
const FAILED: u8 = 2;

impl GpuThumbnails {
    /// Makes thumbnails whose longer side is at most `max_px`. The pass is compiled here where the
    /// nodes have opened a device already, else at the first picture that lies on one.
    pub fn new(services: &Services, max_px: u32) -> Self {
        let mut thumbnails = Self {
            services: services.clone(),
            max_px: max_px.max(1),
            shrink: Effect::new("thumbnail", include_str!("thumbnail.wgsl"), 1),
            gpu: None,
            under_way: VecDeque::new(),
            idle: Vec::new(),
            worker: None,
            ready: VecDeque::new(),
        };
        if let Some(gpu) = services.get::<Gpu>().filter(|gpu| !gpu.is_lost()) {
            // What fails is tried again with the first picture.
            let _ = thumbnails.go_over(&gpu);
        }
        thumbnails
    }

    /// Begins a thumbnail, which [`take`](Self::take) gives under `key`. Too many at once, those of
    /// pictures that are lost or make no sense, and those that the device refuses, never come.
    pub fn ask(&mut self, key: usize, image: &Image) {
        match &image.home {
            ImageHome::Host(host) => {
                self.worker = self.worker.take().or_else(|| Worker::start(self.max_px).ok());
                if let Some(worker) = &self.worker {
                    worker.ask(Asked { key, image: host.clone(), encoding: image.encoding });
                }
            }
            // The nodes tell of a device that fails.
            ImageHome::Device(_) => drop(self.ask_device(key, image)),
        }
    }

    /// One that is ready, the oldest first. It does not wait.
    pub fn take(&mut self) -> Option<(usize, Arc<HostImage>)> {
        self.poll();
        while let Some((key, image)) = self.worker.as_ref().and_then(Worker::take) {
            self.put(key, image);
        }
        self.ready.pop_front()
    }

    fn put(&mut self, key: usize, image: HostImage) {
        if self.ready.len() < MAX_READY {
            self.ready.push_back((key, Arc::new(image)));
        }
    }

    fn ask_device(&mut self, key: usize, image: &Image) -> Result<(), NodeError> {
        let Some(gpu) = self.device_of(image) else { return Ok(()) };
        if gpu.is_lost() || self.under_way.len() >= MAX_UNDER_WAY {
            return Ok(());
        }
        if self.gpu.as_ref().is_none_or(|own| !Arc::ptr_eq(own, &gpu)) {
            self.go_over(&gpu)?;
        }
        let size_px = (image.width_px, image.height_px);
        let size = thumbnail_size(size_px, self.max_px);
        let taps = |long: u32, short: u32| long.div_ceil(short).clamp(1, MAX_DEVICE_TAPS);
        let uniforms = Uniforms {
            size_px: [size_px.0 as f32, size_px.1 as f32],
            thumbnail_px: [size.0 as f32, size.1 as f32],
            num_taps: [taps(size_px.0, size.0), taps(size_px.1, size.1)],
            padding: [0; 2],
        };
        let small = self.shrink.draw(&uniforms, &[image], size)?;
        let Some(small) = gpu_image(&small) else { return Ok(()) };
        let buffer = self.buffer(&gpu, size)?;
        gpu.flush_with(|encoder| {
            encoder.copy_texture_to_buffer(
                small.copied(),
                wgpu::TexelCopyBufferInfo {
                    buffer: &buffer,
                    layout: wgpu::TexelCopyBufferLayout {
                        offset: 0,
                        bytes_per_row: Some(row_len(size.0)),
                        rows_per_image: None,
                    },
                },
                small.extent(),
            );
        })?;
        let state = Arc::new(AtomicU8::new(MAPPING));
        let told = state.clone();
        gpu.checked(|| {
            buffer.map_async(wgpu::MapMode::Read, ..num_bytes(size), move |result| {
                told.store(if result.is_ok() { MAPPED } else { FAILED }, Ordering::Release);
            });
        })?;
        self.under_way.push_back(UnderWay { key, size, buffer, state });
        Ok(())
    }

    /// Where a picture lies, or is yet to be brought.
    fn device_of(&self, image: &Image) -> Option<Arc<Gpu>> {
        match gpu_image(image) {
            Some(image) => Some(image.gpu().clone()),
            None => self.services.get::<Gpu>(),
        }
    }

    /// Works on this device from now on; what was under way on another is dropped.
    fn go_over(&mut self, gpu: &Arc<Gpu>) -> Result<(), NodeError> {
        self.under_way.clear();
        self.idle.clear();
        self.gpu = None;
        // The pass is compiled for the device that is lent to all.
        if !self.services.get::<Gpu>().is_some_and(|lent| Arc::ptr_eq(&lent, gpu)) {
            return Err(gpu.error("the picture lies on a device that the nodes do not share"));
        }
        self.shrink.prepare(&self.services)?;
        self.gpu = Some(gpu.clone());
        Ok(())
    }

    /// Takes note of what has come to memory.
    fn poll(&mut self) {
        let Some(gpu) = self.gpu.clone().filter(|_| !self.under_way.is_empty()) else { return };
        if gpu.is_lost() {
            self.under_way.clear();
            self.idle.clear();
            self.gpu = None;
            return;
        }
        // It does not wait; a device that fails is noticed above.
        let _ = gpu.device().poll(wgpu::PollType::Poll);
        while let Some(first) = self.under_way.front() {
            let state = first.state.load(Ordering::Acquire);
            if state == MAPPING {
                return;
            }
            let Some(UnderWay { key, size, buffer, .. }) = self.under_way.pop_front() else {
                return;
            };
            if state == MAPPED {
                if let Some(image) = read(&buffer, size) {
                    self.put(key, image);
                }
                buffer.unmap();
                self.idle.push(buffer);
            }
        }
    }

    /// An idle buffer, or a new one: each holds any thumbnail.
    fn buffer(&mut self, gpu: &Gpu, size: (u32, u32)) -> Result<wgpu::Buffer, NodeError> {
        if let Some(buffer) = self.idle.pop() {
            return Ok(buffer);
        }
        let size = num_bytes((self.max_px, self.max_px)).max(num_bytes(size));
        gpu.checked(|| {
            gpu.device().create_buffer(&wgpu::BufferDescriptor {
                label: Some("thumbnail"),
                size,
                usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        })
    }
}

/// A thread that makes pictures in memory small; it ends with this.
struct Worker {
    asked: SyncSender<Asked>,
    done: Receiver<(usize, HostImage)>,
}

/// A picture in memory that waits.
struct Asked {
    key: usize,
    image: Arc<HostImage>,
    encoding: Encoding,
}

impl Worker {
    fn start(max_px: u32) -> io::Result<Self> {
        let (asked, to_shrink) = sync_channel::<Asked>(MAX_UNDER_WAY);
        let (tell, done) = sync_channel(MAX_READY);
        let run = move || {
            for Asked { key, image, encoding } in to_shrink {
                let shrunk = shrink_host(&image, encoding, max_px);
                // Its memory may be used again from here on.
                drop(image);
                if shrunk.is_some_and(|shrunk| tell.send((key, shrunk)).is_err()) {
                    return;
                }
            }
        };
        Builder::new().name("lumawire-thumbnails".into()).spawn(run)?;
        Ok(Self { asked, done })
    }

    /// What is too much at once is left out.
    fn ask(&self, asked: Asked) {
        let _ = self.asked.try_send(asked);
    }

    fn take(&self) -> Option<(usize, HostImage)> {
        self.done.try_recv().ok()
    }
}

fn gpu_image(image: &Image) -> Option<Arc<GpuImage>> {
    let ImageHome::Device(image) = &image.home else { return None };
    let any: Arc<dyn Any + Send + Sync> = image.clone();
    any.downcast().ok()
}

/// In the picture's shape, no side longer than `max_px` nor than the picture's own.
fn thumbnail_size((width, height): (u32, u32), max_px: u32) -> (u32, u32) {
    let scale = (f64::from(max_px) / f64::from(width.max(height).max(1))).min(1.0);
    let side = |len: u32| ((f64::from(len) * scale).round() as u32).clamp(1, max_px);
    (side(width), side(height))
}

/// Bytes of a row of a buffer, as copies want them.
fn row_len(width: u32) -> u32 {
    (width * TEXEL_LEN).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT)
}

fn num_bytes((width, height): (u32, u32)) -> u64 {
    u64::from(row_len(width)) * u64::from(height)
}

/// What a mapped buffer holds: code values as halves.
fn read(buffer: &wgpu::Buffer, (width_px, height_px): (u32, u32)) -> Option<HostImage> {
    let view = buffer.get_mapped_range(..num_bytes((width_px, height_px))).ok()?;
    let rows = view.chunks_exact(row_len(width_px) as usize);
    let code = |v: &f16| (v.to_f32().clamp(0.0, 1.0) * 255.0).round() as u8;
    let pixels = rows.flat_map(|row| {
        let halves: &[f16] = bytemuck::cast_slice(&row[..(width_px * TEXEL_LEN) as usize]);
        halves.iter().map(code)
    });
    let pixels = Pixels::Rgba8(pixels.collect());
    Some(HostImage { width_px, height_px, pixels })
}

/// A thumbnail of a picture in memory; `None` where its pixels do not fill its size.
fn shrink_host(image: &HostImage, encoding: Encoding, max_px: u32) -> Option<HostImage> {
    let (width, height) = (image.width_px, image.height_px);
    let num_values = width as usize * height as usize * 4;
    let is_srgb = encoding == Encoding::Srgb;
    let finite = |v: f32| if v.is_finite() { v } else { 0.0 };
    match &image.pixels {
        Pixels::Rgba8(pixels) if pixels.len() == num_values => {
            let unit = |v: u8| f32::from(v) / 255.0;
            let of_code = |v: u8| if is_srgb { linear_from_srgb8(v) } else { unit(v) };
            let lights: [f32; 256] = std::array::from_fn(|code| of_code(code as u8));
            let light = |v: u8| lights[usize::from(v)];
            let texel = |&[r, g, b, a]: &[u8; 4]| [light(r), light(g), light(b), unit(a)];
            shrink(pixels.as_chunks::<4>().0, texel, (width, height), max_px)
        }
        Pixels::RgbaF32(pixels) if pixels.len() == num_values => {
            let light = |v: f32| finite(if is_srgb { linear_from_srgb(v) } else { v });
            let texel = |&[r, g, b, a]: &[f32; 4]| [light(r), light(g), light(b), finite(a)];
            shrink(pixels.as_chunks::<4>().0, texel, (width, height), max_px)
        }
        _ => None,
    }
}

/// As the pass does it; `light` gives a pixel's light and straight alpha.
fn shrink<T>(
    pixels: &[T],
    light: impl Fn(&T) -> [f32; 4],
    size_px: (u32, u32),
    max_px: u32,
) -> Option<HostImage> {
    let (width_px, height_px) = thumbnail_size(size_px, max_px);
    let columns = taps(size_px.0, width_px);
    let rows = taps(size_px.1, height_px);
    let (num_columns, num_rows) =
        (columns.len() / width_px as usize, rows.len() / height_px as usize);
    let mut shrunk = Vec::with_capacity((width_px * height_px * 4) as usize);
    for rows in rows.chunks_exact(num_rows) {
        for columns in columns.chunks_exact(num_columns) {
            let mut sum = [0.0_f32; 4];
            for row in rows {
                let row = row * size_px.0 as usize;
                for column in columns {
                    let [r, g, b, a] = light(pixels.get(row + column)?);
                    for (sum, v) in sum.iter_mut().zip([r * a, g * a, b * a, a]) {
                        *sum += v;
                    }
                }
            }
            let [r, g, b, a] = sum;
            // Without alpha there is no colour.
            let straight = |v: f32| if a > 0.0 { srgb8_from_linear(v / a) } else { 0 };
            let alpha = a / (num_columns * num_rows) as f32;
            let alpha = (alpha.clamp(0.0, 1.0) * 255.0).round() as u8;
            shrunk.extend([straight(r), straight(g), straight(b), alpha]);
        }
    }
    Some(HostImage { width_px, height_px, pixels: Pixels::Rgba8(shrunk) })
}

/// Where the pixels of one side are read: so many places for each, the same number for all.
fn taps(len: u32, thumbnail_len: u32) -> Vec<usize> {
    let num = len.div_ceil(thumbnail_len).clamp(1, MAX_HOST_TAPS);
    let total = u64::from(thumbnail_len) * u64::from(num);
    // The middles of equal stretches.
    let at = |i: u64| ((2 * i + 1) * u64::from(len) / (2 * total)) as usize;
    (0..total).map(at).collect()
}

#[cfg(test)]
mod tests;
