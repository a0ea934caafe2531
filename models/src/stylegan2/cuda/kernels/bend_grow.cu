// Bright or dark parts grown by a square. See bend/morphology.rs.

#include "bend.cuh"

struct GrowArgs {
    Region region;
    // What the rows have grown to.
    void* across;
    // The features before the first step, which the last one blends with, or null.
    void* before;
    int step;
    // How far the values go.
    float fraction;
    unsigned is_max, is_first, is_last, pad;
};

__device__ __forceinline__ float picked(const GrowArgs& args, float a, float b) {
    return args.is_max ? fmaxf(a, b) : fminf(a, b);
}

template <class T>
__device__ __forceinline__ void load_at(const GrowArgs& args, const void* from, const Place& at, int x, int y, float (&v)[8]) {
    x = min(max(x, 0), int(args.region.width) - 1);
    y = min(max(y, 0), int(args.region.height) - 1);
    load8(static_cast<const T*>(from) + offset(args.region, at, x, y), v);
}

template <class T> __device__ __forceinline__ void across(const GrowArgs& args) {
    const Place at = place(args.region);
    if (!at.bits) return;
    float v[8], left[8], right[8];
    load_at<T>(args, args.region.x, at, at.x, at.y, v);
    load_at<T>(args, args.region.x, at, at.x - args.step, at.y, left);
    load_at<T>(args, args.region.x, at, at.x + args.step, at.y, right);
    if (args.is_first && args.before) store8(static_cast<T*>(args.before) + offset(args.region, at), v);
#pragma unroll
    for (int i = 0; i < 8; ++i) v[i] = picked(args, picked(args, v[i], left[i]), right[i]);
    store8(static_cast<T*>(args.across) + offset(args.region, at), v);
}

template <class T> __device__ __forceinline__ void down(const GrowArgs& args) {
    const Place at = place(args.region);
    if (!at.bits) return;
    float x[8], v[8], above[8], below[8];
    load_at<T>(args, args.across, at, at.x, at.y, v);
    load_at<T>(args, args.across, at, at.x, at.y - args.step, above);
    load_at<T>(args, args.across, at, at.x, at.y + args.step, below);
    load_at<T>(args, args.region.x, at, at.x, at.y, x);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
        v[i] = blended(x[i], picked(args, picked(args, v[i], above[i]), below[i]), args.fraction);
    }
    // Steps before the last one arrive where they go.
    const bool is_blended = args.is_last && args.before;
    if (is_blended) load_at<T>(args, args.before, at, at.x, at.y, x);
    finish<T>(args.region, at, x, v, is_blended ? args.region.amount : 1);
}

BEND_KERNELS(bend_grow_across, across, GrowArgs)
BEND_KERNELS(bend_grow_down, down, GrowArgs)
