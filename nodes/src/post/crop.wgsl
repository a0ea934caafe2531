struct Uniforms {
    first: vec2<i32>,
    end: vec2<i32>,
    origin: vec2<i32>,
    feather_px: f32,
    padding: u32,
}

@group(0) @binding(0) var<uniform> u: Uniforms;
@group(0) @binding(1) var image: texture_2d<f32>;

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let at = pixel + u.origin;
    if any(at < u.first) || any(at >= u.end) {
        return vec4<f32>(0.0);
    }
    let source = textureLoad(image, at, 0);
    let middle = vec2<f32>(at) + 0.5;
    let inside = min(middle - vec2<f32>(u.first), vec2<f32>(u.end) - middle);
    let rim = clamp(min(inside.x, inside.y) / max(u.feather_px, 1e-6), 0.0, 1.0);
    return vec4<f32>(source.rgb, source.a * rim);
}
