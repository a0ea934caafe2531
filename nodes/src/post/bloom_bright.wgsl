struct Bright {
    threshold: f32,
    knee: f32,
}

@group(0) @binding(0) var<uniform> u: Bright;
@group(0) @binding(1) var image: texture_2d<f32>;

// The bright part, premultiplied.
fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let c = textureLoad(image, pixel, 0);
    let light = max(c.r, max(c.g, c.b));
    let above = light - u.threshold;
    let soft = clamp(above + u.knee, 0.0, 2.0 * u.knee);
    let share = max(above, soft * soft / max(4.0 * u.knee, 1e-6)) / max(light, 1e-6);
    return premultiplied(vec4<f32>(max(c.rgb, vec3<f32>(0.0)), c.a)) * saturate(share);
}
