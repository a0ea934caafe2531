// A reduced picture, premultiplied, at the whole size, straight.

struct Enlarge {
    // As `Border`.
    border: u32,
    premultiplies: u32,
    // Texels a pixel.
    ratio: vec2<f32>,
}

@group(0) @binding(0) var<uniform> u: Enlarge;
@group(0) @binding(1) var image: texture_2d<f32>;

const TRANSPARENT = 2u;

fn texel(at: vec2<i32>) -> vec4<f32> {
    let last = vec2<i32>(textureDimensions(image)) - 1;
    let c = textureLoad(image, clamp(at, vec2<i32>(0), last), 0);
    if u.premultiplies != 0u {
        return premultiplied(c);
    }
    return c;
}

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let size = textureDimensions(image);
    let at = (vec2<f32>(pixel) + 0.5) * u.ratio - 0.5;
    var corner = vec2<i32>(floor(at));
    if u.border == TRANSPARENT {
        // Outside, the blur falls on: go on with the slope of the last two texels.
        corner = clamp(corner, vec2<i32>(0), max(vec2<i32>(size) - 2, vec2<i32>(0)));
    }
    let t = at - vec2<f32>(corner);
    let top = mix(texel(corner), texel(corner + vec2<i32>(1, 0)), t.x);
    let bottom = mix(texel(corner + vec2<i32>(0, 1)), texel(corner + vec2<i32>(1, 1)), t.x);
    return straight(mix(top, bottom, t.y));
}
