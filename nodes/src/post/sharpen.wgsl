fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let source = textureLoad(image, pixel, 0);
    var blurred = vec4<f32>(0.0);
    for (var y = -1; y <= 1; y++) {
        for (var x = -1; x <= 1; x++) {
            let weight = f32((2 - abs(x)) * (2 - abs(y))) / 16.0;
            blurred += weight * texel_clamped(image, pixel + vec2<i32>(x, y) * u.radius_px);
        }
    }
    let detail = source.rgb - straight(blurred).rgb;
    return vec4<f32>(source.rgb + u.amount * detail, source.a);
}
