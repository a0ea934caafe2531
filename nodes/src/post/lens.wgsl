fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let centre = vec2<f32>(textureDimensions(image)) / 2.0;
    let p = (vec2<f32>(pixel) + 0.5 - centre) / u.zoom;
    let d = length(p) / length(centre);
    return straight(bilinear_mirrored(image, p * (1.0 + u.strength * d * d) + centre));
}
