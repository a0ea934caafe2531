//! Draws a picture into a window, on the graphics device that the nodes use too.

use std::sync::Arc;

use lumawire_core::{HostImage, Pixels, Services};
use lumawire_nodes::gpu::Gpu;
use winit::event_loop::OwnedDisplayHandle;
use winit::window::Window;

use crate::error::CommandError;

/// Names a part of the adapter that is to be taken, as for the nodes.
const ADAPTER_NAME_VARIABLE: &str = "WGPU_ADAPTER_NAME";

/// A window's surface and what draws to it.
pub struct Painter {
    gpu: Arc<Gpu>,
    surface: wgpu::Surface<'static>,
    config: wgpu::SurfaceConfiguration,
    pipeline: wgpu::RenderPipeline,
    sampler: wgpu::Sampler,
    picture: Option<Uploaded>,
}

/// The picture on the device.
struct Uploaded {
    texture: wgpu::Texture,
    bindings: wgpu::BindGroup,
}

impl Painter {
    /// Opens the best graphics device that can draw to `window`, for the nodes too: it goes into
    /// `services`.
    pub fn new(
        window: Arc<Window>,
        display: Box<OwnedDisplayHandle>,
        present: wgpu::PresentMode,
        services: &Services,
    ) -> Result<Self, CommandError> {
        let mut descriptor = wgpu::InstanceDescriptor::new_with_display_handle(display);
        descriptor.flags = wgpu::InstanceFlags::from_build_config().with_env();
        let instance = wgpu::Instance::new(descriptor);
        let size = window.inner_size();
        let surface = instance.create_surface(window).map_err(|error| fault(&error))?;
        let adapter = adapter(&instance, &surface)?;
        let request = adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("lumawire"),
            required_limits: adapter.limits(),
            ..Default::default()
        });
        let (device, queue) = pollster::block_on(request).map_err(|error| fault(&error))?;
        device.on_uncaptured_error(Arc::new(|error: wgpu::Error| {
            tracing::error!("graphics: {error}");
        }));
        let gpu = services.get_or_try_init(|| {
            Ok::<_, CommandError>(Gpu::from_device(&adapter.get_info(), device, queue))
        })?;
        let mut config = surface
            .get_default_config(&adapter, size.width.max(1), size.height.max(1))
            .ok_or_else(|| fault(&"the screen and the graphics device do not fit"))?;
        let able = surface.get_capabilities(&adapter);
        // Pictures are filtered as light: the surface is to turn light into sRGB.
        config.format = able.formats.iter().copied().find(|f| f.is_srgb()).unwrap_or(config.format);
        config.present_mode =
            if able.present_modes.contains(&present) { present } else { wgpu::PresentMode::Fifo };
        config.desired_maximum_frame_latency = 1;
        surface.configure(gpu.device(), &config);
        let (pipeline, sampler) = pipeline(gpu.device(), config.format);
        Ok(Self { gpu, surface, config, pipeline, sampler, picture: None })
    }

    /// Takes note of the window's new size.
    pub fn resize(&mut self, (width, height): (u32, u32)) {
        if width > 0 && height > 0 {
            (self.config.width, self.config.height) = (width, height);
            self.surface.configure(self.gpu.device(), &self.config);
        }
    }

    /// Takes a picture, 8-bit sRGB.
    pub fn upload(&mut self, image: &HostImage) {
        let Pixels::Rgba8(pixels) = &image.pixels else { return };
        let size = wgpu::Extent3d {
            width: image.width_px,
            height: image.height_px,
            depth_or_array_layers: 1,
        };
        let max = self.gpu.device().limits().max_texture_dimension_2d;
        if size.width == 0 || size.height == 0 || size.width > max || size.height > max {
            return;
        }
        if self.picture.as_ref().is_none_or(|p| p.texture.size() != size) {
            self.picture = Some(self.texture(size));
        }
        let Some(picture) = &self.picture else { return };
        self.gpu.queue().write_texture(
            picture.texture.as_image_copy(),
            pixels,
            wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(4 * size.width),
                rows_per_image: None,
            },
            size,
        );
    }

    /// Draws the picture into the window's next image; false where the screen takes none now.
    pub fn paint(&mut self) -> bool {
        use wgpu::CurrentSurfaceTexture::{Lost, Outdated, Suboptimal, Success};
        let target = match self.surface.get_current_texture() {
            Success(target) | Suboptimal(target) => target,
            Outdated | Lost => {
                self.surface.configure(self.gpu.device(), &self.config);
                match self.surface.get_current_texture() {
                    Success(target) | Suboptimal(target) => target,
                    _ => return false,
                }
            }
            _ => return false,
        };
        let view = target.texture.create_view(&Default::default());
        let mut encoder = self.gpu.device().create_command_encoder(&Default::default());
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("window"),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &view,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color::BLACK),
                    store: wgpu::StoreOp::Store,
                },
            })],
            ..Default::default()
        });
        if let Some(picture) = &self.picture {
            let size = picture.texture.size();
            let [x, y, w, h] =
                letterbox((size.width, size.height), (self.config.width, self.config.height));
            pass.set_viewport(x, y, w, h, 0.0, 1.0);
            pass.set_pipeline(&self.pipeline);
            pass.set_bind_group(0, &picture.bindings, &[]);
            pass.draw(0..3, 0..1);
        }
        drop(pass);
        self.gpu.queue().submit([encoder.finish()]);
        self.gpu.queue().present(target);
        true
    }

    fn texture(&self, size: wgpu::Extent3d) -> Uploaded {
        let device = self.gpu.device();
        let texture = device.create_texture(&wgpu::TextureDescriptor {
            label: Some("picture"),
            size,
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            // Where the surface does not turn light into sRGB, the numbers pass as they are.
            format: if self.config.format.is_srgb() {
                wgpu::TextureFormat::Rgba8UnormSrgb
            } else {
                wgpu::TextureFormat::Rgba8Unorm
            },
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        });
        let view = texture.create_view(&Default::default());
        let bindings = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("picture"),
            layout: &self.pipeline.get_bind_group_layout(0),
            entries: &[
                wgpu::BindGroupEntry {
                    binding: 0,
                    resource: wgpu::BindingResource::TextureView(&view),
                },
                wgpu::BindGroupEntry {
                    binding: 1,
                    resource: wgpu::BindingResource::Sampler(&self.sampler),
                },
            ],
        });
        Uploaded { texture, bindings }
    }
}

