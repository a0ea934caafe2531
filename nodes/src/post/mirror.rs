//! A picture and its mirror image.

use lumawire_core::{Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role};

use crate::gpu::Effect;

const MODE: usize = 0;
const NONE: u32 = 0;

/// Mirrors a part of a picture onto the rest.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.mirror",
    version: 1,
    label: "Mirror",
    doc: "Mirrors a part of a picture onto the rest: the left half onto the right, the upper half \
          onto the lower, or the upper left quarter onto the others. Pixels are copied exactly. \
          With mode none the picture passes unchanged. No latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "The mirrored picture, linear.")],
    params: &[Param::choice("mode", "Mode", &["none", "left_right", "up_down", "quad"])
        .doc("Which part is mirrored.")],
    build: || {
        Box::new(Mirror { effect: Effect::new("post.mirror", include_str!("mirror.wgsl"), 1) })
    },
};

struct Mirror {
    effect: Effect<u32>,
}

impl Node for Mirror {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.effect.prepare(cx.services)
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let mode = io.params.choice(MODE) as u32;
        self.effect.apply(io, |_| (mode != NONE).then_some(mode))
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::Value;
    use lumawire_core::harness::Harness;

    use super::*;
    use crate::gpu::testing::{picture, services, values};

    #[test]
    fn parts_are_copied_exactly() {
        let image = picture(5, 4, |x, y| [x as f32, y as f32, 0.0, 0.5]);
        for (mode, is_across, is_down) in [
            ("none", false, false),
            ("left_right", true, false),
            ("up_down", false, true),
            ("quad", true, true),
        ] {
            let mut node =
                Harness::new(&SPEC).param("mode", mode).services(&services()).prepare().unwrap();
            node.input("image", Value::Image(image.clone()));
            node.tick().unwrap();
            let Value::Image(found) = node.output("image") else { panic!("no picture") };
            let expected = picture(5, 4, |x, y| {
                let column = if is_across { x.min(4 - x) } else { x };
                let row = if is_down { y.min(3 - y) } else { y };
                [column as f32, row as f32, 0.0, 0.5]
            });
            assert_eq!(values(found), values(&expected), "{mode}");
        }
    }
}
