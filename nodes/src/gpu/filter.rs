//! A node that is one fragment pass: its parameters are the shader's numbers.

use std::borrow::Cow;
use std::fmt::Write as _;

use lumawire_core::{
    Domain, Io, Node, NodeError, NodeSpec, Params, PortType, PrepareCx, Role, Value,
};

use super::shader::Shader;

/// A node that draws its first picture anew, of the same size, by one WGSL function. The pictures of
/// its inputs are textures by the names of the inputs, its parameters are numbers of `u` by their
/// ids (whole numbers and options as `i32`, switches as 0 or 1), and so are `time_secs`, `frame` and
/// `seed`, which are 0 in a pure node. Without its first picture it gives none; where another
/// picture is missing, or `is_identity` says so, the first passes as it is.
///
/// ```text
/// // fade.wgsl: fn effect(pixel: vec2<i32>) -> vec4<f32> { return textureLoad(image, pixel, 0) * u.level; }
/// build: || Filter::node(&SPEC, include_str!("fade.wgsl"), |p| p.float(LEVEL) == 1.0),
/// ```
pub struct Filter {
    spec: &'static NodeSpec,
    is_identity: fn(Params<'_>) -> bool,
    shader: Shader,
    uniforms: Vec<u8>,
}

impl Filter {
    /// The node of `spec`, yet to be prepared.
    pub fn node(
        spec: &'static NodeSpec,
        wgsl: &'static str,
        is_identity: fn(Params<'_>) -> bool,
    ) -> Box<dyn Node> {
        let source = format!("{wgsl}\n{}", declarations(spec));
        let num_inputs = u32::try_from(pictures(spec).count()).unwrap_or(0);
        let num_bytes = 4 * (spec.params.len() + NUM_BUILT_IN) as u64;
        let shader = Shader::new(spec.kind, Cow::Owned(source), num_inputs, num_bytes);
        Box::new(Self { spec, is_identity, shader, uniforms: Vec::new() })
    }

    fn fill_uniforms(&mut self, io: &Io<'_>) {
        self.uniforms.clear();
        for (i, param) in self.spec.params.iter().enumerate() {
            let bits = match param.domain {
                Domain::Float { .. } => io.params.float(i).to_bits(),
                Domain::Int { .. } | Domain::Choice { .. } => {
                    let limits = i64::from(i32::MIN)..=i64::from(i32::MAX);
                    io.params.int(i).clamp(*limits.start(), *limits.end()) as i32 as u32
                }
                Domain::Bool { .. } => u32::from(io.params.switch(i)),
                Domain::Text { .. } | Domain::File { .. } => 0,
            };
            self.uniforms.extend(bits.to_ne_bytes());
        }
        // What is pure may not see the time.
        let sees_time = self.spec.role != Role::Pure;
        let built_in =
            [(io.tick.secs() as f32).to_bits(), io.tick.frame as u32, io.tick.seed as u32];
        for bits in built_in {
            self.uniforms.extend(if sees_time { bits } else { 0 }.to_ne_bytes());
        }
    }
}

impl Node for Filter {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.shader.prepare(cx.services)
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(first) = io.inputs.image(0) else {
            io.outputs.set(0, Value::Empty);
            return Ok(());
        };
        let images: Option<Vec<_>> = pictures(self.spec).map(|i| io.inputs.image(i)).collect();
        let drawn = match images {
            Some(images) if !(self.is_identity)(io.params) => {
                self.fill_uniforms(io);
                self.shader.draw(&self.uniforms, &images, (first.width_px, first.height_px))?
            }
            _ => first.clone(),
        };
        io.outputs.set_image(0, drawn);
        Ok(())
    }
}

const NUM_BUILT_IN: usize = 3;

/// Indices of the inputs that take pictures.
fn pictures(spec: &'static NodeSpec) -> impl Iterator<Item = usize> {
    let is_picture =
        |(i, port): (usize, &lumawire_core::Port)| (port.ty == PortType::Image).then_some(i);
    spec.inputs.iter().enumerate().filter_map(is_picture)
}

/// What the shader can name: follows its own text, so that the lines of its errors stay.
fn declarations(spec: &'static NodeSpec) -> String {
    let mut text = String::from("struct FilterUniforms {\n");
    for param in spec.params {
        let ty = if matches!(param.domain, Domain::Float { .. }) { "f32" } else { "i32" };
        let _ = writeln!(text, "    {}: {ty},", param.id);
    }
    text.push_str("    time_secs: f32,\n    frame: u32,\n    seed: u32,\n}\n");
    text.push_str("@group(0) @binding(0) var<uniform> u: FilterUniforms;\n");
    for (binding, i) in pictures(spec).enumerate() {
        let id = spec.inputs[i].id;
        let binding = binding + 1;
        let _ = writeln!(text, "@group(0) @binding({binding}) var {id}: texture_2d<f32>;");
    }
    text
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Image, Param, Port, Rate, Services};

