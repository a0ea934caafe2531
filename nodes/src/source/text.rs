//! Text as a picture.

use std::path::Path;
use std::sync::Arc;

use cosmic_text::fontdb::{Database, Source};
use cosmic_text::{
    Align, Attrs, Buffer, CacheKey, Command, Family, FontSystem, LayoutRun, Metrics, Shaping,
    SwashCache, SwashContent, Weight, Wrap,
};
use lumawire_core::{
    Encoding, FileKind, HostImage, Image, Io, Node, NodeError, NodeSpec, Param, Params, Pixels,
    Port, PortType, PrepareCx, Rate, Role, Services, Value,
};
use lumawire_models::file::read_bounded;

use super::shown::Shown;
use crate::draw::canvas::{self, light_from_hsv};

const IN_SIZE: usize = 0;
const OUT_IMAGE: usize = 0;

const TEXT: usize = 0;
const FONT: usize = 1;
const SIZE_PERCENT: usize = 2;
const WEIGHT: usize = 3;
const ALIGN: usize = 4;
const PLACE: usize = 5;
const X: usize = 6;
const Y: usize = 7;
const WRAP_PERCENT: usize = 8;
const LINE_HEIGHT: usize = 9;
const SPACING: usize = 10;
const HUE: usize = 11;
const SATURATION: usize = 12;
const BRIGHTNESS: usize = 13;
const ALPHA: usize = 14;
const WIDTH: usize = 15;
const HEIGHT: usize = 16;

/// The font that comes along, in any weight: see `font/OFL.txt`.
pub const INTER: &[u8] = include_bytes!("font/Inter.ttf");
/// The largest font file that is read.
const MAX_FONT_BYTES: u64 = 64 << 20;
/// Longest text that is set, in bytes.
const MAX_TEXT_BYTES: usize = 16 << 10;
/// Pixels of the largest picture: 4K.
const MAX_PIXELS: u64 = 3_840 * 2_160;
/// Largest letters, in pixels: a glyph is an image of about this side.
const MAX_SIZE_PX: f32 = 4_096.0;
/// The longest side of a glyph that is drawn, in pixels.
const MAX_GLYPH_PX: f32 = 16_384.0;
/// The coarsest grid of a font: with less than this many units an em its glyphs could be as large as
/// their numbers allow, some thousand ems.
const MIN_UNITS_PER_EM: u16 = 64;

/// `source.text`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "source.text",
    version: 1,
    label: "Text",
    doc: "Writes text on clear ground. Several lines, wrapped where they are too long; kerning, \
          ligatures, accents and lines from right to left as Unicode and the font say. The font that \
          comes along is Inter, with Latin, Greek and Cyrillic letters in any weight; a TTF or OTF \
          file takes its place, so that a patch looks the same on every machine. Alpha is the share \
          of the pixel that the letters cover, so that edges are right in linear light. It is drawn \
          when something changes, and kept. A font file that is absent is told, and Inter writes.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::optional(
        "size_of",
        PortType::Image,
        "A picture that gives the size; not drawn.",
    )],
    outputs: &[Port::output("image", PortType::Image, "The text on clear ground.")],
    params: &[
        Param::text("text", "Text", "Lumawire").doc("What is written; \\n begins a line."),
        Param::file("font", "Font", FileKind::Font).doc("A TTF or OTF file. None: Inter."),
        Param::float("size_percent", "Size", 15.0, (1.0, 100.0))
            .hard(0.1, 400.0)
            .doc("Size of the letters (the em) in % of the height."),
        Param::int("weight", "Weight", 500, (100, 900)).hard_int(1, 1_000).doc(
            "From 100, thin, over 400, regular, and 700, bold, to 900; of fonts that have one.",
        ),
        Param::choice("align", "Align", &["centre", "left", "right"])
            .doc("How lines stand in the text."),
        Param::choice("place", "Stands", &["middle", "top", "bottom"])
            .doc("Which part of the text lies at the place in y."),
        Param::float("x", "X", 0.5, (0.0, 1.0)).hard(-4.0, 5.0).doc(
            "Place, of the width: of the lines' middle, left or right end, as they are aligned.",
        ),
        Param::float("y", "Y", 0.5, (0.0, 1.0))
            .hard(-4.0, 5.0)
            .doc("Place, of the height, from the top."),
        Param::float("wrap_percent", "Wrap", 90.0, (10.0, 100.0))
            .hard(1.0, 1_000.0)
            .doc("Longest line, in % of the width."),
        Param::float("line_height", "Line height", 1.2, (0.8, 2.0))
            .hard(0.1, 10.0)
            .doc("From line to line, in sizes."),
        Param::float("spacing", "Letter spacing", 0.0, (-0.1, 0.5))
            .hard(-1.0, 5.0)
            .doc("Added between letters, in sizes."),
        canvas::HUE,
        canvas::SATURATION,
        canvas::BRIGHTNESS,
        canvas::ALPHA,
        canvas::WIDTH,
        canvas::HEIGHT,
    ],
    build: || Box::new(Text::default()),
};

