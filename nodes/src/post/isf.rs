//! A shader of your own, in the Interactive Shader Format.

use lumawire_core::{FileKind, NodeSpec, Param, Port, PortType, Rate, Role};

use crate::user_shader::{SIZE_PARAMS, UserShader, isf};

/// `post.isf`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.isf",
    version: 1,
    label: "ISF shader",
    doc: "Draws with a file in the Interactive Shader Format (ISF 2, github.com/mrRay/ISF_Spec), taken \
          up anew whenever it is saved. Its inputs are the node's ports and parameters by their \
          names; `inputImage` is `image`, points and colours are one parameter a number, events are \
          triggers, sound is a spectrum that can be wired. Passes, persistent and floating-point \
          buffers (of half precision), imported pictures and a vertex shader beside the file, which \
          is run for every pixel, are drawn. Colours are sRGB code values, as the format's shaders \
          expect. DATE begins at 2000-01-01 and runs with the sound, so that a render repeats. A \
          fault is told by its line while the last good shader goes on; a loop ends after 65536 \
          rounds a pixel. No latency.",
    rate: Rate::Frame,
    role: Role::Stateful,
    inputs: &[Port::optional("image", PortType::Image, "The picture that the shader reads.")],
    outputs: &[Port::output("image", PortType::Image, "What the shader draws, linear.")],
    params: &[
        Param::file("file", "Shader", FileKind::Shader).doc("The ISF file."),
        SIZE_PARAMS[0],
        SIZE_PARAMS[1],
    ],
    build: || UserShader::node(&isf::LANGUAGE),
};
