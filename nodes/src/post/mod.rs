//! Pictures after the generator, on wgpu.

pub mod aberration;
pub mod blend;
pub mod bloom;
pub mod blur;
pub mod colour;
pub mod crop;
pub mod crt;
pub mod curves;
pub mod displace;
pub mod dither;
pub mod edge;
pub mod feedback;
pub(crate) mod flash;
pub mod glitch;
pub mod gradient_map;
pub mod grain;
pub mod halftone;
pub mod isf;
pub mod kaleidoscope;
pub mod key;
pub mod lens;
pub mod levels;
pub mod lut;
pub mod mask;
pub mod mirror;
pub mod motion_blur;
pub mod pixelate;
pub mod polar;
pub mod posterise;
pub mod resize;
pub mod scanlines;
pub mod sharpen;
pub mod showcase;
pub mod smear;
pub mod solarise;
pub mod strobe_limit;
pub mod trails;
pub mod transform;
pub mod tunnel;
pub mod twirl;
pub mod upscale;
pub mod vignette;
pub mod wgsl;

mod cube;
#[cfg(test)]
pub(crate) mod testing;

/// The language of the shaders that a kind draws.
pub(crate) fn language(kind: &str) -> Option<&'static crate::user_shader::Language> {
    match kind {
        "post.isf" => Some(&crate::user_shader::isf::LANGUAGE),
        "post.wgsl" => Some(&crate::user_shader::wgsl::LANGUAGE),
        _ => None,
    }
}
