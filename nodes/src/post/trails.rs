//! What is bright stays for a while.

use std::any::Any;

use bytemuck::{Pod, Zeroable};
use lumawire_core::{
    Image, Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Unit, Value,
};

use crate::gpu::Effect;

const IN_IMAGE: usize = 0;
const IN_CLEAR: usize = 1;
const OUT_IMAGE: usize = 0;
const DECAY: usize = 0;
const MODE: usize = 1;
const THRESHOLD: usize = 2;
const SOFTNESS: usize = 3;

/// `post.trails`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.trails",
    version: 1,
    label: "Trails",
    doc: "Lets bright parts linger, as an old screen's phosphor does. The trail T fades by \
          k = exp(−dt/decay) a frame, the same at every frame rate. B is the picture times a \
          smooth step of its greatest colour from threshold to threshold + softness, in light, \
          premultiplied. max: T = max(B, k·T), and the greater of picture and trail is shown; add: \
          T = k·T + (1 − k)·B, added to the picture; over: T = B over k·T, laid over the picture, \
          so that bright parts hide older ones. A hit of clear ends the trail. At a decay of \
          0 the picture passes. No latency.",
    rate: Rate::Frame,
    role: Role::Stateful,
    inputs: &[
        Port::required("image", PortType::Image, "The picture."),
        Port::optional("clear", PortType::Trigger, "Ends the trail."),
    ],
    outputs: &[Port::output("image", PortType::Image, "The picture with its trail, linear.")],
    params: &[
        Param::float("decay_secs", "Decay", 0.0, (0.0, 4.0))
            .hard(0.0, 10.0)
            .unit(Unit::Secs)
            .doc("Time constant: 37 % of the trail are left after it."),
        Param::choice("mode", "Mode", &["max", "add", "over"]).doc("How picture and trail meet."),
        Param::float("threshold", "Threshold", 0.0, (0.0, 1.0))
            .hard(0.0, 1e4)
            .doc("Light from which on the picture leaves a trail; at 0 all of it does."),
        Param::float("softness", "Softness", 0.2, (0.0, 1.0))
            .hard(0.0, 1e4)
            .doc("How softly that begins."),
    ],
    build: || {
        Box::new(Trails {
            trail: Effect::new("post.trails", include_str!("trails.wgsl"), 2),
            show: Effect::new("post.trails", include_str!("trails_show.wgsl"), 2),
            held: None,
        })
    },
};

#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Uniforms {
    keep: f32,
    mode: u32,
    threshold: f32,
    softness: f32,
}

struct Trails {
    trail: Effect<Uniforms>,
    show: Effect<u32>,
    /// The trail, as the last frame left it.
    held: Option<Image>,
}

impl Trails {
    fn trailed(&mut self, io: &Io<'_>, image: &Image) -> Result<Image, NodeError> {
        let size = (image.width_px, image.height_px);
        let uniforms = Uniforms {
            keep: (-io.tick.dt_secs() / f64::from(io.params.float(DECAY))).exp() as f32,
            mode: io.params.choice(MODE) as u32,
            threshold: io.params.float(THRESHOLD),
            softness: io.params.float(SOFTNESS),
        };
        let held =
            self.held.take().filter(|held| !held.is_lost() && io.inputs.trigger(IN_CLEAR) == 0);
        // Where there is no trail yet, none of the picture is kept in its place.
        let uniforms = if held.is_none() { Uniforms { keep: 0.0, ..uniforms } } else { uniforms };
        let trail = self.trail.draw(&uniforms, &[image, held.as_ref().unwrap_or(image)], size)?;
        let shown = self.show.draw(&uniforms.mode, &[image, &trail], size)?;
        self.held = Some(trail);
        Ok(shown)
    }
}

impl Node for Trails {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.trail.prepare(cx.services)?;
        self.show.prepare(cx.services)
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let trailed = match io.inputs.image(IN_IMAGE) {
            Some(image) if io.params.float(DECAY) > 0.0 => Value::Image(self.trailed(io, image)?),
            image => {
                self.held = None;
                image.cloned().map_or(Value::Empty, Value::Image)
            }
        };
        io.outputs.set(OUT_IMAGE, trailed);
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
    use lumawire_core::{Clock, Fps};

    use super::*;
    use crate::gpu::testing::{assert_close, picture, pixel, services};
    use crate::post::testing::{assert_fresh_is_identity, drawn, node};

    #[test]
    fn a_fresh_one_changes_nothing() {
        assert_fresh_is_identity(&SPEC);
    }

    fn flat(light: f32) -> Image {
        picture(2, 2, |_, _| [light, light / 2.0, 0.0, 1.0])
    }

