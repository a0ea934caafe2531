fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let size = vec2<f32>(textureDimensions(image));
    let p = (vec2<f32>(pixel) + 0.5) / size * 2.0 - 1.0;
    let bulged = p * (1.0 + u.curve * p.yx * p.yx);
    let place = (bulged + 1.0) / 2.0 * size;
    var c = straight(bilinear_clamped(image, place));
    // The distance from the rim of a rounded rectangle, in half heights.
    let wide = vec2<f32>(size.x / size.y, 1.0);
    let from_corner = abs(bulged) * wide - (wide - u.corner);
    let outside = length(max(from_corner, vec2<f32>(0.0)))
        + min(max(from_corner.x, from_corner.y), 0.0) - u.corner;
    let glass = saturate(0.5 - outside * size.y / 2.0);
    var light = c.rgb;
    if u.lines > 0.0 {
        let phase = 6.2831853 * u.num_lines * place.y / size.y;
        light *= 1.0 - u.lines * (1.0 + cos(phase)) / 2.0;
    }
    if u.mask > 0.0 {
        let column = (pixel.x / u.mask_px) % 3;
        let kept = vec3<f32>(vec3<i32>(column) == vec3<i32>(0, 1, 2));
        light *= mix(vec3<f32>(1.0 - u.mask), vec3<f32>(1.0), kept) * 3.0 / (3.0 - 2.0 * u.mask);
    }
    // Black around the glass is opaque.
    return vec4<f32>(light * glass, mix(1.0, c.a, glass));
}
