// Follows every effect's own text, so that the lines of its errors are those of its file. The effect
// defines `fn effect(pixel: vec2<i32>) -> vec4<f32>`: the colour of a pixel, straight alpha.

@vertex
fn prelude_vertex(@builtin(vertex_index) i: u32) -> @builtin(position) vec4<f32> {
    // One triangle that covers the target.
    return vec4<f32>(f32(i & 1u) * 4.0 - 1.0, f32(i >> 1u) * 4.0 - 1.0, 0.0, 1.0);
}

@fragment
fn prelude_fragment(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    return finite(effect(vec2<i32>(position.xy)));
}

// Within the range of a half, and 0 for what is no finite number. Looks at the bits: compilers may
// take it that comparisons see no NaN.
fn finite(c: vec4<f32>) -> vec4<f32> {
    let exponent = bitcast<vec4<u32>>(c) & vec4<u32>(0x7f800000u);
    let clamped = clamp(c, vec4<f32>(-65504.0), vec4<f32>(65504.0));
    // Drivers may cut to a half instead of rounding, which darkens every pass: round here, to the
    // 10 bits of a half's fraction.
    let rounded = (bitcast<vec4<u32>>(clamped) + vec4<u32>(0x1000u)) & vec4<u32>(0xffffe000u);
    return select(bitcast<vec4<f32>>(rounded), vec4<f32>(0.0), exponent == vec4<u32>(0x7f800000u));
}

fn premultiplied(c: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(c.rgb * c.a, c.a);
}

// The inverse of `premultiplied`; without alpha there is no colour.
fn straight(c: vec4<f32>) -> vec4<f32> {
    if c.a <= 0.0 {
        return vec4<f32>(0.0);
    }
    return vec4<f32>(c.rgb / c.a, min(c.a, 1.0));
}

// The texel at `at`, edges going on outwards, premultiplied.
fn texel_clamped(image: texture_2d<f32>, at: vec2<i32>) -> vec4<f32> {
    let last = vec2<i32>(textureDimensions(image)) - 1;
    return premultiplied(textureLoad(image, clamp(at, vec2<i32>(0), last), 0));
}

// Bilinear, premultiplied; texel centres lie at halves, edges go on outwards.
fn bilinear_clamped(image: texture_2d<f32>, at: vec2<f32>) -> vec4<f32> {
    let corner = floor(at - 0.5);
    let t = at - 0.5 - corner;
    let i = vec2<i32>(corner);
    let top = mix(texel_clamped(image, i), texel_clamped(image, i + vec2<i32>(1, 0)), t.x);
    let bottom = mix(
        texel_clamped(image, i + vec2<i32>(0, 1)),
        texel_clamped(image, i + vec2<i32>(1, 1)),
        t.x,
    );
    return mix(top, bottom, t.y);
}

// As `bilinear_clamped`, of a picture that is premultiplied already.
fn bilinear_premultiplied(image: texture_2d<f32>, at: vec2<f32>) -> vec4<f32> {
    let last = vec2<i32>(textureDimensions(image)) - 1;
    let corner = floor(at - 0.5);
    let t = at - 0.5 - corner;
    let low = clamp(vec2<i32>(corner), vec2<i32>(0), last);
    let high = clamp(vec2<i32>(corner) + 1, vec2<i32>(0), last);
    let top = mix(
        textureLoad(image, low, 0),
        textureLoad(image, vec2<i32>(high.x, low.y), 0),
        t.x,
    );
    let bottom = mix(
        textureLoad(image, vec2<i32>(low.x, high.y), 0),
        textureLoad(image, high, 0),
        t.x,
    );
    return mix(top, bottom, t.y);
}

// The place of `at` on a side of `len` texels that is mirrored beyond its ends.
fn mirrored(at: i32, len: i32) -> i32 {
    let i = ((at % (2 * len)) + 2 * len) % (2 * len);
    return min(i, 2 * len - 1 - i);
}

// As `bilinear_clamped`, with the picture mirrored beyond its edges.
fn bilinear_mirrored(image: texture_2d<f32>, at: vec2<f32>) -> vec4<f32> {
    let size = vec2<i32>(textureDimensions(image));
    let corner = floor(at - 0.5);
    let t = at - 0.5 - corner;
    let i = vec2<i32>(corner);
    let left = mirrored(i.x, size.x);
    let right = mirrored(i.x + 1, size.x);
    let above = mirrored(i.y, size.y);
    let below = mirrored(i.y + 1, size.y);
    let top = mix(
        premultiplied(textureLoad(image, vec2<i32>(left, above), 0)),
        premultiplied(textureLoad(image, vec2<i32>(right, above), 0)),
        t.x,
    );
    let bottom = mix(
        premultiplied(textureLoad(image, vec2<i32>(left, below), 0)),
        premultiplied(textureLoad(image, vec2<i32>(right, below), 0)),
        t.x,
    );
    return mix(top, bottom, t.y);
}

// Luminance of linear light with the primaries of Rec. 709 and sRGB.
fn luminance(light: vec3<f32>) -> f32 {
    return dot(light, vec3<f32>(0.2126, 0.7152, 0.0722));
}

// sRGB code values of light, and back (IEC 61966-2-1), with the sign kept.
fn code_from_light(light: vec3<f32>) -> vec3<f32> {
    let x = abs(light);
    let curve = 1.055 * pow(max(x, vec3<f32>(1e-8)), vec3<f32>(1.0 / 2.4)) - 0.055;
    return sign(light) * select(curve, 12.92 * x, x <= vec3<f32>(0.0031308));
}

fn light_from_code(code: vec3<f32>) -> vec3<f32> {
    let x = abs(code);
    let curve = pow((x + 0.055) / 1.055, vec3<f32>(2.4));
    return sign(code) * select(curve, x / 12.92, x <= vec3<f32>(0.04045));
}

// Three independent numbers in 0..1 from three whole ones, equal on all devices (pcg3d: Jarzynski
// and Olano, "Hash Functions for GPU Rendering", 2020).
fn random3(from_numbers: vec3<u32>) -> vec3<f32> {
    var v = from_numbers * 1664525u + 1013904223u;
    v.x += v.y * v.z;
    v.y += v.z * v.x;
    v.z += v.x * v.y;
    v ^= v >> vec3<u32>(16u);
    v.x += v.y * v.z;
    v.y += v.z * v.x;
    v.z += v.x * v.y;
    return vec3<f32>(v >> vec3<u32>(8u)) / 16777216.0;
}
