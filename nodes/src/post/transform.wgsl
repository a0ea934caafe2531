struct Uniforms {
    translate_px: vec2<f32>,
    zoom: f32,
    rotate_radians: f32,
    border: u32,
}

@group(0) @binding(0) var<uniform> u: Uniforms;
@group(0) @binding(1) var image: texture_2d<f32>;

const CLAMP = 1u;
const MIRROR = 2u;
const WRAP = 3u;

// The remainder that is never negative.
fn modulo(at: i32, len: i32) -> i32 {
    return ((at % len) + len) % len;
}

fn inside(at: i32, len: i32) -> i32 {
    switch u.border {
        case MIRROR: {
            let i = modulo(at, 2 * len);
            return min(i, 2 * len - 1 - i);
        }
        case WRAP: { return modulo(at, len); }
        default: { return clamp(at, 0, len - 1); }
    }
}

// Premultiplied.
fn texel(at: vec2<i32>) -> vec4<f32> {
    let size = vec2<i32>(textureDimensions(image));
    let found = vec2<i32>(inside(at.x, size.x), inside(at.y, size.y));
    if u.border < CLAMP && any(found != at) {
        return vec4<f32>(0.0);
    }
    return premultiplied(textureLoad(image, found, 0));
}

fn bilinear(at: vec2<f32>) -> vec4<f32> {
    let corner = floor(at - 0.5);
    let t = at - 0.5 - corner;
    let i = vec2<i32>(corner);
    let top = mix(texel(i), texel(i + vec2<i32>(1, 0)), t.x);
    let bottom = mix(texel(i + vec2<i32>(0, 1)), texel(i + vec2<i32>(1, 1)), t.x);
    return mix(top, bottom, t.y);
}

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let centre = vec2<f32>(textureDimensions(image)) / 2.0;
    let p = vec2<f32>(pixel) + 0.5 - centre - u.translate_px;
    let c = cos(u.rotate_radians);
    let s = sin(u.rotate_radians);
    // Rows run downwards, so this turns the picture anticlockwise.
    let turned = vec2<f32>(c * p.x - s * p.y, s * p.x + c * p.y);
    return straight(bilinear(turned / u.zoom + centre));
}
