// Half the diagonal of a cell is reached where a dot fills it.
fn radius_of(area: f32) -> f32 {
    // Up to where the dot touches the cell's sides its area is a circle's; past that the white that
    // is left in the corners is counted. Inverted by a few steps of Newton's method.
    if area <= 0.78539816 {
        return sqrt(max(area, 0.0) / 3.14159265);
    }
    var r = 0.5 + 0.2071 * sqrt((area - 0.78539816) / 0.21460184);
    for (var i = 0; i < 4; i++) {
        let half = acos(min(0.5 / r, 1.0));
        let covered = (3.14159265 - 4.0 * half) * r * r + 2.0 * sqrt(max(r * r - 0.25, 0.0));
        let slope = max(2.0 * r * (3.14159265 - 4.0 * half), 1e-3);
        r = clamp(r + (area - covered) / slope, 0.5, 0.70710678);
    }
    return r;
}

// How much ink there is at a pixel, of a screen at this angle. `inks` picks the colours whose light
// the ink takes.
fn ink(at: vec2<f32>, angle: f32, weights: vec3<f32>) -> f32 {
    let size = vec2<f32>(textureDimensions(image));
    let cell_px = size.y / u.num_cells;
    let turn = mat2x2<f32>(cos(angle), sin(angle), -sin(angle), cos(angle));
    let place = turn * (at - size / 2.0) / cell_px;
    let middle = floor(place) + 0.5;
    let source = transpose(turn) * middle * cell_px + size / 2.0;
    let last = vec2<i32>(size) - 1;
    let texel = textureLoad(image, clamp(vec2<i32>(floor(source)), vec2<i32>(0), last), 0);
    let area = 1.0 - saturate(dot(texel.rgb, weights));
    if area <= 0.0 {
        return 0.0;
    }
    if area >= 1.0 {
        return 1.0;
    }
    let distance_px = (radius_of(area) - length(place - middle)) * cell_px;
    return saturate(distance_px + 0.5);
}

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let source = textureLoad(image, pixel, 0);
    let at = vec2<f32>(pixel) + 0.5;
    var paper = vec3<f32>(1.0);
    if u.mode == 0 {
        paper -= ink(at, u.angle_radians, vec3<f32>(0.2126, 0.7152, 0.0722));
    } else {
        paper.r -= ink(at, u.angle_radians + 0.26179939, vec3<f32>(1.0, 0.0, 0.0));
        paper.g -= ink(at, u.angle_radians + 1.30899694, vec3<f32>(0.0, 1.0, 0.0));
        paper.b -= ink(at, u.angle_radians, vec3<f32>(0.0, 0.0, 1.0));
    }
    return vec4<f32>(mix(source.rgb, paper, u.amount), source.a);
}
