// A step of Lucas and Kanade: the least-squares motion of a window, from the last estimate on.

struct Refine {
    starts: u32,
    padding: u32,
}

@group(0) @binding(0) var<uniform> u: Refine;
@group(0) @binding(1) var previous: texture_2d<f32>;
@group(0) @binding(2) var image: texture_2d<f32>;
@group(0) @binding(3) var motion: texture_2d<f32>;

const RADIUS = 4;
// Square of the slope below which nothing is sure.
const DAMPING = 2e-5;
// The longest step, in pixels of this level.
const MAX_STEP = 2.0;

fn light(at: vec2<i32>) -> f32 {
    return texel_clamped(image, at).r;
}

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let size = vec2<f32>(textureDimensions(image));
    var moved = vec2<f32>(0.0);
    if u.starts == 0u {
        let scale = vec2<f32>(textureDimensions(motion)) / size;
        moved = bilinear_premultiplied(motion, (vec2<f32>(pixel) + 0.5) * scale).xy * size;
    }
    var xx = DAMPING;
    var xy = 0.0;
    var yy = DAMPING;
    var slope_difference = vec2<f32>(0.0);
    for (var y = -RADIUS; y <= RADIUS; y++) {
        for (var x = -RADIUS; x <= RADIUS; x++) {
            let at = pixel + vec2<i32>(x, y);
            let weight = exp(-f32(x * x + y * y) / 10.0) / 30.0;
            let slope = 0.5 * vec2<f32>(
                light(at + vec2<i32>(1, 0)) - light(at - vec2<i32>(1, 0)),
                light(at + vec2<i32>(0, 1)) - light(at - vec2<i32>(0, 1)),
            );
            let was = bilinear_clamped(previous, vec2<f32>(at) + 0.5 - moved).r;
            xx += weight * slope.x * slope.x;
            xy += weight * slope.x * slope.y;
            yy += weight * slope.y * slope.y;
            slope_difference += weight * slope * (was - light(at));
        }
    }
    // The damping keeps the determinant above 0.
    let determinant = xx * yy - xy * xy;
    let step = vec2<f32>(
        yy * slope_difference.x - xy * slope_difference.y,
        xx * slope_difference.y - xy * slope_difference.x,
    ) / determinant;
    let length_px = length(step);
    moved += step * min(1.0, MAX_STEP / max(length_px, 1e-6));
    // The lesser eigenvalue says how well both directions are held.
    let mean = (xx + yy) / 2.0;
    let least = mean - sqrt(max(mean * mean - determinant, 0.0)) - DAMPING;
    return vec4<f32>(moved / size, max(least, 0.0) / (max(least, 0.0) + DAMPING), 1.0);
}
