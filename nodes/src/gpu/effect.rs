//! One full-screen pass: so many pictures and a few numbers in, one picture out.

use std::marker::PhantomData;
use std::sync::Arc;

use bytemuck::Pod;
use lumawire_core::{Image, Io, NodeError, Services, Value};

use super::device::Gpu;
use super::picture::{FORMAT, GpuImage, device_from_image};

const PRELUDE: &str = include_str!("prelude.wgsl");

/// A fragment pass. Its WGSL binds, in group 0, a uniform `U` at 0 and textures from 1 on, and
/// defines `fn effect(pixel: vec2<i32>) -> vec4<f32>`; `prelude.wgsl` is appended.
///
/// ```text
/// struct Invert { effect: Effect<InvertUniforms> }
///
/// fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
///     self.effect.prepare(cx.services)
/// }
///
/// let picture = self.effect.draw(&uniforms, &[image], (image.width_px, image.height_px))?;
/// ```
#[derive(Debug)]
pub struct Effect<U> {
    label: &'static str,
    wgsl: &'static str,
    num_inputs: u32,
    pass: Option<Pass>,
    uniforms: PhantomData<U>,
}

#[derive(Debug)]
struct Pass {
    gpu: Arc<Gpu>,
    layout: wgpu::BindGroupLayout,
    pipeline: wgpu::RenderPipeline,
    uniforms: wgpu::Buffer,
}

impl<U: Pod> Effect<U> {
    /// An effect that is yet to be prepared. `label` names it in errors.
    pub const fn new(label: &'static str, wgsl: &'static str, num_inputs: u32) -> Self {
        Self { label, wgsl, num_inputs, pass: None, uniforms: PhantomData }
    }

    /// Opens the device if nobody has yet, and compiles the WGSL.
    ///
    /// # Errors
    /// No device; a fault in the WGSL, with its line.
    pub fn prepare(&mut self, services: &Services) -> Result<(), NodeError> {
        let gpu = services.get_or_try_init(Gpu::new)?;
        self.pass = Some(gpu.checked(|| self.compile(&gpu))?);
        Ok(())
    }

    /// Draws a picture of `size` from `inputs`, which are brought to the device where needed.
    /// Exclusive, since there is one buffer of uniforms.
    ///
    /// # Errors
    /// Not prepared; a size of 0 or past the device's limits; a failing device.
    pub fn draw(
        &mut self,
        uniforms: &U,
        inputs: &[&Image],
        size: (u32, u32),
    ) -> Result<Image, NodeError> {
        let pass = self
            .pass
            .as_ref()
            .ok_or_else(|| NodeError::device(self.label, "drawn before it was prepared"))?;
        let inputs = inputs
            .iter()
            .map(|i| device_from_image(&pass.gpu, i))
            .collect::<Result<Vec<_>, _>>()?;
        let target = GpuImage::unwritten(&pass.gpu, size)?;
        pass.gpu.checked(|| pass.run(bytemuck::bytes_of(uniforms), &inputs, &target))?;
        Ok(target.into_image())
    }

    /// One tick of the usual effect: input 0 to output 0, of the same size; nothing from nothing.
    /// `uniforms` gives what the shader reads, or `None` where the effect changes nothing: then the
    /// picture itself passes.
    ///
    /// # Errors
    /// As [`draw`](Self::draw).
    pub fn apply(
        &mut self,
        io: &mut Io<'_>,
        uniforms: impl FnOnce(&Image) -> Option<U>,
    ) -> Result<(), NodeError> {
        let Some(image) = io.inputs.image(0) else {
            io.outputs.set(0, Value::Empty);
            return Ok(());
        };
        let drawn = match uniforms(image) {
            Some(uniforms) => self.draw(&uniforms, &[image], (image.width_px, image.height_px))?,
            None => image.clone(),
        };
        io.outputs.set_image(0, drawn);
        Ok(())
    }

    fn compile(&self, gpu: &Arc<Gpu>) -> Pass {
        let device = gpu.device();
        let label = Some(self.label);
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label,
            source: wgpu::ShaderSource::Wgsl([self.wgsl, PRELUDE].join("\n").into()),
        });
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label,
            entries: &layout_entries(self.num_inputs),
        });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label,
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let pipeline = device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label,
            layout: Some(&pipeline_layout),
            vertex: wgpu::VertexState {
                module: &module,
                entry_point: Some("prelude_vertex"),
                compilation_options: Default::default(),
                buffers: &[],
            },
            primitive: Default::default(),
            depth_stencil: None,
            multisample: Default::default(),
            fragment: Some(wgpu::FragmentState {
                module: &module,
                entry_point: Some("prelude_fragment"),
                compilation_options: Default::default(),
                targets: &[Some(FORMAT.into())],
            }),
            multiview_mask: None,
            cache: None,
        });
        let uniforms = device.create_buffer(&wgpu::BufferDescriptor {
            label,
            size: (size_of::<U>() as u64).next_multiple_of(16),
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        Pass { gpu: gpu.clone(), layout, pipeline, uniforms }
    }
}

