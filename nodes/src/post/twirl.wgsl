fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let centre = vec2<f32>(textureDimensions(image)) / 2.0;
    let p = vec2<f32>(pixel) + 0.5 - centre;
    let inside = max(1.0 - length(p) / (centre.y * u.radius), 0.0);
    let angle = u.angle_radians * inside * inside;
    let c = cos(angle);
    let s = sin(angle);
    // Rows run downwards, and the source turns the other way.
    let at = vec2<f32>(c * p.x - s * p.y, s * p.x + c * p.y);
    return straight(bilinear_mirrored(image, at + centre));
}
