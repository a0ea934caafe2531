struct Drag {
    motion: f32,
    refresh: f32,
    block_px: f32,
    padding: u32,
}

@group(0) @binding(0) var<uniform> u: Drag;
@group(0) @binding(1) var image: texture_2d<f32>;
@group(0) @binding(2) var held: texture_2d<f32>;
@group(0) @binding(3) var flow: texture_2d<f32>;

fn texel(at: vec2<i32>) -> vec4<f32> {
    let size = vec2<i32>(textureDimensions(held));
    let found = vec2<i32>(mirrored(at.x, size.x), mirrored(at.y, size.y));
    return premultiplied(textureLoad(held, found, 0));
}

// Weights of Catmull and Rom's cubic for the four texels about a place.
fn weights(t: f32) -> vec4<f32> {
    let t2 = t * t;
    let t3 = t2 * t;
    return 0.5 * vec4<f32>(
        -t3 + 2.0 * t2 - t,
        3.0 * t3 - 5.0 * t2 + 2.0,
        -3.0 * t3 + 4.0 * t2 + t,
        t3 - t2,
    );
}

// Bilinear taps would wash the picture out from frame to frame. Kept within its four nearest
// texels, so that nothing rings.
fn sampled(at: vec2<f32>) -> vec4<f32> {
    let corner = floor(at - 0.5);
    let t = at - 0.5 - corner;
    let i = vec2<i32>(corner);
    let wx = weights(t.x);
    let wy = weights(t.y);
    var sum = vec4<f32>(0.0);
    for (var y = 0; y < 4; y++) {
        var row = vec4<f32>(0.0);
        for (var x = 0; x < 4; x++) {
            row += wx[x] * texel(i + vec2<i32>(x - 1, y - 1));
        }
        sum += wy[y] * row;
    }
    let a = texel(i);
    let b = texel(i + vec2<i32>(1, 0));
    let c = texel(i + vec2<i32>(0, 1));
    let d = texel(i + vec2<i32>(1, 1));
    return clamp(sum, min(min(a, b), min(c, d)), max(max(a, b), max(c, d)));
}

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let size = vec2<f32>(textureDimensions(image));
    let at = vec2<f32>(pixel) + 0.5;
    var asked = at;
    if u.block_px >= 1.0 {
        asked = (floor(at / u.block_px) + 0.5) * u.block_px;
    }
    let flow_size = vec2<f32>(textureDimensions(flow));
    let moved = bilinear_premultiplied(flow, asked / size * flow_size).xy * size;
    let dragged = sampled(at - u.motion * moved);
    return straight(mix(dragged, premultiplied(textureLoad(image, pixel, 0)), u.refresh));
}
