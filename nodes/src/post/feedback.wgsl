struct Uniforms {
    move_px: vec2<f32>,
    zoom: f32,
    rotate_radians: f32,
    keep: f32,
    hue_radians: f32,
    border: u32,
    padding: u32,
}

@group(0) @binding(0) var<uniform> u: Uniforms;
@group(0) @binding(1) var image: texture_2d<f32>;

const TRANSPARENT = 0u;
const CLAMP = 1u;

fn texel(at: vec2<i32>) -> vec4<f32> {
    let size = vec2<i32>(textureDimensions(image));
    if u.border == TRANSPARENT && (any(at < vec2<i32>(0)) || any(at >= size)) {
        return vec4<f32>(0.0);
    }
    return texel_clamped(image, at);
}

fn sampled(at: vec2<f32>) -> vec4<f32> {
    if u.border == CLAMP {
        return bilinear_clamped(image, at);
    }
    if u.border != TRANSPARENT {
        return bilinear_mirrored(image, at);
    }
    let corner = floor(at - 0.5);
    let t = at - 0.5 - corner;
    let i = vec2<i32>(corner);
    let top = mix(texel(i), texel(i + vec2<i32>(1, 0)), t.x);
    let bottom = mix(texel(i + vec2<i32>(0, 1)), texel(i + vec2<i32>(1, 1)), t.x);
    return mix(top, bottom, t.y);
}

// About the axis of greys (Rodrigues).
fn hue_turned(x: vec3<f32>) -> vec3<f32> {
    let axis = vec3<f32>(0.57735027);
    let c = cos(u.hue_radians);
    return x * c + cross(axis, x) * sin(u.hue_radians) + axis * dot(axis, x) * (1.0 - c);
}

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let centre = vec2<f32>(textureDimensions(image)) / 2.0;
    let p = vec2<f32>(pixel) + 0.5 - centre - u.move_px;
    let c = cos(u.rotate_radians);
    let s = sin(u.rotate_radians);
    // Rows run downwards, so this turns the picture anticlockwise.
    let turned = vec2<f32>(c * p.x - s * p.y, s * p.x + c * p.y);
    let kept = straight(u.keep * sampled(turned / u.zoom + centre));
    return vec4<f32>(hue_turned(kept.rgb), kept.a);
}
