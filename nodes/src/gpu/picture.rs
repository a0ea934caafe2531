//! A picture on the graphics device, and its ways there and back.

use std::any::Any;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use half::f16;
use half::slice::HalfFloatSliceExt;
use lumawire_core::{DeviceImage, Encoding, HostImage, Image, ImageHome, NodeError, Pixels};

use super::accelerated::AcceleratedImage;
use super::convert::half_from_host;
use super::device::Gpu;
use super::pool::Texture;

/// The one format of pictures on the device.
pub(super) const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba16Float;

pub(super) const BYTES_PER_TEXEL: u32 = 8;

/// The longest side of a picture that lies in a texture of more than twice its sides: half a gigabyte
/// is asked for then.
const MAX_LEVEL_SIDE_PX: u32 = 4096;

/// A device that has not said how a copy went by then never will.
const MAP_TIMEOUT: Duration = Duration::from_secs(10);

/// A picture on the graphics device: linear light, straight alpha, `Rgba16Float`. Its texture goes
/// back to the pool with the last holder.
#[derive(Debug)]
pub struct GpuImage {
    gpu: Arc<Gpu>,
    texture: Texture,
}

impl GpuImage {
    /// A picture whose texels are yet to be written.
    pub(super) fn unwritten(gpu: &Arc<Gpu>, size: (u32, u32)) -> Result<Self, NodeError> {
        gpu.check_size(size)?;
        let texture = gpu.pool.take(size, || gpu.checked(|| allocate(gpu, size)))?;
        Ok(Self { gpu: gpu.clone(), texture })
    }

    /// Width and height in pixels.
    pub fn size_px(&self) -> (u32, u32) {
        self.texture.size
    }

    /// The view to bind or to show, for work outside the nodes: all passes up to here are on the
    /// queue before it.
    pub fn view(&self) -> &wgpu::TextureView {
        if let Err(error) = self.gpu.flush() {
            self.gpu.keep_fault(&error);
        }
        &self.texture.view
    }

    /// The view for passes that are recorded.
    pub(super) fn recorded_view(&self) -> &wgpu::TextureView {
        &self.texture.view
    }

    /// Its texels, to be copied by work that comes after what was recorded.
    pub(super) fn copied(&self) -> wgpu::TexelCopyTextureInfo<'_> {
        let Texture { texture, mip_level, .. } = &self.texture;
        wgpu::TexelCopyTextureInfo { mip_level: *mip_level, ..texture.as_image_copy() }
    }

    /// Its size, as copies take it.
    pub(super) fn extent(&self) -> wgpu::Extent3d {
        let (width, height) = self.size_px();
        wgpu::Extent3d { width, height, depth_or_array_layers: 1 }
    }

    /// The device on which it lies.
    pub fn gpu(&self) -> &Arc<Gpu> {
        &self.gpu
    }

    /// The picture as a value.
    pub fn into_image(self) -> Image {
        let (width_px, height_px) = self.size_px();
        let home = ImageHome::Device(Arc::new(self));
        Image { width_px, height_px, encoding: Encoding::Linear, home }
    }
}

impl Drop for GpuImage {
    fn drop(&mut self) {
        self.gpu.pool.give_back(self.texture.clone());
    }
}

impl DeviceImage for GpuImage {
    fn fetch(&self) -> Result<HostImage, NodeError> {
        host_from_texture(self)
    }

    fn is_lost(&self) -> bool {
        self.gpu.is_lost()
    }
}

/// A texture for a picture. Where the driver compiles anew as a side turns from a power of two to
/// none, the picture is the second level of a texture whose sides are odd. Nobody touches the first
/// level, and memory that nobody touches is not taken.
fn allocate(gpu: &Gpu, size: (u32, u32)) -> Texture {
    let is_level = gpu.compiles_late && size.0.max(size.1) <= MAX_LEVEL_SIDE_PX;
    let mip_level = u32::from(is_level);
    let [width, height] = [size.0, size.1].map(|side| (side << mip_level) + mip_level);
    let texture = gpu.device().create_texture(&wgpu::TextureDescriptor {
        label: Some("picture"),
        size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
        mip_level_count: 1 + mip_level,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: FORMAT,
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT
            | wgpu::TextureUsages::TEXTURE_BINDING
            | wgpu::TextureUsages::COPY_SRC
            | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    });
    let view = texture.create_view(&wgpu::TextureViewDescriptor {
        base_mip_level: mip_level,
        ..Default::default()
    });
    Texture { texture, view, size, mip_level }
}

