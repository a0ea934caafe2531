fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let size = vec2<f32>(textureDimensions(image));
    let here = vec2<f32>(pixel) + 0.5;
    let m = straight(bilinear_clamped(map, here * vec2<f32>(textureDimensions(map)) / size));
    let code = code_from_light(m.rgb).xy;
    return straight(bilinear_mirrored(image, here + (code - 0.5) * u.amount * size));
}
