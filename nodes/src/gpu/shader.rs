//! A compiled fragment pass: so many pictures and some bytes in, one picture out.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lumawire_core::{Image, NodeError, Services};

use super::device::Gpu;
use super::picture::{FORMAT, GpuImage, device_from_image};
use super::rehearsal::{Rehearsal, pixel};
use super::user::on_deep_stack;

pub(crate) const PRELUDE: &str = include_str!("prelude.wgsl");

/// The vertex stage where the fragment stage is a module: one triangle that covers the target.
const VERTEX: &str = "
@vertex
fn vertex(@builtin(vertex_index) i: u32) -> @builtin(position) vec4<f32> {
    return vec4<f32>(f32(i & 1u) * 4.0 - 1.0, f32(i >> 1u) * 4.0 - 1.0, 0.0, 1.0);
}";

/// A fragment pass. Its WGSL binds, in group 0, a uniform at 0 and textures from 1 on, and defines
/// `fn effect(pixel: vec2<i32>) -> vec4<f32>`; `prelude.wgsl` is appended.
#[derive(Debug)]
pub(super) struct Shader {
    label: &'static str,
    source: Source,
    num_inputs: u32,
    /// Bytes of the uniform.
    num_bytes: u64,
    pass: Option<Pass>,
    services: Option<ServicesHandle>,
}

#[derive(Debug, Clone)]
enum Source {
    /// Text that the prelude follows.
    Wgsl(Cow<'static, str>),
    /// A fragment stage, the one entry of its module.
    Module(Box<naga::Module>),
}

/// Where a lost device is replaced.
struct ServicesHandle(Services);

impl std::fmt::Debug for ServicesHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Services")
    }
}

#[derive(Debug)]
struct Pass {
    gpu: Arc<Gpu>,
    compiled: Compiled,
}

/// What the device made of a source. Clones are the same.
#[derive(Debug, Clone)]
struct Compiled {
    layout: wgpu::BindGroupLayout,
    pipeline: wgpu::RenderPipeline,
    /// Bytes of the uniform as it is bound.
    num_bytes: u64,
}

