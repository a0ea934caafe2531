// What all kernels share: numbers of 16 bits, and the instructions of NVIDIA's tensor cores
// (compute capability 8.0 and later), each beside its emulation for tests.

#pragma once

#ifdef LUMAWIRE_EMULATED
#include "emulated.hpp"
#else
#include <stddef.h>
#include <stdint.h>
#endif

// A half (IEEE binary16).
struct Half { uint16_t bits; };
// The upper half of a float.
struct Bf16 { uint16_t bits; };

constexpr float MAX_HALF = 65504.f;
template <class T> constexpr bool IS_HALF = false;
template <> constexpr bool IS_HALF<Half> = true;

__device__ __forceinline__ float to_float(float x) { return x; }
__device__ __forceinline__ float to_float(Bf16 x) { return __uint_as_float(uint32_t(x.bits) << 16); }

__device__ __forceinline__ float to_float(Half x) {
#ifdef LUMAWIRE_EMULATED
    // The exponent moves up by 127 - 15; numbers below the normal ones come right by the product.
    uint32_t sign = uint32_t(x.bits & 0x8000) << 16, bits = uint32_t(x.bits & 0x7fff) << 13;
    bits = bits < 0x0f800000 ? __float_as_uint(__uint_as_float(bits) * 0x1p112f) : bits + 0x70000000;
    return __uint_as_float(sign | bits);
#else
    float y;
    asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
    return y;
#endif
}

template <class T> struct From;

template <> struct From<float> {
    static __device__ __forceinline__ float to(float x) { return x; }
};

// To the nearest half, ties to even. What is beyond the largest becomes the largest; NaN stays.
template <> struct From<Half> {
    static __device__ __forceinline__ Half to(float x) {
        x = x > MAX_HALF ? MAX_HALF : x < -MAX_HALF ? -MAX_HALF : x;
#ifdef LUMAWIRE_EMULATED
        uint32_t bits = __float_as_uint(x), sign = bits >> 16 & 0x8000;
        bits &= 0x7fffffff;
        if (bits > 0x7f800000) return Half{0x7fff};
        if (bits < 0x38800000) return Half{uint16_t(sign | uint32_t(rintf(__uint_as_float(bits) * 0x1p24f)))};
        bits += 0xfff + (bits >> 13 & 1);
        return Half{uint16_t(sign | (bits - 0x38000000) >> 13)};
#else
        Half y;
        asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
        return y;
#endif
    }
};

// To the nearest, ties to even.
template <> struct From<Bf16> {
    static __device__ __forceinline__ Bf16 to(float x) {
#ifdef LUMAWIRE_EMULATED
        uint32_t bits = __float_as_uint(x);
        if ((bits & 0x7fffffff) > 0x7f800000) return Bf16{0x7fff};
        return Bf16{uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
#else
        Bf16 y;
        asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
        return y;
#endif
    }
};

template <class T> __device__ __forceinline__ T from_float(float x) { return From<T>::to(x); }

template <class T> __device__ __forceinline__ float load(const T* from, size_t i) {
    return to_float(from[i]);
}

template <class T> __device__ __forceinline__ void store(T* to, size_t i, float x) {
    to[i] = from_float<T>(x);
}

// Eight numbers at an address that is a multiple of their size.
template <class T> __device__ __forceinline__ void load8(const T* from, float (&x)[8]) {
    if constexpr (sizeof(T) == 2) {
        uint4 words = *reinterpret_cast<const uint4*>(from);
        const uint32_t each[4] = {words.x, words.y, words.z, words.w};
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            x[2 * i] = to_float(T{uint16_t(each[i])});
            x[2 * i + 1] = to_float(T{uint16_t(each[i] >> 16)});
        }
    } else {
        float4 low = reinterpret_cast<const float4*>(from)[0];
        float4 high = reinterpret_cast<const float4*>(from)[1];
        x[0] = low.x, x[1] = low.y, x[2] = low.z, x[3] = low.w;
        x[4] = high.x, x[5] = high.y, x[6] = high.z, x[7] = high.w;
    }
}

// Two numbers in a register, the first in its lower half.
template <class T> __device__ __forceinline__ uint32_t pair(float low, float high) {
#ifdef LUMAWIRE_EMULATED
    return uint32_t(from_float<T>(low).bits) | uint32_t(from_float<T>(high).bits) << 16;
#else
    uint32_t y;
    if constexpr (IS_HALF<T>) {
        asm("{ .reg .b32 both;"
            "cvt.rn.f16x2.f32 both, %1, %2;"
            "min.NaN.f16x2 both, both, %3;"
            "max.NaN.f16x2 %0, both, %4; }"
            : "=r"(y)
            : "f"(high), "f"(low), "r"(0x7bff7bffu), "r"(0xfbfffbffu)); // bounds of a half
    } else {
        asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(high), "f"(low));
    }
    return y;
#endif
}

template <class T> __device__ __forceinline__ void store8(T* to, const float (&x)[8]) {
    if constexpr (sizeof(T) == 2) {
        *reinterpret_cast<uint4*>(to) = make_uint4(
            pair<T>(x[0], x[1]), pair<T>(x[2], x[3]), pair<T>(x[4], x[5]), pair<T>(x[6], x[7]));
    } else {
        reinterpret_cast<float4*>(to)[0] = make_float4(x[0], x[1], x[2], x[3]);
        reinterpret_cast<float4*>(to)[1] = make_float4(x[4], x[5], x[6], x[7]);
    }
}

