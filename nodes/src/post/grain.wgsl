fn grain(at: vec2<u32>, stream: u32) -> f32 {
    let r = random3(vec3<u32>(at.x + 65536u * at.y, u32(u.frame), u32(u.seed) * 4u + stream));
    return r.x + r.y + r.z - 1.5;
}

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let source = textureLoad(image, pixel, 0);
    let at = vec2<u32>(pixel / u.size_px);
    var grains = vec3<f32>(grain(at, 0u));
    if u.coloured != 0 {
        grains = vec3<f32>(grains.x, grain(at, 1u), grain(at, 2u));
    }
    let code = code_from_light(source.rgb) + u.amount * grains;
    return vec4<f32>(light_from_code(code), source.a);
}
