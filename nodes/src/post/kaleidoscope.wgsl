fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let centre = vec2<f32>(textureDimensions(image)) / 2.0;
    let p = vec2<f32>(pixel) + 0.5 - centre;
    let wedge = 6.2831853 / f32(u.num_segments);
    // Rows run downwards.
    let turned = (atan2(-p.y, p.x) - u.angle_radians) / wedge;
    let within = turned - 2.0 * floor(turned / 2.0);
    let angle = min(within, 2.0 - within) * wedge + u.angle_radians;
    let at = length(p) * vec2<f32>(cos(angle), -sin(angle));
    return straight(bilinear_mirrored(image, at + centre));
}
