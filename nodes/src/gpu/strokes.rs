//! Lines, bars and dots: many strokes in one call, their edges smooth at any size.

use std::sync::Arc;

use bytemuck::{Pod, Zeroable};
use lumawire_core::{Image, NodeError, Services};

use super::device::Gpu;
use super::effect::Effect;
use super::picture::{FORMAT, GpuImage};
use super::rehearsal::Rehearsal;

/// Strokes of one picture, at most.
pub const MAX_STROKES: usize = 1 << 18;
/// Pixels that the strokes of one picture cover together, at most: what lies over itself counts each
/// time. 259 full layers of 4K; a device that is busy for seconds is reset by its driver.
const MAX_FRAGMENTS: f64 = (1_u64 << 31) as f64;

/// One stroke, in pixels from the top left corner of the picture, whose pixels' centres lie at
/// halves.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Stroke {
    /// Where it begins, x and y.
    pub from_px: [f32; 2],
    /// Where it ends, x and y.
    pub to_px: [f32; 2],
    /// Half its width; of a beam the standard deviation.
    pub radius_px: f32,
    /// Width over which its edges fade: a window of this width is laid over the sharp shape. Less
    /// than 1 is 1, a pixel.
    pub softness_px: f32,
    form: f32,
    unused: f32,
    /// Light and alpha, straight.
    pub colour: [f32; 4],
}

/// The form of a stroke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A line with round ends; a dot where both ends are one.
    Round,
    /// A line that ends at right angles: a bar.
    Butt,
    /// The trace of a Gaussian spot of light that moves evenly, of energy 1: the longer the way,
    /// the darker.
    Beam,
}

impl Stroke {
    /// A sharp stroke of this form.
    pub fn new(
        form: Form,
        from_px: [f32; 2],
        to_px: [f32; 2],
        radius_px: f32,
        colour: [f32; 4],
    ) -> Self {
        let form = match form {
            Form::Round => 0.0,
            Form::Butt => 1.0,
            Form::Beam => 2.0,
        };
        Self { from_px, to_px, radius_px, softness_px: 0.0, form, unused: 0.0, colour }
    }

    /// The same with edges that fade.
    pub fn soft(self, softness_px: f32) -> Self {
        Self { softness_px, ..self }
    }

    /// Pixels of a picture of `size` that it is drawn on, about and at most: of the rectangle round
    /// it, or of the part of the picture that this can reach.
    fn num_fragments(&self, (width, height): (u32, u32)) -> f64 {
        let [from, to] = [self.from_px, self.to_px].map(|p| p.map(f64::from));
        let (radius, softness) = (f64::from(self.radius_px), f64::from(self.softness_px));
        // As the shader has it.
        let reach =
            if self.form > 1.0 { 3.5 * radius } else { radius + 0.5 * softness.max(1.0) + 0.5 };
        let reach = reach.abs();
        let way = [to[0] - from[0], to[1] - from[1]];
        let len = way[0].hypot(way[1]);
        let along = if len > 1e-6 { way.map(|v| (v / len).abs()) } else { [1.0, 0.0] };
        let margin = reach * (along[0] + along[1]);
        let seen = |axis: usize, side: u32| {
            let low = (from[axis].min(to[axis]) - margin).max(0.0);
            let high = (from[axis].max(to[axis]) + margin).min(f64::from(side));
            (high - low).max(0.0)
        };
        (2.0 * reach * (len + 2.0 * reach)).min(seen(0, width) * seen(1, height))
    }

    fn is_finite(&self) -> bool {
        bytemuck::cast_ref::<Self, [f32; 12]>(self).iter().all(|v| v.is_finite())
    }
}

/// How strokes meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meet {
    /// The later lies over the earlier.
    Over,
    /// Light adds up.
    Add,
    /// The brighter counts: a line of many strokes is one line.
    Max,
}

/// What a device makes of the shader, once for all painters. Clones are the same.
#[derive(Debug, Clone)]
pub(super) struct StrokePipelines {
    layout: wgpu::BindGroupLayout,
    /// By [`Meet`].
    by_meet: [wgpu::RenderPipeline; 3],
}

/// Draws strokes on clear ground.
pub struct Strokes {
    label: &'static str,
    pass: Option<Pass>,
    straighten: Effect<[f32; 4]>,
    services: Option<Services>,
}

