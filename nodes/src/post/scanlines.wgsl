fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let source = textureLoad(image, pixel, 0);
    let y = (f32(pixel.y) + 0.5) / f32(textureDimensions(image).y);
    let line = 0.5 + 0.5 * cos(6.2831853 * fract(y * u.num_lines + u.phase));
    return vec4<f32>(source.rgb * (1.0 - u.amount * line), source.a);
}