/// `image` on `gpu`: itself if it lies there, else a copy.
///
/// # Errors
/// As [`texture_from_host`] and, for a picture on another device, its `fetch`.
pub fn device_from_image(gpu: &Arc<Gpu>, image: &Image) -> Result<Arc<GpuImage>, NodeError> {
    if let ImageHome::Device(device_image) = &image.home {
        let any: Arc<dyn Any + Send + Sync> = device_image.clone();
        match any.downcast::<GpuImage>() {
            Ok(found) if Arc::ptr_eq(&found.gpu, gpu) => return Ok(found),
            Ok(_) => {}
            Err(any) => {
                if let Ok(drawn) = any.downcast::<AcceleratedImage>() {
                    return drawn.on(gpu);
                }
            }
        }
    }
    texture_from_host(gpu, &*image.host()?, image.encoding).map(Arc::new)
}

/// Copies a picture to the device: sRGB codes become light, values are clamped to the finite range
/// of a half (±65504), and what is no finite number becomes 0.
///
/// # Errors
/// Sizes of 0 or past the device's limits, pixels that do not fill the size, a failing device.
pub fn texture_from_host(
    gpu: &Arc<Gpu>,
    image: &HostImage,
    encoding: Encoding,
) -> Result<GpuImage, NodeError> {
    let size = (image.width_px, image.height_px);
    gpu.check_size(size)?;
    let num_values = match &image.pixels {
        Pixels::Rgba8(pixels) => pixels.len(),
        Pixels::RgbaF32(pixels) => pixels.len(),
    };
    if num_values as u64 != u64::from(size.0) * u64::from(size.1) * 4 {
        return Err(
            gpu.error(format!("{num_values} values do not fill {} × {} pixels", size.0, size.1))
        );
    }
    let texels = half_from_host(image, encoding);
    let target = GpuImage::unwritten(gpu, size)?;
    upload(&target, bytemuck::cast_slice(&texels))?;
    Ok(target)
}

/// Fills a picture with texels from memory, `[height, width, 4]` halves.
pub(super) fn upload(target: &GpuImage, texels: &[u8]) -> Result<(), NodeError> {
    let gpu = &target.gpu;
    // The queue writes before all that is submitted later, and passes that are only recorded may
    // still read the texture as it was.
    gpu.flush()?;
    gpu.checked(|| {
        gpu.queue().write_texture(
            target.copied(),
            texels,
            wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(target.size_px().0 * BYTES_PER_TEXEL),
                rows_per_image: None,
            },
            target.extent(),
        );
    })
}

