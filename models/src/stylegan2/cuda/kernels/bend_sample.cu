// Planes moved, zoomed, turned, sheared and flipped.

#include "bend.cuh"

struct SampleArgs {
    Region region;
    // A copy of the features, of the channels that are bent.
    void* source;
    // From a pixel to the place that it shows, about the centre.
    float matrix[4], shift[2], centre[2];
    unsigned border, pad;
};

template <class T> __device__ __forceinline__ void copy(const SampleArgs& args) {
    const Place at = place(args.region);
    if (!at.bits) return;
    const size_t i = offset(args.region, at) * sizeof(T) / 16;
    const uint4* from = static_cast<const uint4*>(args.region.x);
    uint4* to = static_cast<uint4*>(args.source);
#pragma unroll
    for (int k = 0; k < sizeof(T) / 2; ++k) to[i + k] = from[i + k];
}

// The whole number at or below `v`, and what remains. Far beyond every border it is held.
__device__ __forceinline__ int split(float v, float& rest) {
    v = fminf(fmaxf(v, -1e9f), 1e9f);
    const int towards_zero = int(v);
    const int whole = towards_zero - (float(towards_zero) > v);
    rest = v - float(whole);
    return whole;
}

template <class T>
__device__ __forceinline__ void sample_at(const SampleArgs& args, const Place& at, int column, int row, float (&v)[8]) {
    const T* source = static_cast<const T*>(args.source);
    if (column >= 0 && row >= 0) return load8(source + offset(args.region, at, column, row), v);
#pragma unroll
    for (int i = 0; i < 8; ++i) v[i] = 0;
}

// Products and sums are rounded one by one, as on the processor: far from the centre a difference
// of one rounding is many pixels.
template <class T> __device__ __forceinline__ void sample(const SampleArgs& args) {
    const Place at = place(args.region);
    if (!at.bits) return;
    const float* m = args.matrix;
    const float dx = float(at.x) - args.centre[0] - args.shift[0];
    const float dy = float(at.y) - args.centre[1] - args.shift[1];
    float u, v;
    const int left = split(__fmul_rn(m[0], dx) + __fmul_rn(m[1], dy) + args.centre[0], u);
    const int top = split(__fmul_rn(m[2], dx) + __fmul_rn(m[3], dy) + args.centre[1], v);
    const int width = args.region.width, height = args.region.height;
    const int columns[2] = {border_index(args.border, left, width), border_index(args.border, left + 1, width)};
    const int rows[2] = {border_index(args.border, top, height), border_index(args.border, top + 1, height)};
    float x[8], a[8], b[8], c[8], d[8];
    load8(static_cast<const T*>(args.region.x) + offset(args.region, at), x);
    sample_at<T>(args, at, columns[0], rows[0], a);
    sample_at<T>(args, at, columns[1], rows[0], b);
    sample_at<T>(args, at, columns[0], rows[1], c);
    sample_at<T>(args, at, columns[1], rows[1], d);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
        const float upper = a[i] + u * (b[i] - a[i]);
        const float lower = c[i] + u * (d[i] - c[i]);
        a[i] = upper + v * (lower - upper);
    }
    finish<T>(args.region, at, x, a);
}

BEND_KERNELS(bend_sample_copy, copy, SampleArgs)
BEND_KERNELS(bend_sample, sample, SampleArgs)
