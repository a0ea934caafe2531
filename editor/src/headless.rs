//! The editor without a window: its frames run in real time, and the last becomes a picture.

use std::time::{Duration, Instant};

use egui::accesskit::{Affine, NodeId, TreeUpdate};
use egui::{
    Context, Event, FullOutput, PointerButton, Pos2, RawInput, Rect, TexturesDelta, Vec2,
    ViewportId, ViewportInfo,
};
use egui_wgpu::{RenderState, RendererOptions, ScreenDescriptor, WgpuConfiguration};
use image::RgbaImage;
use lumawire_runtime::probe::Seen;
use thiserror::Error;

use crate::command::Command;
use crate::editor::Editor;
use crate::script::{Script, Step, click};
use crate::window::graphics;

/// Between two frames.
const FRAME: Duration = Duration::from_millis(33);
/// What opens or slides does so for less than this.
const SETTLE: Duration = Duration::from_millis(400);
/// The longest wait for a picture.
const MAX_PICTURE_WAIT: Duration = Duration::from_secs(120);
/// The longest wait for the graphics device.
const MAX_DRAW: Duration = Duration::from_secs(60);
/// Bytes of a pixel.
const PIXEL_LEN: u32 = 4;

/// What to draw.
#[derive(Debug, Clone)]
pub struct Shot {
    /// Size of the picture in pixels, `(width, height)`.
    pub size_px: (u32, u32),
    /// Pixels a point: 1 for an ordinary screen, 2 for a dense one.
    pub pixels_per_point: f32,
    /// How long the editor runs before the script begins.
    pub after: Duration,
    /// What is done before the picture is taken.
    pub script: Script,
}

/// Why there is no picture.
#[derive(Debug, Error)]
pub enum ShotError {
    /// No graphics device.
    #[error(
        "no graphics device can draw the editor: {0}. Install a Vulkan driver, or the software \
         renderer lavapipe (Debian: mesa-vulkan-drivers)"
    )]
    NoGraphics(String),
    /// The graphics device draws no pictures of this size.
    #[error("the picture is too large: this graphics device draws at most {0} pixels a side")]
    TooLarge(u32),
    /// A step names what is not on the screen.
    #[error("nothing with the label `{0}` is on the screen")]
    NoLabel(String),
    /// A step waited for a picture in vain.
    #[error("no node showed a picture within {} s", MAX_PICTURE_WAIT.as_secs())]
    NoPicture,
    /// The graphics device broke down.
    #[error("the graphics device failed: {0}")]
    Failed(String),
}

/// Runs the editor for a time, then the script, and draws its last frame.
///
/// # Errors
/// Where nothing can draw it, or a step of the script cannot be done.
pub fn shoot(editor: &mut Editor, shot: &Shot) -> Result<RgbaImage, ShotError> {
    let mut stage = Stage::new(editor, shot)?;
    stage.run_for(shot.after);
    for step in &shot.script.0 {
        stage.step(step)?;
    }
    stage.run_for(if shot.script.0.is_empty() { FRAME } else { SETTLE });
    stage.painter.paint(&stage.ctx, &stage.shown)
}

struct Stage<'a> {
    editor: &'a mut Editor,
    ctx: Context,
    painter: Painter,
    size: Vec2,
    pixels_per_point: f32,
    began: Instant,
    /// What the last frame was.
    shown: FullOutput,
}

impl<'a> Stage<'a> {
    fn new(editor: &'a mut Editor, shot: &Shot) -> Result<Self, ShotError> {
        let painter = Painter::new(shot.size_px)?;
        let ctx = Context::default();
        ctx.enable_accesskit();
        let (width, height) = shot.size_px;
        let size = Vec2::new(width as f32, height as f32) / shot.pixels_per_point;
        Ok(Self {
            editor,
            ctx,
            painter,
            size,
            pixels_per_point: shot.pixels_per_point,
            began: Instant::now(),
            shown: FullOutput::default(),
        })
    }

    fn step(&mut self, step: &Step) -> Result<(), ShotError> {
        match step {
            Step::Do(action) => self.editor.command(Command::Do(*action)),
            Step::Select(nodes) => self.editor.command(Command::Select(nodes.clone())),
            Step::Reveal(node) => self.editor.command(Command::Reveal(node.clone())),
            Step::Press(label) => self.press(label)?,
            Step::Input(frames) => self.input(frames),
            Step::Wait(time) => self.run_for(*time),
            Step::WaitPicture => self.wait_for_picture()?,
        }
        // One to hear it, one to show what came of it.
        self.run_for(FRAME * 2);
        Ok(())
    }