#[derive(Default)]
struct Text {
    setter: Option<Setter>,
    services: Services,
    run_size_px: Option<(u32, u32)>,
    /// What was drawn, and its picture.
    drawn: Option<(Layout, Shown)>,
    /// The notice that the font's file is not there.
    notice: Option<NodeError>,
}

/// A font and what sets text in it.
struct Setter {
    fonts: FontSystem,
    glyphs: SwashCache,
    family: String,
}

/// All that the picture depends on.
#[derive(Debug, Clone, PartialEq)]
struct Layout {
    text: String,
    size: (u32, u32),
    size_px: f32,
    weight: u16,
    align: usize,
    place: usize,
    at_px: [f32; 2],
    wrap_px: f32,
    line_height: f32,
    spacing: f32,
    colour: [f32; 4],
}

impl Node for Text {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.services = cx.services.clone();
        self.run_size_px = cx.size_px;
        let font = match cx.file(FONT) {
            Some(path) if !path.exists() => {
                let help = "is not there; Inter writes in its place: choose the file again";
                self.notice = Some(NodeError::file(path, help));
                INTER.to_vec()
            }
            Some(path) => {
                read_bounded(&path, MAX_FONT_BYTES).map_err(|e| NodeError::file(path, e))?
            }
            None => INTER.to_vec(),
        };
        let path = cx.file(FONT).unwrap_or_default();
        self.setter = Some(Setter::new(font, &path)?);
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let layout = layout(io.params, io.inputs.image(IN_SIZE), self.run_size_px)?;
        let is_drawn = self.drawn.as_ref().is_some_and(|(drawn, _)| *drawn == layout);
        if let Some(setter) = self.setter.as_mut().filter(|_| !is_drawn) {
            let picture = setter.picture(&layout);
            self.drawn = Some((layout, Shown::new(picture, &self.services)));
        }
        match &mut self.drawn {
            Some((_, shown)) => io.outputs.set_image(OUT_IMAGE, shown.image(&self.services)),
            None => io.outputs.set(OUT_IMAGE, Value::Empty),
        }
        self.notice.clone().map_or(Ok(()), Err)
    }
}

