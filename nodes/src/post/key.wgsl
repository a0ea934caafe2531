// Cb and Cr of BT.709, −0.5..0.5.
fn chromaticity(code: vec3<f32>) -> vec2<f32> {
    let y = luminance(code);
    return vec2<f32>((code.b - y) / 1.8556, (code.r - y) / 1.5748);
}

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let source = textureLoad(image, pixel, 0);
    let code = saturate(code_from_light(source.rgb));
    var d = saturate(code_from_light(vec3<f32>(luminance(source.rgb))).x);
    if u.mode == 0 {
        let ramp = abs(fract(u.hue_turns + vec3<f32>(0.0, 2.0, 1.0) / 3.0) * 6.0 - 3.0) - 1.0;
        d = distance(chromaticity(code), chromaticity(saturate(ramp)));
    }
    let kept = smoothstep(u.tolerance, u.tolerance + u.softness, d);
    return vec4<f32>(source.rgb, source.a * select(kept, 1.0 - kept, u.invert != 0));
}
