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

    use super::*;
    use crate::gpu::testing::{picture, pixel};

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

    #[test]
    fn a_new_instance_goes_on_with_the_picture() {
        let mut old = Feedback { held: Some(picture(1, 1, |_, _| [0.25; 4])) };
        let mut new = Feedback::default();
        new.adopt(&mut old);
        assert_eq!(pixel(&new.held.unwrap(), 0, 0), [0.25; 4]);
        assert!(old.held.is_none());
    }
}
