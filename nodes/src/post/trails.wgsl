// The trail of this frame.

struct Trails {
    keep: f32,
    mode: u32,
    threshold: f32,
    softness: f32,
}

@group(0) @binding(0) var<uniform> u: Trails;
@group(0) @binding(1) var image: texture_2d<f32>;
@group(0) @binding(2) var held: texture_2d<f32>;

const MAX = 0u;
const ADD = 1u;

// How much of a colour is bright; all of it at a threshold of 0.
fn bright(c: vec4<f32>) -> f32 {
    if u.threshold <= 0.0 {
        return 1.0;
    }
    let light = max(c.r, max(c.g, c.b));
    let t = saturate((light - u.threshold) / max(u.softness, 1e-6));
    return t * t * (3.0 - 2.0 * t);
}

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let c = textureLoad(image, pixel, 0);
    let part = bright(c) * premultiplied(c);
    let scale = vec2<f32>(textureDimensions(held)) / vec2<f32>(textureDimensions(image));
    let faded = u.keep * bilinear_clamped(held, (vec2<f32>(pixel) + 0.5) * scale);
    switch u.mode {
        case MAX: { return straight(max(part, faded)); }
        case ADD: { return straight(faded + (1.0 - u.keep) * part); }
        default: { return straight(part + (1.0 - part.a) * faded); }
    }
}