__device__ __forceinline__ float warp_sum(float x) {
#pragma unroll
    for (int mask = 16; mask > 0; mask /= 2) x += __shfl_xor_sync(~0u, x, mask);
    return x;
}

__device__ __forceinline__ float warp_max(float x) {
#pragma unroll
    for (int mask = 16; mask > 0; mask /= 2) x = fmaxf(x, __shfl_xor_sync(~0u, x, mask));
    return x;
}

// The shared memory that the launch asked for.
__device__ __forceinline__ unsigned char* dynamic_shared() {
#ifdef LUMAWIRE_EMULATED
    return emulated::block.shared;
#else
    extern __shared__ __align__(128) unsigned char lumawire_shared[];
    return lumawire_shared;
#endif
}

// Four 8×8 matrices of 16-bit numbers. Lane l gives the address of row l % 8 of matrix l / 8, 16
// bytes; it gets the 4 bytes at l % 4 of row l / 4 of each.
__device__ __forceinline__ void load_matrices(uint32_t (&to)[4], const void* row) {
#ifdef LUMAWIRE_EMULATED
    emulated::load_matrices(to, row);
#else
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(uint32_t(__cvta_generic_to_shared(row)))
                 : "memory");
#endif
}

// Copies 16 bytes to shared memory in the background: `num_bytes` of them, 0 to 16, then zeros.
__device__ __forceinline__ void copy_async(void* to, const void* from, unsigned num_bytes) {
#ifdef LUMAWIRE_EMULATED
    emulated::copy_async(to, from, num_bytes);
#else
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
                 ::"r"(uint32_t(__cvta_generic_to_shared(to))),
                 "l"(__cvta_generic_to_global(from)), "r"(num_bytes)
                 : "memory");
#endif
}

// Closes a group of copies.
__device__ __forceinline__ void copies_commit() {
#ifdef LUMAWIRE_EMULATED
    emulated::copies_commit();
#else
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// Waits for this thread's copies, but for its last `NUM_LEFT` groups.
template <int NUM_LEFT> __device__ __forceinline__ void copies_wait() {
#ifdef LUMAWIRE_EMULATED
    emulated::copies_wait(NUM_LEFT);
#else
    asm volatile("cp.async.wait_group %0;" ::"n"(NUM_LEFT) : "memory");
#endif
}

// The float whose mantissa of 10 bits is nearest, ties away from zero.
__device__ __forceinline__ uint32_t to_tf32(float x) {
#ifdef LUMAWIRE_EMULATED
    uint32_t bits = __float_as_uint(x);
    return (bits & 0x7fffffff) > 0x7f800000 ? bits : (bits + 0x1000) & 0xffffe000;
#else
    uint32_t y;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(y) : "f"(x));
    return y;
#endif
}

// sum += a·b on tensor cores, as a warp. `a` has 16 rows and 32 bytes of columns, `b` has as many
// rows and 8 columns; lane l holds of the sum, and so of them, as the PTX ISA says:
// sum[0], sum[1]: row l / 4, columns 2·(l % 4) and the next; sum[2], sum[3]: row l / 4 + 8.
__device__ __forceinline__ void multiply_tf32(float (&sum)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#ifdef LUMAWIRE_EMULATED
    emulated::multiply<8>(sum, a, b, [](uint32_t x, int) { return __uint_as_float(x & 0xffffe000); });
#else
    asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

__device__ __forceinline__ void multiply_f16(float (&sum)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#ifdef LUMAWIRE_EMULATED
    emulated::multiply<16>(sum, a, b, [](uint32_t x, int i) { return to_float(Half{uint16_t(x >> 16 * i)}); });
#else
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

__device__ __forceinline__ void multiply_bf16(float (&sum)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#ifdef LUMAWIRE_EMULATED
    emulated::multiply<16>(sum, a, b, [](uint32_t x, int i) { return to_float(Bf16{uint16_t(x >> 16 * i)}); });
#else
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

// Both numbers of a register times those of another, each rounded once.
__device__ __forceinline__ uint32_t times_f16(uint32_t a, uint32_t b) {
#ifdef LUMAWIRE_EMULATED
    auto part = [](uint32_t x, int i) { return to_float(Half{uint16_t(x >> 16 * i)}); };
    return pair<Half>(part(a, 0) * part(b, 0), part(a, 1) * part(b, 1));
#else
    uint32_t y;
    asm("mul.rn.f16x2 %0, %1, %2;" : "=r"(y) : "r"(a), "r"(b));
    return y;
#endif
}

__device__ __forceinline__ uint32_t times_bf16(uint32_t a, uint32_t b) {
#ifdef LUMAWIRE_EMULATED
    auto part = [](uint32_t x, int i) { return to_float(Bf16{uint16_t(x >> 16 * i)}); };
    return pair<Bf16>(part(a, 0) * part(b, 0), part(a, 1) * part(b, 1));
#else
    // There is no product alone before compute capability 9.0; adding -0 changes nothing.
    uint32_t y;
    asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(y) : "r"(a), "r"(b), "r"(0x80008000u));
    return y;
#endif
}
