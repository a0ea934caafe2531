@group(0) @binding(0) var<uniform> amount: f32;
@group(0) @binding(1) var image: texture_2d<f32>;
@group(0) @binding(2) var smeared: texture_2d<f32>;

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let base = premultiplied(textureLoad(image, pixel, 0));
    return straight(mix(base, premultiplied(textureLoad(smeared, pixel, 0)), amount));
}