fn layout(
    p: Params<'_>,
    size_of: Option<&Image>,
    run: Option<(u32, u32)>,
) -> Result<Layout, NodeError> {
    let size = canvas::size_px((p.int(WIDTH), p.int(HEIGHT)), size_of, run);
    if u64::from(size.0) * u64::from(size.1) > MAX_PIXELS {
        let reason = format!("{} × {} is larger than 4K: choose a smaller size", size.0, size.1);
        return Err(NodeError::param("width_px", reason));
    }
    let text = p.text(TEXT);
    if text.len() > MAX_TEXT_BYTES {
        let reason = format!("is longer than {MAX_TEXT_BYTES} bytes: show a part of it at a time");
        return Err(NodeError::param("text", reason));
    }
    let (width, height) = (size.0 as f32, size.1 as f32);
    let [r, g, b] = light_from_hsv(p.float(HUE), p.float(SATURATION), p.float(BRIGHTNESS));
    Ok(Layout {
        // In a patch file and in a line of a panel, a line's end is written out.
        text: text.replace("\\n", "\n"),
        size,
        size_px: (0.01 * p.float(SIZE_PERCENT) * height).clamp(1.0, MAX_SIZE_PX),
        weight: u16::try_from(p.int(WEIGHT)).unwrap_or(400),
        align: p.choice(ALIGN),
        place: p.choice(PLACE),
        at_px: [p.float(X) * width, p.float(Y) * height],
        wrap_px: (0.01 * p.float(WRAP_PERCENT) * width).max(1.0),
        line_height: p.float(LINE_HEIGHT),
        spacing: p.float(SPACING),
        colour: [r, g, b, p.float(ALPHA)],
    })
}

impl Setter {
    fn new(font: Vec<u8>, path: &Path) -> Result<Self, NodeError> {
        let mut database = Database::new();
        database.load_font_source(Source::Binary(Arc::new(font)));
        let first = database.faces().next();
        let first = first.and_then(|face| Some((face.id, face.weight, face.families.first()?)));
        let Some((id, weight, (family, _))) = first else {
            return Err(NodeError::file(path, "is no font: choose a TTF or OTF file"));
        };
        let family = family.clone();
        // No other font stands in for letters that this one lacks: the system's differ from place to
        // place.
        let mut fonts = FontSystem::new_with_locale_and_db("en".into(), database);
        let units_per_em =
            fonts.get_font(id, weight).map_or(0, |font| font.as_swash().metrics(&[]).units_per_em);
        if units_per_em < MIN_UNITS_PER_EM {
            let help = "has fewer than 64 units an em, or is damaged: choose another font";
            return Err(NodeError::file(path, help));
        }
        Ok(Self { fonts, glyphs: SwashCache::new(), family })
    }

    fn picture(&mut self, layout: &Layout) -> Image {
        let (width, height) = (layout.size.0 as usize, layout.size.1 as usize);
        let mut cover = Cover { width, height, values: vec![0; width * height] };
        self.set(layout, &mut cover);
        let [r, g, b, alpha] = layout.colour;
        let values = cover.values.iter().flat_map(|&c| [r, g, b, alpha * f32::from(c) / 255.0]);
        let pixels = Pixels::RgbaF32(values.collect());
        let host = HostImage { width_px: layout.size.0, height_px: layout.size.1, pixels };
        Image::from_host(host, Encoding::Linear)
    }

    fn set(&mut self, layout: &Layout, cover: &mut Cover) {
        let line_px = (layout.size_px * layout.line_height).max(1.0);
        let mut buffer = Buffer::new(&mut self.fonts, Metrics::new(layout.size_px, line_px));
        buffer.set_wrap(Wrap::WordOrGlyph);
        buffer.set_size(Some(layout.wrap_px), None);
        let attrs = Attrs::new()
            .family(Family::Name(&self.family))
            .weight(Weight(layout.weight))
            .letter_spacing(layout.spacing);
        let align = match layout.align {
            1 => Align::Left,
            2 => Align::Right,
            _ => Align::Center,
        };
        buffer.set_text(&layout.text, &attrs, Shaping::Advanced, Some(align));
        buffer.shape_until_scroll(&mut self.fonts, false);
        let text_px = buffer.layout_runs().count() as f32 * line_px;
        let left = layout.at_px[0] - layout.wrap_px * [0.5, 0.0, 1.0][layout.align.min(2)];
        let top = layout.at_px[1] - text_px * [0.5, 0.0, 1.0][layout.place.min(2)];
        for run in buffer.layout_runs() {
            if (-2.0 * line_px..cover.height as f32 + 2.0 * line_px).contains(&(top + run.line_y)) {
                draw_run(&mut self.fonts, &mut self.glyphs, &run, (left, top + run.line_y), cover);
            }
        }
    }
}

