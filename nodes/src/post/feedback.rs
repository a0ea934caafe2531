//! Last frame's picture, moved on.

use std::any::Any;

use std::f32::consts::PI;

use bytemuck::{Pod, Zeroable};
use lumawire_core::{
    Image, Io, Node, NodeError, NodeSpec, Param, Params, Port, PortType, PrepareCx, Rate, Role,
    Unit, Value,
};

use crate::gpu::{Blur, Border, Effect};

const IN_IMAGE: usize = 0;
const OUT_IMAGE: usize = 0;
const ZOOM: usize = 0;
const ROTATE: usize = 1;
const MOVE_X: usize = 2;
const MOVE_Y: usize = 3;
const FADE: usize = 4;
const HUE: usize = 5;
const BLUR: usize = 6;
const BORDER: usize = 7;

/// Gives last frame's picture.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.feedback",
    version: 1,
    label: "Feedback",
    doc: "Gives the picture of the frame before, and is the only way to lead pictures round in a \
          loop. Before its first picture it gives none, which blend takes as nothing to lay over. \
          For a tunnel, wire generator → blend.base, blend → feedback → blend.over, and let it \
          zoom. All parameters are rates, so that a loop looks the same at every frame rate: in dt \
          seconds the picture grows by zoom^dt, turns by rotate·dt, moves by move·dt, turns its hue \
          about the axis of greys by hue·dt, and is blurred by a Gaussian of σ = blur·√dt; its \
          colour and alpha, premultiplied, are multiplied by exp(−fade·dt). Bilinear, in light. At \
          its defaults the picture passes as it was. Latency: 1 frame.",
    rate: Rate::Frame,
    role: Role::Delay,
    inputs: &[Port::required("image", PortType::Image, "The picture to keep.")],
    outputs: &[Port::output("image", PortType::Image, "The picture of the frame before.")],
    params: &[
        Param::float("zoom_per_sec", "Zoom", 1.0, (0.25, 4.0))
            .hard(0.001, 1_000.0)
            .doc("By how much it grows in a second; below 1 it shrinks."),
        Param::float("rotate_radians_per_sec", "Rotate", 0.0, (-PI, PI))
            .hard(-1e3, 1e3)
            .doc("By how much it turns in a second, anticlockwise, in radians."),
        Param::float("move_x_per_sec", "Move right", 0.0, (-1.0, 1.0))
            .hard(-100.0, 100.0)
            .doc("To the right in a second, in widths of the picture."),
        Param::float("move_y_per_sec", "Move down", 0.0, (-1.0, 1.0))
            .hard(-100.0, 100.0)
            .doc("Downwards in a second, in heights of the picture."),
        Param::float("fade_hz", "Fade", 0.0, (0.0, 10.0))
            .hard(0.0, 1_000.0)
            .unit(Unit::Hz)
            .doc("How fast it fades: 37 % are left after 1/fade seconds; 0 keeps all."),
        Param::float("hue_turns_per_sec", "Hue", 0.0, (-1.0, 1.0))
            .hard(-100.0, 100.0)
            .doc("By how much its hue turns in a second, in turns."),
        Param::float("blur", "Blur", 0.0, (0.0, 0.05))
            .hard(0.0, 1.0)
            .doc("Standard deviation of the blur of a second, in heights of the picture."),
        Param::choice("border", "Border", &["transparent", "clamp", "mirror"])
            .doc("What lies outside the picture: nothing, its edge, its mirror image."),
    ],
    build: || {
        Box::new(Feedback {
            warp: Effect::new("post.feedback", include_str!("feedback.wgsl"), 1),
            blur: Blur::default(),
            held: None,
        })
    },
};

#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C)]
struct Uniforms {
    move_px: [f32; 2],
    zoom: f32,
    rotate_radians: f32,
    keep: f32,
    hue_radians: f32,
    border: u32,
    padding: u32,
}

impl Uniforms {
    /// What happens to a picture of this size in `dt` seconds.
    fn new(params: Params<'_>, dt: f32, image: &Image) -> Self {
        Self {
            move_px: [
                params.float(MOVE_X) * dt * image.width_px as f32,
                params.float(MOVE_Y) * dt * image.height_px as f32,
            ],
            zoom: params.float(ZOOM).powf(dt),
            rotate_radians: params.float(ROTATE) * dt,
            keep: (-params.float(FADE) * dt).exp(),
            hue_radians: 2.0 * PI * params.float(HUE) * dt,
            border: params.choice(BORDER) as u32,
            padding: 0,
        }
    }

    fn is_identity(&self) -> bool {
        let none = Self { zoom: 1.0, keep: 1.0, border: self.border, ..Self::zeroed() };
        *self == none
    }
}

struct Feedback {
    warp: Effect<Uniforms>,
    blur: Blur,
    held: Option<Image>,
}

