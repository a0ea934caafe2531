fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let source = textureLoad(image, pixel, 0);
    let scale = vec2<f32>(textureDimensions(mask)) / vec2<f32>(textureDimensions(image));
    // Premultiplied, so that what is clear hides.
    let m = saturate(luminance(bilinear_clamped(mask, (vec2<f32>(pixel) + 0.5) * scale).rgb));
    let shown = select(m, 1.0 - m, u.invert != 0);
    return vec4<f32>(source.rgb, source.a * mix(1.0, shown, u.amount));
}
