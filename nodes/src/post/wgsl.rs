//! A shader of your own, in WGSL.

use lumawire_core::{FileKind, NodeSpec, Param, Port, PortType, Rate, Role};

use crate::user_shader::{SIZE_PARAMS, UserShader, wgsl};

/// `post.wgsl`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.wgsl",
    version: 1,
    label: "WGSL shader",
    doc: "Draws with a WGSL file of your own, taken up anew whenever the file is saved. The file \
          defines `fn effect(pixel: vec2<i32>) -> vec4<f32>`, the colour of a pixel in linear light \
          with straight alpha. Members of its `struct Params` are the node's parameters, read as \
          `params.name` (f32, i32, u32, bool, vec2, vec3, vec4), described by comments: `@default`, \
          `@range 0..4`, `@label`, `@options one, two`, `@colour`. `var name: texture_2d<f32>;` is a \
          picture that can be wired, `image` the usual one; the texture `fft`, or one marked `@audio`, \
          is sound: 512 texels, row 0 the spectrum from 0 Hz in steps of a 2048th of the sample rate \
          (0..1 for −100..−30 dB, smoothed), row 1 the wave around 0.5. `u.time_secs`, `u.delta_secs`, \
          `u.frame`, `u.seed` and `u.size_px` are given, and so are the functions of the built-in \
          effects. A fault is told by its line while the last good shader goes on; a loop ends after \
          65536 rounds a pixel. No latency.",
    rate: Rate::Frame,
    role: Role::Stateful,
    inputs: &[Port::optional("image", PortType::Image, "The picture that the shader reads.")],
    outputs: &[Port::output("image", PortType::Image, "What the shader draws, linear.")],
    params: &[
        Param::file("file", "Shader", FileKind::Shader).doc("The WGSL file."),
        SIZE_PARAMS[0],
        SIZE_PARAMS[1],
    ],
    build: || UserShader::node(&wgsl::LANGUAGE),
};