/// Copies a picture to memory as linear `RgbaF32`, waiting for the device.
///
/// # Errors
/// A picture past the device's longest buffer, a failing device.
pub fn host_from_texture(image: &GpuImage) -> Result<HostImage, NodeError> {
    let gpu = &image.gpu;
    let (width, height) = image.size_px();
    let row_len = width * BYTES_PER_TEXEL;
    let padded_row_len = row_len.next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
    let num_bytes = u64::from(padded_row_len) * u64::from(height);
    let buffer = gpu.take_staging(num_bytes)?;
    let (done, mapped) = mpsc::channel();
    gpu.flush_with(|encoder| {
        encoder.copy_texture_to_buffer(
            image.copied(),
            wgpu::TexelCopyBufferInfo {
                buffer: &buffer,
                layout: wgpu::TexelCopyBufferLayout {
                    offset: 0,
                    bytes_per_row: Some(padded_row_len),
                    rows_per_image: None,
                },
            },
            image.extent(),
        );
    })?;
    gpu.checked(|| {
        buffer.map_async(wgpu::MapMode::Read, ..num_bytes, move |result| {
            // The receiver waits below; it is gone only where the device failed.
            let _ = done.send(result);
        });
    })?;
    gpu.device().poll(wgpu::PollType::wait_indefinitely()).map_err(|e| gpu.error(e))?;
    // Another thread's poll may be the one that is telling us just now.
    match mapped.recv_timeout(MAP_TIMEOUT) {
        Ok(result) => result.map_err(|e| gpu.error(e))?,
        Err(_) => return Err(gpu.error("the picture did not come back")),
    }
    let mut pixels = vec![0.0_f32; width as usize * height as usize * 4];
    {
        let view = buffer.get_mapped_range(..num_bytes).map_err(|e| gpu.error(e))?;
        let rows = view.chunks_exact(padded_row_len as usize);
        for (to, from) in pixels.chunks_exact_mut(width as usize * 4).zip(rows) {
            let halves: &[f16] = bytemuck::cast_slice(&from[..row_len as usize]);
            halves.convert_to_f32_slice(to);
        }
    }
    buffer.unmap();
    gpu.give_back_staging(buffer);
    Ok(HostImage { width_px: width, height_px: height, pixels: Pixels::RgbaF32(pixels) })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{gpu, values};
    use super::*;

    #[test]
    fn halves_survive_the_way_there_and_back_at_every_row_padding() {
        let gpu = gpu();
        for width in [1, 2, 31, 32, 33, 65] {
            let pixels: Vec<f32> = (0..width * 3 * 4)
                .map(|i| f16::from_f32(i as f32 * 0.37 - 20.0).to_f32())
                .collect();
            let image = HostImage {
                width_px: width,
                height_px: 3,
                pixels: Pixels::RgbaF32(pixels.clone()),
            };
            let texture = texture_from_host(&gpu, &image, Encoding::Linear).unwrap();
            assert_eq!(host_from_texture(&texture).unwrap(), image);
        }
    }

    #[test]
    fn what_is_no_finite_number_becomes_zero_and_the_rest_is_clamped() {
        let pixels = vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e9];
        let image = HostImage { width_px: 1, height_px: 1, pixels: Pixels::RgbaF32(pixels) };
        let texture = texture_from_host(&gpu(), &image, Encoding::Linear).unwrap();
        assert_eq!(values(&texture.into_image()), [0.0, 0.0, 0.0, 65_504.0]);
    }

    #[test]
    fn codes_become_light_and_alpha_stays() {
        let image =
            HostImage { width_px: 1, height_px: 1, pixels: Pixels::Rgba8(vec![255, 188, 0, 51]) };
        let texture = texture_from_host(&gpu(), &image, Encoding::Srgb).unwrap();
        let [r, g, b, a] = values(&texture.into_image())[..] else { panic!("one pixel") };
        assert_eq!((r, b), (1.0, 0.0));
        // ((188/255 + 0.055) / 1.055)^2.4 and 51/255, to half a unit of a half's last place.
        assert!((g - 0.502_886).abs() < 2.5e-4, "{g}");
        assert!((a - 0.2).abs() < 1e-4, "{a}");
    }

    #[test]
    fn textures_are_used_again() {
        let gpu = Arc::new(Gpu::new().unwrap());
        for _ in 0..10 {
            let first = GpuImage::unwritten(&gpu, (8, 8)).unwrap();
            let second = GpuImage::unwritten(&gpu, (8, 8)).unwrap();
            assert!(!std::ptr::eq(first.recorded_view(), second.recorded_view()));
        }
        assert_eq!(gpu.num_textures_allocated(), 2);
    }

    #[test]
    fn sides_are_never_powers_of_two_where_the_driver_compiles_for_that() {
        let mut gpu = Gpu::new().unwrap();
        gpu.compiles_late = true;
        let gpu = Arc::new(gpu);
        for (width, height) in [(1, 1), (1, 2), (7, 4), (64, 63)] {
            let pixels: Vec<f32> = (0..width * height * 4).map(|i| i as f32).collect();
            let pixels = Pixels::RgbaF32(pixels);
            let image = HostImage { width_px: width, height_px: height, pixels };
            let picture = texture_from_host(&gpu, &image, Encoding::Linear).unwrap();
            let texture = &picture.texture.texture;
            for side in [texture.width(), texture.height()] {
                assert!(!side.is_power_of_two(), "{width} x {height}");
            }
            assert_eq!(picture.size_px(), (width, height));
            let back = host_from_texture(&picture).unwrap();
            // Halves hold whole numbers up to 2048.
            let Pixels::RgbaF32(found) = back.pixels else { panic!("{width} x {height}") };
            let expected = (0..width * height * 4).map(|i| f16::from_f32(i as f32).to_f32());
            assert_eq!(found, expected.collect::<Vec<_>>(), "{width} x {height}");
        }
    }

    #[test]
    fn pixels_that_do_not_fill_the_size_are_refused() {
        let image = HostImage { width_px: 2, height_px: 1, pixels: Pixels::Rgba8(vec![0; 4]) };
        assert!(texture_from_host(&gpu(), &image, Encoding::Srgb).is_err());
    }

    #[test]
    fn a_picture_of_another_device_is_copied() {
        let (here, there) = (gpu(), Arc::new(Gpu::new().unwrap()));
        let image = HostImage { width_px: 1, height_px: 1, pixels: Pixels::RgbaF32(vec![0.5; 4]) };
        let away = texture_from_host(&there, &image, Encoding::Linear).unwrap().into_image();
        let copied = device_from_image(&here, &away).unwrap();
        assert!(Arc::ptr_eq(copied.gpu(), &here));
        assert_eq!(host_from_texture(&copied).unwrap(), image);
    }
}
