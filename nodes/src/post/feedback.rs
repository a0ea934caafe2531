//! Last frame's picture.

use std::any::Any;

use lumawire_core::{Image, Io, Node, NodeError, NodeSpec, Port, PortType, Rate, Role, Value};

const IN_IMAGE: usize = 0;
const OUT_IMAGE: usize = 0;

/// Gives last frame's picture.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.feedback",
    version: 1,
    label: "Feedback",
    doc: "Gives the picture of the frame before, and is the only way to lead pictures round in a \
          loop. Before its first picture it gives none, which blend takes as nothing to lay over. \
          For a tunnel, wire generator → blend.base, blend → feedback → transform → blend.over. \
          Latency: 1 frame.",
    rate: Rate::Frame,
    role: Role::Delay,
    inputs: &[Port::required("image", PortType::Image, "The picture to keep.")],
    outputs: &[Port::output("image", PortType::Image, "The picture of the frame before.")],
    params: &[],
    build: || Box::new(Feedback::default()),
};

#[derive(Default)]
struct Feedback {
    held: Option<Image>,
}

impl Node for Feedback {
    fn latch(&mut self, io: &Io<'_>) -> Result<(), NodeError> {
        self.held = io.inputs.image(IN_IMAGE).cloned();
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        io.outputs.set(OUT_IMAGE, self.held.clone().map_or(Value::Empty, Value::Image));
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

    use lumawire_core::Services;

    use super::*;
    use crate::gpu::testing::{picture, pixel, values};
    use crate::gpu::{Gpu, device_from_image};
    use crate::post::{blend, transform};

    #[test]
    fn gives_what_it_took_until_it_is_reset() {
        let mut node = Harness::new(&SPEC).prepare().unwrap();
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
        let mut old = Feedback { held: Some(picture(1, 1, |_, _| [0.25; 4])) };
        let mut new = Feedback::default();
        new.adopt(&mut old);
        assert_eq!(pixel(&new.held.unwrap(), 0, 0), [0.25; 4]);
        assert!(old.held.is_none());
    }
}