    /// Red half a second after a flash of `light` on black.
    fn after_half_a_second(fps: u32, mode: &str) -> f32 {
        let clock = Clock { fps: Fps::new(fps, 1), ..Clock::default() };
        let node = Harness::new(&SPEC).clock(clock).services(&services());
        let mut node = node.param("mode", mode).param("decay_secs", 0.5_f32).prepare().unwrap();
        for frame in 0..=fps / 2 {
            let light = if frame == 0 { 1.0 } else { 0.0 };
            node.input("image", Value::Image(flat(light)));
            node.tick().unwrap();
        }
        match node.output("image") {
            Value::Image(image) => pixel(image, 0, 0)[0],
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_flash_fades_by_its_time_constant_at_every_frame_rate() {
        for fps in [10, 30, 60] {
            let found = after_half_a_second(fps, "max");
            // exp(−1), and 30 roundings to a half.
            assert!((found - 0.3679).abs() < 3e-3, "{fps}: {found}");
        }
    }

    /// Two seconds of a spot that comes and goes, drawn at each frame of 30 a second or at each second one.
    fn after_two_seconds(mode: &str, is_late: fn(u32) -> bool) -> [f32; 4] {
        let clock = Clock { fps: Fps::new(30, 1), ..Clock::default() };
        let node = Harness::new(&SPEC).clock(clock).services(&services());
        let mut node = node.param("mode", mode).param("decay_secs", 0.5_f32).prepare().unwrap();
        for frame in 0..=60 {
            if is_late(frame) {
                node.miss_frame();
                continue;
            }
            let light = if frame % 20 < 10 { 0.8 } else { 0.05 };
            node.input("image", Value::Image(flat(light)));
            node.tick().unwrap();
        }
        pixel(&drawn_last(&node), 0, 0)
    }

    fn drawn_last(node: &Harness) -> Image {
        match node.output("image") {
            Value::Image(image) => image.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn frames_that_were_left_out_change_little() {
        for mode in ["max", "add"] {
            let all = after_two_seconds(mode, |_| false);
            let some = after_two_seconds(mode, |frame| frame % 2 == 1);
            let expected = all.map(f64::from);
            // What shone in a frame that was left out counts as the frame after it, which is half the
            // decay of a frame: 3 %.
            assert_close(&some, &expected, 0.04);
        }
    }

    #[test]
    fn a_lasting_picture_is_doubled_by_add_at_every_frame_rate() {
        for fps in [10_u32, 60] {
            let clock = Clock { fps: Fps::new(fps, 1), ..Clock::default() };
            let node = Harness::new(&SPEC).clock(clock).services(&services());
            let mut node =
                node.param("mode", "add").param("decay_secs", 0.1_f32).prepare().unwrap();
            node.input("image", Value::Image(flat(0.5)));
            for _ in 0..fps {
                node.tick().unwrap();
            }
            assert_close(&pixel(&drawn(&mut node), 0, 0), &[1.0, 0.5, 0.0, 1.0], 5e-3);
        }
    }

    #[test]
    fn what_is_dark_leaves_no_trail_and_shows_what_does() {
        let dot = |x0: u32| {
            picture(
                4,
                1,
                move |x, _| if x == x0 { [1.0, 1.0, 1.0, 1.0] } else { [0.2, 0.0, 0.0, 1.0] },
            )
        };
        let k = (-1.0_f64 / 60.0 / 0.5).exp();
        for (mode, expected) in [("max", k), ("over", k + (1.0 - k) * 0.2)] {
            let params = [
                ("decay_secs", 0.5_f32.into()),
                ("mode", mode.into()),
                ("threshold", 0.4_f32.into()),
            ];
            let mut node = node(&SPEC, &params, &dot(0));
            drawn(&mut node);
            node.input("image", Value::Image(dot(2)));
            let found = drawn(&mut node);
            assert_close(&pixel(&found, 0, 0)[..1], &[expected], 2e-3);
            assert_close(&pixel(&found, 2, 0), &[1.0; 4], 2e-3);
            assert_close(&pixel(&found, 1, 0), &[0.2, 0.0, 0.0, 1.0], 2e-3);
        }
    }

    #[test]
    fn a_hit_ends_the_trail_and_a_reset_repeats() {
        let mut node = node(&SPEC, &[("decay_secs", 1.0_f32.into())], &flat(1.0));
        let first = pixel(&drawn(&mut node), 0, 0);
        node.input("image", Value::Image(flat(0.0)));
        assert!(pixel(&drawn(&mut node), 0, 0)[0] > 0.9);
        node.input("clear", Value::Trigger(1));
        assert_eq!(pixel(&drawn(&mut node), 0, 0)[0], 0.0);
        node.reset();
        node.input("clear", Value::Trigger(0));
        node.input("image", Value::Image(flat(1.0)));
        assert_eq!(pixel(&drawn(&mut node), 0, 0), first);
    }
}
