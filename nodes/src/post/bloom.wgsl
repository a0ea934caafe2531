struct Add {
    intensity: f32,
    hue_turns: f32,
    tint: f32,
    padding: u32,
}

@group(0) @binding(0) var<uniform> u: Add;
@group(0) @binding(1) var image: texture_2d<f32>;
@group(0) @binding(2) var glow_1: texture_2d<f32>;
@group(0) @binding(3) var glow_2: texture_2d<f32>;
@group(0) @binding(4) var glow_3: texture_2d<f32>;
@group(0) @binding(5) var glow_4: texture_2d<f32>;

fn enlarged(glow: texture_2d<f32>, at: vec2<f32>) -> vec4<f32> {
    return bilinear_premultiplied(glow, at * vec2<f32>(textureDimensions(glow)));
}

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let at = (vec2<f32>(pixel) + 0.5) / vec2<f32>(textureDimensions(image));
    let glow = enlarged(glow_1, at) + enlarged(glow_2, at) + enlarged(glow_3, at) + enlarged(glow_4, at);
    let turns = fract(u.hue_turns + vec3<f32>(0.0, 2.0 / 3.0, 1.0 / 3.0));
    let hue = saturate(abs(6.0 * turns - 3.0) - 1.0);
    let added = u.intensity / 4.0 * glow;
    let base = premultiplied(textureLoad(image, pixel, 0));
    let light = base.rgb + mix(vec3<f32>(1.0), hue, u.tint) * added.rgb;
    return straight(vec4<f32>(light, base.a + (1.0 - base.a) * saturate(added.a)));
}
