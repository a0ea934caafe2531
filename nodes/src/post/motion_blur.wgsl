const NUM_TAPS = 33;

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let size = vec2<f32>(textureDimensions(image));
    let p = vec2<f32>(pixel) + 0.5 - size / 2.0;
    var sum = vec4<f32>(0.0);
    for (var tap = 0; tap < NUM_TAPS; tap++) {
        let t = u.length * (f32(tap) / f32(NUM_TAPS - 1) - 0.5);
        var at = p;
        switch u.mode {
            case 1: { at = p * (1.0 + t); }
            case 2: {
                let c = cos(6.2831853 * t);
                let s = sin(6.2831853 * t);
                at = vec2<f32>(c * p.x - s * p.y, s * p.x + c * p.y);
            }
            default: { at = p + t * size.y * vec2<f32>(cos(u.angle_radians), -sin(u.angle_radians)); }
        }
        sum += bilinear_mirrored(image, at + size / 2.0);
    }
    return straight(sum / f32(NUM_TAPS));
}
