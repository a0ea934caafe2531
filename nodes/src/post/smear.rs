//! A picture dragged along by what moves.

use std::any::Any;

use bytemuck::{Pod, Zeroable};
use lumawire_core::{
    Image, Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Unit, Value,
};

use crate::gpu::{Effect, Flow};

const IN_IMAGE: usize = 0;
const IN_KEY_FRAME: usize = 1;
const OUT_IMAGE: usize = 0;
const AMOUNT: usize = 0;
const MOTION: usize = 1;
const REFRESH: usize = 2;
const BLOCK: usize = 3;

/// `post.smear`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.smear",
    version: 1,
    label: "Smear",
    doc: "Drags a held picture along by the motion of the present one, as a film does whose key \
          frames are lost (datamosh). The motion between the last two pictures is estimated at up \
          to 192 pixels a side by Lucas and Kanade, coarse to fine; each pixel of the held picture \
          comes from where that motion says it was (Catmull-Rom, mirrored beyond the edges), and \
          then 1 − exp(−refresh·dt) of the present picture comes in. A hit of key_frame lets all of \
          it in. At an amount of 0 the picture passes. No latency.",
    rate: Rate::Frame,
    role: Role::Stateful,
    inputs: &[
        Port::required("image", PortType::Image, "The picture whose motion counts."),
        Port::optional("key_frame", PortType::Trigger, "Lets the present picture in as it is."),
    ],
    outputs: &[Port::output("image", PortType::Image, "The smeared picture, linear.")],
    params: &[
        Param::float("amount", "Amount", 0.0, (0.0, 1.0))
            .doc("Opacity of the smeared picture over the present one."),
        Param::float("motion", "Motion", 1.0, (-2.0, 4.0))
            .hard(-100.0, 100.0)
            .doc("By how much of the motion it is dragged; below 0 against it."),
        Param::float("refresh_hz", "Refresh", 0.2, (0.0, 5.0))
            .hard(0.0, 1_000.0)
            .unit(Unit::Hz)
            .doc("How fast the present picture comes through: 63 % after 1/refresh seconds."),
        Param::float("block", "Block", 0.0, (0.0, 0.1))
            .hard(0.0, 1.0)
            .doc("Side of blocks that move as one, in heights of the picture; 0 for none."),
    ],
    build: || {
        Box::new(Smear {
            flow: Flow::default(),
            drag: Effect::new("post.smear", include_str!("smear.wgsl"), 3),
            mix: Effect::new("post.smear", include_str!("smear_mix.wgsl"), 2),
            last: None,
            held: None,
        })
    },
};

#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Drag {
    motion: f32,
    refresh: f32,
    block_px: f32,
    padding: u32,
}

struct Smear {
    flow: Flow,
    drag: Effect<Drag>,
    mix: Effect<f32>,
    /// The picture of the last frame.
    last: Option<Image>,
    /// What it was smeared to.
    held: Option<Image>,
}

impl Smear {
    fn smeared(&mut self, io: &Io<'_>, image: &Image) -> Result<Image, NodeError> {
        let size = (image.width_px, image.height_px);
        let fits = |last: &Image| !last.is_lost() && (last.width_px, last.height_px) == size;
        let last = self.last.replace(image.clone()).filter(fits);
        let held = self.held.take().filter(fits);
        let is_key_frame = io.inputs.trigger(IN_KEY_FRAME) > 0;
        let smeared = match (last, held) {
            (Some(last), Some(held)) if !is_key_frame => {
                let flow = self.flow.estimate(&last, image)?;
                let drag = Drag {
                    motion: io.params.float(MOTION),
                    refresh: -(-io.params.float(REFRESH) * io.tick.dt_secs() as f32).exp_m1(),
                    block_px: io.params.float(BLOCK) * image.height_px as f32,
                    padding: 0,
                };
                self.drag.draw(&drag, &[image, &held, &flow], size)?
            }
            _ => image.clone(),
        };
        self.held = Some(smeared.clone());
        let amount = io.params.float(AMOUNT);
        if amount >= 1.0 {
            return Ok(smeared);
        }
        self.mix.draw(&amount, &[image, &smeared], size)
    }

