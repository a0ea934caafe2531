@group(0) @binding(0) var<uniform> mode: u32;
@group(0) @binding(1) var image: texture_2d<f32>;
@group(0) @binding(2) var trail: texture_2d<f32>;

const MAX = 0u;
const ADD = 1u;

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let base = premultiplied(textureLoad(image, pixel, 0));
    let laid = premultiplied(textureLoad(trail, pixel, 0));
    switch mode {
        case MAX: { return straight(max(base, laid)); }
        case ADD: { return straight(vec4<f32>(base.rgb + laid.rgb, base.a + (1.0 - base.a) * laid.a)); }
        default: { return straight(laid + (1.0 - laid.a) * base); }
    }
}
