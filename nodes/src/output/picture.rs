//! The final picture of all outputs: 8-bit sRGB, opaque, in memory.

use std::any::Any;
use std::sync::Arc;

use lumawire_core::{
    Encoding, HostImage, Image, ImageHome, Io, Node, NodeError, Param, Pixels, Port, PortType,
    PrepareCx, Value,
};

use super::master::Master;
use super::strobe::StrobeLimiter;
use crate::gpu::{
    FITS, Fit, Kernel, Resampler, finite, linear_from_srgb, linear_from_srgb8, map_pixels,
    srgb8_from_linear,
};

/// Index of the outputs' one input.
const IN_IMAGE: usize = 0;
/// Index of the outputs' one output.
const OUT_PICTURE: usize = 0;
/// Side of the black that is shown where nothing tells its size.
const UNKNOWN_SIDE_PX: u32 = 16;
/// The longest side of a picture whose size black takes.
const MAX_SIDE_PX: u32 = 16_384;

/// The outputs' inputs.
pub(super) const INPUTS: &[Port] =
    &[Port::required("image", PortType::Image, "The picture to write.")];

/// The outputs' outputs.
pub(super) const OUTPUTS: &[Port] = &[Port::output(
    "picture",
    PortType::Image,
    "What is presented or written: [height, width, 4], 8-bit sRGB, opaque, in memory.",
)];

/// How the picture fills the size that was asked for.
pub(super) const FIT: Param = Param::choice("fit", "Fit", FITS).doc(
    "Where the run's size differs from the picture's: contain shows all of it between black bars, \
     cover fills the size with its middle, stretch changes its shape. Lanczos, 3 lobes.",
);

/// Makes final pictures. Where no size is asked for, a picture in memory needs no graphics device.
/// The output nodes are this, with parameters of their own for the runtime to read.
#[derive(Default)]
pub(super) struct FinalPicture {
    /// Index of the parameter `fit`; those of `strobe_limit` and of the master follow.
    fit: usize,
    size_px: Option<(u32, u32)>,
    is_even: bool,
    /// Made in `prepare` where the run's size is known; its error counts when it is needed.
    resampler: Option<Result<Resampler, NodeError>>,
    master: Master,
    strobe: StrobeLimiter,
    /// The size of the picture that was shown last.
    shown_px: Option<(u32, u32)>,
    /// What a blackout shows.
    black: Option<Arc<HostImage>>,
}

impl FinalPicture {
    /// A node whose parameter `fit` has this index.
    pub fn new(fit: usize) -> Self {
        Self { fit, ..Self::default() }
    }

    /// As `new`, for pictures whose sizes are rounded to even numbers, as video wants them.
    pub fn even(fit: usize) -> Self {
        Self { is_even: true, ..Self::new(fit) }
    }

    fn picture(&mut self, image: &Image, fit: Fit) -> Result<Arc<HostImage>, NodeError> {
        let sized = match self.size_px {
            Some(size) if size != (image.width_px, image.height_px) => {
                &self.resampler()?.resample(image, size, fit, Kernel::Lanczos3)?
            }
            _ => image,
        };
        let mut host = opaque_srgb8(sized.host()?, sized.encoding)?;
        if self.is_even && (host.width_px % 2 == 1 || host.height_px % 2 == 1) {
            host = Arc::new(even_size(&host));
        }
        Ok(host)
    }

    /// The picture before fader and limiter; none where nothing comes.
    fn taken(&mut self, io: &Io<'_>) -> Result<Option<Arc<HostImage>>, NodeError> {
        if let Some(held) = self.master.held(io.params, self.fit + 2).filter(|h| self.suits(h)) {
            return Ok(Some(held));
        }
        let fit = Fit::of_choice(io.params.choice(self.fit));
        io.inputs.image(IN_IMAGE).map(|image| self.picture(image, fit)).transpose()
    }

    /// Whether a picture has the run's size.
    fn suits(&self, host: &HostImage) -> bool {
        self.run_px().is_none_or(|size| size == (host.width_px, host.height_px))
    }

    /// The size of all pictures, where the run decides it.
    fn run_px(&self) -> Option<(u32, u32)> {
        let even = |len: u32| if self.is_even { (len & !1).max(2) } else { len };
        self.size_px.map(|(width, height)| (even(width), even(height)))
    }

