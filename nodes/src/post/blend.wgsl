struct Uniforms {
    mode: u32,
    amount: f32,
    is_srgb: u32,
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

fn dodge(base: vec3<f32>, over: vec3<f32>) -> vec3<f32> {
    let raised = min(base / max(1.0 - over, vec3<f32>(1e-6)), vec3<f32>(1.0));
    return select(raised, vec3<f32>(0.0), base <= vec3<f32>(0.0));
}

fn burn(base: vec3<f32>, over: vec3<f32>) -> vec3<f32> {
    let lowered = 1.0 - min((1.0 - base) / max(over, vec3<f32>(1e-6)), vec3<f32>(1.0));
    return select(lowered, vec3<f32>(1.0), base >= vec3<f32>(1.0));
}

fn soft_light(base: vec3<f32>, over: vec3<f32>) -> vec3<f32> {
    let dark = ((16.0 * base - 12.0) * base + 4.0) * base;
    let d = select(sqrt(base), dark, base <= vec3<f32>(0.25));
    let lowered = base - (1.0 - 2.0 * over) * base * (1.0 - base);
    return select(base + (2.0 * over - 1.0) * (d - base), lowered, over <= vec3<f32>(0.5));
}

fn vivid_light(base: vec3<f32>, over: vec3<f32>) -> vec3<f32> {
    let dodged = dodge(base, saturate(2.0 * over - 1.0));
    return select(dodged, burn(base, saturate(2.0 * over)), over <= vec3<f32>(0.5));
}

fn pin_light(base: vec3<f32>, over: vec3<f32>) -> vec3<f32> {
    return select(max(base, 2.0 * over - 1.0), min(base, 2.0 * over), over <= vec3<f32>(0.5));
}

// Hue, saturation and luminosity as W3C Compositing Level 1 defines them, section 10.2.
fn luminosity(c: vec3<f32>) -> f32 {
    return dot(c, vec3<f32>(0.3, 0.59, 0.11));
}

fn clipped(c: vec3<f32>) -> vec3<f32> {
    let l = luminosity(c);
    let low = min(c.r, min(c.g, c.b));
    let high = max(c.r, max(c.g, c.b));
    var clipped = c;
    if low < 0.0 {
        clipped = l + (clipped - l) * l / max(l - low, 1e-6);
    }
    if high > 1.0 {
        clipped = l + (clipped - l) * (1.0 - l) / max(high - l, 1e-6);
    }
    return clipped;
}

fn with_luminosity(c: vec3<f32>, l: f32) -> vec3<f32> {
    return clipped(c + l - luminosity(c));
}

fn span(c: vec3<f32>) -> f32 {
    return max(c.r, max(c.g, c.b)) - min(c.r, min(c.g, c.b));
}

fn with_saturation(c: vec3<f32>, saturation: f32) -> vec3<f32> {
    let low = min(c.r, min(c.g, c.b));
    return (c - low) * saturation / max(span(c), 1e-6) * f32(span(c) > 0.0);
}

fn mixed_within(base: vec3<f32>, over: vec3<f32>) -> vec3<f32> {
    switch u.mode {
        case 2u: { return screen(base, over); }
        case 7u: { return overlay(base, over); }
        case 9u: { return min(base / max(over, vec3<f32>(1e-6)), vec3<f32>(1.0)); }
        case 10u: { return base + over - 2.0 * base * over; }
        case 11u: { return dodge(base, over); }
        case 12u: { return burn(base, over); }
        case 13u: { return saturate(base + over - 1.0); }
        case 14u: { return overlay(over, base); }
        case 15u: { return soft_light(base, over); }
        case 16u: { return vivid_light(base, over); }
        case 17u: { return saturate(base + 2.0 * over - 1.0); }
        case 18u: { return pin_light(base, over); }
        case 19u: { return select(vec3<f32>(0.0), vec3<f32>(1.0), base + over >= vec3<f32>(1.0)); }
        case 20u: { return with_luminosity(with_saturation(over, span(base)), luminosity(base)); }
        case 21u: { return with_luminosity(with_saturation(base, span(over)), luminosity(base)); }
        case 22u: { return with_luminosity(over, luminosity(base)); }
        default: { return with_luminosity(base, luminosity(over)); }
    }
}

fn mixed(base: vec3<f32>, over: vec3<f32>) -> vec3<f32> {
    switch u.mode {
        case 0u: { return over; }
        case 1u: { return base + over; }
        case 3u: { return base * over; }
        case 4u: { return max(base, over); }
        case 5u: { return min(base, over); }
        case 6u: { return abs(base - over); }
        case 8u: { return base - over; }
        default: { return mixed_within(saturate(base), saturate(over)); }
    }
}

fn mixed_in_space(base: vec3<f32>, over: vec3<f32>) -> vec3<f32> {
    if u.is_srgb == 1u && u.mode != 0u {
        return light_from_code(mixed(code_from_light(base), code_from_light(over)));
    }
    return mixed(base, over);
}

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let base = textureLoad(base_image, pixel, 0);
    let scale = vec2<f32>(textureDimensions(over_image)) / vec2<f32>(textureDimensions(base_image));
    let over = straight(bilinear_clamped(over_image, (vec2<f32>(pixel) + 0.5) * scale));
    let alpha = over.a * u.amount;
    let colour = alpha * (1.0 - base.a) * over.rgb
        + alpha * base.a * mixed_in_space(base.rgb, over.rgb)
        + (1.0 - alpha) * base.a * base.rgb;
    return straight(vec4<f32>(colour, alpha + base.a * (1.0 - alpha)));
}
