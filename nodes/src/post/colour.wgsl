struct Grade {
    exposure_stops: f32,
    contrast: f32,
    saturation: f32,
    hue_radians: f32,
    gamma: f32,
    invert: f32,
}

@group(0) @binding(0) var<uniform> u: Grade;
@group(0) @binding(1) var image: texture_2d<f32>;

const MIDDLE_GREY = 0.18;
// Luminance of Rec. 709's and sRGB's primaries.
const LUMINANCE = vec3<f32>(0.2126, 0.7152, 0.0722);

// |x|^exponent with the sign of x; defined at 0, where `pow` is not.
fn power(x: vec3<f32>, exponent: f32) -> vec3<f32> {
    if exponent == 1.0 {
        return x;
    }
    let size = max(abs(x), vec3<f32>(1e-20));
    return sign(x) * exp2(exponent * log2(size));
}

// Turns about the axis of greys (Rodrigues).
fn turned(x: vec3<f32>, angle: f32) -> vec3<f32> {
    let axis = vec3<f32>(0.57735027);
    let c = cos(angle);
    return x * c + cross(axis, x) * sin(angle) + axis * dot(axis, x) * (1.0 - c);
}

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let source = textureLoad(image, pixel, 0);
    var x = source.rgb * exp2(u.exposure_stops);
    x = MIDDLE_GREY * power(x / MIDDLE_GREY, u.contrast);
    x = mix(vec3<f32>(dot(LUMINANCE, x)), x, u.saturation);
    x = turned(x, u.hue_radians);
    x = power(x, 1.0 / u.gamma);
    x = mix(x, 1.0 - x, u.invert);
    return vec4<f32>(x, source.a);
}
