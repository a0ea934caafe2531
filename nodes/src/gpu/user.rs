//! Passes of shaders that are made at run time.

use lumawire_core::{Image, NodeError, Services};

use super::shader::Shader;

/// Functions that every WGSL effect may call, with an entry of their own for an `effect`.
pub(crate) use super::shader::PRELUDE;

/// Stack of the thread that compiles.
const STACK_BYTES: usize = 64 << 20;

/// Runs `work` where what a person wrote cannot overflow the stack, nor its panic end the program:
/// compilers call themselves for what is nested.
///
/// # Errors
/// No thread; a panic.
pub(crate) fn on_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> std::io::Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
        thread.spawn_scoped(scope, work)?.join().map_err(|_| {
            std::io::Error::other("the shader compiler failed on it; simplify what was new")
        })
    })
}

/// A fragment pass made of a checked module: see `Compiled`.
#[derive(Debug)]
pub(crate) struct UserPass(Shader);

impl UserPass {
    /// A pass that is yet to be prepared. `label` names it in errors; `num_bytes` is the length of
    /// its uniform.
    pub fn new(label: &'static str, module: naga::Module, num_inputs: u32, num_bytes: u64) -> Self {
        Self(Shader::from_module(label, module, num_inputs, num_bytes))
    }

    /// Opens the device if nobody has yet, and compiles the module for it.
    ///
    /// # Errors
    /// No device; a module that the device refuses.
    pub fn prepare(&mut self, services: &Services) -> Result<(), NodeError> {
        self.0.prepare(services)
    }

    /// Draws a picture of `size` from `inputs`, as `Effect::draw` does.
    ///
    /// # Errors
    /// Not prepared; a size of 0 or past the device's limits; a failing device.
    pub fn draw(
        &mut self,
        uniforms: &[u8],
        inputs: &[&Image],
        size: (u32, u32),
    ) -> Result<Image, NodeError> {
        self.0.draw(uniforms, inputs, size)
    }
}
