// Robust contrast-adaptive sharpening, after the description of FSR 1 (AMD, 2021): a cross of −1 taps
// with the strength that just does not leave the range of 0 to white. Straight light at its end.

struct Uniforms {
    // Factor of the strength: 2^−stops, or 0 for none.
    strength: f32,
}

@group(0) @binding(0) var<uniform> u: Uniforms;
// Premultiplied codes.
@group(0) @binding(1) var source: texture_2d<f32>;

// A strength beyond which the sharpening would be seen as such.
const LIMIT = 0.1875;

// The straight colour at `at`, and the more of `here` the clearer it is: clear pixels lend no colour.
fn tap(at: vec2<i32>, here: vec3<f32>) -> vec3<f32> {
    let last = vec2<i32>(textureDimensions(source)) - 1;
    let c = textureLoad(source, clamp(at, vec2<i32>(0), last), 0);
    return c.rgb + here * (1.0 - clamp(c.a, 0.0, 1.0));
}

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let centre = straight(textureLoad(source, pixel, 0));
    if u.strength == 0.0 {
        return vec4<f32>(light_from_code(centre.rgb), centre.a);
    }
    let e = centre.rgb;
    let b = tap(pixel + vec2<i32>(0, -1), e);
    let d = tap(pixel + vec2<i32>(-1, 0), e);
    let f = tap(pixel + vec2<i32>(1, 0), e);
    let h = tap(pixel + vec2<i32>(0, 1), e);
    let least = max(min(min(b, d), min(f, h)), vec3<f32>(0.0));
    let most = max(max(b, d), max(f, h));
    // Where there is more than white, the brightest counts as white.
    let all = max(most, e);
    let white = max(max(all.r, max(all.g, all.b)), 1.0);
    // How strong the lobe may be until the result meets 0, and until it meets white.
    let until_black = max(min(least, e), vec3<f32>(0.0)) / max(4.0 * most, vec3<f32>(1e-6));
    let until_white = (white - all) / max(4.0 * (white - least), vec3<f32>(1e-6));
    let room = min(until_black, until_white);
    let lobe = -min(min(room.r, min(room.g, room.b)), LIMIT) * u.strength;
    let sharp = (e + lobe * (b + d + f + h)) / (1.0 + 4.0 * lobe);
    return vec4<f32>(light_from_code(sharp), centre.a);
}