fn draw_run(
    fonts: &mut FontSystem,
    glyphs: &mut SwashCache,
    run: &LayoutRun<'_>,
    (left, baseline): (f32, f32),
    cover: &mut Cover,
) {
    for glyph in run.glyphs {
        let physical = glyph.physical((left, baseline), 1.0);
        if !is_drawable(fonts, glyphs, physical.cache_key) {
            continue;
        }
        // Not kept: a large glyph is megabytes, and sizes that glide would fill a cache without end.
        let image = glyphs.get_image_uncached(fonts, physical.cache_key);
        let Some(image) = image else { continue };
        let x = physical.x.saturating_add(image.placement.left);
        let y = physical.y.saturating_sub(image.placement.top);
        let width = image.placement.width as usize;
        let step = if image.content == SwashContent::Mask { 1 } else { 4 };
        // Of coloured glyphs the alpha counts.
        for (i, value) in image.data.iter().skip(step - 1).step_by(step).enumerate() {
            let (dx, dy) = (i % width.max(1), i / width.max(1));
            let at = |v: i32, d: usize| i64::from(v) + i64::try_from(d).unwrap_or(i64::MAX);
            cover.add(at(x, dx), at(y, dy), *value);
        }
    }
}

/// Whether a glyph is no larger than is drawn.
fn is_drawable(fonts: &mut FontSystem, glyphs: &mut SwashCache, key: CacheKey) -> bool {
    let size_px = f32::from_bits(key.font_size_bits);
    let Some(font) = fonts.get_font(key.font_id, key.font_weight) else { return false };
    // A picture in the font, of up to 255 pixels a side, which is enlarged to the size.
    let strikes = font.as_swash().color_strikes();
    if let Some(strike) = strikes.find_by_nearest_ppem(size_px as u16, key.glyph_id) {
        return 255.0 * size_px <= MAX_GLYPH_PX * f32::from(strike.ppem());
    }
    let Some(outline) = glyphs.get_outline_commands_uncached(fonts, key) else { return true };
    let (mut low, mut high) = ([f32::INFINITY; 2], [f32::NEG_INFINITY; 2]);
    for command in &outline {
        let points = match command {
            Command::MoveTo(a) | Command::LineTo(a) => [*a; 3],
            Command::QuadTo(a, b) => [*a, *b, *b],
            Command::CurveTo(a, b, c) => [*a, *b, *c],
            Command::Close => continue,
        };
        for point in points {
            low = [low[0].min(point.x), low[1].min(point.y)];
            high = [high[0].max(point.x), high[1].max(point.y)];
        }
    }
    // Of an empty one the largest is less than the least.
    (0..2).all(|axis| high[axis] - low[axis] <= MAX_GLYPH_PX)
}

/// How much of each pixel is covered, of 255, `[height, width]`.
struct Cover {
    width: usize,
    height: usize,
    values: Vec<u8>,
}

