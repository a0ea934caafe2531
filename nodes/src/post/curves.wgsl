// The slope at an inner point, from the slopes before and after it: their harmonic mean where they
// agree in sign, else level, so that the curve stays monotone.
fn slope(before: vec3<f32>, after: vec3<f32>) -> vec3<f32> {
    let product = before * after;
    let mean = 2.0 * product / select(before + after, vec3<f32>(1.0), product <= vec3<f32>(0.0));
    return select(mean, vec3<f32>(0.0), product <= vec3<f32>(0.0));
}

// The cubic from y0 to y1 with these slopes, at t of a quarter.
fn cubic(t: vec3<f32>, y0: vec3<f32>, y1: vec3<f32>, m0: vec3<f32>, m1: vec3<f32>) -> vec3<f32> {
    let s = 1.0 - t;
    return (1.0 + 2.0 * t) * s * s * y0 + t * s * s * 0.25 * m0
        + t * t * (3.0 - 2.0 * t) * y1 - t * t * s * 0.25 * m1;
}

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let source = textureLoad(image, pixel, 0);
    let x = code_from_light(source.rgb);
    let y0 = vec3<f32>(u.black);
    let y1 = u.shadows + vec3<f32>(u.shadows_r, u.shadows_g, u.shadows_b);
    let y2 = u.mids + vec3<f32>(u.mids_r, u.mids_g, u.mids_b);
    let y3 = u.lights + vec3<f32>(u.lights_r, u.lights_g, u.lights_b);
    let y4 = vec3<f32>(u.white);
    let d0 = 4.0 * (y1 - y0);
    let d1 = 4.0 * (y2 - y1);
    let d2 = 4.0 * (y3 - y2);
    let d3 = 4.0 * (y4 - y3);
    let m1 = slope(d0, d1);
    let m2 = slope(d1, d2);
    let m3 = slope(d2, d3);
    var y = cubic(saturate(4.0 * x), y0, y1, d0, m1);
    y = select(y, cubic(saturate(4.0 * x - 1.0), y1, y2, m1, m2), x > vec3<f32>(0.25));
    y = select(y, cubic(saturate(4.0 * x - 2.0), y2, y3, m2, m3), x > vec3<f32>(0.5));
    y = select(y, cubic(saturate(4.0 * x - 3.0), y3, y4, m3, d3), x > vec3<f32>(0.75));
    y = select(y, y0 + d0 * x, x < vec3<f32>(0.0));
    y = select(y, y4 + d3 * (x - 1.0), x > vec3<f32>(1.0));
    return vec4<f32>(light_from_code(y), source.a);
}
