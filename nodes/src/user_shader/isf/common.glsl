float isf_finite(float v) {
    uint bits = floatBitsToUint(v);
    if ((bits & 0x7f800000u) == 0x7f800000u) { return 0.0; }
    return uintBitsToFloat((floatBitsToUint(clamp(v, -65504.0, 65504.0)) + 0x1000u) & 0xffffe000u);
}
float isf_light(float code) {
    float x = abs(code);
    return sign(code) * (x <= 0.04045 ? x / 12.92 : pow((x + 0.055) / 1.055, 2.4));
}
vec4 isf_finish(vec4 c, float how) {
    vec4 f = vec4(isf_finite(c.r), isf_finite(c.g), isf_finite(c.b), isf_finite(c.a));
    if (how > 1.5) { f = clamp(f, vec4(0.0), vec4(1.0)); }
    if (mod(how, 2.0) > 0.5) {
        f = vec4(isf_finite(isf_light(f.r)), isf_finite(isf_light(f.g)), isf_finite(isf_light(f.b)), f.a);
    }
    return f;
}