    use super::super::Gpu;
    use super::super::testing::{picture, services, values};
    use super::*;

    const WGSL: &str = "
        fn effect(pixel: vec2<i32>) -> vec4<f32> {
            let c = textureLoad(image, pixel, 0) * u.factor + textureLoad(other, pixel, 0);
            return vec4<f32>(c.r + f32(u.count), c.g + f32(u.mode), c.b + f32(u.on), f32(u.frame));
        }";

    static TEST: NodeSpec = NodeSpec {
        kind: "post.test",
        version: 1,
        label: "Test",
        doc: "For tests.",
        rate: Rate::Frame,
        role: Role::Stateful,
        inputs: &[
            Port::required("image", PortType::Image, ""),
            Port::optional("level", PortType::Control, ""),
            Port::optional("other", PortType::Image, ""),
        ],
        outputs: &[Port::output("image", PortType::Image, "")],
        params: &[
            Param::float("factor", "Factor", 1.0, (0.0, 4.0)),
            Param::int("count", "Count", 0, (-10, 10)),
            Param::choice("mode", "Mode", &["a", "b", "c"]),
            Param::switch("on", "On", false),
        ],
        build: || Filter::node(&TEST, WGSL, |p| p.float(0) == 1.0),
    };

    fn run(node: &mut Harness) -> Image {
        node.tick().unwrap();
        match node.output("image") {
            Value::Image(image) => image.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn node(services: &Services) -> Harness {
        let mut node = Harness::new(&TEST).services(services).prepare().unwrap();
        node.input("image", Value::Image(picture(1, 1, |_, _| [0.5, 0.25, 0.125, 1.0])));
        node.input("other", Value::Image(picture(1, 1, |_, _| [1.0, 1.0, 1.0, 1.0])));
        node.set_param("factor", 2.0_f32);
        node
    }

    #[test]
    fn parameters_reach_the_shader_by_name() {
        let mut node = node(&services());
        node.set_param("count", -3_i64);
        node.set_param("mode", "c");
        node.set_param("on", true);
        assert_eq!(values(&run(&mut node)), [-1.0, 3.5, 2.25, 0.0]);
        assert_eq!(values(&run(&mut node)), [-1.0, 3.5, 2.25, 1.0], "the next frame");
    }

    #[test]
    fn the_picture_passes_where_nothing_is_to_be_done() {
        let mut node = node(&services());
        node.set_param("factor", 1.0_f32);
        assert_eq!(values(&run(&mut node)), [0.5, 0.25, 0.125, 1.0]);
        node.set_param("factor", 2.0_f32);
        node.input("other", Value::Empty);
        assert_eq!(values(&run(&mut node)), [0.5, 0.25, 0.125, 1.0]);
        node.input("image", Value::Empty);
        node.tick().unwrap();
        assert!(matches!(node.output("image"), Value::Empty));
    }

    #[test]
    fn a_lost_device_is_opened_anew() {
        let services = Services::default();
        let mut node = node(&services);
        assert_eq!(values(&run(&mut node))[..3], [2.0, 1.5, 1.25]);
        let lost = services.get::<Gpu>().unwrap();
        lost.device().destroy();
        let _ = lost.device().poll(wgpu::PollType::wait_indefinitely());
        assert!(lost.is_lost());
        assert_eq!(values(&run(&mut node))[..3], [2.0, 1.5, 1.25]);
        assert!(!services.get::<Gpu>().unwrap().is_lost());
    }
}