struct Pass {
    gpu: Arc<Gpu>,
    pipelines: StrokePipelines,
    canvas: wgpu::Buffer,
    bindings: wgpu::BindGroup,
    strokes: wgpu::Buffer,
}

impl Strokes {
    /// A painter that is yet to be prepared. `label` names it in errors.
    pub const fn new(label: &'static str) -> Self {
        let straighten = Effect::new(label, include_str!("straighten.wgsl"), 1);
        Self { label, pass: None, straighten, services: None }
    }

    /// Opens the device if nobody has yet, or if it was lost, and compiles. What is new on the device
    /// is rehearsed.
    ///
    /// # Errors
    /// No device; one that fails.
    pub fn prepare(&mut self, services: &Services) -> Result<(), NodeError> {
        self.straighten.prepare(services)?;
        if self.bring_to(services)? {
            let mut twin = Self::new(self.label);
            let elsewhere = move |services: &Services| {
                twin.straighten.prepare(services)?;
                twin.bring_to(services)?;
                twin.draw_dots()
            };
            Rehearsal::rehearse(services, elsewhere, || self.draw_dots());
        }
        Ok(())
    }

    /// Compiles for the device that `services` lend, and says whether it had not yet.
    fn bring_to(&mut self, services: &Services) -> Result<bool, NodeError> {
        let gpu = Gpu::of(services)?;
        let kept = gpu.stroke_pipelines.get().cloned();
        let is_new = kept.is_none();
        let pipelines = match kept {
            Some(compiled) => compiled,
            None => {
                let compiled = gpu.checked(|| compile(&gpu))?;
                gpu.stroke_pipelines.get_or_init(|| compiled).clone()
            }
        };
        self.pass = Some(gpu.checked(|| Pass::new(self.label, &gpu, pipelines))?);
        self.services = Some(services.clone());
        Ok(is_new)
    }

    /// A dot of each way to meet; gives the last.
    fn draw_dots(&mut self) -> Result<Image, NodeError> {
        let dot = Stroke::new(Form::Round, [0.5; 2], [0.5; 2], 0.5, [1.0; 4]);
        self.draw(&[dot], Meet::Over, (1, 1))?;
        self.draw(&[dot], Meet::Add, (1, 1))?;
        self.draw(&[dot], Meet::Max, (1, 1))
    }

    /// Draws a picture of `size`: linear light with straight alpha, clear where no stroke is. What
    /// is not finite is left out, and so is what comes after [`MAX_STROKES`], or after strokes that
    /// cover 2³¹ pixels together.
    ///
    /// # Errors
    /// Not prepared; a size of 0 or past the device's limits; a failing device.
    pub fn draw(
        &mut self,
        strokes: &[Stroke],
        meet: Meet,
        size: (u32, u32),
    ) -> Result<Image, NodeError> {
        let is_lost = self.pass.as_ref().is_some_and(|pass| pass.gpu.is_lost());
        if let Some(services) = self.services.clone().filter(|_| is_lost) {
            self.bring_to(&services)?;
        }
        let pass = self
            .pass
            .as_mut()
            .ok_or_else(|| NodeError::device(self.label, "drawn before it was prepared"))?;
        let target = GpuImage::unwritten(&pass.gpu, size)?;
        let gpu = pass.gpu.clone();
        gpu.checked(|| pass.run(strokes, meet, &target))?;
        self.straighten.draw(&[0.0; 4], &[&target.into_image()], size)
    }
}

