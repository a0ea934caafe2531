fn code(at: vec2<i32>) -> f32 {
    let last = vec2<i32>(textureDimensions(image)) - 1;
    let light = textureLoad(image, clamp(at, vec2<i32>(0), last), 0).rgb;
    return saturate(code_from_light(vec3<f32>(luminance(light))).x);
}

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let source = textureLoad(image, pixel, 0);
    var gradient = vec2<f32>(0.0);
    for (var i = -1; i <= 1; i++) {
        let weight = f32(2 - abs(i)) / 4.0;
        gradient.x += weight * (code(pixel + vec2<i32>(1, i)) - code(pixel + vec2<i32>(-1, i)));
        gradient.y += weight * (code(pixel + vec2<i32>(i, 1)) - code(pixel + vec2<i32>(i, -1)));
    }
    let line = saturate(length(gradient) * u.gain);
    let drawn = select(vec3<f32>(line), source.rgb * (1.0 - line), u.mode == 1);
    return vec4<f32>(mix(source.rgb, drawn, u.amount), source.a);
}
