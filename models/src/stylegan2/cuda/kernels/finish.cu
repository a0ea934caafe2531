// The finished picture: light in halves.

#include "common.cuh"

struct FinishArgs {
    const float4* picture;
    uint2* to;
    unsigned colours, len;
};

constexpr float MAX_FLOAT = 3.402823466e38f;

__device__ __forceinline__ bool is_finite(float v) { return fabsf(v) <= MAX_FLOAT; }

// Light, of sRGB's code value (v + 1)/2 by IEC 61966-2-1, odd about 0.
__device__ __forceinline__ float light(float v) {
    const float code = is_finite(v) ? 0.5f * v + 0.5f : 0.5f, size = fabsf(code);
    const float light = size <= 0.04045f ? size / 12.92f : exp2f(2.4f * log2f((size + 0.055f) / 1.055f));
    return is_finite(light) ? copysignf(light, code) : 0.f;
}

extern "C" __global__ void __launch_bounds__(256) finish_rgba_f16(const FinishArgs args) {
    const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= args.len) return;
    const float4 pixel = args.picture[i];
    const float red = light(pixel.x);
    const float green = args.colours > 1 ? light(pixel.y) : red;
    const float blue = args.colours > 2 ? light(pixel.z) : red;
    args.to[i] = make_uint2(pair<Half>(red, green), pair<Half>(blue, 1.f));
}