/// Pipelines by source and what else they depend on.
type Kept = BTreeMap<(Cow<'static, str>, u32, u64), Compiled>;

/// What a device has compiled of the program's own effects, for all their instances: another node of
/// a kind, or one that comes back, costs neither the compiler nor the driver anything. There are no
/// more of them than effects. A person's shaders are not among them.
#[derive(Debug, Default)]
pub(super) struct Pipelines {
    /// By text, number of inputs, and bytes of the uniform.
    kept: Mutex<Kept>,
    num_compiled: AtomicU64,
}

impl Pipelines {
    /// How many passes were compiled, kept or not.
    pub fn num_compiled(&self) -> u64 {
        self.num_compiled.load(Ordering::Relaxed)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shader {
    /// A pass that is yet to be prepared. `label` names it in errors.
    pub const fn new(
        label: &'static str,
        wgsl: Cow<'static, str>,
        num_inputs: u32,
        num_bytes: u64,
    ) -> Self {
        let source = Source::Wgsl(wgsl);
        Self { label, source, num_inputs, num_bytes, pass: None, services: None }
    }

    /// A pass whose fragment stage is the one entry of `module`, with bindings as in `new`.
    pub fn from_module(
        label: &'static str,
        module: naga::Module,
        num_inputs: u32,
        num_bytes: u64,
    ) -> Self {
        let source = Source::Module(Box::new(module));
        Self { label, source, num_inputs, num_bytes, pass: None, services: None }
    }

    /// Opens the device if nobody has yet, or if it was lost, and compiles the WGSL. What is new on
    /// the device is rehearsed.
    ///
    /// # Errors
    /// No device; a fault in the WGSL, with its line.
    pub fn prepare(&mut self, services: &Services) -> Result<(), NodeError> {
        if self.bring_to(services)? {
            let mut twin = self.twin();
            // The other device goes with it.
            let elsewhere = move |services: &Services| {
                twin.bring_to(services)?;
                twin.draw_pixel()
            };
            Rehearsal::rehearse(services, elsewhere, || self.draw_pixel());
        }
        Ok(())
    }

    /// Compiles for the device that `services` lend, and says whether it had not yet.
    fn bring_to(&mut self, services: &Services) -> Result<bool, NodeError> {
        let gpu = Gpu::of(services)?;
        let (compiled, is_new) = self.compiled(&gpu)?;
        self.pass = Some(Pass { gpu, compiled });
        self.services = Some(ServicesHandle(services.clone()));
        Ok(is_new)
    }

    /// The same pass, on no device.
    fn twin(&self) -> Self {
        let (source, num_inputs, num_bytes) =
            (self.source.clone(), self.num_inputs, self.num_bytes);
        Self { label: self.label, source, num_inputs, num_bytes, pass: None, services: None }
    }

    fn draw_pixel(&mut self) -> Result<Image, NodeError> {
        let image = pixel();
        self.draw(&[], &vec![&image; self.num_inputs as usize], (1, 1))
    }

    /// Draws a picture of `size` from `inputs`, which are brought to the device where needed.
    /// It is only recorded, and submitted with others. After the device was lost, it is opened anew.
    ///
    /// # Errors
    /// Not prepared; a size of 0 or past the device's limits; a failing device.
    pub fn draw(
        &mut self,
        uniforms: &[u8],
        inputs: &[&Image],
        size: (u32, u32),
    ) -> Result<Image, NodeError> {
        self.revive()?;
        let pass = self
            .pass
            .as_ref()
            .ok_or_else(|| NodeError::device(self.label, "drawn before it was prepared"))?;
        let inputs = inputs
            .iter()
            .map(|i| device_from_image(&pass.gpu, i))
            .collect::<Result<Vec<_>, _>>()?;
        let target = GpuImage::unwritten(&pass.gpu, size)?;
        pass.run(uniforms, &inputs, &target)?;
        Ok(target.into_image())
    }

    fn revive(&mut self) -> Result<(), NodeError> {
        let is_lost = self.pass.as_ref().is_some_and(|pass| pass.gpu.is_lost());
        match self.services.take() {
            Some(ServicesHandle(services)) if is_lost => {
                let revived = self.bring_to(&services).map(drop);
                self.services = Some(ServicesHandle(services));
                revived
            }
            services => {
                self.services = services;
                Ok(())
            }
        }
    }

    /// What the device has of this source, or makes of it now, and whether it made it. No lock is held
    /// meanwhile: the engine may come here for a device that was lost.
    fn compiled(&self, gpu: &Gpu) -> Result<(Compiled, bool), NodeError> {
        // Errors are caught by thread: the check goes along.
        let compile = || gpu.checked(|| self.compile(gpu));
        let Source::Wgsl(wgsl) = &self.source else {
            let compiled = on_deep_stack(compile).map_err(|e| NodeError::device(self.label, e))?;
            return Ok((compiled?, true));
        };
        let key = (wgsl.clone(), self.num_inputs, self.num_bytes);
        if let Some(kept) = gpu.pipelines.kept().get(&key) {
            return Ok((kept.clone(), false));
        }
        let compiled = compile()?;
        Ok((gpu.pipelines.kept().entry(key).or_insert(compiled).clone(), true))
    }

    fn compile(&self, gpu: &Gpu) -> Compiled {
        gpu.pipelines.num_compiled.fetch_add(1, Ordering::Relaxed);
        let device = gpu.device();
        let label = Some(self.label);
        let create =
            |source| device.create_shader_module(wgpu::ShaderModuleDescriptor { label, source });
        let (vertex, fragment) = match &self.source {
            Source::Wgsl(wgsl) => {
                let mut text = [&**wgsl, PRELUDE].join("\n");
                if gpu.compiles_late {
                    text = text.replace("var<uniform>", "var<storage, read>");
                }
                let module = create(wgpu::ShaderSource::Wgsl(text.into()));
                (module.clone(), module)
            }
            Source::Module(module) => {
                let mut module = (**module).clone();
                if gpu.compiles_late {
                    store_uniforms(&mut module);
                }
                (
                    create(wgpu::ShaderSource::Wgsl(VERTEX.into())),
                    create(wgpu::ShaderSource::Naga(Cow::Owned(module))),
                )
            }
        };
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label,
            entries: &layout_entries(self.num_inputs, gpu.compiles_late),
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
                module: &vertex,
                entry_point: None,
                compilation_options: Default::default(),
                buffers: &[],
            },
            primitive: Default::default(),
            depth_stencil: None,
            multisample: Default::default(),
            fragment: Some(wgpu::FragmentState {
                module: &fragment,
                entry_point: None,
                compilation_options: Default::default(),
                targets: &[Some(FORMAT.into())],
            }),
            multiview_mask: None,
            cache: None,
        });
        let num_bytes = self.num_bytes.next_multiple_of(16).max(16);
        Compiled { layout, pipeline, num_bytes }
    }
}

