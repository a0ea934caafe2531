// The texel `shift` columns to the left, round the edges.
fn shifted(pixel: vec2<i32>, shift: i32) -> vec4<f32> {
    let width = i32(textureDimensions(image).x);
    let x = (((pixel.x - shift) % width) + width) % width;
    return textureLoad(image, vec2<i32>(x, pixel.y), 0);
}

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let size = vec2<i32>(textureDimensions(image));
    let band = u32(pixel.y * u.num_bands / size.y);
    let step = u32(u.time_secs / u.hold_secs);
    let r = random3(vec3<u32>(band, step, u32(u.seed) * 1000003u + u32(u.glitch_seed)));
    if r.x >= u.amount {
        return textureLoad(image, pixel, 0);
    }
    let widest = u.shift * f32(size.x);
    let jump = i32(round((2.0 * r.y - 1.0) * widest));
    let apart = i32(round(r.z * widest / 8.0));
    let own = shifted(pixel, jump);
    return vec4<f32>(shifted(pixel, jump + apart).r, own.g, shifted(pixel, jump - apart).b, own.a);
}
