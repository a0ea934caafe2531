// The modulated 3×3 convolution as a product of matrices on tensor cores, of any kind of numbers.
//
// A block makes a tile of pixels (rows of the product) times columns, each column an output, or an
// output in one of four phases where the size is doubled. It walks over chunks of the inputs, 32
// bytes of a pixel's channels each. For a chunk, the tile's pixels and those around lie in shared
// memory once, and all nine taps read them there, shifted; the taps' weights follow row by row
// through a ring of STAGES. Copies are asynchronous, so one step's products hide the next steps'
// loads. Styles scale the weights in registers.
//
// Shared memory holds units of 16 bytes, two a pixel or column. Where bit 2 of a pixel's x or of a
// column is set, the two are swapped: so any 8 neighbours lie in different banks.
//
// What bounds a tile, counted by hand for a chunk of a block, in cycles of a multiprocessor: products
// on tensor cores (at 1024 of halves a cycle, as the A100 makes; others need more), shared memory (128
// bytes a cycle, read and written), and the bytes that come from the cache:
//
//   256x128, halves: 4608 of products, 2673 of shared memory, 47 kB
//   256x64, halves: 2304, 1377, 29 kB
//   256x32, halves: 1152, 1017, 20 kB
//   128x64, F32 (three of tf32, 512 a cycle): 3456, 1053, 24 kB
//   64x64, F32: 1728, 745, 22 kB
//
// So products bound all of them; the two are close only for 32 columns. 64x64 serves layers of few
// pixels, where the weights come from memory once; there the splits make all multiprocessors read.

#pragma once

#include "common.cuh"

struct ConvArgs {
    const unsigned char* x; // [height, width, chunks, 32 bytes]
    const unsigned char* weights; // [chunks, 9, rows of 32 columns each, 32 bytes]
    const float* styles; // [padded inputs]
    const float* demodulation; // [padded outputs]
    const float* bias; // [padded outputs]
    const float* noise; // [height of y, width of y], or null
    const float* noise_gain; // one
    const void* around; // like y, but in the numbers of x, or null
    void* y; // [height, width, padded outputs], twice the size where it is doubled
    float* sums; // [splits, height, width, columns], where there are several splits
    uint32_t height, width; // of x
    uint32_t num_chunks, chunks_per_split, num_splits;
    uint32_t outputs, padded_outputs;
    uint32_t columns; // padded outputs, or four times as many
    uint32_t is_up;
    uint32_t out; // the numbers of y
    float slope, gain, clamp; // max(y, slope·y)·gain within ±clamp
    uint32_t pad;
};

constexpr uint32_t OUT_F32 = 0, OUT_F16 = 1; // and bf16

constexpr int CHUNK_BYTES = 32;
constexpr int UNIT_BYTES = 16;
// The packing orders columns within groups of this many, so that a thread gets 8 that follow each
// other: row 8j + 2t + e of a group is column 8t + 2j + e.
constexpr int GROUP = 32;

__device__ __forceinline__ int swap_of(int place) { return (place >> 2 & 1) * UNIT_BYTES; }

// Numbers: how a chunk's numbers are scaled and multiplied. `Left` is a fragment of pixels, `Right`
// one of weights.

template <class T> __device__ __forceinline__ uint32_t style_pair(const float* styles) {
    float2 both = *reinterpret_cast<const float2*>(styles);
    return pair<T>(both.x, both.y);
}

struct F16 {
    using Memory = Half;
    struct Left { uint32_t words[4]; };
    struct Right { uint32_t words[2]; };
    // Of the channels that a thread's registers hold.
    struct Styles { uint32_t words[2]; };

    static __device__ __forceinline__ Styles styles(const float* chunk, int lane) {
        const float* own = chunk + lane % 4 * 2;
        return {{style_pair<Half>(own), style_pair<Half>(own + 8)}};
    }
    static constexpr int PER_CHUNK = 16, TAPS_AT_ONCE = 3;
    static __device__ __forceinline__ Left left(const uint32_t (&x)[4]) { return {{x[0], x[1], x[2], x[3]}}; }
    static __device__ __forceinline__ Right right(uint32_t low, uint32_t high, const Styles& styles) {
        return {{times_f16(low, styles.words[0]), times_f16(high, styles.words[1])}};
    }
    template <int COUNT>
    static __device__ __forceinline__ void multiply(float (&sums)[COUNT][4], const Left& a, const Right (&b)[COUNT]) {
#pragma unroll
        for (int n = 0; n < COUNT; ++n) multiply_f16(sums[n], a.words, b[n].words);
    }
};

