// Bit 0: left onto right; bit 1: upper onto lower.
@group(0) @binding(0) var<uniform> mode: u32;
@group(0) @binding(1) var image: texture_2d<f32>;

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let opposite = vec2<i32>(textureDimensions(image)) - 1 - pixel;
    let is_mirrored = vec2<bool>((mode & 1u) != 0u, (mode & 2u) != 0u);
    return textureLoad(image, select(pixel, min(pixel, opposite), is_mirrored), 0);
}
