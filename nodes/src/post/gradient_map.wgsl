// Mean, swing, cycles and start of each colour.
struct Palette {
    a: vec3<f32>,
    b: vec3<f32>,
    c: vec3<f32>,
    d: vec3<f32>,
}

fn palette(i: i32) -> Palette {
    let half = vec3<f32>(0.5);
    switch i {
        case 1: { return Palette(half, half, vec3<f32>(1.0), vec3<f32>(0.6, 0.45, 0.35)); }
        case 2: { return Palette(half, half, vec3<f32>(1.0), vec3<f32>(0.5, 0.6, 0.7)); }
        case 3: { return Palette(half, half, vec3<f32>(2.0, 1.0, 1.0), vec3<f32>(0.5, 0.2, 0.25)); }
        case 4: { return Palette(vec3<f32>(0.5, 0.4, 0.25), vec3<f32>(0.4, 0.35, 0.25), vec3<f32>(1.0), vec3<f32>(0.5, 0.55, 0.6)); }
        default: { return Palette(half, half, vec3<f32>(1.0), vec3<f32>(0.0, 0.333, 0.667)); }
    }
}

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let source = textureLoad(image, pixel, 0);
    let code = saturate(code_from_light(vec3<f32>(luminance(source.rgb))).x);
    let p = palette(u.palette);
    let phase = fract(p.c * fract(code * u.repeats + u.shift) + p.d);
    let colour = saturate(p.a + p.b * cos(6.2831853 * phase));
    return vec4<f32>(mix(source.rgb, light_from_code(colour), u.amount), source.a);
}
