fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let source = textureLoad(image, pixel, 0);
    let code = saturate(code_from_light(source.rgb));
    let turned = select(code, 1.0 - code, code > vec3<f32>(u.threshold));
    return vec4<f32>(mix(source.rgb, light_from_code(turned), u.amount), source.a);
}
