//! What the tests of effects share.

use lumawire_core::harness::Harness;
use lumawire_core::{Image, NodeSpec, ParamValue, Value};

use crate::gpu::testing::{picture, services, values};

/// A node of `spec` with these parameters, ready to draw `image`.
pub(super) fn node(
    spec: &'static NodeSpec,
    params: &[(&str, ParamValue)],
    image: &Image,
) -> Harness {
    let mut node = Harness::new(spec).services(&services());
    for (id, value) in params {
        node.set_param(id, value.clone());
    }
    let mut node = node.prepare().unwrap();
    node.input("image", Value::Image(image.clone()));
    node
}

/// What `node` draws.
pub(super) fn drawn(node: &mut Harness) -> Image {
    node.tick().unwrap();
    match node.output("image") {
        Value::Image(image) => image.clone(),
        other => panic!("{other:?}"),
    }
}

/// The numbers of `image` drawn with these parameters.
pub(super) fn filtered(
    spec: &'static NodeSpec,
    params: &[(&str, ParamValue)],
    image: &Image,
) -> Vec<f32> {
    values(&drawn(&mut node(spec, params, image)))
}

/// A picture whose red and green are the centres of its pixels, in parts of its width and height: a
/// warp shows where each pixel comes from, exactly, since both are linear.
pub(crate) fn places(width_px: u32, height_px: u32) -> Image {
    picture(width_px, height_px, |x, y| {
        [(x as f32 + 0.5) / width_px as f32, (y as f32 + 0.5) / height_px as f32, 0.0, 1.0]
    })
}

/// Asserts that a warp of [`places`] shows, at each pixel, the place that `expected` gives for the
/// pixel's centre (both in parts of width and height), where that lies well inside the picture; and
/// that there are enough such pixels.
pub(super) fn assert_warps(
    spec: &'static NodeSpec,
    params: &[(&str, ParamValue)],
    (width_px, height_px): (u32, u32),
    expected: impl Fn(f64, f64) -> (f64, f64),
) {
    let found = filtered(spec, params, &places(width_px, height_px));
    let mut num_checked = 0;
    for (i, pixel) in (0_u32..).zip(found.chunks(4)) {
        let (x, y) = (f64::from(i % width_px) + 0.5, f64::from(i / width_px) + 0.5);
        let (u, v) = expected(x / f64::from(width_px), y / f64::from(height_px));
        let margin = (1.0 / f64::from(width_px), 1.0 / f64::from(height_px));
        if u > margin.0 && u < 1.0 - margin.0 && v > margin.1 && v < 1.0 - margin.1 {
            let error = (f64::from(pixel[0]) - u).abs().max((f64::from(pixel[1]) - v).abs());
            assert!(error < 2e-3, "{} at {x}, {y}: {pixel:?} for {u}, {v}", spec.kind);
            num_checked += 1;
        }
    }
    assert!(num_checked * 4 > width_px * height_px, "{}: {num_checked} pixels", spec.kind);
}

/// Asserts that at its defaults the node passes the picture itself.
pub(super) fn assert_fresh_is_identity(spec: &'static NodeSpec) {
    let image = crate::gpu::testing::speckle(6, 5);
    let found = drawn(&mut node(spec, &[], &image));
    let same = match (&image.home, &found.home) {
        (lumawire_core::ImageHome::Host(a), lumawire_core::ImageHome::Host(b)) => {
            std::sync::Arc::ptr_eq(a, b)
        }
        _ => false,
    };
    assert!(same, "{} changes the picture at its defaults", spec.kind);
}