    /// Black of the size of what was shown last, or would be.
    fn black(&mut self, image: Option<&Image>) -> Arc<HostImage> {
        let sides = 1..=MAX_SIDE_PX;
        let own = image.map(|image| (image.width_px, image.height_px));
        let own = own.filter(|(width, height)| sides.contains(width) && sides.contains(height));
        let size = self.run_px().or(self.shown_px).or(own);
        let (width_px, height_px) = size.unwrap_or((UNKNOWN_SIDE_PX, UNKNOWN_SIDE_PX));
        let fits =
            |black: &Arc<HostImage>| (black.width_px, black.height_px) == (width_px, height_px);
        let black = self.black.take().filter(fits).unwrap_or_else(|| {
            let pixels = [0, 0, 0, 255].repeat(width_px as usize * height_px as usize);
            Arc::new(HostImage { width_px, height_px, pixels: Pixels::Rgba8(pixels) })
        });
        self.black = Some(black.clone());
        black
    }

    fn resampler(&mut self) -> Result<&mut Resampler, NodeError> {
        match &mut self.resampler {
            Some(resampler) => resampler.as_mut().map_err(|error| error.clone()),
            None => Err(NodeError::device("resample", "drawn before it was prepared")),
        }
    }
}

impl Node for FinalPicture {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.size_px = cx.size_px;
        self.resampler = self.size_px.map(|_| {
            let mut resampler = Resampler::default();
            resampler.prepare(cx.services).map(|()| resampler)
        });
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let is_limited = io.params.switch(self.fit + 1);
        if !is_limited {
            self.strobe.clear();
        }
        // Before all that could fail, or hold it back.
        let shown = if Master::is_black(io.params, self.fit + 2) {
            let black = self.black(io.inputs.image(IN_IMAGE));
            if is_limited {
                self.strobe.forced(&black, io.tick);
            }
            Some(black)
        } else if let Some(host) = self.taken(io)? {
            let host = self.master.applied(host, io.params, self.fit + 2);
            self.shown_px = Some((host.width_px, host.height_px));
            Some(if is_limited { self.strobe.limited(host, io.tick) } else { host })
        } else {
            None
        };
        let picture = shown.map_or(Value::Empty, |host| {
            Value::Image(Image {
                width_px: host.width_px,
                height_px: host.height_px,
                encoding: Encoding::Srgb,
                home: ImageHome::Host(host),
            })
        });
        io.outputs.set(OUT_PICTURE, picture);
        Ok(())
    }

    fn reset(&mut self) {
        self.master.clear();
        self.strobe.clear();
        self.shown_px = None;
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        if let Some(old) = old.downcast_mut::<Self>() {
            self.master = std::mem::take(&mut old.master);
            self.strobe = std::mem::take(&mut old.strobe);
            self.shown_px = old.shown_px;
        }
    }
}

/// A picture as 8-bit sRGB over black: `round(255 · srgb(clamp(light · alpha, 0, 1)))`. A picture
/// that is so already is returned itself; what is no finite number is black.
fn opaque_srgb8(host: Arc<HostImage>, encoding: Encoding) -> Result<Arc<HostImage>, NodeError> {
    let (width_px, height_px) = (host.width_px, host.height_px);
    let pixels = match (&host.pixels, encoding) {
        (Pixels::Rgba8(p), Encoding::Srgb) if p.as_chunks::<4>().0.iter().all(|p| p[3] == 255) => {
            return filled(host);
        }
        (Pixels::Rgba8(p), Encoding::Srgb) => map_pixels(p, |p| {
            if p[3] == 255 { *p } else { over_black(p.map(linear_from_srgb8), unit(p[3])) }
        }),
        (Pixels::Rgba8(p), Encoding::Linear) => {
            map_pixels(p, |p| over_black(p.map(unit), unit(p[3])))
        }
        (Pixels::RgbaF32(p), Encoding::Linear) => {
            map_pixels(p, |p| over_black(p.map(finite), finite(p[3])))
        }
        (Pixels::RgbaF32(p), Encoding::Srgb) => map_pixels(p, |p| {
            let [r, g, b, alpha] = p.map(finite);
            if alpha >= 1.0 {
                return [code(r), code(g), code(b), 255];
            }
            over_black([r, g, b, 0.0].map(linear_from_srgb), alpha)
        }),
    };
    filled(Arc::new(HostImage { width_px, height_px, pixels: Pixels::Rgba8(pixels) }))
}

fn over_black([r, g, b, _]: [f32; 4], alpha: f32) -> [u8; 4] {
    let alpha = alpha.clamp(0.0, 1.0);
    let [r, g, b] = [r, g, b].map(|v| srgb8_from_linear(v * alpha));
    [r, g, b, 255]
}

fn unit(v: u8) -> f32 {
    f32::from(v) / 255.0
}

