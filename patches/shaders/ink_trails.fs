/*{
  "ISFVSN": "2",
  "DESCRIPTION": "Bright parts leave a trail that drifts, spreads and turns in colour. A trigger wipes it.",
  "CREDIT": "the Lumawire developers",
  "CATEGORIES": ["Filter"],
  "INPUTS": [
    { "NAME": "inputImage", "TYPE": "image" },
    { "NAME": "decay", "TYPE": "float", "LABEL": "Decay", "DEFAULT": 0.1, "MIN": 0.0, "MAX": 1.0 },
    { "NAME": "drift", "TYPE": "point2D", "LABEL": "Drift", "DEFAULT": [0.0, 0.004], "MIN": [-0.05, -0.05], "MAX": [0.05, 0.05] },
    { "NAME": "spread", "TYPE": "float", "LABEL": "Spread", "DEFAULT": 1.2, "MIN": 0.0, "MAX": 8.0 },
    { "NAME": "hue", "TYPE": "float", "LABEL": "Turn of colour", "DEFAULT": 0.02, "MIN": -0.2, "MAX": 0.2 },
    { "NAME": "threshold", "TYPE": "float", "LABEL": "Threshold", "DEFAULT": 0.55, "MIN": 0.0, "MAX": 1.0 },
    { "NAME": "wipe", "TYPE": "event", "LABEL": "Wipe" }
  ],
  "PASSES": [
    { "TARGET": "ink", "PERSISTENT": true, "FLOAT": true, "WIDTH": "floor($WIDTH / 2.0)", "HEIGHT": "floor($HEIGHT / 2.0)" },
    {}
  ]
}*/

// Turns a colour round the grey axis, by parts of a turn.
vec3 turned(vec3 c, float turns) {
    float a = 6.2831853 * turns;
    vec3 axis = vec3(0.57735);
    return c * cos(a) + cross(axis, c) * sin(a) + axis * dot(axis, c) * (1.0 - cos(a));
}

void main() {
    vec2 p = isf_FragNormCoord;
    vec4 fresh = IMG_NORM_PIXEL(inputImage, p);
    if (PASSINDEX == 0) {
        vec2 step_px = spread / RENDERSIZE;
        vec2 from = p - drift;
        vec3 old = IMG_NORM_PIXEL(ink, from).rgb * 0.4;
        old += IMG_NORM_PIXEL(ink, from + vec2(step_px.x, 0.0)).rgb * 0.15;
        old += IMG_NORM_PIXEL(ink, from - vec2(step_px.x, 0.0)).rgb * 0.15;
        old += IMG_NORM_PIXEL(ink, from + vec2(0.0, step_px.y)).rgb * 0.15;
        old += IMG_NORM_PIXEL(ink, from - vec2(0.0, step_px.y)).rgb * 0.15;
        old = max(turned(old, hue), vec3(0.0)) * (1.0 - decay);
        float luma = dot(fresh.rgb, vec3(0.299, 0.587, 0.114));
        vec3 added = fresh.rgb * smoothstep(threshold, threshold + 0.2, luma);
        gl_FragColor = vec4(wipe ? vec3(0.0) : max(old, added), 1.0);
    } else {
        vec3 trail = IMG_NORM_PIXEL(ink, p).rgb;
        gl_FragColor = vec4(1.0 - (1.0 - fresh.rgb) * (1.0 - clamp(trail, 0.0, 1.0)), fresh.a);
    }
}