struct Bf16s : F16 {
    using Memory = Bf16;
    static __device__ __forceinline__ Styles styles(const float* chunk, int lane) {
        const float* own = chunk + lane % 4 * 2;
        return {{style_pair<Bf16>(own), style_pair<Bf16>(own + 8)}};
    }
    static __device__ __forceinline__ Right right(uint32_t low, uint32_t high, const Styles& styles) {
        return {{times_bf16(low, styles.words[0]), times_bf16(high, styles.words[1])}};
    }
    template <int COUNT>
    static __device__ __forceinline__ void multiply(float (&sums)[COUNT][4], const Left& a, const Right (&b)[COUNT]) {
#pragma unroll
        for (int n = 0; n < COUNT; ++n) multiply_bf16(sums[n], a.words, b[n].words);
    }
};

struct Tf32 {
    using Memory = float;
    struct Left { uint32_t words[4]; };
    struct Right { uint32_t words[2]; };
    struct Styles { float values[2]; };

    static constexpr int PER_CHUNK = 8, TAPS_AT_ONCE = 1; // for want of registers
    static __device__ __forceinline__ Styles styles(const float* chunk, int lane) {
        return {{chunk[lane % 4], chunk[lane % 4 + 4]}};
    }
    static __device__ __forceinline__ Left left(const uint32_t (&x)[4]) {
        Left a;
#pragma unroll
        for (int i = 0; i < 4; ++i) a.words[i] = to_tf32(__uint_as_float(x[i]));
        return a;
    }
    static __device__ __forceinline__ Right right(uint32_t low, uint32_t high, const Styles& styles) {
        return {{to_tf32(__uint_as_float(low) * styles.values[0]), to_tf32(__uint_as_float(high) * styles.values[1])}};
    }
    template <int COUNT>
    static __device__ __forceinline__ void multiply(float (&sums)[COUNT][4], const Left& a, const Right (&b)[COUNT]) {
#pragma unroll
        for (int n = 0; n < COUNT; ++n) multiply_tf32(sums[n], a.words, b[n].words);
    }
};

// A number as the sum of two of tf32, big and small: a product is then big·big + big·small +
// small·big, without the last 2^-22 of it. Tensor cores cut off what a sum cannot hold; over
// thousands of terms this would be a bias, so they only add up three products, and the sum of those
// is rounded as everywhere.
struct F32 {
    using Memory = float;
    struct Left { uint32_t big[4], small[4]; };
    struct Right { uint32_t big[2], small[2]; };
    using Styles = Tf32::Styles;

    static constexpr int PER_CHUNK = 8, TAPS_AT_ONCE = 1;
    static __device__ __forceinline__ Styles styles(const float* chunk, int lane) { return Tf32::styles(chunk, lane); }
    static __device__ __forceinline__ void split(float x, uint32_t& big, uint32_t& small) {
        big = to_tf32(x);
        small = to_tf32(x - __uint_as_float(big));
    }
    static __device__ __forceinline__ Left left(const uint32_t (&x)[4]) {
        Left a;
#pragma unroll
        for (int i = 0; i < 4; ++i) split(__uint_as_float(x[i]), a.big[i], a.small[i]);
        return a;
    }
    static __device__ __forceinline__ Right right(uint32_t low, uint32_t high, const Styles& styles) {
        Right b;
        split(__uint_as_float(low) * styles.values[0], b.big[0], b.small[0]);
        split(__uint_as_float(high) * styles.values[1], b.big[1], b.small[1]);
        return b;
    }
    template <int COUNT>
    static __device__ __forceinline__ void multiply(float (&sums)[COUNT][4], const Left& a, const Right (&b)[COUNT]) {
        float parts[COUNT][4] = {};
#pragma unroll
        for (int n = 0; n < COUNT; ++n) multiply_tf32(parts[n], a.small, b[n].big);
#pragma unroll
        for (int n = 0; n < COUNT; ++n) multiply_tf32(parts[n], a.big, b[n].small);
#pragma unroll
        for (int n = 0; n < COUNT; ++n) multiply_tf32(parts[n], a.big, b[n].big);
#pragma unroll
        for (int n = 0; n < COUNT; ++n)
#pragma unroll
            for (int i = 0; i < 4; ++i) sums[n][i] += parts[n][i];
    }
};

