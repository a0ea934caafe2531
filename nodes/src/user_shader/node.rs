//! The node that draws a person's shader.

use std::any::Any;
use std::sync::Arc;

use lumawire_core::{Io, Node, NodeError, NodeSpec, Param, PrepareCx, Services, Value};

use super::Language;
use super::program::{Program, passed};
use super::watch::Watch;
use crate::gpu::Gpu;

const FILE: usize = 0;
const WIDTH_PX: usize = 1;
const HEIGHT_PX: usize = 2;
const OUT_IMAGE: usize = 0;

/// Size of a picture that comes from nowhere, where the run asks for none.
const SIZE_PX: (u32, u32) = (1280, 720);

/// The parameters that say how large a picture is drawn.
pub(crate) const SIZE_PARAMS: [Param; 2] = [
    Param::int("width_px", "Width", 0, (0, 3840))
        .hard_int(0, 8192)
        .unit(lumawire_core::Unit::Px)
        .doc("Width of what is drawn; 0 takes that of the first picture, or else the run's."),
    Param::int("height_px", "Height", 0, (0, 2160))
        .hard_int(0, 8192)
        .unit(lumawire_core::Unit::Px)
        .doc("Height of what is drawn; 0 takes that of the first picture, or else the run's."),
];

/// Draws with the file that its parameter names. A file with a fault leaves the last good shader
/// drawing; without one the picture passes as it is.
pub(crate) struct UserShader {
    language: &'static Language,
    spec: Option<&'static NodeSpec>,
    program: Option<Program>,
    /// What is wrong with the file as it is now.
    fault: Option<NodeError>,
    services: Services,
    gpu: Option<Arc<Gpu>>,
    watch: Arc<Watch>,
    size_px: (u32, u32),
}

impl UserShader {
    /// A node for shaders in `language`.
    pub fn node(language: &'static Language) -> Box<dyn Node> {
        Box::new(Self {
            language,
            spec: None,
            program: None,
            fault: None,
            services: Services::default(),
            gpu: None,
            watch: Arc::default(),
            size_px: SIZE_PX,
        })
    }

    fn draw(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(program) = &mut self.program else {
            io.outputs.set(OUT_IMAGE, passed(io, self.spec));
            return Ok(());
        };
        if let Err(error) = self.watch.check(program.hash) {
            io.outputs.set(OUT_IMAGE, passed(io, self.spec));
            return Err(error);
        }
        let gpu = match self.gpu.take().filter(|gpu| !gpu.is_lost()) {
            Some(gpu) => gpu,
            None => Gpu::of(&self.services)?,
        };
        self.watch.draws(&gpu, program.hash);
        self.gpu = Some(gpu);
        let side = |i| u32::try_from(io.params.int(i)).unwrap_or(0);
        let drawn = program.draw(io, (side(WIDTH_PX), side(HEIGHT_PX)), self.size_px)?;
        io.outputs.set(OUT_IMAGE, drawn.map_or(Value::Empty, Value::Image));
        Ok(())
    }
}

impl Node for UserShader {
    /// A fault of the file is kept for `process`: it must not stop what draws already.
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.spec = Some(cx.spec);
        self.services = cx.services.clone();
        self.watch = Watch::of(cx.services);
        self.size_px = cx.size_px.unwrap_or(SIZE_PX);
        let Some(path) = cx.file(FILE) else { return Ok(()) };
        match Program::load(cx.spec.kind, self.language, &path, cx.services) {
            Ok(mut program) => {
                program.bind(cx.spec);
                self.program = Some(program);
            }
            Err(fault) => self.fault = Some(fault),
        }
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        self.draw(io)?;
        self.fault.clone().map_or(Ok(()), Err)
    }

    fn reset(&mut self) {
        if let Some(program) = &mut self.program {
            program.reset();
        }
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        let Some(old) = old.downcast_mut::<Self>() else { return };
        match (&mut self.program, &mut old.program) {
            (Some(new), Some(old)) => new.adopt(old),
            (None, Some(_)) if self.fault.is_some() => {
                self.program = old.program.take();
                if let (Some(program), Some(spec)) = (&mut self.program, self.spec) {
                    program.bind(spec);
                }
            }
            _ => {}
        }
    }
}