    fn press(&mut self, label: &str) -> Result<(), ShotError> {
        let place = self.shown.platform_output.accesskit_update.as_ref();
        let place = place.and_then(|update| place_of(update, label));
        let place = place.ok_or_else(|| ShotError::NoLabel(label.to_owned()))?;
        self.input(&click(place, PointerButton::Primary, 1));
        Ok(())
    }

    fn input(&mut self, frames: &[Vec<Event>]) {
        for events in frames {
            self.frame(events.clone());
        }
    }

    fn wait_for_picture(&mut self) -> Result<(), ShotError> {
        let asked = Instant::now();
        let is_picture = |seen: &Seen| matches!(seen, Seen::Picture(..));
        while !self.editor.readings().outputs.values().any(is_picture) {
            if asked.elapsed() > MAX_PICTURE_WAIT {
                return Err(ShotError::NoPicture);
            }
            self.frame(Vec::new());
        }
        Ok(())
    }

    /// At least one frame.
    fn run_for(&mut self, time: Duration) {
        let asked = Instant::now();
        loop {
            self.frame(Vec::new());
            if asked.elapsed() >= time {
                return;
            }
        }
    }

    fn frame(&mut self, events: Vec<Event>) {
        let began = Instant::now();
        let info = ViewportInfo {
            inner_rect: Some(Rect::from_min_size(Pos2::ZERO, self.size)),
            native_pixels_per_point: Some(self.pixels_per_point),
            focused: Some(true),
            ..Default::default()
        };
        let input = RawInput {
            viewports: [(ViewportId::ROOT, info)].into_iter().collect(),
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, self.size)),
            max_texture_side: Some(self.painter.max_side_px() as usize),
            time: Some(self.began.elapsed().as_secs_f64()),
            focused: true,
            events,
            ..Default::default()
        };
        self.shown = self.ctx.run_ui(input, |ui| self.editor.ui(ui));
        self.painter.take_up(&mut self.shown.textures_delta);
        std::thread::sleep(FRAME.saturating_sub(began.elapsed()));
    }
}

/// The middle of what has this label, in points. Of several the first in order.
fn place_of(update: &TreeUpdate, label: &str) -> Option<Pos2> {
    let root = egui::accesskit_root_id().accesskit_id();
    let children = update.nodes.iter().find(|(id, _)| *id == root)?.1.children();
    // The root's own scale is that from points to pixels.
    let mut open: Vec<(NodeId, Affine)> =
        children.iter().rev().map(|id| (*id, Affine::IDENTITY)).collect();
    // No node twice: a tree that is none ends all the same.
    for _ in 0..update.nodes.len() {
        let (id, outer) = open.pop()?;
        let Some((_, node)) = update.nodes.iter().find(|(other, _)| *other == id) else { continue };
        let place = node.transform().map_or(outer, |transform| outer * *transform);
        if [node.label(), node.value()].contains(&Some(label))
            && let Some(bounds) = node.bounds()
        {
            let bounds = place.transform_rect_bbox(bounds);
            let middle = |low: f64, high: f64| ((low + high) / 2.0) as f32;
            return Some(Pos2::new(middle(bounds.x0, bounds.x1), middle(bounds.y0, bounds.y1)));
        }
        open.extend(node.children().iter().rev().map(|id| (*id, place)));
    }
    None
}

/// Draws egui's shapes into a texture.
struct Painter {
    state: RenderState,
    size_px: (u32, u32),
}

impl Painter {
    fn new(size_px: (u32, u32)) -> Result<Self, ShotError> {
        let wgpu_setup = graphics();
        let config = WgpuConfiguration { wgpu_setup, ..Default::default() };
        let open = async {
            let instance = config.wgpu_setup.new_instance().await;
            RenderState::create(&config, &instance, None, RendererOptions::default()).await
        };
        let state =
            pollster::block_on(open).map_err(|error| ShotError::NoGraphics(error.to_string()))?;
        let painter = Self { state, size_px };
        let max_px = painter.max_side_px();
        if size_px.0.max(size_px.1) > max_px {
            return Err(ShotError::TooLarge(max_px));
        }
        Ok(painter)
    }