// A block's tile: HEIGHT·WIDTH pixels by COLUMNS, shared among WARPS_M·WARPS_N warps, each of which
// makes TILES_M·TILES_N products of 16 pixels by 8 columns.
template <int HEIGHT_, int WIDTH_, int WARPS_M_, int WARPS_N_, int TILES_M_, int TILES_N_, int STAGES_>
struct Tile {
    static constexpr int HEIGHT = HEIGHT_, WIDTH = WIDTH_, STAGES = STAGES_;
    static constexpr int WARPS_M = WARPS_M_, WARPS_N = WARPS_N_, TILES_M = TILES_M_, TILES_N = TILES_N_;
    static constexpr int THREADS = 32 * WARPS_M * WARPS_N;
    static constexpr int COLUMNS = 8 * TILES_N * WARPS_N;
    static constexpr int GROUPS = 8 * TILES_N / GROUP; // of columns, in a warp
    static constexpr int ROW_BYTES = (WIDTH + 2) * CHUNK_BYTES;
    static constexpr int PIXELS_BYTES = (HEIGHT + 2) * ROW_BYTES;
    static constexpr int TAP_BYTES = COLUMNS * CHUNK_BYTES;
    static constexpr int STAGE_BYTES = 3 * TAP_BYTES;
    static_assert(HEIGHT * WIDTH == 16 * TILES_M * WARPS_M && 8 * TILES_N % GROUP == 0);
};

template <class T> struct Place {
    int y, x; // of the tile's first pixel
    int column; // its first

    __device__ __forceinline__ explicit Place(const ConvArgs& a) {
        int tiles = (a.width + T::WIDTH - 1) / T::WIDTH;
        y = blockIdx.x / tiles * T::HEIGHT;
        x = blockIdx.x % tiles * T::WIDTH;
        column = blockIdx.y * T::COLUMNS;
    }
};

// The tile's pixels of a chunk and those around, zeros outside of the picture.
template <class T>
__device__ __forceinline__ void fetch_pixels(const ConvArgs& a, const Place<T>& place, int chunk, unsigned char* to) {
    constexpr int NUM_UNITS = (T::HEIGHT + 2) * (T::WIDTH + 2) * 2;
    const unsigned char* x = a.x + size_t(chunk) * CHUNK_BYTES;
#pragma unroll
    for (int first = 0; first < NUM_UNITS; first += T::THREADS) {
        int unit = first + threadIdx.x;
        if (unit >= NUM_UNITS) break;
        int pixel = unit / 2, row = pixel / (T::WIDTH + 2), column = pixel % (T::WIDTH + 2);
        int from_y = place.y + row - 1, from_x = place.x + column - 1;
        bool inside = unsigned(from_y) < a.height && unsigned(from_x) < a.width;
        size_t from = inside ? (size_t(from_y) * a.width + from_x) * a.num_chunks * CHUNK_BYTES : 0;
        int offset = unit % 2 * UNIT_BYTES;
        copy_async(to + pixel * CHUNK_BYTES + (offset ^ swap_of(column)), x + from + offset, inside ? UNIT_BYTES : 0);
    }
}

// The weights of a chunk's row of three taps, as they lie; zeros beyond the last column.
template <class T>
__device__ __forceinline__ void fetch_weights(const ConvArgs& a, const Place<T>& place, int chunk, int row, unsigned char* to) {
    constexpr int NUM_UNITS = T::STAGE_BYTES / UNIT_BYTES, PER_TAP = T::TAP_BYTES / UNIT_BYTES;
    int num_columns = (a.columns + GROUP - 1) / GROUP * GROUP;
    size_t tap_bytes = size_t(num_columns) * CHUNK_BYTES;
    const unsigned char* weights = a.weights + (size_t(chunk) * 9 + row * 3) * tap_bytes;
#pragma unroll
    for (int first = 0; first < NUM_UNITS; first += T::THREADS) {
        int unit = first + threadIdx.x;
        if (unit >= NUM_UNITS) break;
        int tap = unit / PER_TAP, within = unit % PER_TAP;
        bool inside = place.column + within / 2 < num_columns;
        size_t from = inside ? tap * tap_bytes + size_t(place.column) * CHUNK_BYTES + within * UNIT_BYTES : 0;
        copy_async(to + unit * UNIT_BYTES, weights + from, inside ? UNIT_BYTES : 0);
    }
}

