// Standard normal numbers, in integers, so that they are the same on every machine.

#include "common.cuh"

struct NoiseArgs {
    const uint64_t* seed;
    float* to;
    uint64_t stream, len;
};

// A step of splitmix64 (Steele, Lea and Flood, 2014).
__device__ __forceinline__ uint64_t mix(uint64_t x) {
    x += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

__device__ __forceinline__ uint32_t sum_of_quarters(uint64_t bits) {
    const uint32_t low = uint32_t(bits), high = uint32_t(bits >> 32);
    return (low & 0xffff) + (low >> 16) + (high & 0xffff) + (high >> 16);
}

// The sum of twelve uniforms less 6. Every step is exact in 32 bits.
__device__ __forceinline__ float normal(uint64_t stream, uint64_t i) {
    uint32_t sum = 0;
#pragma unroll
    for (int k = 0; k < 3; ++k) sum += sum_of_quarters(mix(stream + 3 * i + k));
    return (float(sum) + 6.f) / 65536.f - 6.f;
}

// Numbers that a thread makes.
constexpr int NUM_EACH = 4;

extern "C" __global__ void __launch_bounds__(256) noise_fill_normal(const NoiseArgs args) {
    const uint64_t stream = mix(*args.seed ^ mix(args.stream));
    const uint64_t first = uint64_t(blockIdx.x) * blockDim.x * NUM_EACH + threadIdx.x;
#pragma unroll
    for (int k = 0; k < NUM_EACH; ++k) {
        const uint64_t i = first + k * blockDim.x;
        if (i < args.len) args.to[i] = normal(stream, i);
    }
}