fn code(v: f32) -> u8 {
    (v.clamp(0.0, 1.0) * 255.0).round() as u8
}

/// Refuses a picture without area, or whose pixels do not fill it.
fn filled(host: Arc<HostImage>) -> Result<Arc<HostImage>, NodeError> {
    let expected = u64::from(host.width_px) * u64::from(host.height_px) * 4;
    match &host.pixels {
        Pixels::Rgba8(p) if expected > 0 && p.len() as u64 == expected => Ok(host),
        _ => {
            let (width, height) = (host.width_px, host.height_px);
            Err(NodeError::input("image", format!("pixels do not fill {width} × {height}")))
        }
    }
}

/// Without the last column or row of an odd size; a single one is doubled.
fn even_size(host: &HostImage) -> HostImage {
    let [width_px, height_px] = [host.width_px, host.height_px].map(|len| (len & !1).max(2));
    let Pixels::Rgba8(source) = &host.pixels else { return host.clone() };
    let source = source.as_chunks::<4>().0;
    let mut pixels = Vec::with_capacity(width_px as usize * height_px as usize * 4);
    for y in 0..height_px {
        let row = y.min(host.height_px - 1) * host.width_px;
        for x in 0..width_px {
            pixels.extend(source[(row + x.min(host.width_px - 1)) as usize]);
        }
    }
    HostImage { width_px, height_px, pixels: Pixels::Rgba8(pixels) }
}

#[cfg(test)]
mod tests {
    use lumawire_core::Services;
    use lumawire_core::harness::Harness;

    use super::super::{sequence, video};
    use super::*;
    use crate::gpu::testing::{picture, services};

    fn host(image: &Image) -> (u32, u32, Vec<u8>) {
        assert_eq!(image.encoding, Encoding::Srgb);
        let host = image.host().unwrap();
        let Pixels::Rgba8(pixels) = &host.pixels else { panic!("not 8 bits") };
        (host.width_px, host.height_px, pixels.clone())
    }

    fn run(node: Harness, image: Image) -> (u32, u32, Vec<u8>) {
        let mut node = node.prepare().unwrap();
        node.input("image", Value::Image(image));
        node.tick().unwrap();
        let Value::Image(found) = node.output("picture") else { panic!("no picture") };
        host(found)
    }

    /// Services in which a graphics device would be seen.
    fn assert_no_device(services: &Services) {
        assert!(services.get_or_try_init::<crate::gpu::Gpu, ()>(|| Err(())).is_err());
    }

    #[test]
    fn pictures_in_memory_need_no_device() {
        let nothing = Services::default();
        let image = picture(2, 2, |x, _| [x as f32, 0.0, 0.18, 1.0]);
        let node = Harness::new(&sequence::SPEC).services(&nothing);
        let (_, _, pixels) = run(node, image);
        // 0.18 of light is 117.64 in sRGB's 8 bits.
        assert_eq!(pixels[..8], [0, 0, 118, 255, 255, 0, 118, 255]);
        assert_no_device(&nothing);
    }

    #[test]
    fn final_pictures_pass_untouched() {
        let source: Vec<u8> = (0..16).map(|i| if i % 4 == 3 { 255 } else { i * 16 }).collect();
        let image = HostImage { width_px: 2, height_px: 2, pixels: Pixels::Rgba8(source.clone()) };
        let image = Image::from_host(image, Encoding::Srgb);
        assert_eq!(run(Harness::new(&sequence::SPEC), image), (2, 2, source));
    }

    #[test]
    fn alpha_is_laid_over_black_in_light() {
        let half_white = HostImage {
            width_px: 1,
            height_px: 1,
            pixels: Pixels::RgbaF32(vec![1.0, 0.5, 0.0, 0.5]),
        };
        let as_linear = Image::from_host(half_white.clone(), Encoding::Linear);
        // srgb(0.5) = 0.7354, srgb(0.25) = 0.5371.
        assert_eq!(run(Harness::new(&sequence::SPEC), as_linear).2, [188, 137, 0, 255]);
        let as_codes = Image::from_host(half_white, Encoding::Srgb);
        // Code 0.5 is 0.2140 of light, half of that 0.1070, and srgb(0.1070) = 0.3617.
        assert_eq!(run(Harness::new(&sequence::SPEC), as_codes).2, [188, 92, 0, 255]);
    }

    #[test]
    fn what_is_no_number_is_black() {
        let image = picture(1, 1, |_, _| [f32::NAN, f32::INFINITY, 2.0, 1.0]);
        assert_eq!(run(Harness::new(&sequence::SPEC), image).2, [0, 0, 255, 255]);
    }