// Adds a row of three taps: `pixels` are those of the chunk, from the row on that the taps look at.
template <class N, class T>
__device__ __forceinline__ void multiply_row(
    float (&sums)[T::TILES_M][T::TILES_N][4],
    const unsigned char* pixels,
    const unsigned char* weights,
    const typename N::Styles& styles
) {
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    // The row of a matrix that this lane gives the address of, and which half of 32 bytes.
    int pixel = warp / T::WARPS_N * T::TILES_M * 16 + lane % 16, pixel_half = lane / 16 * UNIT_BYTES;
    int y = pixel / T::WIDTH, x = pixel % T::WIDTH;
    int column = warp % T::WARPS_N * T::TILES_N * 8 + lane % 8 + lane / 16 * 8;
    int column_half = lane / 8 % 2 * UNIT_BYTES;
    const unsigned char* right = weights + column * CHUNK_BYTES + (column_half ^ swap_of(column));
    constexpr int ROWS_PER_TILE = 16 / T::WIDTH; // 16 pixels are one row, or two of 8
#pragma unroll N::TAPS_AT_ONCE
    for (int tap = 0; tap < 3; ++tap) {
        typename N::Right b[T::TILES_N];
#pragma unroll
        for (int n = 0; n < T::TILES_N; n += 2) {
            uint32_t words[4];
            load_matrices(words, right + tap * T::TAP_BYTES + n * 8 * CHUNK_BYTES);
            b[n] = N::right(words[0], words[1], styles);
            b[n + 1] = N::right(words[2], words[3], styles);
        }
        const unsigned char* left =
            pixels + y * T::ROW_BYTES + (x + tap) * CHUNK_BYTES + (pixel_half ^ swap_of(x + tap));
#pragma unroll
        for (int m = 0; m < T::TILES_M; ++m) {
            uint32_t words[4];
            load_matrices(words, left + m * ROWS_PER_TILE * T::ROW_BYTES);
            N::multiply(sums[m], N::left(words), b);
        }
    }
}

// Where 8 columns go, and what all pixels share there.
struct Output {
    uint32_t channel, phase;
    float demodulation[8], bias[8];
    float noise_gain;

    __device__ __forceinline__ Output(const ConvArgs& a, uint32_t column) {
        phase = (column >= a.padded_outputs) + (column >= 2 * a.padded_outputs) + (column >= 3 * a.padded_outputs);
        channel = column - phase * a.padded_outputs;
        load8(a.demodulation + channel, demodulation);
        load8(a.bias + channel, bias);
        noise_gain = a.noise ? *a.noise_gain : 0.f;
    }
};

__device__ __forceinline__ void store8(void* to, size_t i, uint32_t out, const float (&v)[8]) {
    if (out == OUT_F32) store8(static_cast<float*>(to) + i, v);
    else if (out == OUT_F16) store8(static_cast<Half*>(to) + i, v);
    else store8(static_cast<Bf16*>(to) + i, v);
}

// What follows the sums of 8 outputs of the pixel at (y, x) of what comes in. NaN stays NaN.
template <class N>
__device__ __forceinline__ void finish(const ConvArgs& a, const Output& output, uint32_t y, uint32_t x, float (&v)[8]) {
    uint32_t scale = a.is_up ? 2 : 1;
    size_t pixel = size_t(y * scale + output.phase / 2) * (a.width * scale) + x * scale + output.phase % 2;
    size_t first = pixel * a.padded_outputs + output.channel;
    float noise = a.noise ? output.noise_gain * a.noise[pixel] : 0.f;
#pragma unroll
    for (int i = 0; i < 8; ++i) {
        v[i] = fmaf(v[i], output.demodulation[i], noise) + output.bias[i];
        v[i] = fmaxf(v[i], a.slope * v[i]) * a.gain;
        v[i] = v[i] > a.clamp ? a.clamp : v[i] < -a.clamp ? -a.clamp : v[i];
    }
    if (a.around) {
        float around[8];
        load8(static_cast<const typename N::Memory*>(a.around) + first, around);
#pragma unroll
        for (int i = 0; i < 8; ++i) v[i] += around[i];
    }
#pragma unroll
    for (int i = 0; i < 8; ++i)
        if (output.channel + i >= a.outputs) v[i] = 0.f;
    store8(a.y, first, a.out, v);
}

// Hands out a warp's sums: each thread has, of 16 pixels and 32 columns, 8 columns of 2 pixels.
template <class N, class T>
__device__ __forceinline__ void write(const ConvArgs& a, const Place<T>& place, const float (&sums)[T::TILES_M][T::TILES_N][4]) {
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
#pragma unroll
    for (int group = 0; group < T::GROUPS; ++group) {
        uint32_t column = place.column + (warp % T::WARPS_N * T::GROUPS + group) * GROUP + lane % 4 * 8;
        if (column >= a.columns) continue;
        Output output(a, column);
#pragma unroll
        for (int m = 0; m < T::TILES_M; ++m) {
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                int pixel = (warp / T::WARPS_N * T::TILES_M + m) * 16 + half * 8 + lane / 4;
                uint32_t y = place.y + pixel / T::WIDTH, x = place.x + pixel % T::WIDTH;
                if (y >= a.height || x >= a.width) continue;
                float v[8];
#pragma unroll
                for (int i = 0; i < 8; ++i) v[i] = sums[m][group * 4 + i / 2][half * 2 + i % 2];
                if (a.num_splits == 1) {
                    finish<N>(a, output, y, x, v);
                } else {
                    size_t pixel_of_all = (size_t(blockIdx.z) * a.height + y) * a.width + x;
                    store8(a.sums + pixel_of_all * a.columns + column, v);
                }
            }
        }
    }
}

