//! A picture at another size.

use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Unit, Value,
};

use crate::gpu::{FITS, Fit, KERNELS, Kernel, Resampler};

const IN_IMAGE: usize = 0;
const OUT_IMAGE: usize = 0;
const WIDTH: usize = 0;
const HEIGHT: usize = 1;
const KERNEL: usize = 2;
const FIT: usize = 3;

/// Resizes a picture.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.resize",
    version: 1,
    label: "Resize",
    doc: "Gives a picture another size. Filters in linear light and premultiplied alpha, first \
          across, then down: each new pixel is the mean of the texels around its centre, weighted \
          by the chosen kernel, which widens with the ratio where the picture shrinks (no \
          aliasing). Edges go on outwards. A picture that has the size already passes unchanged, \
          and an axis that keeps its size is copied. No latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "The picture at the new size, linear.")],
    params: &[
        Param::int("width_px", "Width", 0, (0, 2_048)).hard_int(0, 16_384).unit(Unit::Px).doc(
            "New width. 0 is the width that the run was asked for, or else the picture's own.",
        ),
        Param::int("height_px", "Height", 0, (0, 2_048)).hard_int(0, 16_384).unit(Unit::Px).doc(
            "New height. 0 is the height that the run was asked for, or else the picture's own.",
        ),
        Param::choice("filter", "Filter", KERNELS).doc(
            "The kernel: Lanczos of 3 lobes (sharpest), Mitchell-Netravali, bicubic \
             (Catmull-Rom), bilinear, the nearest texel, or Lanczos of 2 lobes (fewer rings).",
        ),
        Param::choice("fit", "Fit", FITS).doc(
            "Contain shows all of the picture between transparent bars; cover fills the size with \
             its middle; stretch changes its shape.",
        ),
    ],
    build: || Box::new(Resize::default()),
};

#[derive(Default)]
struct Resize {
    resampler: Resampler,
    run_size_px: Option<(u32, u32)>,
}

impl Node for Resize {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.run_size_px = cx.size_px;
        self.resampler.prepare(cx.services)
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(image) = io.inputs.image(IN_IMAGE) else {
            io.outputs.set(OUT_IMAGE, Value::Empty);
            return Ok(());
        };
        let (width, height) = self.run_size_px.unwrap_or((image.width_px, image.height_px));
        let chosen = |param, default| match u32::try_from(io.params.int(param)) {
            Ok(px) if px > 0 => px,
            _ => default,
        };
        let size = (chosen(WIDTH, width), chosen(HEIGHT, height));
        let fit = Fit::of_choice(io.params.choice(FIT));
        let kernel = Kernel::of_choice(io.params.choice(KERNEL));
        let resized = self.resampler.resample(image, size, fit, kernel)?;
        io.outputs.set_image(OUT_IMAGE, resized);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lumawire_core::harness::Harness;
    use lumawire_core::{Image, ImageHome};

    use super::*;
    use crate::gpu::testing::{pixel, services, speckle};

    fn run(node: Harness, image: &Image) -> Image {
        let mut node = node.services(&services()).prepare().unwrap();
        node.input("image", Value::Image(image.clone()));
        node.tick().unwrap();
        match node.output("image") {
            Value::Image(image) => image.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn size(image: &Image) -> (u32, u32) {
        (image.width_px, image.height_px)
    }

    #[test]
    fn the_same_size_passes_the_picture_itself() {
        let image = speckle(8, 6);
        for node in [Harness::new(&SPEC), Harness::new(&SPEC).size_px(8, 6)] {
            let same = run(node, &image);
            let (ImageHome::Host(a), ImageHome::Host(b)) = (&image.home, &same.home) else {
                panic!("left the host")
            };
            assert!(Arc::ptr_eq(a, b));
        }
    }

    #[test]
    fn zeros_take_the_size_of_the_run_or_of_the_picture() {
        let image = speckle(8, 6);
        assert_eq!(size(&run(Harness::new(&SPEC).size_px(20, 10), &image)), (20, 10));
        assert_eq!(
            size(&run(Harness::new(&SPEC).size_px(20, 10).param("width_px", 5_i64), &image)),
            (5, 10)
        );
        assert_eq!(size(&run(Harness::new(&SPEC).param("height_px", 12_i64), &image)), (8, 12));
    }

    #[test]
    fn filter_and_fit_are_taken_from_the_parameters() {
        let node = || Harness::new(&SPEC).param("width_px", 12_i64).param("height_px", 12_i64);
        let image = speckle(8, 6);
        let contained = run(node().param("filter", "nearest"), &image);
        assert_eq!(pixel(&contained, 0, 0), [0.0; 4]);
        let stretched = run(node().param("fit", "stretch").param("filter", "nearest"), &image);
        let source = crate::gpu::device_from_image(&crate::gpu::testing::gpu(), &image).unwrap();
        let source = crate::gpu::host_from_texture(&source).unwrap();
        let source = Image::from_host(source, lumawire_core::Encoding::Linear);
        assert_eq!(pixel(&stretched, 7, 11), pixel(&source, 5, 5));
        let covered = run(node().param("fit", "cover"), &image);
        assert!(pixel(&covered, 0, 0)[3] > 0.0);
    }

    #[test]
    fn no_picture_gives_no_picture() {
        let mut node = Harness::new(&SPEC).services(&services()).prepare().unwrap();
        node.tick().unwrap();
        assert!(matches!(node.output("image"), Value::Empty));
    }
}