    #[test]
    fn video_is_even_and_loses_no_sharpness_by_it() {
        let image = picture(3, 5, |x, y| [(x % 2) as f32, (y % 2) as f32, 0.0, 1.0]);
        let (width, height, pixels) = run(Harness::new(&video::SPEC), image);
        assert_eq!((width, height), (2, 4));
        assert_eq!(pixels[..8], [0, 0, 0, 255, 255, 0, 0, 255]);
        let dot = picture(1, 1, |_, _| [1.0; 4]);
        assert_eq!(run(Harness::new(&video::SPEC), dot), (2, 2, vec![255; 16]));
    }

    #[test]
    fn the_run_decides_the_size() {
        let image = picture(4, 2, |_, _| [1.0; 4]);
        let node = Harness::new(&video::SPEC).services(&services()).size_px(8, 8);
        let (width, height, pixels) = run(node, image.clone());
        assert_eq!((width, height), (8, 8));
        assert_eq!(pixels[..4], [0, 0, 0, 255]);
        assert_eq!(pixels[4 * 8 * 4..][..4], [255; 4]);
        let node = Harness::new(&video::SPEC).services(&services()).size_px(8, 8);
        let covered = run(node.param("fit", "cover"), image);
        assert!(covered.2.iter().all(|v| *v == 255));
    }

    #[test]
    fn pixels_that_do_not_fill_the_size_are_refused() {
        let image = HostImage { width_px: 2, height_px: 2, pixels: Pixels::Rgba8(vec![255; 4]) };
        let mut node = Harness::new(&sequence::SPEC).prepare().unwrap();
        node.input("image", Value::Image(Image::from_host(image, Encoding::Srgb)));
        assert!(node.tick().is_err());
    }

    #[test]
    fn blackout_is_black_whatever_comes() {
        let mut node = Harness::new(&sequence::SPEC).prepare().unwrap();
        let grey = |side: u32, code: u8| {
            let pixels = Pixels::Rgba8([code, code, code, 255].repeat((side * side) as usize));
            let image = HostImage { width_px: side, height_px: side, pixels };
            Value::Image(Image::from_host(image, Encoding::Srgb))
        };
        let broken = HostImage { width_px: 4, height_px: 4, pixels: Pixels::Rgba8(vec![255; 4]) };
        let broken = || Value::Image(Image::from_host(broken.clone(), Encoding::Srgb));
        let shown = |node: &mut Harness, value: Value| {
            node.input("image", value);
            node.tick().unwrap();
            let Value::Image(found) = node.output("picture") else { panic!("no picture") };
            host(found)
        };
        let black = |side: u32| (side, side, [0, 0, 0, 255].repeat((side * side) as usize));
        node.set_param("blackout", true);
        assert_eq!(shown(&mut node, Value::Empty), black(UNKNOWN_SIDE_PX));
        assert_eq!(shown(&mut node, broken()), black(4));
        node.set_param("blackout", false);
        // So many flashes that the limiter holds the picture back.
        for i in 0..40 {
            shown(&mut node, grey(6, 255 * u8::from(i % 4 < 2)));
        }
        let held_back =
            shown(&mut node, grey(6, 0)).2[0] > 0 || shown(&mut node, grey(6, 255)).2[0] < 255;
        assert!(held_back);
        node.set_param("blackout", true);
        assert_eq!(shown(&mut node, Value::Empty), black(6));
        assert_eq!(shown(&mut node, broken()), black(6));
        assert_eq!(shown(&mut node, grey(6, 255)), black(6));
    }

    #[test]
    fn a_frozen_output_needs_no_picture() {
        let mut node = Harness::new(&sequence::SPEC).prepare().unwrap();
        let image =
            HostImage { width_px: 1, height_px: 1, pixels: Pixels::Rgba8(vec![90, 80, 70, 255]) };
        let image = Image::from_host(image, Encoding::Srgb);
        node.input("image", Value::Image(image));
        node.tick().unwrap();
        node.set_param("freeze", true);
        let broken = HostImage { width_px: 2, height_px: 2, pixels: Pixels::Rgba8(vec![255; 4]) };
        for value in [Value::Empty, Value::Image(Image::from_host(broken, Encoding::Srgb))] {
            node.input("image", value);
            node.tick().unwrap();
            let Value::Image(found) = node.output("picture") else { panic!("no picture") };
            assert_eq!(host(found), (1, 1, vec![90, 80, 70, 255]));
        }
    }
}
