//! What the effects do: three settings of each, from slight to strong, for sheets and benchmarks.

use lumawire_core::harness::Harness;
use lumawire_core::{Image, NodeError, NodeSpec, ParamValue, Services, Value};

/// Values of parameters by their ids.
pub type Setting = &'static [(&'static str, Shown)];

/// A parameter's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shown {
    /// A real number.
    Num(f32),
    /// A whole number.
    Int(i64),
    /// A switch that is on.
    On,
    /// An option.
    Option(&'static str),
}

use Shown::{Int, Num, On, Option as Opt};

impl From<Shown> for ParamValue {
    fn from(shown: Shown) -> Self {
        match shown {
            Num(v) => v.into(),
            Int(v) => v.into(),
            On => true.into(),
            Opt(id) => id.into(),
        }
    }
}

/// An effect at three settings.
#[derive(Debug, Clone, Copy)]
pub struct Showing {
    /// The effect.
    pub spec: &'static NodeSpec,
    /// Its settings.
    pub settings: [Setting; 3],
}

macro_rules! showings {
    ($($module:ident: [$($setting:expr),* $(,)?];)*) => {
        /// Every effect that draws a picture from a picture, in order of kind.
        pub const SHOWINGS: &[Showing] = &[
            $(Showing { spec: &super::$module::SPEC, settings: [$(&$setting),*] },)*
        ];
    };
}

