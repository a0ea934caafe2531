// What the kernels that bend features share: each block works on a row of pixels, each thread on
// eight channels of one of them.

#pragma once

#include "common.cuh"

// The features `[height, width, channels]`, which of their channels are bent, and how far.
struct Region {
    void* x;
    float amount;
    unsigned height, width, channels;
    // A bit a channel.
    unsigned is_bent[64];
};

// Eight channels of a pixel.
struct Place {
    int x, y;
    // The first of the channels.
    unsigned channel;
    // Which of them are bent.
    unsigned bits;
};

__device__ __forceinline__ unsigned bent_bits(const Region& region, unsigned channel) {
    return region.is_bent[channel / 32] >> channel % 32 & 0xff;
}

// This thread's; without bits where there is nothing to do.
__device__ __forceinline__ Place place(const Region& region) {
    const unsigned i = blockIdx.x * blockDim.x + threadIdx.x, num_parts = region.channels / 8;
    const unsigned x = i / num_parts, channel = i % num_parts * 8;
    return {int(x), int(blockIdx.y), channel, x < region.width ? bent_bits(region, channel) : 0};
}

// Where `place`'s channels begin in pixel (x, y).
__device__ __forceinline__ size_t offset(const Region& region, const Place& place, int x, int y) {
    return (size_t(y) * region.width + x) * region.channels + place.channel;
}

__device__ __forceinline__ size_t offset(const Region& region, const Place& place) {
    return offset(region, place, place.x, place.y);
}

// x + amount·(op(x) - x).
__device__ __forceinline__ float blended(float before, float after, float amount) {
    return amount == 1 ? after : before + amount * (after - before);
}

// Puts x + amount·(op(x) - x) in its place, in the channels that are bent.
template <class T>
__device__ __forceinline__ void finish(
    const Region& region, const Place& place, const float (&before)[8], const float (&after)[8], float amount) {
    float y[8];
#pragma unroll
    for (int i = 0; i < 8; ++i) y[i] = place.bits >> i & 1 ? blended(before[i], after[i], amount) : before[i];
    store8(static_cast<T*>(region.x) + offset(region, place), y);
}

template <class T>
__device__ __forceinline__ void finish(
    const Region& region, const Place& place, const float (&before)[8], const float (&after)[8]) {
    finish<T>(region, place, before, after, region.amount);
}

// What lies outside a plane.
enum Border : unsigned { BORDER_ZERO, BORDER_EDGE, BORDER_REFLECT, BORDER_MIRROR, BORDER_WRAP };

__device__ __forceinline__ int modulo(int i, int of) {
    const int rest = i % of;
    return rest < 0 ? rest + of : rest;
}

// The sample of 0..len that stands at `i`, or -1 for a zero.
__device__ __forceinline__ int border_index(unsigned border, int i, int len) {
    const int last = len - 1;
    if (i >= 0 && i <= last) return i;
    switch (border) {
    case BORDER_EDGE: return i < 0 ? 0 : last;
    case BORDER_REFLECT: return last == 0 ? 0 : last - abs(modulo(i, 2 * last) - last);
    case BORDER_MIRROR: i = modulo(i, 2 * len); return min(i, 2 * len - 1 - i);
    case BORDER_WRAP: return modulo(i, len);
    default: return -1;
    }
}

// Makes `name`_f32, `name`_f16 and `name`_bf16 of the template `body`.
#define BEND_KERNELS(name, body, Args)                                                             \
    extern "C" __global__ void __launch_bounds__(256) name##_f32(const Args args) { body<float>(args); } \
    extern "C" __global__ void __launch_bounds__(256) name##_f16(const Args args) { body<Half>(args); }  \
    extern "C" __global__ void __launch_bounds__(256) name##_bf16(const Args args) { body<Bf16>(args); }