// Grid: tiles of pixels, tiles of columns, splits of the chunks.
template <class N, class T> __device__ __forceinline__ void convolve(const ConvArgs& a) {
    unsigned char* pixels = dynamic_shared();
    unsigned char* weights = pixels + 2 * T::PIXELS_BYTES;
    Place<T> place(a);
    int first = blockIdx.z * a.chunks_per_split;
    int num_chunks = min(int(a.num_chunks) - first, int(a.chunks_per_split));

    // Step by step of a row of taps, STAGES - 1 steps ahead.
    int next_chunk = 0, next_row = 0, next_stage = 0;
    auto fetch = [&] {
        if (next_chunk < num_chunks) {
            int chunk = first + next_chunk;
            if (next_row == 0) fetch_pixels<T>(a, place, chunk, pixels + next_chunk % 2 * T::PIXELS_BYTES);
            fetch_weights<T>(a, place, chunk, next_row, weights + next_stage * T::STAGE_BYTES);
            if (++next_row == 3) next_row = 0, ++next_chunk;
            if (++next_stage == T::STAGES) next_stage = 0;
        }
        copies_commit();
    };
#pragma unroll
    for (int i = 0; i < T::STAGES - 1; ++i) fetch();

    float sums[T::TILES_M][T::TILES_N][4] = {};
    int stage = 0;
    for (int chunk = 0; chunk < num_chunks; ++chunk) {
        auto styles = N::styles(a.styles + (first + chunk) * N::PER_CHUNK, threadIdx.x % 32);
#pragma unroll 1
        for (int row = 0; row < 3; ++row) {
            copies_wait<T::STAGES - 2>();
            // What was fetched is there for all threads, and all are done with what comes next over it.
            __syncthreads();
            fetch();
            multiply_row<N, T>(sums, pixels + chunk % 2 * T::PIXELS_BYTES + row * T::ROW_BYTES,
                weights + stage * T::STAGE_BYTES, styles);
            if (++stage == T::STAGES) stage = 0;
        }
    }
    write<N, T>(a, place, sums);
}

// Adds up the splits' sums, in order: a thread for 8 columns of a pixel.
template <class N> __device__ __forceinline__ void add_splits(const ConvArgs& a) {
    uint32_t per_pixel = a.columns / 8;
    size_t thread = size_t(blockIdx.x) * blockDim.x + threadIdx.x;
    size_t num_pixels = size_t(a.height) * a.width, pixel = thread / per_pixel;
    if (pixel >= num_pixels) return;
    uint32_t column = thread % per_pixel * 8;
    float v[8];
    load8(a.sums + pixel * a.columns + column, v);
    for (uint32_t split = 1; split < a.num_splits; ++split) {
        float part[8];
        load8(a.sums + (split * num_pixels + pixel) * a.columns + column, part);
#pragma unroll
        for (int i = 0; i < 8; ++i) v[i] += part[i];
    }
    finish<N>(a, Output(a, column), pixel / a.width, pixel % a.width, v);
}

// The tiles that `conv.rs` chooses from, by their pixels and columns.
using Tile256x128 = Tile<16, 16, 4, 2, 4, 8, 3>;
using Tile256x64 = Tile<16, 16, 4, 1, 4, 8, 3>;
using Tile128x64 = Tile<8, 16, 2, 2, 4, 4, 4>;
using Tile256x32 = Tile<16, 16, 4, 1, 4, 4, 4>;
using Tile64x64 = Tile<8, 8, 2, 2, 2, 4, 4>;

// BLOCKS fit on a multiprocessor at once.
#define CONV_KERNEL(prefix, Numbers, TILE, BLOCKS)                                                  \
    extern "C" __global__ void __launch_bounds__(Tile##TILE::THREADS, BLOCKS)                       \
        prefix##_##TILE(const ConvArgs a) {                                                         \
        convolve<Numbers, Tile##TILE>(a);                                                           \
    }
#define CONV_ADD_SPLITS(prefix, Numbers)                                                            \
    extern "C" __global__ void prefix##_add_splits(const ConvArgs a) { add_splits<Numbers>(a); }
