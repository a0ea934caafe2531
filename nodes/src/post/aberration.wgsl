fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let size = vec2<f32>(textureDimensions(image));
    let from_centre = vec2<f32>(pixel) + 0.5 - size / 2.0;
    let shift = vec2<f32>(u.shift_x, u.shift_y) * size;
    let source = textureLoad(image, pixel, 0);
    let red = straight(bilinear_mirrored(image, from_centre * (1.0 + u.amount) - shift + size / 2.0));
    let blue = straight(bilinear_mirrored(image, from_centre * (1.0 - u.amount) + shift + size / 2.0));
    return vec4<f32>(red.r, source.g, blue.b, source.a);
}