showings! {
    aberration: [[("amount", Num(0.02))], [("amount", Num(0.06))], [("shift_x", Num(0.03))]];
    blend: [
        [("mode", Opt("screen"))], [("mode", Opt("soft_light"))], [("mode", Opt("difference"))],
    ];
    bloom: [
        [("intensity", Num(0.6)), ("threshold", Num(0.4))],
        [("intensity", Num(1.5)), ("threshold", Num(0.3)), ("radius", Num(0.15))],
        [("intensity", Num(3.0)), ("threshold", Num(0.2)), ("radius", Num(0.2)), ("tint", Num(0.8)), ("hue_turns", Num(0.6))],
    ];
    blur: [
        [("sigma", Num(0.01))],
        [("sigma", Num(0.04)), ("axes", Opt("across"))],
        [("sigma", Num(0.08)), ("border", Opt("mirror"))],
    ];
    colour: [
        [("saturation", Num(0.0)), ("contrast", Num(1.4))],
        [("hue_radians", Num(2.0)), ("saturation", Num(1.5))],
        [("invert", Num(1.0))],
    ];
    crop: [
        [("left", Num(0.2)), ("right", Num(0.2))],
        [("top", Num(0.15)), ("bottom", Num(0.15)), ("keep_size", On)],
        [("left", Num(0.1)), ("right", Num(0.1)), ("top", Num(0.1)), ("bottom", Num(0.1)),
         ("keep_size", On), ("feather", Num(0.15))],
    ];
    crt: [
        [("lines", Num(0.5)), ("num_lines", Num(60.0))],
        [("curve", Num(0.12)), ("corner", Num(0.12)), ("mask", Num(0.5))],
        [("curve", Num(0.25)), ("lines", Num(0.6)), ("num_lines", Num(60.0)), ("mask", Num(0.8)), ("corner", Num(0.2))],
    ];
    curves: [
        [("shadows", Num(0.15)), ("lights", Num(0.85))],
        [("shadows_b", Num(0.15)), ("lights_r", Num(0.12)), ("lights_b", Num(-0.12))],
        [("black", Num(1.0)), ("shadows", Num(0.5)), ("mids", Num(0.1)), ("lights", Num(0.5)), ("white", Num(1.0))],
    ];
    displace: [[("amount", Num(0.05))], [("amount", Num(0.15))], [("amount", Num(-0.35))]];
    dither: [
        [("amount", Num(1.0)), ("num_levels", Int(6)), ("scale_px", Int(2))],
        [("amount", Num(1.0)), ("num_levels", Int(3)), ("scale_px", Int(2))],
        [("amount", Num(1.0)), ("num_levels", Int(2)), ("scale_px", Int(3))],
    ];
    edge: [
        [("amount", Num(0.5)), ("gain", Num(2.0))],
        [("amount", Num(1.0)), ("gain", Num(3.0))],
        [("amount", Num(1.0)), ("mode", Opt("ink")), ("gain", Num(3.0))],
    ];
    glitch: [
        [("amount", Num(0.2))],
        [("amount", Num(0.5)), ("shift", Num(0.15))],
        [("amount", Num(1.0)), ("shift", Num(0.3)), ("num_bands", Int(60))],
    ];
    gradient_map: [
        [("amount", Num(1.0)), ("palette", Opt("ice"))],
        [("amount", Num(1.0)), ("palette", Opt("sunset"))],
        [("amount", Num(1.0)), ("palette", Opt("neon")), ("repeats", Num(3.0))],
    ];
    grain: [
        [("amount", Num(0.08))],
        [("amount", Num(0.2)), ("coloured", On)],
        [("amount", Num(0.4)), ("size_px", Int(4))],
    ];
    halftone: [
        [("amount", Num(1.0)), ("num_cells", Num(60.0))],
        [("amount", Num(1.0)), ("mode", Opt("colour")), ("num_cells", Num(40.0))],
        [("amount", Num(1.0)), ("num_cells", Num(20.0))],
    ];
    kaleidoscope: [
        [("num_segments", Int(4))],
        [("num_segments", Int(8)), ("angle_radians", Num(0.4))],
        [("num_segments", Int(16)), ("angle_radians", Num(1.0))],
    ];
    key: [
        [("mode", Opt("luma")), ("tolerance", Num(0.2))],
        [("mode", Opt("luma")), ("tolerance", Num(0.5)), ("softness", Num(0.3))],
        [("hue_turns", Num(0.6)), ("tolerance", Num(0.6)), ("softness", Num(0.3))],
    ];
    lens: [[("strength", Num(0.3))], [("strength", Num(0.9)), ("zoom", Num(1.3))], [("strength", Num(-0.4))]];
    levels: [
        [("gamma", Num(1.6))],
        [("lift_b", Num(0.1)), ("gain_r", Num(1.4))],
        [("lift", Num(-0.15)), ("gain", Num(1.8)), ("gamma", Num(0.7))],
    ];
    mask: [[("amount", Num(0.5))], [("amount", Num(1.0))], [("amount", Num(1.0)), ("invert", On)]];
    mirror: [[("mode", Opt("left_right"))], [("mode", Opt("up_down"))], [("mode", Opt("quad"))]];
    motion_blur: [
        [("length", Num(0.15))],
        [("length", Num(0.3)), ("mode", Opt("zoom"))],
        [("length", Num(0.08)), ("mode", Opt("spin"))],
    ];
    pixelate: [[("size_px", Int(4))], [("size_px", Int(12))], [("size_px", Int(32))]];
    polar: [
        [("amount", Num(0.3))],
        [("amount", Num(1.0))],
        [("amount", Num(1.0)), ("mode", Opt("unroll"))],
    ];
    posterise: [
        [("amount", Num(1.0)), ("num_levels", Int(8))],
        [("amount", Num(1.0)), ("num_levels", Int(4))],
        [("amount", Num(1.0)), ("num_levels", Int(2))],
    ];
    scanlines: [
        [("amount", Num(0.3)), ("num_lines", Num(80.0))],
        [("amount", Num(0.7)), ("num_lines", Num(40.0))],
        [("amount", Num(1.0)), ("num_lines", Num(16.0))],
    ];
    sharpen: [
        [("amount", Num(0.5))],
        [("amount", Num(2.0)), ("radius_px", Int(3))],
        [("amount", Num(-1.0)), ("radius_px", Int(8))],
    ];
    smear: [
        [("amount", Num(0.5))],
        [("amount", Num(1.0)), ("motion", Num(2.0))],
        [("amount", Num(1.0)), ("motion", Num(-2.0)), ("block", Num(0.06))],
    ];
    solarise: [
        [("amount", Num(0.5))],
        [("amount", Num(1.0))],
        [("amount", Num(1.0)), ("threshold", Num(0.2))],
    ];
    trails: [
        [("decay_secs", Num(0.2)), ("threshold", Num(0.4))],
        [("decay_secs", Num(0.5))],
        [("decay_secs", Num(0.3)), ("mode", Opt("add"))],
    ];
    transform: [
        [("zoom", Num(0.7))],
        [("rotate_radians", Num(0.5)), ("border", Opt("mirror"))],
        [("zoom", Num(0.4)), ("rotate_radians", Num(0.3)), ("border", Opt("wrap"))],
    ];
    tunnel: [
        [("amount", Num(0.5))],
        [("amount", Num(1.0)), ("fog", Num(0.3))],
        [("amount", Num(1.0)), ("repeats", Num(4.0)), ("twist", Num(0.5)), ("fog", Num(0.6))],
    ];
    twirl: [
        [("angle_radians", Num(1.0))],
        [("angle_radians", Num(4.0))],
        [("angle_radians", Num(-9.0)), ("radius", Num(1.5))],
    ];
    upscale: [
        [("factor", Num(2.0)), ("method", Opt("nearest"))],
        [("factor", Num(2.0)), ("method", Opt("lanczos3"))],
        [("factor", Num(2.0)), ("method", Opt("fsr"))],
    ];
    vignette: [
        [("amount", Num(0.4))],
        [("amount", Num(0.8))],
        [("amount", Num(1.0)), ("radius", Num(0.2)), ("softness", Num(0.3))],
    ];
}

