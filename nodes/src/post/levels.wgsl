fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let source = textureLoad(image, pixel, 0);
    let lift = u.lift + vec3<f32>(u.lift_r, u.lift_g, u.lift_b);
    let gamma = u.gamma * vec3<f32>(u.gamma_r, u.gamma_g, u.gamma_b);
    let gain = u.gain * vec3<f32>(u.gain_r, u.gain_g, u.gain_b);
    let y = gain * (source.rgb + lift * (1.0 - source.rgb));
    let size = max(abs(y), vec3<f32>(1e-20));
    return vec4<f32>(sign(y) * exp2(log2(size) / gamma), source.a);
}
