fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let source = textureLoad(image, pixel, 0);
    let half_size = vec2<f32>(textureDimensions(image)) / 2.0;
    let d = length(vec2<f32>(pixel) + 0.5 - half_size) / length(half_size);
    let s = smoothstep(u.radius, u.radius + u.softness, d);
    return vec4<f32>(source.rgb * (1.0 - u.amount * s), source.a);
}
