// One axis of a separable resize. Between the passes colours are premultiplied.

struct Uniforms {
    // 0 across, 1 down.
    axis: u32,
    // As `Kernel`.
    kernel: u32,
    premultiplies: u32,
    straightens: u32,
    source_start: f32,
    source_len: f32,
    target_start: i32,
    target_len: i32,
}

@group(0) @binding(0) var<uniform> u: Uniforms;
@group(0) @binding(1) var source: texture_2d<f32>;

const LANCZOS3 = 0u;
const MITCHELL = 1u;
const BICUBIC = 2u;
const BILINEAR = 3u;
const NEAREST = 4u;
const LANCZOS2 = 5u;
const PI = 3.14159265358979;

fn sinc(x: f32) -> f32 {
    if abs(x) < 1e-4 {
        return 1.0;
    }
    return sin(PI * x) / (PI * x);
}

// The two-parameter cubics of Mitchell and Netravali (1988).
fn cubic(x: f32, b: f32, c: f32) -> f32 {
    if x < 1.0 {
        let sum = ((12.0 - 9.0 * b - 6.0 * c) * x + (-18.0 + 12.0 * b + 6.0 * c)) * x * x;
        return (sum + 6.0 - 2.0 * b) / 6.0;
    }
    if x < 2.0 {
        let sum = ((-b - 6.0 * c) * x + (6.0 * b + 30.0 * c)) * x + (-12.0 * b - 48.0 * c);
        return (sum * x + 8.0 * b + 24.0 * c) / 6.0;
    }
    return 0.0;
}

fn weight(at: f32) -> f32 {
    let x = abs(at);
    switch u.kernel {
        case LANCZOS3: { return select(0.0, sinc(x) * sinc(x / 3.0), x < 3.0); }
        case LANCZOS2: { return select(0.0, sinc(x) * sinc(x / 2.0), x < 2.0); }
        case MITCHELL: { return cubic(x, 1.0 / 3.0, 1.0 / 3.0); }
        case BICUBIC: { return cubic(x, 0.0, 0.5); }
        default: { return max(1.0 - x, 0.0); }
    }
}

fn radius() -> f32 {
    switch u.kernel {
        case LANCZOS3: { return 3.0; }
        case MITCHELL, BICUBIC, LANCZOS2: { return 2.0; }
        default: { return 1.0; }
    }
}

fn texel(pixel: vec2<i32>, along: i32) -> vec4<f32> {
    let last = vec2<i32>(textureDimensions(source)) - 1;
    let at = select(vec2<i32>(along, pixel.y), vec2<i32>(pixel.x, along), u.axis == 1u);
    let c = textureLoad(source, clamp(at, vec2<i32>(0), last), 0);
    return select(c, premultiplied(c), u.premultiplies == 1u);
}

fn filtered(pixel: vec2<i32>, centre: f32) -> vec4<f32> {
    if u.kernel == NEAREST {
        // A centre between two texels takes the later, whatever the rounding before.
        return texel(pixel, i32(floor(centre + 1.0 / 4096.0)));
    }
    let widen = max(u.source_len / f32(u.target_len), 1.0);
    let reach = radius() * widen;
    let first = i32(ceil(centre - reach - 0.5));
    let last = i32(floor(centre + reach - 0.5));
    var sum = vec4<f32>(0.0);
    var total = 0.0;
    for (var k = first; k <= last; k++) {
        let w = weight((f32(k) + 0.5 - centre) / widen);
        sum += w * texel(pixel, k);
        total += w;
    }
    return sum / total;
}

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let i = select(pixel.x, pixel.y, u.axis == 1u) - u.target_start;
    if i < 0 || i >= u.target_len {
        return vec4<f32>(0.0);
    }
    // Multiplied before divided: exact where the quotient is a whole number.
    let centre = u.source_start + (f32(i) + 0.5) * u.source_len / f32(u.target_len);
    let c = filtered(pixel, centre);
    return select(c, straight(c), u.straightens == 1u);
}