/// The best adapter that can draw to `surface`: discrete before integrated, virtual and software
/// ones.
fn adapter(
    instance: &wgpu::Instance,
    surface: &wgpu::Surface<'_>,
) -> Result<wgpu::Adapter, CommandError> {
    let wanted = std::env::var(ADAPTER_NAME_VARIABLE).unwrap_or_default().to_lowercase();
    let all = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()));
    let fits = |adapter: &wgpu::Adapter| {
        adapter.is_surface_supported(surface)
            && adapter.get_info().name.to_lowercase().contains(&wanted)
    };
    all.into_iter()
        .filter(fits)
        .min_by_key(|adapter| {
            let info = adapter.get_info();
            let kind = match info.device_type {
                wgpu::DeviceType::DiscreteGpu => 0,
                wgpu::DeviceType::IntegratedGpu => 1,
                wgpu::DeviceType::VirtualGpu => 2,
                wgpu::DeviceType::Cpu => 3,
                wgpu::DeviceType::Other => 4,
            };
            (info.backend == wgpu::Backend::Gl, kind)
        })
        .ok_or_else(|| fault(&"no graphics device can draw to this screen"))
}

fn pipeline(
    device: &wgpu::Device,
    format: wgpu::TextureFormat,
) -> (wgpu::RenderPipeline, wgpu::Sampler) {
    let module = device.create_shader_module(wgpu::include_wgsl!("letterbox.wgsl"));
    let pipeline = device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some("window"),
        layout: None,
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: Some("vertex"),
            compilation_options: Default::default(),
            buffers: &[],
        },
        primitive: Default::default(),
        depth_stencil: None,
        multisample: Default::default(),
        fragment: Some(wgpu::FragmentState {
            module: &module,
            entry_point: Some("fragment"),
            compilation_options: Default::default(),
            targets: &[Some(format.into())],
        }),
        multiview_mask: None,
        cache: None,
    });
    let sampler = device.create_sampler(&wgpu::SamplerDescriptor {
        mag_filter: wgpu::FilterMode::Linear,
        min_filter: wgpu::FilterMode::Linear,
        ..Default::default()
    });
    (pipeline, sampler)
}

/// Where a picture lies in a window, whole and in its own shape: x, y, width, height in pixels.
fn letterbox((w, h): (u32, u32), (width, height): (u32, u32)) -> [f32; 4] {
    let [w, h, width, height] = [w, h, width, height].map(|v| v.max(1) as f32);
    let scale = (width / w).min(height / h);
    let (w, h) = ((w * scale).min(width), (h * scale).min(height));
    [((width - w) / 2.0).floor(), ((height - h) / 2.0).floor(), w, h]
}

fn fault(error: &dyn std::fmt::Display) -> CommandError {
    CommandError::Usage(format!("graphics: {error}; --headless needs no screen"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_keeps_its_shape_and_lies_in_the_middle() {
        assert_eq!(letterbox((100, 100), (300, 100)), [100.0, 0.0, 100.0, 100.0]);
        assert_eq!(letterbox((100, 50), (100, 100)), [0.0, 25.0, 100.0, 50.0]);
        assert_eq!(letterbox((1_920, 1_080), (1_280, 720)), [0.0, 0.0, 1_280.0, 720.0]);
        for size in [(1, 1), (7, 3), (1_000, 1)] {
            let [x, y, w, h] = letterbox((512, 256), size);
            assert!(x >= 0.0 && y >= 0.0 && x + w <= size.0 as f32 && y + h <= size.1 as f32);
        }
    }
}
