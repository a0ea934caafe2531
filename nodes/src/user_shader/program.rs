//! A compiled shader with its buffers: so many pictures and numbers in, one picture out.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use image::ImageReader;
use lumawire_core::{Encoding, HostImage, Image, Io, NodeError, NodeSpec, Pixels, Services, Value};
use lumawire_models::file::read_bounded;

use super::declared::SlotKind;
use super::sound::Sound;
use super::{Declared, Language, Pass, Slot, TextureKind, source};
use crate::gpu::{Effect, UserPass};

/// Vectors of four at the beginning of the uniform:
/// 0: time and seconds since the last frame, number of the frame, index of the pass.
/// 1: width and height, 1 where codes become light at the end (2 where they are clamped too), seed.
/// 2: year, month, day, seconds of the day.
pub(super) const NUM_BUILT_IN: usize = 3;
/// The first vector of a declared field; every field has one.
pub(super) const FIRST_FIELD: usize = NUM_BUILT_IN;

/// The largest side of a buffer.
const MAX_SIDE_PX: f64 = 8192.0;
/// Bytes of the file of an imported picture.
const MAX_IMPORTED_BYTES: u64 = 512 << 20;
/// Pixels of an imported picture.
const MAX_IMPORTED_PIXELS: u64 = 1 << 26;

const TO_CODE: &str = "
@group(0) @binding(0) var<uniform> unused: u32;
@group(0) @binding(1) var image: texture_2d<f32>;
fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let c = textureLoad(image, pixel, 0);
    return vec4<f32>(code_from_light(c.rgb), c.a);
}";
const TO_LIGHT: &str = "
@group(0) @binding(0) var<uniform> unused: u32;
@group(0) @binding(1) var image: texture_2d<f32>;
fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let c = textureLoad(image, pixel, 0);
    return vec4<f32>(light_from_code(c.rgb), c.a);
}";

/// A shader that is ready to draw.
pub(super) struct Program {
    /// Tells it from others: a hash of its texts.
    pub hash: u64,
    declared: Declared,
    /// Where each number comes from: index of a parameter, or of an input for an event.
    numbers: Vec<Option<usize>>,
    /// For each texture, where it is an input: its index.
    inputs: Vec<Option<usize>>,
    /// For each texture, where it is sound: its rows.
    sounds: Vec<Option<Sound>>,
    /// For each texture, what it holds where that outlives a frame.
    held: Vec<Option<Image>>,
    passes: Vec<UserPass>,
    conversions: Option<(Effect<u32>, Effect<u32>)>,
    uniforms: Vec<u8>,
    nothing: Image,
}

impl Program {
    /// Reads, compiles and prepares the file at `path`.
    ///
    /// # Errors
    /// The file's fault, by its line; no graphics device; a picture that cannot be imported.
    pub fn load(
        kind: &'static str,
        language: &Language,
        path: &Path,
        services: &Services,
    ) -> Result<Self, NodeError> {
        let text = source::read(path)?;
        // The shader beside an ISF file is a part of it.
        let vertex = source::read(&path.with_extension("vs")).unwrap_or_default();
        let declared = language.declare(path, &text)?;
        let module = language.compile(path, &text, &declared)?;
        let num_bytes = 16 * (NUM_BUILT_IN + declared.fields.len()) as u64;
        let num_textures = u32::try_from(declared.textures.len()).unwrap_or(u32::MAX);
        let mut passes = Vec::new();
        for _ in &declared.passes {
            let mut pass = UserPass::new(kind, module.clone(), num_textures, num_bytes);
            pass.prepare(services).map_err(|e| NodeError::file(path, e))?;
            passes.push(pass);
        }
        let conversions =
            declared.codes.then(|| (Effect::new(kind, TO_CODE, 1), Effect::new(kind, TO_LIGHT, 1)));
        let mut program = Self {
            hash: hash_of(kind, &text, &vertex),
            numbers: Vec::new(),
            inputs: Vec::new(),
            sounds: sounds(&declared),
            held: imported(path, &declared)?,
            passes,
            conversions,
            uniforms: Vec::with_capacity(16 * (NUM_BUILT_IN + declared.fields.len())),
            nothing: nothing(),
            declared,
        };
        if let Some((to_code, to_light)) = &mut program.conversions {
            to_code.prepare(services)?;
            to_light.prepare(services)?;
        }
        Ok(program)
    }

