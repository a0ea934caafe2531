@group(0) @binding(1) var image: texture_2d<f32>;

// Straight alpha of what was drawn premultiplied. What adds up beyond opaque is light.
fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let drawn = textureLoad(image, pixel, 0);
    let alpha = min(drawn.a, 1.0);
    if alpha <= 0.0 {
        return vec4<f32>(0.0);
    }
    return vec4<f32>(drawn.rgb / alpha, alpha);
}