    fn max_side_px(&self) -> u32 {
        self.state.device.limits().max_texture_dimension_2d
    }

    /// Takes up what changed of the textures.
    fn take_up(&self, delta: &mut TexturesDelta) {
        let RenderState { device, queue, .. } = &self.state;
        let mut renderer = self.state.renderer.write();
        for (id, images) in delta.set.drain() {
            for image in images {
                renderer.update_texture(device, queue, id, &image);
            }
        }
        for id in delta.free.drain() {
            renderer.free_texture(&id);
        }
    }

    fn paint(&self, ctx: &Context, frame: &FullOutput) -> Result<RgbaImage, ShotError> {
        let RenderState { device, queue, .. } = &self.state;
        let (width, height) = self.size_px;
        let size = wgpu::Extent3d { width, height, depth_or_array_layers: 1 };
        let texture = device.create_texture(&wgpu::TextureDescriptor {
            label: Some("screenshot"),
            size,
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: self.state.target_format,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
            view_formats: &[],
        });
        let row_len = (width * PIXEL_LEN).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
        let buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("screenshot"),
            size: u64::from(row_len) * u64::from(height),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let mut encoder = device.create_command_encoder(&Default::default());
        let first = self.draw(ctx, frame, &texture, &mut encoder);
        let layout =
            wgpu::TexelCopyBufferLayout { bytes_per_row: Some(row_len), ..Default::default() };
        encoder.copy_texture_to_buffer(
            texture.as_image_copy(),
            wgpu::TexelCopyBufferInfo { buffer: &buffer, layout },
            size,
        );
        queue.submit(first.into_iter().chain([encoder.finish()]));
        let bytes = self.fetch(&buffer)?;
        let rows = bytes.chunks_exact(row_len as usize);
        let pixels: Vec<u8> =
            rows.flat_map(|row| row.iter().take((width * PIXEL_LEN) as usize).copied()).collect();
        RgbaImage::from_raw(width, height, pixels)
            .ok_or_else(|| ShotError::Failed("it gave fewer pixels than asked for".to_owned()))
    }

    /// Draws a frame; gives what is to run first.
    fn draw(
        &self,
        ctx: &Context,
        frame: &FullOutput,
        texture: &wgpu::Texture,
        encoder: &mut wgpu::CommandEncoder,
    ) -> Vec<wgpu::CommandBuffer> {
        let RenderState { device, queue, .. } = &self.state;
        let triangles = ctx.tessellate(frame.shapes.clone(), frame.pixels_per_point);
        let screen = ScreenDescriptor {
            size_in_pixels: self.size_px.into(),
            pixels_per_point: frame.pixels_per_point,
        };
        let mut renderer = self.state.renderer.write();
        let first = renderer.update_buffers(device, queue, encoder, &triangles, &screen);
        let view = texture.create_view(&Default::default());
        let target = wgpu::RenderPassColorAttachment {
            view: &view,
            resolve_target: None,
            ops: wgpu::Operations {
                load: wgpu::LoadOp::Clear(wgpu::Color::BLACK),
                store: wgpu::StoreOp::Store,
            },
            depth_slice: None,
        };
        let mut pass = encoder
            .begin_render_pass(&wgpu::RenderPassDescriptor {
                label: Some("screenshot"),
                color_attachments: &[Some(target)],
                ..Default::default()
            })
            .forget_lifetime();
        renderer.render(&mut pass, &triangles, &screen);
        first
    }

    fn fetch(&self, buffer: &wgpu::Buffer) -> Result<Vec<u8>, ShotError> {
        let failed = |error: &dyn std::fmt::Display| ShotError::Failed(error.to_string());
        let (done, is_done) = crossbeam_channel::bounded(1);
        buffer.map_async(wgpu::MapMode::Read, .., move |result| drop(done.try_send(result)));
        let wait = wgpu::PollType::Wait { submission_index: None, timeout: Some(MAX_DRAW) };
        self.state.device.poll(wait).map_err(|error| failed(&error))?;
        is_done.try_recv().map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
        let bytes = buffer.get_mapped_range(..).map_err(|error| failed(&error))?;
        Ok(bytes.to_vec())
    }
}
