// Values changed one by one.

#include "bend.cuh"

enum Op : unsigned { SCALE, ADD, KEEP_ABOVE, ONE_ABOVE, ABLATE };

struct ValueArgs {
    Region region;
    unsigned op;
    // The factor, the summand or the threshold.
    float value;
};

__device__ __forceinline__ float changed(unsigned op, float v, float value) {
    switch (op) {
    case SCALE: return v * value;
    case ADD: return v + value;
    case KEEP_ABOVE: return v < value ? 0 : v;
    case ONE_ABOVE: return v < value ? 0 : 1;
    default: return 0;
    }
}

template <class T> __device__ __forceinline__ void value(const ValueArgs& args) {
    const Place at = place(args.region);
    if (!at.bits) return;
    float x[8], y[8];
    load8(static_cast<const T*>(args.region.x) + offset(args.region, at), x);
#pragma unroll
    for (int i = 0; i < 8; ++i) y[i] = changed(args.op, x[i], args.value);
    finish<T>(args.region, at, x, y);
}

BEND_KERNELS(bend_value, value, ValueArgs)
