struct Shape {
    columns: u32,
    rows: u32,
}

@group(0) @binding(0) var<uniform> u: Shape;
@group(0) @binding(1) var image: texture_2d<f32>;

// The mean of a cell as it is shown: within 0..1, over black.
fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let size = textureDimensions(image);
    let shape = vec2<u32>(u.columns, u.rows);
    let start = vec2<u32>(pixel) * size / shape;
    let end = vec2<u32>(pixel + 1) * size / shape;
    var sum = vec3<f32>(0.0);
    for (var y = start.y; y < end.y; y++) {
        for (var x = start.x; x < end.x; x++) {
            let c = saturate(textureLoad(image, vec2<i32>(vec2<u32>(x, y)), 0));
            sum += c.rgb * c.a;
        }
    }
    return vec4<f32>(sum / f32((end.x - start.x) * (end.y - start.y)), 1.0);
}
