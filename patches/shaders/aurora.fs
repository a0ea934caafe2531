/*{
  "ISFVSN": "2",
  "DESCRIPTION": "Curtains of northern light over a starry sky. Each curtain follows a part of the spectrum.",
  "CREDIT": "the Lumawire developers",
  "CATEGORIES": ["Generator"],
  "INPUTS": [
    { "NAME": "sound", "TYPE": "audioFFT", "LABEL": "Sound", "MAX": 64 },
    { "NAME": "speed", "TYPE": "float", "LABEL": "Speed", "DEFAULT": 0.15, "MIN": 0.0, "MAX": 2.0 },
    { "NAME": "curtains", "TYPE": "long", "LABEL": "Curtains", "DEFAULT": 4, "MIN": 1, "MAX": 8 },
    { "NAME": "height", "TYPE": "float", "LABEL": "Height", "DEFAULT": 0.5, "MIN": 0.1, "MAX": 1.0 },
    { "NAME": "low", "TYPE": "color", "LABEL": "Lower colour", "DEFAULT": [0.15, 0.95, 0.55, 1.0] },
    { "NAME": "high", "TYPE": "color", "LABEL": "Upper colour", "DEFAULT": [0.55, 0.2, 0.9, 1.0] },
    { "NAME": "stars", "TYPE": "bool", "LABEL": "Stars", "DEFAULT": true }
  ]
}*/

float hash(vec2 p) {
    return fract(sin(dot(p, vec2(127.1, 311.7))) * 43758.5453);
}

float noise(float x) {
    float t = fract(x);
    t = t * t * (3.0 - 2.0 * t);
    return mix(hash(vec2(floor(x), 1.0)), hash(vec2(floor(x) + 1.0, 1.0)), t);
}

void main() {
    vec2 p = isf_FragNormCoord;
    float aspect = RENDERSIZE.x / RENDERSIZE.y;
    vec3 sky = mix(vec3(0.05, 0.07, 0.16), vec3(0.01, 0.01, 0.04), p.y);
    if (stars) {
        vec2 cell = floor(vec2(p.x * aspect, p.y) * 90.0);
        vec2 place = fract(vec2(p.x * aspect, p.y) * 90.0) - 0.5;
        float twinkle = 0.6 + 0.4 * sin(TIME * 3.0 + 40.0 * hash(cell));
        sky += step(0.985, hash(cell)) * twinkle * smoothstep(0.25, 0.0, length(place)) * p.y;
    }
    vec3 light = vec3(0.0);
    for (int i = 0; i < curtains; i++) {
        float k = float(i);
        float level = IMG_NORM_PIXEL(sound, vec2((k + 0.5) / float(curtains) * 0.5, 0.5)).r;
        float x = p.x * aspect * (1.1 + 0.25 * k) + TIME * speed * (0.6 + 0.2 * k) + 17.0 * k;
        float base = 0.18 + 0.09 * k + 0.16 * noise(x * 1.3) + 0.05 * noise(x * 4.1 - TIME * speed);
        float rays = 0.35 + 0.65 * noise(x * 14.0 + 2.0 * sin(TIME * speed + k));
        float up = (p.y - base) / (height * (0.35 + 0.9 * level));
        float veil = smoothstep(0.0, 0.06, up) * exp(-3.2 * max(up, 0.0)) * rays;
        light += mix(low.rgb, high.rgb, clamp(up * 1.1, 0.0, 1.0)) * veil * (0.1 + 0.5 * level * level);
    }
    gl_FragColor = vec4(sky + light, 1.0);
}
