fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let size = u.size_px;
    let centre = vec2<i32>(textureDimensions(image)) / 2;
    // Rounded down on both sides of the centre.
    let from_centre = pixel - centre;
    let block = (from_centre - ((from_centre % size) + size) % size) + centre;
    let num_taps = min(size, 8);
    var sum = vec4<f32>(0.0);
    for (var y = 0; y < num_taps; y++) {
        for (var x = 0; x < num_taps; x++) {
            // The middles of so many equal parts.
            let tap = (vec2<i32>(x, y) * 2 + 1) * size / (2 * num_taps);
            sum += texel_clamped(image, block + tap);
        }
    }
    return straight(sum / f32(num_taps * num_taps));
}
