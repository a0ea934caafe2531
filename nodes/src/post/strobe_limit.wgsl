@group(0) @binding(0) var<uniform> share: f32;
@group(0) @binding(1) var last: texture_2d<f32>;
@group(0) @binding(2) var image: texture_2d<f32>;

fn shown(picture: texture_2d<f32>, pixel: vec2<i32>) -> vec4<f32> {
    return premultiplied(saturate(textureLoad(picture, pixel, 0)));
}

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    return straight(mix(shown(last, pixel), shown(image, pixel), share));
}
