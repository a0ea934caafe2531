fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let size = vec2<f32>(textureDimensions(image));
    let here = vec2<f32>(pixel) + 0.5;
    var at: vec2<f32>;
    if u.mode == 0 {
        let p = here - size / 2.0;
        let turn = fract(atan2(p.x, -p.y) / 6.2831853 + 1.0);
        at = vec2<f32>(turn, 1.0 - length(p) / (size.y / 2.0)) * size;
    } else {
        let angle = 6.2831853 * here.x / size.x;
        let distance = (1.0 - here.y / size.y) * size.y / 2.0;
        at = size / 2.0 + distance * vec2<f32>(sin(angle), -cos(angle));
    }
    return straight(bilinear_mirrored(image, mix(here, at, u.amount)));
}
