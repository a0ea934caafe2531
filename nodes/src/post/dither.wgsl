// Place in the 8 × 8 matrix: the bits of x ^ y and y, interleaved from the lowest.
fn bayer(at: vec2<u32>) -> u32 {
    var place = 0u;
    for (var bit = 0u; bit < 3u; bit++) {
        let x = (at.x >> bit) & 1u;
        let y = (at.y >> bit) & 1u;
        place |= ((((x ^ y) << 1u) | y) << (2u * (2u - bit)));
    }
    return place;
}

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let source = textureLoad(image, pixel, 0);
    let steps = f32(max(u.num_levels, 2) - 1);
    let code = saturate(code_from_light(source.rgb));
    let offset = (f32(bayer(vec2<u32>(pixel / u.scale_px) % 8u)) + 0.5) / 64.0;
    let stepped = light_from_code(min(floor(code * steps + offset), vec3<f32>(steps)) / steps);
    return vec4<f32>(mix(source.rgb, stepped, u.amount), source.a);
}
