struct Uniforms {
    mode: u32,
    amount: f32,
}

@group(0) @binding(0) var<uniform> u: Uniforms;
@group(0) @binding(1) var base_image: texture_2d<f32>;
@group(0) @binding(2) var over_image: texture_2d<f32>;

fn screen(base: vec3<f32>, over: vec3<f32>) -> vec3<f32> {
    return base + over - base * over;
}

fn overlay(base: vec3<f32>, over: vec3<f32>) -> vec3<f32> {
    return select(screen(2.0 * base - 1.0, over), 2.0 * base * over, base <= vec3<f32>(0.5));
}

fn mixed(base: vec3<f32>, over: vec3<f32>) -> vec3<f32> {
    switch u.mode {
        case 1u: { return base + over; }
        case 2u: { return screen(saturate(base), saturate(over)); }
        case 3u: { return base * over; }
        case 4u: { return max(base, over); }
        case 5u: { return min(base, over); }
        case 6u: { return abs(base - over); }
        case 7u: { return overlay(saturate(base), saturate(over)); }
        default: { return over; }
    }
}

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let base = textureLoad(base_image, pixel, 0);
    let scale = vec2<f32>(textureDimensions(over_image)) / vec2<f32>(textureDimensions(base_image));
    let over = straight(bilinear_clamped(over_image, (vec2<f32>(pixel) + 0.5) * scale));
    let alpha = over.a * u.amount;
    let colour = alpha * (1.0 - base.a) * over.rgb
        + alpha * base.a * mixed(base.rgb, over.rgb)
        + (1.0 - alpha) * base.a * base.rgb;
    return straight(vec4<f32>(colour, alpha + base.a * (1.0 - alpha)));
}
