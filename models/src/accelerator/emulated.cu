// Kernels that test the emulator.

#include "common.cuh"

struct EmulatedArgs { const float* x; float* y; uint64_t num; };

// Sums over a block: its warps by shuffles, then by shared memory.
extern "C" __global__ void emulated_sums(const EmulatedArgs a) {
    __shared__ float parts[32];
    size_t thread = blockIdx.x * blockDim.x + threadIdx.x;
    float part = warp_sum(a.x[thread]);
    if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = part;
    __syncthreads();
    float sum = 0.f;
    for (unsigned i = 0; i < blockDim.x / 32; ++i) sum += parts[i];
    a.y[thread] = sum;
}

extern "C" __global__ void emulated_beyond(const EmulatedArgs a) {
    a.y[a.num] = 1.f;
}

extern "C" __global__ void emulated_torn(const EmulatedArgs a) {
    if (threadIdx.x < 7) a.y[threadIdx.x] = warp_sum(1.f);
}

extern "C" __global__ void emulated_copies(const EmulatedArgs a) {
    __shared__ __align__(16) float copied[12];
    for (int i = 0; i < 12; ++i) copied[i] = 0.f;
    copy_async(copied, a.x, 16);
    copies_commit();
    copy_async(copied + 4, a.x, 16);
    copies_commit();
    copy_async(copied + 8, a.x, 12);
    copies_commit();
    for (int i = 0; i < 4; ++i) a.y[i] = copied[i];
    copies_wait<1>();
    for (int i = 4; i < 8; ++i) a.y[i] = copied[i];
    for (int i = 8; i < 12; ++i) a.y[i] = copied[8];
    copies_wait<0>();
    for (int i = 12; i < 16; ++i) a.y[i] = copied[i - 4];
}

template <class T> __device__ void widen(const EmulatedArgs& a) {
    const T* from = reinterpret_cast<const T*>(a.x);
    for (unsigned i = threadIdx.x; i < a.num; i += blockDim.x) a.y[i] = load(from, i);
}

template <class T> __device__ void narrow(const EmulatedArgs& a) {
    T* to = reinterpret_cast<T*>(a.y);
    for (unsigned i = threadIdx.x; i < a.num; i += blockDim.x) store(to, i, a.x[i]);
}

extern "C" __global__ void emulated_halves(const EmulatedArgs a) { widen<Half>(a); }
extern "C" __global__ void emulated_bf16s(const EmulatedArgs a) { widen<Bf16>(a); }
extern "C" __global__ void emulated_to_halves(const EmulatedArgs a) { narrow<Half>(a); }
extern "C" __global__ void emulated_to_bf16s(const EmulatedArgs a) { narrow<Bf16>(a); }