impl Pass {
    fn new(label: &'static str, gpu: &Arc<Gpu>, pipelines: StrokePipelines) -> Self {
        let device = gpu.device();
        let canvas = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: 16,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let bindings = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(label),
            layout: &pipelines.layout,
            entries: &[wgpu::BindGroupEntry { binding: 0, resource: canvas.as_entire_binding() }],
        });
        let strokes = stroke_buffer(device, 1 << 16);
        Self { gpu: gpu.clone(), pipelines, canvas, bindings, strokes }
    }

    fn run(&mut self, strokes: &[Stroke], meet: Meet, target: &GpuImage) {
        let device = self.gpu.device();
        let shown = bounded(strokes, target.size_px());
        let bytes: &[u8] = bytemuck::cast_slice(&shown);
        if self.strokes.size() < bytes.len() as u64 {
            self.strokes = stroke_buffer(device, bytes.len().next_power_of_two() as u64);
        }
        let (width, height) = target.size_px();
        let size = [width as f32, height as f32, 0.0, 0.0];
        let view = target.view();
        self.gpu.queue().write_buffer(&self.canvas, 0, bytemuck::bytes_of(&size));
        self.gpu.queue().write_buffer(&self.strokes, 0, bytes);
        let mut encoder = device.create_command_encoder(&Default::default());
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color::TRANSPARENT),
                    store: wgpu::StoreOp::Store,
                },
            })],
            ..Default::default()
        });
        if !shown.is_empty() {
            let [over, add, max] = &self.pipelines.by_meet;
            pass.set_pipeline(match meet {
                Meet::Over => over,
                Meet::Add => add,
                Meet::Max => max,
            });
            pass.set_bind_group(0, &self.bindings, &[]);
            pass.set_vertex_buffer(0, self.strokes.slice(..));
            pass.draw(0..4, 0..u32::try_from(shown.len()).unwrap_or(0));
        }
        drop(pass);
        self.gpu.queue().submit([encoder.finish()]);
    }
}

/// The strokes that are drawn on a picture of `size`: the first ones, up to the bounds.
fn bounded(strokes: &[Stroke], size: (u32, u32)) -> Vec<Stroke> {
    let mut num_fragments = 0.0;
    let is_within = |stroke: &&Stroke| {
        num_fragments += stroke.num_fragments(size);
        num_fragments <= MAX_FRAGMENTS
    };
    let finite = strokes.iter().filter(|s| s.is_finite()).take(MAX_STROKES);
    finite.take_while(is_within).copied().collect()
}

fn stroke_buffer(device: &wgpu::Device, num_bytes: u64) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("strokes"),
        size: num_bytes,
        usage: wgpu::BufferUsages::VERTEX | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

fn compile(gpu: &Gpu) -> StrokePipelines {
    let device = gpu.device();
    let label = Some("strokes");
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label,
        source: wgpu::ShaderSource::Wgsl(include_str!("strokes.wgsl").into()),
    });
    let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label,
        entries: &[wgpu::BindGroupLayoutEntry {
            binding: 0,
            visibility: wgpu::ShaderStages::VERTEX,
            ty: wgpu::BindingType::Buffer {
                ty: wgpu::BufferBindingType::Uniform,
                has_dynamic_offset: false,
                min_binding_size: None,
            },
            count: None,
        }],
    });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label,
        bind_group_layouts: &[Some(&layout)],
        immediate_size: 0,
    });
    let by_meet = [Meet::Over, Meet::Add, Meet::Max]
        .map(|meet| pipeline(device, &module, &pipeline_layout, meet));
    StrokePipelines { layout, by_meet }
}