    /// Finds its numbers and inputs in `spec`.
    pub fn bind(&mut self, spec: &NodeSpec) {
        let number = |slot: &Slot| match slot.kind {
            SlotKind::Event => spec.input(&slot.id),
            _ => spec.param(&slot.id).filter(|p| slot.kind.reads(spec.params[*p].domain)),
        };
        let slots = self.declared.fields.iter().flat_map(|field| &field.slots);
        self.numbers = slots.map(number).collect();
        let input = |texture: &super::Texture| match &texture.kind {
            TextureKind::Image { id } | TextureKind::Sound { id, .. } => spec.input(id),
            TextureKind::Imported { .. } | TextureKind::Target => None,
        };
        self.inputs = self.declared.textures.iter().map(input).collect();
    }

    /// Takes over what buffers and sounds of the same names hold.
    pub fn adopt(&mut self, old: &mut Self) {
        for (i, texture) in self.declared.textures.iter().enumerate() {
            let same = |t: &super::Texture| t.name == texture.name;
            let Some(j) = old.declared.textures.iter().position(same) else { continue };
            if texture.kind == TextureKind::Target
                && old.declared.textures[j].kind == TextureKind::Target
            {
                self.held[i] = old.held[j].take();
            }
            if self.sounds[i].is_some() && old.sounds[j].is_some() {
                self.sounds[i] = old.sounds[j].take();
            }
        }
    }

    /// As at sample 0.
    pub fn reset(&mut self) {
        for (texture, held) in self.declared.textures.iter().zip(&mut self.held) {
            if texture.kind == TextureKind::Target {
                *held = None;
            }
        }
        for sound in self.sounds.iter_mut().flatten() {
            sound.reset();
        }
    }

    /// One frame. `size` is its picture's where no picture arrives; nothing comes of nothing, where
    /// the shader changes a picture.
    ///
    /// # Errors
    /// A failing device; a size that it cannot hold.
    pub fn draw(
        &mut self,
        io: &Io<'_>,
        asked: (u32, u32),
        fallback: (u32, u32),
    ) -> Result<Option<Image>, NodeError> {
        let arriving = |i: &Option<usize>| i.and_then(|i| io.inputs.image(i));
        let is_filtered =
            |t: &super::Texture| matches!(&t.kind, TextureKind::Image { id } if id == "image");
        if let Some(main) = self.declared.textures.iter().position(is_filtered)
            && self.inputs.get(main).and_then(arriving).is_none()
        {
            return Ok(None);
        }
        let first = self.inputs.iter().find_map(arriving);
        let (width, height) = first.map_or(fallback, |i| (i.width_px, i.height_px));
        let pick = |asked: u32, own: u32| if asked == 0 { own } else { asked };
        let size = (pick(asked.0, width), pick(asked.1, height));
        let mut textures = self.textures(io)?;
        self.fill_numbers(io);
        let mut picture = None;
        for i in 0..self.passes.len() {
            picture = Some(self.pass(i, io, size, &mut textures)?);
        }
        self.keep_targets(textures);
        match (picture, &mut self.conversions, self.declared.passes.last()) {
            (Some(codes), Some((_, to_light)), Some(Pass { target: Some(_), .. })) => {
                let size = (codes.width_px, codes.height_px);
                to_light.draw(&0, &[&codes], size).map(Some)
            }
            (picture, ..) => Ok(picture),
        }
    }

