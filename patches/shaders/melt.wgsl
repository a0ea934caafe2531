// Lets a picture run down in waves, as if it were wet paint. The sound's wave shakes it.

struct Params {
    amount: f32, // @default 0.35 @range 0..1 @label "Amount"
    scale: f32,  // @default 3 @range 0.5..12 @label "Scale"
    speed: f32,  // @default 0.2 @range -2..2 @label "Speed"
    shake: f32,  // @default 0.02 @range 0..1 @label "Shake by the sound"
    split: f32,  // @default 0.004 @range 0..0.05 @label "Colour split"
}

var image: texture_2d<f32>;
var fft: texture_2d<f32>; // @label "Sound"

// Smooth noise, 0..1.
fn noise(at: vec2<f32>) -> f32 {
    let cell = vec2<i32>(floor(at));
    let t = fract(at) * fract(at) * (3.0 - 2.0 * fract(at));
    let a = random3(vec3<u32>(vec3<i32>(cell, 7))).x;
    let b = random3(vec3<u32>(vec3<i32>(cell + vec2<i32>(1, 0), 7))).x;
    let c = random3(vec3<u32>(vec3<i32>(cell + vec2<i32>(0, 1), 7))).x;
    let d = random3(vec3<u32>(vec3<i32>(cell + vec2<i32>(1, 1), 7))).x;
    return mix(mix(a, b, t.x), mix(c, d, t.x), t.y);
}

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    let at = (vec2<f32>(pixel) + 0.5) / u.size_px;
    let drift = vec2<f32>(0.0, u.time_secs * params.speed);
    let field = noise(at * params.scale + drift) + 0.5 * noise(at * params.scale * 2.3 - drift);
    let row = i32(clamp(at.y * 511.0, 0.0, 511.0));
    let wave = textureLoad(fft, vec2<i32>(row, 1), 0).r - 0.5;
    let run = params.amount * field * field * 0.25 * smoothstep(0.0, 0.6, at.y);
    let place = at + vec2<f32>(params.shake * wave + (field - 0.75) * params.amount * 0.1, -run);
    let split = vec2<f32>(params.split * (0.5 + field), 0.0);
    let middle = bilinear_mirrored(image, place * u.size_px);
    let red = bilinear_mirrored(image, (place + split) * u.size_px);
    let blue = bilinear_mirrored(image, (place - split) * u.size_px);
    return straight(vec4<f32>(red.r, middle.g, blue.b, middle.a));
}
