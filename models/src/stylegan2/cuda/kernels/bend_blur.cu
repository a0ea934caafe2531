// Planes blurred and sharpened by a Gaussian that is summed tap by tap. See bend/blur.rs.

#include "bend.cuh"

struct BlurArgs {
    Region region;
    // The rows blurred, in 32 bits.
    float* across;
    int radius;
    unsigned border;
    // Unsharp masking by `strength` instead.
    unsigned is_sharpened;
    float strength;
    // At the distances 0, 1, … from the centre.
    float taps[26];
};

__device__ __forceinline__ void add(float (&sum)[8], float tap, const float (&v)[8]) {
#pragma unroll
    for (int i = 0; i < 8; ++i) sum[i] += tap * v[i];
}

template <class T> __device__ __forceinline__ void across(const BlurArgs& args) {
    const Place at = place(args.region);
    if (!at.bits) return;
    const T* x = static_cast<const T*>(args.region.x);
    float sum[8] = {};
    for (int k = -args.radius; k <= args.radius; ++k) {
        const int column = border_index(args.border, at.x + k, args.region.width);
        if (column < 0) continue;
        float v[8];
        load8(x + offset(args.region, at, column, at.y), v);
        add(sum, args.taps[abs(k)], v);
    }
    store8(args.across + offset(args.region, at), sum);
}

template <class T> __device__ __forceinline__ void down(const BlurArgs& args) {
    const Place at = place(args.region);
    if (!at.bits) return;
    float x[8], sum[8] = {};
    for (int k = -args.radius; k <= args.radius; ++k) {
        const int row = border_index(args.border, at.y + k, args.region.height);
        if (row < 0) continue;
        float v[8];
        load8(args.across + offset(args.region, at, at.x, row), v);
        add(sum, args.taps[abs(k)], v);
    }
    load8(static_cast<const T*>(args.region.x) + offset(args.region, at), x);
    if (args.is_sharpened) {
#pragma unroll
        for (int i = 0; i < 8; ++i) sum[i] = x[i] + args.strength * (x[i] - sum[i]);
    }
    finish<T>(args.region, at, x, sum);
}

BEND_KERNELS(bend_blur_across, across, BlurArgs)
BEND_KERNELS(bend_blur_down, down, BlurArgs)
