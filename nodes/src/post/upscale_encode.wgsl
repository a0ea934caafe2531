// Light as premultiplied sRGB codes, in which the passes after it work.

@group(0) @binding(1) var source: texture_2d<f32>;

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let c = textureLoad(source, pixel, 0);
    return premultiplied(vec4<f32>(code_from_light(c.rgb), c.a));
}