    /// What each texture holds at the beginning of a frame.
    fn textures(&mut self, io: &Io<'_>) -> Result<Vec<Image>, NodeError> {
        let delta_secs = io.tick.dt_secs();
        let mut all = Vec::with_capacity(self.held.len());
        for (i, texture) in self.declared.textures.iter().enumerate() {
            let input = self.inputs.get(i).copied().flatten();
            let found = match &texture.kind {
                TextureKind::Image { .. } => match input.and_then(|i| io.inputs.image(i)) {
                    Some(image) => match &mut self.conversions {
                        Some((to_code, _)) => {
                            let size = (image.width_px, image.height_px);
                            Some(to_code.draw(&0, &[image], size)?)
                        }
                        None => Some(image.clone()),
                    },
                    None => None,
                },
                TextureKind::Sound { rows, width, .. } => self.sounds[i].as_mut().map(|sound| {
                    let spectrum = input.and_then(|i| io.inputs.spectrum(i));
                    sound.take(spectrum.map(Arc::as_ref), delta_secs);
                    sound.picture(*rows, *width)
                }),
                TextureKind::Imported { .. } => self.held[i].clone(),
                TextureKind::Target => self.held[i].clone().filter(|image| !image.is_lost()),
            };
            all.push(found.unwrap_or_else(|| self.nothing.clone()));
        }
        Ok(all)
    }

    /// Fills the uniform, apart from what differs from pass to pass.
    fn fill_numbers(&mut self, io: &Io<'_>) {
        let secs = io.tick.secs();
        let delta_secs = if io.tick.frame == 0 { 0.0 } else { io.tick.dt_secs() };
        // Days are not counted: whoever reads them wants a clock's hands.
        let date = [2000.0, 1.0, 1.0, (secs % 86_400.0) as f32];
        let built_in = [
            [secs as f32, delta_secs as f32, io.tick.frame as f32, 0.0],
            [0.0, 0.0, 0.0, (io.tick.seed & 0xff_ffff) as f32],
            date,
        ];
        self.uniforms.clear();
        for value in built_in.iter().flatten() {
            self.uniforms.extend(value.to_ne_bytes());
        }
        let mut places = self.numbers.iter();
        for field in &self.declared.fields {
            let mut vector = [0.0_f32; 4];
            for (value, slot) in vector.iter_mut().zip(&field.slots) {
                *value = number(io, slot, places.next().copied().flatten());
            }
            for value in vector {
                self.uniforms.extend(value.to_ne_bytes());
            }
        }
    }

    fn pass(
        &mut self,
        i: usize,
        io: &Io<'_>,
        size: (u32, u32),
        textures: &mut [Image],
    ) -> Result<Image, NodeError> {
        let pass = &self.declared.passes[i];
        let side = |expr: &super::Side, own: u32| {
            let Some(expr) = expr else { return own };
            let px = expr.value(&|name| self.variable(name, io, size));
            if px.is_finite() { px.floor().clamp(1.0, MAX_SIDE_PX) as u32 } else { own }
        };
        let size = (side(&pass.width, size.0), side(&pass.height, size.1));
        let leaves = if self.declared.codes && pass.target.is_none() { 1.0 } else { 0.0 };
        let clamped = if pass.float { 0.0 } else { 2.0 };
        for (at, value) in
            [(3, i as f32), (4, size.0 as f32), (5, size.1 as f32), (6, leaves + clamped)]
        {
            self.uniforms[4 * at..4 * at + 4].copy_from_slice(&f32::to_ne_bytes(value));
        }
        let inputs: Vec<&Image> = textures.iter().collect();
        let drawn = self.passes[i].draw(&self.uniforms, &inputs, size)?;
        if let Some(texture) = pass.target.and_then(|t| textures.get_mut(t)) {
            *texture = drawn.clone();
        }
        Ok(drawn)
    }