fn pipeline(
    device: &wgpu::Device,
    module: &wgpu::ShaderModule,
    layout: &wgpu::PipelineLayout,
    meet: Meet,
) -> wgpu::RenderPipeline {
    use wgpu::{BlendFactor, BlendOperation};
    let component = |dst_factor, operation| wgpu::BlendComponent {
        src_factor: BlendFactor::One,
        dst_factor,
        operation,
    };
    let component = match meet {
        Meet::Over => component(BlendFactor::OneMinusSrcAlpha, BlendOperation::Add),
        Meet::Add => component(BlendFactor::One, BlendOperation::Add),
        Meet::Max => component(BlendFactor::One, BlendOperation::Max),
    };
    let attributes = wgpu::vertex_attr_array![0 => Float32x4, 1 => Float32x4, 2 => Float32x4];
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some("strokes"),
        layout: Some(layout),
        vertex: wgpu::VertexState {
            module,
            entry_point: Some("vertex"),
            compilation_options: Default::default(),
            buffers: &[Some(wgpu::VertexBufferLayout {
                array_stride: size_of::<Stroke>() as u64,
                step_mode: wgpu::VertexStepMode::Instance,
                attributes: &attributes,
            })],
        },
        primitive: wgpu::PrimitiveState {
            topology: wgpu::PrimitiveTopology::TriangleStrip,
            ..Default::default()
        },
        depth_stencil: None,
        multisample: Default::default(),
        fragment: Some(wgpu::FragmentState {
            module,
            entry_point: Some("fragment"),
            compilation_options: Default::default(),
            targets: &[Some(wgpu::ColorTargetState {
                format: FORMAT,
                blend: Some(wgpu::BlendState { color: component, alpha: component }),
                write_mask: wgpu::ColorWrites::ALL,
            })],
        }),
        multiview_mask: None,
        cache: None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{pixel, services, values};
    use super::*;

    const WHITE: [f32; 4] = [1.0; 4];

    fn drawn(strokes: &[Stroke], meet: Meet, size: (u32, u32)) -> Image {
        let mut painter = Strokes::new("test");
        painter.prepare(&services()).unwrap();
        painter.draw(strokes, meet, size).unwrap()
    }

    /// The sum of alpha: the area that is covered.
    fn area(image: &Image) -> f32 {
        values(image).iter().skip(3).step_by(4).sum()
    }

    #[test]
    fn nothing_is_clear() {
        assert_eq!(values(&drawn(&[], Meet::Over, (5, 3))), [0.0; 60]);
    }

    #[test]
    fn bars_cover_their_area_to_the_pixel() {
        let bar = Stroke::new(Form::Butt, [2.25, 4.0], [10.75, 4.0], 1.5, WHITE);
        let image = drawn(&[bar], Meet::Over, (16, 8));
        assert!((area(&image) - 8.5 * 3.0).abs() < 1e-2, "{}", area(&image));
        assert_eq!(pixel(&image, 5, 4), WHITE);
        // Half a pixel above and a quarter to the right.
        assert!((pixel(&image, 5, 2)[3] - 0.5).abs() < 1e-3);
        assert!((pixel(&image, 10, 3)[3] - 0.75).abs() < 1e-3);
        assert_eq!(pixel(&image, 12, 3), [0.0; 4]);
    }

    #[test]
    fn round_strokes_cover_a_capsule_at_every_angle() {
        for degrees in [0.0_f32, 17.0, 45.0, 90.0, 200.0] {
            let (sin, cos) = degrees.to_radians().sin_cos();
            let (from, to) = ([32.3, 31.6], [32.3 + 20.0 * cos, 31.6 + 20.0 * sin]);
            let image =
                drawn(&[Stroke::new(Form::Round, from, to, 3.0, WHITE)], Meet::Over, (64, 64));
            let exact = 20.0 * 6.0 + std::f32::consts::PI * 9.0;
            assert!((area(&image) / exact - 1.0).abs() < 0.01, "{degrees}: {}", area(&image));
        }
        // Thinner than a pixel it stays, and darkens.
        let thin = Stroke::new(Form::Round, [4.0, 8.2], [28.0, 8.2], 0.1, WHITE);
        let image = drawn(&[thin], Meet::Over, (32, 16));
        assert!((area(&image) / (24.0 * 0.2) - 1.0).abs() < 0.02, "{}", area(&image));
    }

    #[test]
    fn softness_spreads_a_bar_and_keeps_its_area() {
        let bar = Stroke::new(Form::Butt, [16.0, 16.0], [24.0, 16.0], 4.0, WHITE).soft(6.0);
        let image = drawn(&[bar], Meet::Over, (40, 32));
        assert!((area(&image) - 64.0).abs() < 0.1, "{}", area(&image));
        assert!((pixel(&image, 16, 15)[3] - 0.5833).abs() < 2e-2);
    }

    #[test]
    fn strokes_meet_as_they_are_told() {
        let half = |colour: [f32; 3]| {
            let [r, g, b] = colour;
            Stroke::new(Form::Butt, [0.0, 2.0], [4.0, 2.0], 2.0, [r, g, b, 0.5])
        };
        let both = [half([1.0, 0.0, 0.0]), half([0.0, 1.0, 0.0])];
        let at = |meet| pixel(&drawn(&both, meet, (4, 4)), 1, 1);
        let close = |found: [f32; 4], expected: [f32; 4]| {
            let is_close = found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-3);
            assert!(is_close, "{found:?} for {expected:?}");
        };
        close(at(Meet::Over), [1.0 / 3.0, 2.0 / 3.0, 0.0, 0.75]);
        close(at(Meet::Add), [0.5, 0.5, 0.0, 1.0]);
        close(at(Meet::Max), [1.0, 1.0, 0.0, 0.5]);
    }

    #[test]
    fn light_adds_up_beyond_white() {
        let stroke = Stroke::new(Form::Butt, [0.0, 2.0], [4.0, 2.0], 2.0, WHITE);
        assert_eq!(pixel(&drawn(&[stroke; 3], Meet::Add, (4, 4)), 2, 2), [3.0, 3.0, 3.0, 1.0]);
    }

    #[test]
    fn a_beam_keeps_its_energy_whatever_its_way() {
        for len in [0.0_f32, 0.1, 5.0, 30.0] {
            let beam = Stroke::new(Form::Beam, [16.0, 16.3], [16.0 + len, 16.3], 2.0, WHITE);
            let image = drawn(&[beam], Meet::Add, (64, 32));
            assert!((area(&image) - 1.0).abs() < 0.01, "{len}: {}", area(&image));
        }
        // Cut in two it is the same beam: each half takes half the time.
        let cut = |from: f32, to: f32, energy: f32| {
            Stroke::new(Form::Beam, [from, 8.0], [to, 8.0], 2.0, [1.0, 1.0, 1.0, energy])
        };
        let whole = values(&drawn(&[cut(8.0, 24.0, 1.0)], Meet::Add, (32, 16)));
        let halves =
            values(&drawn(&[cut(8.0, 16.0, 0.5), cut(16.0, 24.0, 0.5)], Meet::Add, (32, 16)));
        let alphas = |v: &[f32]| v.iter().skip(3).step_by(4).copied().collect::<Vec<_>>();
        for (a, b) in alphas(&whole).iter().zip(alphas(&halves)) {
            assert!((a - b).abs() < 1e-4, "{a} {b}");
        }
    }

    #[test]
    fn what_is_not_finite_is_left_out() {
        let mut stroke = Stroke::new(Form::Round, [f32::NAN, 0.0], [1.0, 1.0], 2.0, WHITE);
        assert_eq!(area(&drawn(&[stroke], Meet::Over, (4, 4))), 0.0);
        stroke.from_px = [1.0, 1.0];
        stroke.colour[0] = f32::INFINITY;
        assert_eq!(area(&drawn(&[stroke], Meet::Add, (4, 4))), 0.0);
    }

    #[test]
    fn what_covers_more_than_a_device_takes_is_left_out() {
        let dot = |at: [f32; 2], radius: f32| Stroke::new(Form::Round, at, at, radius, WHITE);
        let num = |stroke, size| bounded(&vec![stroke; 1 << 18], size).len();
        // Layers of 2²⁴ pixels.
        assert_eq!(num(dot([2_048.0; 2], 9_999.0), (4_096, 4_096)), 128);
        // Quarters of them, from a corner.
        assert_eq!(num(dot([0.0; 2], 2_047.0), (4_096, 4_096)), 512);
        // Small ones, and those that lie outside, are all drawn.
        assert_eq!(num(dot([2_048.0; 2], 40.0), (4_096, 4_096)), 1 << 18);
        assert_eq!(num(dot([-999.0; 2], 500.0), (4_096, 4_096)), 1 << 18);
        // A thin line at an angle is no rectangle from corner to corner.
        let line = Stroke::new(Form::Butt, [0.0; 2], [4_096.0; 2], 0.0, WHITE);
        let area = 2.0 * (4_096.0 * 2_f64.sqrt() + 2.0);
        assert_eq!(num(line, (4_096, 4_096)), ((1_u64 << 31) as f64 / area) as usize);
        let layers = vec![dot([32.0; 2], 99.0); 3];
        assert_eq!(pixel(&drawn(&layers, Meet::Add, (64, 64)), 5, 5), [3.0, 3.0, 3.0, 1.0]);
    }

    #[test]
    fn a_lost_device_is_opened_anew() {
        let services = Services::default();
        let mut painter = Strokes::new("test");
        painter.prepare(&services).unwrap();
        let gpu = Gpu::of(&services).unwrap();
        gpu.device().destroy();
        let _ = gpu.device().poll(wgpu::PollType::wait_indefinitely());
        let dot = Stroke::new(Form::Round, [2.0, 2.0], [2.0, 2.0], 1.0, WHITE);
        let _ = painter.draw(&[dot], Meet::Over, (4, 4));
        assert!(area(&painter.draw(&[dot], Meet::Over, (4, 4)).unwrap()) > 2.0);
    }
}
