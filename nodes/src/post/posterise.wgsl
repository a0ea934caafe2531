fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let source = textureLoad(image, pixel, 0);
    let steps = f32(max(u.num_levels, 2) - 1);
    let code = saturate(code_from_light(source.rgb));
    let stepped = light_from_code(floor(code * steps + 0.5) / steps);
    return vec4<f32>(mix(source.rgb, stepped, u.amount), source.a);
}
