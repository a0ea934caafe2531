// One axis of a separable convolution with a Gaussian or a tent. The target is premultiplied.

struct Line {
    // 0 across, 1 down.
    axis: u32,
    kernel: u32,
    // As `Border`.
    border: u32,
    premultiplies: u32,
    ratio: f32,
    width: f32,
    reach: f32,
    padding: u32,
}

@group(0) @binding(0) var<uniform> u: Line;
@group(0) @binding(1) var image: texture_2d<f32>;

const GAUSSIAN = 0u;
const MIRROR = 1u;
const TRANSPARENT = 2u;

fn weight(at: f32) -> f32 {
    if u.kernel == GAUSSIAN {
        let z = at / u.width;
        return exp(-0.5 * z * z);
    }
    return max(0.0, 1.0 - abs(at) / u.width);
}

fn texel(pixel: vec2<i32>, at: i32) -> vec4<f32> {
    let across = u.axis == 0u;
    let size = vec2<i32>(textureDimensions(image));
    let len = select(size.y, size.x, across);
    if u.border == TRANSPARENT && (at < 0 || at >= len) {
        return vec4<f32>(0.0);
    }
    let inside = select(clamp(at, 0, len - 1), mirrored(at, len), u.border == MIRROR);
    let c = textureLoad(image, select(vec2<i32>(pixel.x, inside), vec2<i32>(inside, pixel.y), across), 0);
    if u.premultiplies != 0u {
        return premultiplied(c);
    }
    return c;
}

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let along = select(pixel.y, pixel.x, u.axis == 0u);
    let centre = (f32(along) + 0.5) * u.ratio;
    let first = i32(floor(centre - u.reach));
    let last = i32(ceil(centre + u.reach));
    var sum = vec4<f32>(0.0);
    var total = 0.0;
    for (var at = first; at <= last; at++) {
        let w = weight(f32(at) + 0.5 - centre);
        if w > 0.0 {
            sum += w * texel(pixel, at);
            total += w;
        }
    }
    return sum / max(total, 1e-20);
}
