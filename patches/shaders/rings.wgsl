// Rings of light, one a part of the spectrum, that swell with the sound and drift apart in colour.

struct Params {
    count: i32,       // @default 24 @range 4..64 @label "Rings"
    turn: f32,        // @default 0.15 @range -2..2 @label "Turns a second"
    swell: f32,       // @default 0.7 @range 0..2 @label "Swell"
    width: f32,       // @default 0.35 @range 0.05..1 @label "Width"
    bend: f32,        // @default 0.3 @range 0..1 @label "Bend"
    inner: vec3<f32>, // @colour @default 1.0 0.35 0.1 @label "Inner colour"
    outer: vec3<f32>, // @colour @default 0.1 0.25 1.0 @label "Outer colour"
    look: i32,        // @options "Rings", "Dots" @label "Look"
}

var fft: texture_2d<f32>; // @label "Sound"

const TAU: f32 = 6.2831853;

// How loud it is at a place of the spectrum, 0..1, low notes spread out.
fn heard(at: f32) -> f32 {
    let bin = i32(clamp(at * at * 300.0 + 2.0, 0.0, 511.0));
    return textureLoad(fft, vec2<i32>(bin, 0), 0).r;
}

fn effect(pixel: vec2<i32>) -> vec4<f32> {
    var p = (vec2<f32>(pixel) + 0.5 - 0.5 * u.size_px) / min(u.size_px.x, u.size_px.y) * 2.0;
    let angle = atan2(p.y, p.x);
    let bent = length(p) * (1.0 + params.bend * 0.15 * sin(3.0 * angle + TAU * params.turn * u.time_secs));
    var light = vec3<f32>(0.0);
    let n = f32(params.count);
    for (var i = 0; i < params.count; i++) {
        let at = (f32(i) + 0.5) / n;
        let level = heard(at);
        let radius = 0.12 + 0.95 * at + 0.06 * params.swell * level;
        let thick = params.width * (0.15 + params.swell * level * level) / n;
        var near = exp(-pow((bent - radius) / max(thick, 1e-4), 2.0));
        let turned = angle + TAU * params.turn * u.time_secs * (1.0 - 2.0 * f32(i & 1));
        var arc = 0.35 + 0.65 * smoothstep(-0.4, 1.0, cos(turned * f32(1 + i % 3) + at * 9.0));
        if params.look == 1 {
            arc = pow(0.5 + 0.5 * cos(turned * f32(8 + i)), 6.0);
        }
        let colour = mix(params.inner, params.outer, at);
        light += colour * near * arc * (0.04 + 0.7 * params.swell * level * level);
    }
    let glow = mix(params.inner, params.outer, 0.3) * heard(0.12) * 0.12 * exp(-6.0 * length(p));
    return vec4<f32>(light + glow, 1.0);
}