impl Pass {
    fn run(
        &self,
        uniforms: &[u8],
        inputs: &[Arc<GpuImage>],
        target: &GpuImage,
    ) -> Result<(), NodeError> {
        let (width, height) = target.size_px();
        let num_pixels = u64::from(width) * u64::from(height);
        let bindings = self.gpu.checked(|| self.bindings(inputs))?;
        self.gpu.record(
            uniforms,
            self.compiled.num_bytes as usize,
            num_pixels,
            |encoder, offset| {
                let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
                    color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                        view: target.recorded_view(),
                        depth_slice: None,
                        resolve_target: None,
                        ops: wgpu::Operations::default(),
                    })],
                    ..Default::default()
                });
                pass.set_pipeline(&self.compiled.pipeline);
                pass.set_bind_group(0, &bindings, &[offset]);
                pass.draw(0..3, 0..1);
            },
        )
    }

    fn bindings(&self, inputs: &[Arc<GpuImage>]) -> wgpu::BindGroup {
        let uniforms = wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer: self.gpu.recorder.uniforms(),
            offset: 0,
            size: NonZeroU64::new(self.compiled.num_bytes),
        });
        let views = inputs.iter().map(|i| wgpu::BindingResource::TextureView(i.recorded_view()));
        let entries: Vec<_> = std::iter::once(uniforms)
            .chain(views)
            .zip(0..)
            .map(|(resource, binding)| wgpu::BindGroupEntry { binding, resource })
            .collect();
        self.gpu.device().create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &self.compiled.layout,
            entries: &entries,
        })
    }
}

/// Makes storage that is only read of the uniforms.
fn store_uniforms(module: &mut naga::Module) {
    for (_, variable) in module.global_variables.iter_mut() {
        if variable.space == naga::AddressSpace::Uniform {
            variable.space = naga::AddressSpace::Storage { access: naga::StorageAccess::LOAD };
        }
    }
}