impl Feedback {
    fn moved_on(&mut self, io: &Io<'_>, held: &Image) -> Result<Image, NodeError> {
        let dt = io.tick.dt_secs() as f32;
        let uniforms = Uniforms::new(io.params, dt, held);
        let size = (held.width_px, held.height_px);
        let moved = if uniforms.is_identity() {
            held.clone()
        } else {
            self.warp.draw(&uniforms, &[held], size)?
        };
        let sigma_px = f64::from(io.params.float(BLUR) * dt.sqrt() * held.height_px as f32);
        if sigma_px > 0.0 {
            let border = match io.params.choice(BORDER) {
                0 => Border::Transparent,
                1 => Border::Clamp,
                _ => Border::Mirror,
            };
            return self.blur.blur(&moved, [sigma_px; 2], border);
        }
        Ok(moved)
    }
}

impl Node for Feedback {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.warp.prepare(cx.services)?;
        self.blur.prepare(cx.services)
    }

    fn latch(&mut self, io: &Io<'_>) -> Result<(), NodeError> {
        self.held = io.inputs.image(IN_IMAGE).cloned();
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let given = match self.held.clone().filter(|held| !held.is_lost()) {
            Some(held) => Value::Image(self.moved_on(io, &held)?),
            None => Value::Empty,
        };
        io.outputs.set(OUT_IMAGE, given);
        Ok(())
    }

    fn reset(&mut self) {
        self.held = None;
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        if let Some(old) = old.downcast_mut::<Self>() {
            self.held = old.held.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;

    use lumawire_core::{Clock, Fps, Services};

    use super::*;
    use crate::gpu::testing::{assert_close, picture, pixel, services, values};
    use crate::gpu::{Gpu, device_from_image};
    use crate::post::{blend, transform};

    #[test]
    fn gives_what_it_took_until_it_is_reset() {
        let mut node = Harness::new(&SPEC).services(&services()).prepare().unwrap();
        node.tick().unwrap();
        assert!(matches!(node.output("image"), Value::Empty));
        node.input("image", Value::Image(picture(1, 1, |_, _| [0.5; 4])));
        node.tick().unwrap();
        let Value::Image(image) = node.output("image") else { panic!("nothing kept") };
        assert_eq!(pixel(image, 0, 0), [0.5; 4]);
        node.reset();
        node.input("image", Value::Empty);
        node.tick().unwrap();
        assert!(matches!(node.output("image"), Value::Empty));
    }

    fn image(node: &Harness, output: &str) -> Value {
        node.output(output).clone()
    }

    /// A dot with its own trail: `frames` times dot → blend ← transform ← feedback ← blend.
    /// Gives the last picture and how many textures there were after each frame.
    fn trail(frames: usize) -> (Vec<f32>, Vec<u64>) {
        let services = Services::default();
        let gpu = Gpu::of(&services).unwrap();
        let dot = picture(8, 8, |x, y| [1.0, 1.0, 1.0, f32::from(x == 1 && y == 4)]);
        let dot = device_from_image(&gpu, &dot).unwrap();
        let dot = std::sync::Arc::into_inner(dot).unwrap().into_image();
        let [mut blend, mut shift, mut feedback] = [
            Harness::new(&blend::SPEC),
            Harness::new(&transform::SPEC).param("translate_x", 0.125_f32),
            Harness::new(&SPEC),
        ]
        .map(|node| node.services(&services).prepare().unwrap());
        blend.input("base", Value::Image(dot));
        let mut num_textures = Vec::new();
        for _ in 0..frames {
            shift.input("image", image(&feedback, "image"));
            shift.tick().unwrap();
            blend.input("over", image(&shift, "image"));
            blend.tick().unwrap();
            feedback.input("image", image(&blend, "image"));
            feedback.tick().unwrap();
            num_textures.push(gpu.num_textures_allocated());
        }
        let Value::Image(last) = image(&blend, "image") else { panic!("no picture") };
        (values(&last), num_textures)
    }

    #[test]
    fn a_loop_draws_a_trail_the_same_each_time_and_stops_allocating() {
        let (last, num_textures) = trail(12);
        let alpha: Vec<f32> =
            last[4 * 8 * 4..5 * 8 * 4].iter().skip(3).step_by(4).copied().collect();
        assert_eq!(alpha, [0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
        assert_eq!(num_textures[5], num_textures[11]);
        assert_eq!(trail(12).0, last);
    }

    #[test]
    fn a_loop_starts_again_after_the_device_was_lost() {
        let services = Services::default();
        let [mut blend, mut shift, mut feedback] = [
            Harness::new(&blend::SPEC),
            Harness::new(&transform::SPEC).param("translate_x", 0.125_f32),
            Harness::new(&SPEC),
        ]
        .map(|node| node.services(&services).prepare().unwrap());
        let dot = picture(8, 8, |x, y| [1.0, 1.0, 1.0, f32::from(x == 1 && y == 4)]);
        blend.input("base", Value::Image(dot));
        for frame in 0..6 {
            if frame == 3 {
                let gpu = Gpu::of(&services).unwrap();
                gpu.device().destroy();
                let _ = gpu.device().poll(wgpu::PollType::wait_indefinitely());
            }
            shift.input("image", image(&feedback, "image"));
            shift.tick().unwrap();
            blend.input("over", image(&shift, "image"));
            blend.tick().unwrap();
            feedback.input("image", image(&blend, "image"));
            feedback.tick().unwrap();
        }
        let Value::Image(last) = image(&blend, "image") else { panic!("no picture") };
        let row = &values(&last)[4 * 8 * 4..5 * 8 * 4];
        let alpha: Vec<f32> = row.iter().skip(3).step_by(4).copied().collect();
        assert_eq!(alpha, [0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0], "three frames of trail");
    }

    #[test]
    fn a_new_instance_goes_on_with_the_picture() {
        let feedback =
            || Feedback { warp: Effect::new("test", "", 1), blur: Blur::default(), held: None };
        let mut old = Feedback { held: Some(picture(1, 1, |_, _| [0.25; 4])), ..feedback() };
        let mut new = feedback();
        new.adopt(&mut old);
        assert_eq!(pixel(&new.held.unwrap(), 0, 0), [0.25; 4]);
        assert!(old.held.is_none());
    }

    /// The picture led straight back into itself for a second, by `rates`.
    fn after_a_second(fps: u32, rates: &[(&str, f32)], start: &Image) -> Image {
        let clock = Clock { fps: Fps::new(fps, 1), ..Clock::default() };
        let mut node = Harness::new(&SPEC).clock(clock).services(&services());
        for (id, rate) in rates {
            node.set_param(id, *rate);
        }
        let mut node = node.prepare().unwrap();
        node.input("image", Value::Image(start.clone()));
        for _ in 0..fps {
            node.tick().unwrap();
            let given = node.output("image").clone();
            node.input("image", given);
        }
        match node.output("image") {
            Value::Image(image) => image.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_second_is_a_second_at_every_frame_rate() {
        let red = picture(4, 4, |_, _| [0.75, 0.0, 0.0, 1.0]);
        for fps in [5, 30] {
            // Half of it is left; what is straight keeps its colour.
            let faded = after_a_second(fps, &[("fade_hz", std::f32::consts::LN_2)], &red);
            assert_close(&pixel(&faded, 1, 1), &[0.75, 0.0, 0.0, 0.5], 3e-3);
            // A third of a turn about the axis of greys takes red to green.
            let turned = after_a_second(fps, &[("hue_turns_per_sec", 1.0 / 3.0)], &red);
            assert_close(&pixel(&turned, 1, 1), &[0.0, 0.75, 0.0, 1.0], 1e-2);
        }
    }

    #[test]
    fn it_moves_turns_and_grows_as_asked() {
        // Slopes stay under bilinear sampling: each pixel says where it comes from.
        let slopes = picture(64, 64, |x, y| {
            [(x as f32 + 0.5) / 64.0 - 0.5, (y as f32 + 0.5) / 64.0 - 0.5, 0.0, 1.0]
        });
        // Where the pixel right of and below the centre (at 1/128) comes from.
        let centre = |rates: &[(&str, f32)]| pixel(&after_a_second(10, rates, &slopes), 32, 32);
        let at = 1.0 / 128.0;
        let moved = centre(&[("move_x_per_sec", 0.125), ("move_y_per_sec", -0.25)]);
        assert_close(&moved[..2], &[at - 0.125, at + 0.25], 4e-3);
        let far = |rates: &[(&str, f32)]| pixel(&after_a_second(10, rates, &slopes), 44, 32);
        let x = 12.5 / 64.0;
        assert_close(&far(&[("zoom_per_sec", 2.0)])[..2], &[x / 2.0, at / 2.0], 4e-3);
        // Anticlockwise by a quarter turn: the right shows what lay below.
        let turned = far(&[("rotate_radians_per_sec", std::f32::consts::FRAC_PI_2)]);
        assert_close(&turned[..2], &[-at, x], 4e-3);
    }

    #[test]
    fn blurs_add_up_to_that_of_a_second() {
        let step = picture(128, 16, |x, _| [f32::from(x >= 64), 0.0, 0.0, 1.0]);
        for fps in [4, 16] {
            let blurred = after_a_second(fps, &[("blur", 0.25)], &step);
            // σ = 4 pixels: the normal distribution at ±4.5 and ±0.5 pixels. (The edges fade.)
            let row = [59, 63, 64, 68].map(|x| pixel(&blurred, x, 8)[0]);
            assert_close(&row, &[0.1303, 0.4503, 0.5497, 0.8697], 1e-2);
        }
    }
}
