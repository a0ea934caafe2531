// Edge-adaptive spatial upsampling, after the description of FSR 1 (AMD, 2021): twelve texels around
// each new pixel are weighted by a kernel of two lobes that is turned along the edge beneath it,
// drawn out along the edge and made narrow across it the more, the more it is an edge.
//
//       b c
//     e f g h      f, g, j and k are nearest; the pixel lies among them.
//     i j k l
//       n o

struct Uniforms {
    // Texels of the source to a pixel of the target.
    ratio: vec2<f32>,
}

@group(0) @binding(0) var<uniform> u: Uniforms;
// Premultiplied codes, as is what this pass gives.
@group(0) @binding(1) var source: texture_2d<f32>;

fn tap(at: vec2<i32>) -> vec4<f32> {
    let last = vec2<i32>(textureDimensions(source)) - 1;
    return textureLoad(source, clamp(at, vec2<i32>(0), last), 0);
}

// Twice the brightness.
fn luma(c: vec4<f32>) -> f32 {
    return 0.5 * c.r + c.g + 0.5 * c.b;
}

// The slope through three texels in a row, and how alike its two halves are: 0 at a bend or a line,
// 1 where it goes on.
fn slope(before: f32, here: f32, after: f32) -> vec2<f32> {
    let rise = after - before;
    let steepest = max(abs(after - here), abs(here - before));
    let likeness = select(clamp(abs(rise) / steepest, 0.0, 1.0), 0.0, steepest == 0.0);
    return vec2<f32>(rise, likeness * likeness);
}

// Direction of the gradient at a texel and, in z, how much of an edge it is along both axes.
fn edge(above: f32, left: f32, here: f32, right: f32, below: f32) -> vec3<f32> {
    let across = slope(left, here, right);
    let down = slope(above, here, below);
    return vec3<f32>(across.x, down.x, across.y + down.y);
}

struct Shape {
    // Unit vector across the edge.
    direction: vec2<f32>,
    // Factors of distances across and along the edge.
    stretch: vec2<f32>,
    // Strength of the negative lobe, and the squared distance at which the kernel ends.
    lobe: f32,
    end: f32,
}

fn shape(gradient: vec3<f32>) -> Shape {
    let squared = dot(gradient.xy, gradient.xy);
    let is_flat = squared < 1.0 / 32768.0;
    let direction = select(
        gradient.xy * inverseSqrt(max(squared, 1.0 / 32768.0)),
        vec2<f32>(1.0, 0.0),
        is_flat,
    );
    let edginess = 0.25 * gradient.z * gradient.z;
    // From 1 along an axis to √2 on the diagonal.
    let diagonal = 1.0 / max(abs(direction.x), abs(direction.y));
    let stretch = vec2<f32>(1.0 + (diagonal - 1.0) * edginess, 1.0 - 0.5 * edginess);
    // From the window of a Lanczos kernel of 2 lobes to one without a negative lobe.
    let lobe = 0.5 - 0.29 * edginess;
    return Shape(direction, stretch, lobe, 1.0 / lobe);
}

// (25/16·(2/5·d² − 1)² − 9/16)·(lobe·d² − 1)²: a Lanczos kernel without sines.
fn weight(offset: vec2<f32>, s: Shape) -> f32 {
    let turned = vec2<f32>(
        dot(offset, s.direction),
        dot(offset, vec2<f32>(-s.direction.y, s.direction.x)),
    );
    let at = turned * s.stretch;
    let squared = min(dot(at, at), s.end);
    let base = 0.4 * squared - 1.0;
    let window = s.lobe * squared - 1.0;
    return (25.0 / 16.0 * base * base - 9.0 / 16.0) * window * window;
}

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let place = (vec2<f32>(pixel) + 0.5) * u.ratio - 0.5;
    let corner = floor(place);
    let p = place - corner;
    let at = vec2<i32>(corner);
    let b = tap(at + vec2<i32>(0, -1));
    let c = tap(at + vec2<i32>(1, -1));
    let e = tap(at + vec2<i32>(-1, 0));
    let f = tap(at);
    let g = tap(at + vec2<i32>(1, 0));
    let h = tap(at + vec2<i32>(2, 0));
    let i = tap(at + vec2<i32>(-1, 1));
    let j = tap(at + vec2<i32>(0, 1));
    let k = tap(at + vec2<i32>(1, 1));
    let l = tap(at + vec2<i32>(2, 1));
    let n = tap(at + vec2<i32>(0, 2));
    let o = tap(at + vec2<i32>(1, 2));

    let at_f = edge(luma(b), luma(e), luma(f), luma(g), luma(j));
    let at_g = edge(luma(c), luma(f), luma(g), luma(h), luma(k));
    let at_j = edge(luma(f), luma(i), luma(j), luma(k), luma(n));
    let at_k = edge(luma(g), luma(j), luma(k), luma(l), luma(o));
    let s = shape(mix(mix(at_f, at_g, p.x), mix(at_j, at_k, p.x), p.y));

    let w_b = weight(vec2<f32>(0.0, -1.0) - p, s);
    let w_c = weight(vec2<f32>(1.0, -1.0) - p, s);
    let w_e = weight(vec2<f32>(-1.0, 0.0) - p, s);
    let w_f = weight(-p, s);
    let w_g = weight(vec2<f32>(1.0, 0.0) - p, s);
    let w_h = weight(vec2<f32>(2.0, 0.0) - p, s);
    let w_i = weight(vec2<f32>(-1.0, 1.0) - p, s);
    let w_j = weight(vec2<f32>(0.0, 1.0) - p, s);
    let w_k = weight(vec2<f32>(1.0, 1.0) - p, s);
    let w_l = weight(vec2<f32>(2.0, 1.0) - p, s);
    let w_n = weight(vec2<f32>(0.0, 2.0) - p, s);
    let w_o = weight(vec2<f32>(1.0, 2.0) - p, s);
    let sum = w_b * b + w_c * c + w_e * e + w_f * f + w_g * g + w_h * h
        + w_i * i + w_j * j + w_k * k + w_l * l + w_n * n + w_o * o;
    let total = w_b + w_c + w_e + w_f + w_g + w_h + w_i + w_j + w_k + w_l + w_n + w_o;
    // Within what lies around it: no rings.
    return clamp(sum / total, min(min(f, g), min(j, k)), max(max(f, g), max(j, k)));
}