fn layout_entries(num_inputs: u32, stores_uniforms: bool) -> Vec<wgpu::BindGroupLayoutEntry> {
    let entry = |binding, ty| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::FRAGMENT,
        ty,
        count: None,
    };
    let uniforms = wgpu::BindingType::Buffer {
        ty: match stores_uniforms {
            true => wgpu::BufferBindingType::Storage { read_only: true },
            false => wgpu::BufferBindingType::Uniform,
        },
        has_dynamic_offset: true,
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
    use super::super::testing::{picture, values};
    use super::*;

    fn scaler(services: &Services, factor: &str, num_bytes: u64) -> Shader {
        let wgsl = format!(
            "@group(0) @binding(0) var<uniform> unused: vec4<f32>;
            @group(0) @binding(1) var image: texture_2d<f32>;
            fn effect(pixel: vec2<i32>) -> vec4<f32> {{
                return textureLoad(image, pixel, 0) * {factor};
            }}"
        );
        let mut shader = Shader::new("scale", Cow::Owned(wgsl), 1, num_bytes);
        shader.prepare(services).unwrap();
        shader
    }

    #[test]
    fn a_source_is_compiled_once_for_all_its_instances_on_a_device() {
        let services = Services::default();
        let gpu = Gpu::of(&services).unwrap();
        let image = picture(2, 1, |x, _| [x as f32, 1.0, 0.5, 1.0]);
        let draw = |shader: &mut Shader| values(&shader.draw(&[0; 16], &[&image], (2, 1)).unwrap());
        let drawn = draw(&mut scaler(&services, "2.0", 16));
        assert_eq!((gpu.pipelines.num_compiled(), drawn[1]), (1, 2.0));
        // The first is gone, and another of the same comes.
        for _ in 0..3 {
            assert_eq!(draw(&mut scaler(&services, "2.0", 16)), drawn);
        }
        assert_eq!(gpu.pipelines.num_compiled(), 1);
        // What differs in anything is another one.
        assert_eq!(draw(&mut scaler(&services, "4.0", 16))[1], 4.0);
        assert_eq!(draw(&mut scaler(&services, "2.0", 32)), drawn);
        assert_eq!(gpu.pipelines.num_compiled(), 3);
        // Another device has its own, and so has one that takes the place of a lost one.
        gpu.device().destroy();
        let _ = gpu.device().poll(wgpu::PollType::wait_indefinitely());
        assert_eq!(draw(&mut scaler(&services, "2.0", 16)), drawn);
        assert_eq!(Gpu::of(&services).unwrap().pipelines.num_compiled(), 1);
    }

    #[test]
    fn a_source_that_was_refused_is_refused_again() {
        let services = Services::default();
        for _ in 0..2 {
            let wgsl = "fn effect(pixel: vec2<i32>) -> vec4<f32> { return nothing; }";
            let mut shader = Shader::new("broken", Cow::Borrowed(wgsl), 0, 16);
            assert!(shader.prepare(&services).is_err());
        }
        assert!(Gpu::of(&services).unwrap().pipelines.kept().is_empty());
    }
    /// An effect whose flow its numbers steer, by text and by module.
    fn steered(services: &Services) -> [Shader; 2] {
        const WGSL: &str = "
            struct Numbers { rounds: u32, mode: u32, colour: vec3<f32>, last: f32 }
            @group(0) @binding(0) var<uniform> u: Numbers;
            @group(0) @binding(1) var image: texture_2d<f32>;
            fn effect(pixel: vec2<i32>) -> vec4<f32> {
                var sum = textureLoad(image, pixel, 0);
                for (var i = 0u; i < u.rounds; i++) { sum += vec4<f32>(u.colour, u.last); }
                switch u.mode {
                    case 1u: { return sum * 2.0; }
                    default: { return sum; }
                }
            }";
        let module = naga::front::wgsl::parse_str(&format!(
            "{WGSL}
            @fragment fn main(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {{
                return effect(vec2<i32>(at.xy));
            }}"
        ));
        let mut shaders = [
            Shader::new("text", Cow::Borrowed(WGSL), 1, 32),
            Shader::from_module("module", module.unwrap(), 1, 32),
        ];
        shaders.iter_mut().for_each(|shader| shader.prepare(services).unwrap());
        shaders
    }

    #[test]
    fn numbers_reach_a_shader_alike_from_uniforms_and_from_storage() {
        let image = picture(3, 2, |x, y| [x as f32, y as f32, 0.5, 1.0]);
        for compiles_late in [false, true] {
            let services = Services::default();
            let mut gpu = Gpu::new().unwrap();
            gpu.compiles_late = compiles_late;
            services.insert(Arc::new(gpu));
            let mut shaders = steered(&services);
            for (rounds, mode) in [(0_u32, 0_u32), (3, 0), (3, 1), (5, 1)] {
                let mut bytes = [0_u8; 32];
                bytes[..8].copy_from_slice(bytemuck::cast_slice(&[rounds, mode]));
                bytes[16..].copy_from_slice(bytemuck::cast_slice(&[0.25_f32, 0.5, 1.0, 2.0]));
                let found = shaders.each_mut().map(|s| s.draw(&bytes, &[&image], (3, 2)).unwrap());
                let factor = if mode == 1 { 2.0 } else { 1.0 };
                let n = rounds as f32;
                let pixel = [2.0 + 0.25 * n, 1.0 + 0.5 * n, 0.5 + n, 1.0 + 2.0 * n];
                for found in found {
                    assert_eq!(values(&found)[20..], pixel.map(|v| v * factor), "{rounds} {mode}");
                }
            }
        }
    }
}