    fn clear(&mut self) {
        (self.last, self.held) = (None, None);
    }
}

impl Node for Smear {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.flow.prepare(cx.services)?;
        self.drag.prepare(cx.services)?;
        self.mix.prepare(cx.services)
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let smeared = match io.inputs.image(IN_IMAGE) {
            Some(image) if io.params.float(AMOUNT) > 0.0 => Value::Image(self.smeared(io, image)?),
            image => {
                self.clear();
                image.cloned().map_or(Value::Empty, Value::Image)
            }
        };
        io.outputs.set(OUT_IMAGE, smeared);
        Ok(())
    }

    fn reset(&mut self) {
        self.clear();
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        if let Some(old) = old.downcast_mut::<Self>() {
            self.last = old.last.take();
            self.held = old.held.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::testing::{picture, pixel, values};
    use crate::post::testing::{assert_fresh_is_identity, drawn, node};

    #[test]
    fn a_fresh_one_changes_nothing() {
        assert_fresh_is_identity(&SPEC);
    }

    /// Waves of grey that move to the right by `dx` pixels.
    fn grey(dx: f32) -> Image {
        picture(96, 96, move |x, y| {
            let (x, y) = (x as f32 - dx, y as f32);
            let wave = (0.35 * x).sin() + (0.22 * x + 0.3 * y).sin() + (0.27 * y - 0.1 * x).sin();
            let light = 0.4 + 0.12 * wave;
            [light, light, light, 1.0]
        })
    }

    /// A red bar is held; then grey waves move through the picture and drag it along.
    #[test]
    fn the_held_picture_moves_with_the_present_one() {
        let params = [("amount", 1.0_f32.into()), ("refresh_hz", 0.0_f32.into())];
        let bar = picture(96, 96, |x, _| [1.0, f32::from(!(36..44).contains(&x)), 0.0, 1.0]);
        let mut node = node(&SPEC, &params, &grey(0.0));
        drawn(&mut node);
        // The bar comes in as a key frame, and the motion is that of the grey alone.
        node.input("image", Value::Image(bar));
        node.input("key_frame", Value::Trigger(1));
        drawn(&mut node);
        node.input("key_frame", Value::Trigger(0));
        let centre = |found: &Image| {
            let row = (0..96).map(|x| (x as f32 + 0.5, 1.0 - pixel(found, x, 48)[1]));
            let (sum, total) = row.fold((0.0, 0.0), |(s, t), (x, w)| (s + x * w, t + w));
            sum / total
        };
        // What is measured between the bar and the grey is no motion.
        node.set_param("motion", 0.0_f32);
        node.input("image", Value::Image(grey(0.0)));
        let start = centre(&drawn(&mut node));
        assert!((start - 40.0).abs() < 0.1, "{start}");
        node.set_param("motion", 1.0_f32);
        let mut found = drawn(&mut node);
        assert!((centre(&found) - start).abs() < 0.05, "nothing moves");
        for frame in 1..=6_u8 {
            node.input("image", Value::Image(grey(2.0 * f32::from(frame))));
            found = drawn(&mut node);
        }
        let moved = centre(&found) - start;
        assert!((moved - 12.0).abs() < 1.0, "{moved}");
        node.input("key_frame", Value::Trigger(1));
        assert_eq!(values(&drawn(&mut node)), values(&grey(12.0)));
    }

    #[test]
    fn what_stands_still_is_refreshed_by_its_rate() {
        let flat = |light: f32| picture(16, 16, move |_, _| [light, light, light, 1.0]);
        let params = [("amount", 1.0_f32.into()), ("refresh_hz", 2.0_f32.into())];
        let mut node = node(&SPEC, &params, &flat(0.0));
        drawn(&mut node);
        node.input("image", Value::Image(flat(1.0)));
        let mut found = 0.0;
        for _ in 0..30 {
            found = pixel(&drawn(&mut node), 8, 8)[0];
        }
        // Half a second of 2 Hz: 1 − exp(−1).
        assert!((found - 0.632).abs() < 1e-2, "{found}");
    }
}
