// Brightness on a smaller grid: a tent as wide as two target pixels.

struct Reduce {
    ratio: vec2<f32>,
    is_colour: u32,
    padding: u32,
}

@group(0) @binding(0) var<uniform> u: Reduce;
@group(0) @binding(1) var image: texture_2d<f32>;

fn brightness(at: vec2<i32>) -> f32 {
    let c = texel_clamped(image, at);
    if u.is_colour == 0u {
        return c.r;
    }
    return sqrt(clamp(luminance(c.rgb), 0.0, 4.0));
}

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let reach = max(u.ratio, vec2<f32>(1.0));
    let centre = (vec2<f32>(pixel) + 0.5) * u.ratio;
    let first = vec2<i32>(floor(centre - reach));
    let last = vec2<i32>(ceil(centre + reach));
    var sum = 0.0;
    var total = 0.0;
    for (var y = first.y; y <= last.y; y++) {
        for (var x = first.x; x <= last.x; x++) {
            let away = abs(vec2<f32>(f32(x), f32(y)) + 0.5 - centre) / reach;
            let w = max(0.0, 1.0 - away.x) * max(0.0, 1.0 - away.y);
            if w > 0.0 {
                sum += w * brightness(vec2<i32>(x, y));
                total += w;
            }
        }
    }
    let light = sum / max(total, 1e-6);
    return vec4<f32>(light, light, light, 1.0);
}
