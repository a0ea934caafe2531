fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let size = vec2<f32>(textureDimensions(image));
    let p = vec2<f32>(pixel) + 0.5 - size / 2.0;
    let r = max(length(p) / (size.y / 2.0), 1e-4);
    let d = u.depth / r;
    let angle = (atan2(-p.y, p.x) - u.angle_radians) / 6.2831853;
    let column = (angle + u.twist * d) * u.repeats + u.turn;
    // Whole mirrored pairs are taken off first, so that far travels stay exact.
    let row = d + (u.travel - 2.0 * floor(u.travel / 2.0));
    let place = vec2<f32>(column - 2.0 * floor(column / 2.0), row - 2.0 * floor(row / 2.0));
    let wall = bilinear_mirrored(image, place * size);
    let light = 1.0 / ((1.0 + u.fog * d) * (1.0 + u.fog * d));
    let source = premultiplied(textureLoad(image, pixel, 0));
    return straight(mix(source, vec4<f32>(wall.rgb * light, wall.a), u.amount));
}
