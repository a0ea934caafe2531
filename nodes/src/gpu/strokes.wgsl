struct Canvas {
    size_px: vec2<f32>,
}

@group(0) @binding(0) var<uniform> canvas: Canvas;

struct Stroke {
    @location(0) ends: vec4<f32>,
    // Half the width and the softness in pixels, and the shape.
    @location(1) form: vec4<f32>,
    @location(2) colour: vec4<f32>,
}

struct Corner {
    @builtin(position) position: vec4<f32>,
    // Along the stroke from its first end, and across it.
    @location(0) place: vec2<f32>,
    @location(1) @interpolate(flat) form: vec4<f32>,
    @location(2) @interpolate(flat) colour: vec4<f32>,
}

const ROUND: f32 = 0.0;
const BUTT: f32 = 1.0;

@vertex
fn vertex(@builtin(vertex_index) i: u32, stroke: Stroke) -> Corner {
    let way = stroke.ends.zw - stroke.ends.xy;
    let len = length(way);
    let along = select(vec2<f32>(1.0, 0.0), way / len, len > 1e-6);
    let across = vec2<f32>(-along.y, along.x);
    // A beam is drawn to 3.5 deviations: 0.2 % of its peak.
    let reach = select(stroke.form.x + 0.5 * max(stroke.form.y, 1.0) + 0.5, 3.5 * stroke.form.x, stroke.form.z > BUTT);
    let corner = vec2<f32>(f32(i & 1u), f32(i >> 1u));
    let place = vec2<f32>(mix(-reach, len + reach, corner.x), mix(-reach, reach, corner.y));
    let at = stroke.ends.xy + along * place.x + across * place.y;
    let unit = at / canvas.size_px;
    let position = vec4<f32>(unit.x * 2.0 - 1.0, 1.0 - unit.y * 2.0, 0.0, 1.0);
    return Corner(position, place, vec4<f32>(stroke.form.xyz, len), stroke.colour);
}

// The share of a window of width `soft` about `at` that lies within `half` of 0.
fn covered(at: f32, half: f32, soft: f32) -> f32 {
    let w = 0.5 * soft;
    return saturate((min(at + w, half) - max(at - w, -half)) / soft);
}

// The error function, to 5e-4 (Abramowitz and Stegun, 7.1.27).
fn erf(x: f32) -> f32 {
    let a = abs(x);
    let d = 1.0 + a * (0.278393 + a * (0.230389 + a * (0.000972 + a * 0.078108)));
    return sign(x) * (1.0 - 1.0 / (d * d * d * d));
}

// The light of a Gaussian spot of deviation `sigma` and energy 1 that moves evenly from 0 to `len`.
fn beam(place: vec2<f32>, sigma: f32, len: f32) -> f32 {
    let across = exp(-0.5 * place.y * place.y / (sigma * sigma)) / (2.5066283 * sigma);
    if len < 0.05 * sigma {
        return across * exp(-0.5 * place.x * place.x / (sigma * sigma)) / (2.5066283 * sigma);
    }
    let scale = 1.0 / (1.4142136 * sigma);
    return across * 0.5 * (erf(place.x * scale) - erf((place.x - len) * scale)) / len;
}

@fragment
fn fragment(corner: Corner) -> @location(0) vec4<f32> {
    let half = corner.form.x;
    let soft = max(corner.form.y, 1.0);
    let len = corner.form.w;
    var cover = 0.0;
    if corner.form.z == ROUND {
        let beyond = corner.place.x - clamp(corner.place.x, 0.0, len);
        cover = covered(length(vec2<f32>(beyond, corner.place.y)), half, soft);
    } else if corner.form.z == BUTT {
        cover = covered(corner.place.x - 0.5 * len, 0.5 * len, soft) * covered(corner.place.y, half, soft);
    } else {
        cover = beam(corner.place, half, len);
    }
    let alpha = min(corner.colour.a * cover, 60000.0);
    return vec4<f32>(min(corner.colour.rgb * alpha, vec3<f32>(60000.0)), alpha);
}
