struct Uniforms {
    low: vec4<f32>,
    high: vec4<f32>,
    size: i32,
    num_columns: i32,
    amount: f32,
    is_linear: u32,
}

@group(0) @binding(0) var<uniform> u: Uniforms;
@group(0) @binding(1) var image: texture_2d<f32>;
@group(0) @binding(2) var table: texture_2d<f32>;

fn entry(at: vec3<i32>) -> vec3<f32> {
    let column = at.z % u.num_columns;
    let row = at.z / u.num_columns;
    return textureLoad(table, vec2<i32>(at.x + u.size * column, at.y + u.size * row), 0).rgb;
}

// The tetrahedron's corners are met by going along the axes in order of how far the colour lies.
fn looked_up(place: vec3<f32>) -> vec3<f32> {
    let corner = min(vec3<i32>(place), vec3<i32>(u.size - 2));
    let t = place - vec3<f32>(corner);
    let near = entry(corner);
    let far = entry(corner + 1);
    var first = vec3<i32>(0);
    var last = vec3<i32>(0);
    if t.x >= t.y && t.x >= t.z {
        first.x = 1;
    } else if t.y >= t.z {
        first.y = 1;
    } else {
        first.z = 1;
    }
    if t.z <= t.x && t.z <= t.y && first.z == 0 {
        last.z = 1;
    } else if t.y <= t.x && first.y == 0 {
        last.y = 1;
    } else {
        last.x = 1;
    }
    let most = max(t.x, max(t.y, t.z));
    let least = min(t.x, min(t.y, t.z));
    let middle = t.x + t.y + t.z - most - least;
    let one = entry(corner + first);
    let two = entry(corner + 1 - last);
    return near * (1.0 - most) + one * (most - middle) + two * (middle - least) + far * least;
}

fn line_entry(i: i32) -> vec3<f32> {
    let width = i32(textureDimensions(table).x);
    return textureLoad(table, vec2<i32>(i % width, i / width), 0).rgb;
}

fn looked_up_in_line(place: vec3<f32>) -> vec3<f32> {
    let i = min(vec3<i32>(place), vec3<i32>(u.size - 2));
    let t = place - vec3<f32>(i);
    let near = vec3<f32>(line_entry(i.x).r, line_entry(i.y).g, line_entry(i.z).b);
    let far = vec3<f32>(line_entry(i.x + 1).r, line_entry(i.y + 1).g, line_entry(i.z + 1).b);
    return mix(near, far, t);
}

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let source = textureLoad(image, pixel, 0);
    let x = select(code_from_light(source.rgb), source.rgb, u.is_linear == 1u);
    let place = saturate((x - u.low.rgb) / (u.high.rgb - u.low.rgb)) * f32(u.size - 1);
    var y = vec3<f32>(0.0);
    if u.num_columns > 0 {
        y = looked_up(place);
    } else {
        y = looked_up_in_line(place);
    }
    let light = select(light_from_code(y), y, u.is_linear == 1u);
    return vec4<f32>(mix(source.rgb, light, u.amount), source.a);
}