impl Pass {
    fn run(&self, uniforms: &[u8], inputs: &[Arc<GpuImage>], target: &GpuImage) {
        let device = self.gpu.device();
        self.gpu.queue().write_buffer(&self.uniforms, 0, uniforms);
        let views = inputs.iter().map(|i| wgpu::BindingResource::TextureView(i.view()));
        let resources = std::iter::once(self.uniforms.as_entire_binding()).chain(views);
        let entries: Vec<_> = resources
            .zip(0..)
            .map(|(resource, binding)| wgpu::BindGroupEntry { binding, resource })
            .collect();
        let bindings = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &self.layout,
            entries: &entries,
        });
        let mut encoder = device.create_command_encoder(&Default::default());
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: target.view(),
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations::default(),
            })],
            ..Default::default()
        });
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &bindings, &[]);
        pass.draw(0..3, 0..1);
        drop(pass);
        self.gpu.queue().submit([encoder.finish()]);
        // Frees what finished work held; it does not wait, so it has no outcome to report.
        let _ = device.poll(wgpu::PollType::Poll);
    }
}

fn layout_entries(num_inputs: u32) -> Vec<wgpu::BindGroupLayoutEntry> {
    let entry = |binding, ty| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::FRAGMENT,
        ty,
        count: None,
    };
    let uniforms = wgpu::BindingType::Buffer {
        ty: wgpu::BufferBindingType::Uniform,
        has_dynamic_offset: false,
        min_binding_size: None,
    };
    let texture = wgpu::BindingType::Texture {
        sample_type: wgpu::TextureSampleType::Float { filterable: false },
        view_dimension: wgpu::TextureViewDimension::D2,
        multisampled: false,
    };
    let textures = (1..=num_inputs).map(|i| entry(i, texture));
    std::iter::once(entry(0, uniforms)).chain(textures).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{gpu, picture, services, values};
    use super::*;

    #[test]
    fn a_fault_in_the_wgsl_is_reported_with_its_line() {
        let mut effect =
            Effect::<u32>::new("broken", "// line 1\nfn effect(p: vec2<i32>) {\n  nonsense\n}", 0);
        let error = effect.prepare(&services()).unwrap_err().to_string();
        assert!(error.contains("wgsl:4:1"), "{error}");
    }

    #[test]
    fn a_pass_sees_its_numbers_and_pictures_and_writes_only_finite_ones() {
        let wgsl = "
            @group(0) @binding(0) var<uniform> factor: f32;
            @group(0) @binding(1) var image: texture_2d<f32>;
            fn effect(pixel: vec2<i32>) -> vec4<f32> {
                let c = textureLoad(image, pixel, 0);
                return vec4<f32>(c.r * factor, c.g * 1e30, sqrt(c.b), f32(pixel.x) + 10.0 * f32(pixel.y));
            }";
        let mut effect = Effect::<f32>::new("test", wgsl, 1);
        effect.prepare(&services()).unwrap();
        let image = picture(2, 2, |_, _| [0.25, 4.0, -1.0, 1.0]);
        let drawn = effect.draw(&3.0, &[&image], (2, 2)).unwrap();
        let pixel = |alpha: f32| [0.75, 65_504.0, 0.0, alpha];
        assert_eq!(values(&drawn), [pixel(0.0), pixel(1.0), pixel(10.0), pixel(11.0)].concat());
    }

    #[test]
    fn too_few_pictures_are_an_error_and_no_panic() {
        let wgsl = "
            @group(0) @binding(0) var<uniform> factor: f32;
            @group(0) @binding(1) var image: texture_2d<f32>;
            fn effect(pixel: vec2<i32>) -> vec4<f32> { return textureLoad(image, pixel, 0) * factor; }";
        let mut effect = Effect::<f32>::new("test", wgsl, 1);
        effect.prepare(&services()).unwrap();
        assert!(effect.draw(&3.0, &[], (2, 2)).is_err());
        assert!(gpu().checked(|| ()).is_ok());
    }
}
