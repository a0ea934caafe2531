//! One full-screen pass: so many pictures and a few numbers in, one picture out.

use std::borrow::Cow;
use std::marker::PhantomData;

use bytemuck::Pod;
use lumawire_core::{Image, Io, NodeError, Services, Value};

use super::shader::Shader;

/// A fragment pass. Its WGSL binds, in group 0, a uniform `U` at 0 and textures from 1 on, and
/// defines `fn effect(pixel: vec2<i32>) -> vec4<f32>`; `prelude.wgsl` is appended.
///
/// ```text
/// struct Invert { effect: Effect<InvertUniforms> }
///
/// fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
///     self.effect.prepare(cx.services)
/// }
///
/// let picture = self.effect.draw(&uniforms, &[image], (image.width_px, image.height_px))?;
/// ```
#[derive(Debug)]
pub struct Effect<U> {
    shader: Shader,
    uniforms: PhantomData<U>,
}

impl<U: Pod> Effect<U> {
    /// An effect that is yet to be prepared. `label` names it in errors.
    pub const fn new(label: &'static str, wgsl: &'static str, num_inputs: u32) -> Self {
        let num_bytes = size_of::<U>() as u64;
        let shader = Shader::new(label, Cow::Borrowed(wgsl), num_inputs, num_bytes);
        Self { shader, uniforms: PhantomData }
    }

    /// Opens the device if nobody has yet, and compiles the WGSL.
    ///
    /// # Errors
    /// No device; a fault in the WGSL, with its line.
    pub fn prepare(&mut self, services: &Services) -> Result<(), NodeError> {
        self.shader.prepare(services)
    }

    /// Draws a picture of `size` from `inputs`, which are brought to the device where needed. The
    /// pass is recorded; it runs with others once somebody needs the texels elsewhere.
    ///
    /// # Errors
    /// Not prepared; a size of 0 or past the device's limits; a failing device.
    pub fn draw(
        &mut self,
        uniforms: &U,
        inputs: &[&Image],
        size: (u32, u32),
    ) -> Result<Image, NodeError> {
        self.shader.draw(bytemuck::bytes_of(uniforms), inputs, size)
    }

    /// One tick of the usual effect: input 0 to output 0, of the same size; nothing from nothing.
    /// `uniforms` gives what the shader reads, or `None` where the effect changes nothing: then the
    /// picture itself passes.
    ///
    /// # Errors
    /// As [`draw`](Self::draw).
    pub fn apply(
        &mut self,
        io: &mut Io<'_>,
        uniforms: impl FnOnce(&Image) -> Option<U>,
    ) -> Result<(), NodeError> {
        let Some(image) = io.inputs.image(0) else {
            io.outputs.set(0, Value::Empty);
            return Ok(());
        };
        let drawn = match uniforms(image) {
            Some(uniforms) => self.draw(&uniforms, &[image], (image.width_px, image.height_px))?,
            None => image.clone(),
        };
        io.outputs.set_image(0, drawn);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{gpu, picture, services, values};
    use super::*;

    #[test]
    fn a_fault_in_the_wgsl_is_reported_with_its_line() {
        let mut effect =
            Effect::<u32>::new("broken", "// line 1\nfn effect(p: vec2<i32>) {\n  nonsense\n}", 0);
        let error = effect.prepare(&services()).unwrap_err().to_string();
        assert!(error.contains("wgsl:4:1"), "{error}");
    }

    #[test]
    fn a_pass_sees_its_numbers_and_pictures_and_writes_only_finite_ones() {
        let wgsl = "
            @group(0) @binding(0) var<uniform> factor: f32;
            @group(0) @binding(1) var image: texture_2d<f32>;
            fn effect(pixel: vec2<i32>) -> vec4<f32> {
                let c = textureLoad(image, pixel, 0);
                return vec4<f32>(c.r * factor, c.g * 1e30, sqrt(c.b), f32(pixel.x) + 10.0 * f32(pixel.y));
            }";
        let mut effect = Effect::<f32>::new("test", wgsl, 1);
        effect.prepare(&services()).unwrap();
        let image = picture(2, 2, |_, _| [0.25, 4.0, -1.0, 1.0]);
        let drawn = effect.draw(&3.0, &[&image], (2, 2)).unwrap();
        let pixel = |alpha: f32| [0.75, 65_504.0, 0.0, alpha];
        assert_eq!(values(&drawn), [pixel(0.0), pixel(1.0), pixel(10.0), pixel(11.0)].concat());
    }

    #[test]
    fn too_few_pictures_are_an_error_and_no_panic() {
        let wgsl = "
            @group(0) @binding(0) var<uniform> factor: f32;
            @group(0) @binding(1) var image: texture_2d<f32>;
            fn effect(pixel: vec2<i32>) -> vec4<f32> { return textureLoad(image, pixel, 0) * factor; }";
        let mut effect = Effect::<f32>::new("test", wgsl, 1);
        effect.prepare(&services()).unwrap();
        assert!(effect.draw(&3.0, &[], (2, 2)).is_err());
        assert!(gpu().checked(|| ()).is_ok());
    }
}