/// Frames that an effect with a memory sees.
const NUM_FRAMES: usize = 24;

/// Draws an effect at one setting: what it makes of `picture`, with `other` at its other inputs. One
/// with a memory sees the picture as `moved` gives it for some frames, the last of them unmoved.
///
/// # Errors
/// As the effect's own.
pub fn draw(
    spec: &'static NodeSpec,
    setting: Setting,
    services: &Services,
    other: &Image,
    moved: impl Fn(usize) -> Image,
) -> Result<Image, NodeError> {
    let mut node = Harness::new(spec).services(services);
    for (id, value) in setting {
        node.set_param(id, *value);
    }
    let mut node = node.prepare()?;
    let pictures = spec.inputs.iter().filter(|port| port.ty == lumawire_core::PortType::Image);
    let mut pictures = pictures.map(|port| port.id);
    let Some(first) = pictures.next() else {
        return Err(NodeError::input("image", "the node takes no picture"));
    };
    for id in pictures {
        node.input(id, Value::Image(other.clone()));
    }
    let num_frames = if spec.role == lumawire_core::Role::Pure { 1 } else { NUM_FRAMES };
    for frames_left in (0..num_frames).rev() {
        node.input(first, Value::Image(moved(frames_left)));
        node.tick()?;
    }
    let output = spec.outputs.first().map_or("image", |port| port.id);
    match node.output(output) {
        Value::Image(image) => Ok(image.clone()),
        _ => Err(NodeError::input("image", "the effect gave no picture")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::testing::{picture, services, speckle, values};

    /// Nodes of `post` that turn no picture into another look: they bring sizes, or need a file.
    const NOT_SHOWN: &[&str] =
        &["post.feedback", "post.isf", "post.lut", "post.resize", "post.strobe_limit", "post.wgsl"];

    #[test]
    fn every_effect_is_shown_and_every_setting_shows() {
        let shown: Vec<_> = SHOWINGS.iter().map(|s| s.spec.kind).collect();
        let is_effect =
            |spec: &&NodeSpec| spec.category() == "post" && !NOT_SHOWN.contains(&spec.kind);
        let all: Vec<_> = crate::ALL.iter().copied().filter(is_effect).map(|s| s.kind).collect();
        assert_eq!(shown, all);
        let other = speckle(16, 16);
        // Waves of light that move, bright enough to glow.
        let moved = |frames_left: usize| {
            picture(48, 36, |x, y| {
                let wave = |v: f32| 0.5 + 0.5 * v.sin();
                let x = x as f32 + 2.0 * frames_left as f32;
                [wave(x * 0.3), wave(y as f32 * 0.4), wave(x * 0.2 + y as f32 * 0.3), 1.0]
            })
        };
        for showing in SHOWINGS {
            let mut seen = vec![values(&moved(0))];
            for setting in showing.settings {
                let kind = showing.spec.kind;
                let drawn = draw(showing.spec, setting, &services(), &other, moved);
                let drawn = values(&drawn.unwrap_or_else(|e| panic!("{kind} {setting:?}: {e}")));
                assert!(!seen.contains(&drawn), "{kind} {setting:?} shows nothing new");
                seen.push(drawn);
            }
        }
    }
}