impl Cover {
    /// Covers a part of what is still free of a pixel.
    fn add(&mut self, x: i64, y: i64, value: u8) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return };
        if x < self.width && y < self.height {
            let old = &mut self.values[y * self.width + x];
            let free = u16::from(255 - *old);
            *old += ((free * u16::from(value) + 127) / 255) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::ParamValue;
    use lumawire_core::harness::Harness;

    use super::*;
    use crate::gpu::testing::{services, values};

    const SIZE: (usize, usize) = (400, 200);

    fn node(params: &[(&str, ParamValue)]) -> Harness {
        let mut node = Harness::new(&SPEC).services(&services()).size_px(400, 200);
        for (id, value) in params {
            node.set_param(id, value.clone());
        }
        node.prepare().unwrap()
    }

    fn picture(node: &mut Harness) -> Image {
        node.tick().unwrap();
        let Value::Image(image) = node.output("image") else { panic!("no picture") };
        image.clone()
    }

    fn alphas(params: &[(&str, ParamValue)]) -> Vec<f32> {
        values(&picture(&mut node(params))).iter().skip(3).step_by(4).copied().collect()
    }

    fn area(alphas: &[f32]) -> f32 {
        alphas.iter().sum()
    }

    /// First and last column and row that are lit.
    fn bounds(alphas: &[f32]) -> (usize, usize, usize, usize) {
        let lit = |axis: fn(usize) -> usize| {
            let all = || (0..alphas.len()).filter(|i| alphas[*i] > 0.05).map(axis);
            (all().min().unwrap(), all().max().unwrap())
        };
        let (x, y) = (lit(|i| i % SIZE.0), lit(|i| i / SIZE.0));
        (x.0, x.1, y.0, y.1)
    }

    #[test]
    fn letters_have_the_fonts_measures() {
        // Inter's H is 0.7273 em high (1490/2048 of the em).
        let (.., top, bottom) =
            bounds(&alphas(&[("text", "HHH".into()), ("size_percent", 50.0_f32.into())]));
        let height = (bottom + 1 - top) as f32;
        assert!((height - 72.73).abs() < 1.5, "{height}");
    }

    #[test]
    fn the_covered_area_grows_with_the_square_of_the_size() {
        let of =
            |percent: f32| area(&alphas(&[("text", "I".into()), ("size_percent", percent.into())]));
        assert!((of(40.0) / of(20.0) - 4.0).abs() < 0.1, "{}", of(40.0) / of(20.0));
    }

    #[test]
    fn lines_stand_where_they_are_told() {
        let of = |align: &str, x: f32| {
            bounds(&alphas(&[("text", "Hello".into()), ("align", align.into()), ("x", x.into())]))
        };
        let (left, ..) = of("left", 0.1);
        assert!((40..45).contains(&left), "{left}");
        let (_, right, ..) = of("right", 0.9);
        assert!((355..361).contains(&right), "{right}");
        let (left, right, ..) = of("centre", 0.5);
        assert!((left + right).abs_diff(400) < 6, "{left} {right}");
        let (.., top, _) = bounds(&alphas(&[("place", "top".into()), ("y", 0.0_f32.into())]));
        assert!(top < 20);
        let (.., bottom) = bounds(&alphas(&[("place", "bottom".into()), ("y", 1.0_f32.into())]));
        assert!(bottom > 180);
    }

    #[test]
    fn lines_break_and_wrap() {
        let lines = |text: &str, wrap: f32| {
            let all = alphas(&[
                ("text", text.into()),
                ("wrap_percent", wrap.into()),
                ("size_percent", 10.0_f32.into()),
            ]);
            let is_lit: Vec<bool> =
                all.chunks_exact(SIZE.0).map(|row| row.iter().any(|a| *a > 0.05)).collect();
            is_lit.windows(2).filter(|w| !w[0] && w[1]).count()
        };
        assert_eq!(
            (lines("HH HH", 90.0), lines("HH\\nHH", 90.0), lines("HH\nHH", 90.0)),
            (1, 2, 2)
        );
        assert_eq!(lines("HH HH HH", 10.0), 3);
    }

    #[test]
    fn weight_and_spacing_count() {
        let of = |id: &str, v: ParamValue| alphas(&[("text", "HOH".into()), (id, v)]);
        let (thin, black) = (of("weight", 100_i64.into()), of("weight", 900_i64.into()));
        assert!(area(&black) > 2.5 * area(&thin), "{} {}", area(&black), area(&thin));
        let width = |all: &[f32]| {
            let (left, right, ..) = bounds(all);
            (right - left) as f32
        };
        // Two gaps of a fifth of 30 pixels.
        let wider = width(&of("spacing", 0.2_f32.into())) - width(&of("spacing", 0.0_f32.into()));
        assert!((wider - 12.0).abs() < 1.5, "{wider}");
    }

    #[test]
    fn right_to_left_is_mirrored_in_order() {
        let plain = alphas(&[("text", "IW".into())]);
        let turned = alphas(&[("text", "\u{202e}WI\u{202c}".into())]);
        let distance: f32 = plain.iter().zip(&turned).map(|(a, b)| (a - b).abs()).sum();
        assert!(distance < 0.1 * area(&plain), "{distance}");
    }

    #[test]
    fn the_picture_is_drawn_once_a_change() {
        let mut node = node(&[("text", "once".into())]);
        let key = |image: &Image| match &image.home {
            lumawire_core::ImageHome::Device(image) => Arc::as_ptr(image).cast::<()>(),
            lumawire_core::ImageHome::Host(image) => Arc::as_ptr(image).cast::<()>(),
        };
        let (a, b) = (picture(&mut node), picture(&mut node));
        assert_eq!(key(&a), key(&b));
        node.set_param("text", "twice");
        assert_ne!(key(&picture(&mut node)), key(&a));
    }

    #[test]
    fn fonts_come_from_files_and_bad_ones_are_told() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.ttf"), INTER).unwrap();
        std::fs::write(dir.path().join("b.ttf"), b"no font").unwrap();
        let make = |file: &str| {
            let node =
                Harness::new(&SPEC).services(&services()).size_px(400, 200).base_dir(dir.path());
            node.param("font", ParamValue::file(file)).prepare()
        };
        let own = values(&picture(&mut make("a.ttf").unwrap()));
        assert_eq!(own, values(&picture(&mut node(&[]))));
        assert!(make("b.ttf").err().unwrap().to_string().contains("no font"));
        let mut absent = make("c.ttf").unwrap();
        assert!(matches!(absent.tick(), Err(NodeError::File { .. })));
        let Value::Image(image) = absent.output("image") else { panic!("no picture") };
        assert_eq!(values(image), own);
    }

    /// Inter with another number of units an em: offset 18 of the table `head`.
    fn inter_of(units_per_em: u16) -> Vec<u8> {
        let mut font = INTER.to_vec();
        let record = font.windows(4).position(|tag| tag == b"head").unwrap();
        let at = u32::from_be_bytes(font[record + 8..record + 12].try_into().unwrap()) as usize;
        assert_eq!(font[at + 18..at + 20], 2_816_u16.to_be_bytes());
        font[at + 18..at + 20].copy_from_slice(&units_per_em.to_be_bytes());
        font
    }

    #[test]
    fn fonts_of_a_grid_too_coarse_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let written = |units_per_em: u16, percent: f32| {
            std::fs::write(dir.path().join("a.ttf"), inter_of(units_per_em)).unwrap();
            let node =
                Harness::new(&SPEC).services(&services()).size_px(400, 200).base_dir(dir.path());
            let node = node.param("font", ParamValue::file("a.ttf")).param("text", "I");
            let mut node = node.param("size_percent", percent).prepare()?;
            let alphas: Vec<f32> =
                values(&picture(&mut node)).iter().skip(3).step_by(4).copied().collect();
            Ok::<f32, NodeError>(area(&alphas))
        };
        assert!(written(63, 15.0).unwrap_err().to_string().contains("64 units"));
        assert!(written(16, 15.0).is_err());
        // Letters of 44 times their size, 0.73 em high: 128 pixels.
        assert!(written(64, 2.0).unwrap() > 1_000.0);
    }

    #[test]
    fn no_text_is_clear_and_too_much_is_told() {
        assert_eq!(area(&alphas(&[("text", "".into())])), 0.0);
        let mut node = node(&[("text", (&*"x".repeat(MAX_TEXT_BYTES + 1)).into())]);
        assert!(matches!(node.tick(), Err(NodeError::Param { .. })));
        // Letters that the font lacks, marks of direction and nothing but spaces.
        for text in ["日本", "\u{202e}\u{202d}", "   ", "\n\n", "\u{0}"] {
            alphas(&[("text", text.into())]);
        }
    }
}
