// The mean of what a thumbnail's pixel covers, in light, as sRGB code values with straight alpha.

struct Uniforms {
    size_px: vec2<f32>,
    thumbnail_px: vec2<f32>,
    num_taps: vec2<i32>,
}

@group(0) @binding(0) var<uniform> u: Uniforms;
@group(0) @binding(1) var image: texture_2d<f32>;

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let extent = u.size_px / u.thumbnail_px;
    let corner = vec2<f32>(pixel) * extent;
    let step = extent / vec2<f32>(u.num_taps);
    var sum = vec4<f32>(0.0);
    for (var y = 0; y < u.num_taps.y; y++) {
        for (var x = 0; x < u.num_taps.x; x++) {
            let at = corner + (vec2<f32>(vec2<i32>(x, y)) + 0.5) * step;
            sum += texel_clamped(image, vec2<i32>(at));
        }
    }
    let c = straight(sum / f32(u.num_taps.x * u.num_taps.y));
    return vec4<f32>(code_from_light(clamp(c.rgb, vec3<f32>(0.0), vec3<f32>(1.0))), c.a);
}