    /// A name in the expression of a side.
    fn variable(&self, name: &str, io: &Io<'_>, size: (u32, u32)) -> Option<f64> {
        match name {
            "WIDTH" => return Some(f64::from(size.0)),
            "HEIGHT" => return Some(f64::from(size.1)),
            _ => {}
        }
        let fields = &self.declared.fields;
        let slots = fields.iter().flat_map(|f| f.slots.iter().map(move |s| (&f.name, s)));
        let mut slots = slots.zip(&self.numbers);
        let ((_, slot), place) = slots.find(|((field, _), _)| *field == name)?;
        Some(f64::from(number(io, slot, *place)))
    }

    fn keep_targets(&mut self, textures: Vec<Image>) {
        let is_kept = |i: usize| {
            self.declared.passes.iter().any(|pass| pass.target == Some(i) && pass.persistent)
        };
        for (i, image) in textures.into_iter().enumerate() {
            if is_kept(i) {
                self.held[i] = Some(image);
            }
        }
    }
}

/// The number of a slot: of its parameter, or else its default.
fn number(io: &Io<'_>, slot: &Slot, place: Option<usize>) -> f32 {
    let Some(i) = place else { return slot.kind.default() };
    match &slot.kind {
        SlotKind::Float { .. } => io.params.float(i),
        SlotKind::Int { .. } => io.params.int(i) as f32,
        SlotKind::Bool { .. } => f32::from(io.params.switch(i)),
        SlotKind::Choice { options, .. } => {
            options.get(io.params.choice(i)).map_or(0.0, |(_, value)| *value as f32)
        }
        SlotKind::Event => f32::from(io.inputs.trigger(i) > 0),
    }
}

fn hash_of(kind: &str, text: &str, vertex: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (kind, text, vertex).hash(&mut hasher);
    hasher.finish()
}

fn sounds(declared: &Declared) -> Vec<Option<Sound>> {
    let is_sound = |kind: &TextureKind| matches!(kind, TextureKind::Sound { .. });
    declared.textures.iter().map(|t| is_sound(&t.kind).then(Sound::default)).collect()
}

/// One pixel without colour, in place of a picture that is not there.
fn nothing() -> Image {
    let pixels = Pixels::RgbaF32(vec![0.0; 4]);
    Image::from_host(HostImage { width_px: 1, height_px: 1, pixels }, Encoding::Linear)
}

/// The pictures beside the shader, their code values kept as they are.
fn imported(path: &Path, declared: &Declared) -> Result<Vec<Option<Image>>, NodeError> {
    let mut all = Vec::new();
    for texture in &declared.textures {
        let TextureKind::Imported { path: relative } = &texture.kind else {
            all.push(None);
            continue;
        };
        let path = path.parent().unwrap_or(Path::new("")).join(relative);
        let error = |e: &dyn std::fmt::Display| NodeError::file(&path, e);
        let bytes = read_bounded(&path, MAX_IMPORTED_BYTES).map_err(|e| error(&e))?;
        let reader = || ImageReader::new(Cursor::new(&bytes)).with_guessed_format();
        let size = reader().map_err(|e| error(&e))?.into_dimensions();
        let (width, height) = size.map_err(|e| error(&e))?;
        if u64::from(width) * u64::from(height) > MAX_IMPORTED_PIXELS {
            return Err(error(&format!("{width} × {height} pixels are too many to import")));
        }
        let pixels = reader().map_err(|e| error(&e))?.decode().map_err(|e| error(&e))?;
        let pixels = pixels.into_rgba32f().into_raw();
        let image =
            HostImage { width_px: width, height_px: height, pixels: Pixels::RgbaF32(pixels) };
        all.push(Some(Image::from_host(image, Encoding::Linear)));
    }
    Ok(all)
}

/// The picture that passes where nothing can be drawn: the one at input 0.
pub(super) fn passed(io: &Io<'_>, spec: Option<&'static NodeSpec>) -> Value {
    let main = spec.and_then(|spec| spec.input("image"));
    main.and_then(|i| io.inputs.image(i)).cloned().map_or(Value::Empty, Value::Image)
}
