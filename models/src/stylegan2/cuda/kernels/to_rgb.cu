// A layer's colours, on top of the picture before at twice its size.

#include "common.cuh"

struct ToRgbArgs {
    const void* x;
    const float* styles;
    const float* weight;
    const float* bias;
    const float4* before;
    float4* to;
    float clamp;
    unsigned height, width, channels, colours;
    // Threads that share a pixel: 4, 8, 16 or 32, in a row.
    unsigned lanes;
};

// Pixels of a thread.
constexpr int PIXELS = 4;

// Sums of a pixel's four colours.
struct Colours { float v[4]; };

// The sums of both threads of a pair that lie `distance` lanes apart, of what the upper or the
// lower one keeps.
__device__ __forceinline__ Colours exchange(const Colours& low, const Colours& high, bool is_upper, unsigned distance) {
    Colours sums;
#pragma unroll
    for (int c = 0; c < 4; ++c) {
        float kept = is_upper ? high.v[c] : low.v[c], given = is_upper ? low.v[c] : high.v[c];
        sums.v[c] = kept + __shfl_xor_sync(~0u, given, distance);
    }
    return sums;
}

__device__ __forceinline__ float bounded(float v, float bound) { return fmaxf(fminf(v, bound), -bound); }

__device__ __forceinline__ float4 blend(float u, float4 a, float v, float4 b) {
    return make_float4(u * a.x + v * b.x, u * a.y + v * b.y, u * a.z + v * b.z, u * a.w + v * b.w);
}

// Pixel (x, y) of `picture` at twice its size, by [1, 3, 3, 1]/4 along both axes, zeros outside.
__device__ __forceinline__ float4 upsampled(const float4* picture, int x, int y, int height, int width) {
    const int near_x = x / 2, near_y = y / 2;
    const int far_x = near_x + (x % 2 ? 1 : -1), far_y = near_y + (y % 2 ? 1 : -1);
    const bool has_x = far_x >= 0 && far_x < width, has_y = far_y >= 0 && far_y < height;
    const float u = has_x ? 0.25f : 0.f, v = has_y ? 0.25f : 0.f;
    const float4* near_row = picture + size_t(near_y) * width;
    const float4* far_row = has_y ? picture + size_t(far_y) * width : near_row;
    const int beside = has_x ? far_x : near_x;
    const float4 near = blend(0.75f, near_row[near_x], v, far_row[near_x]);
    const float4 far = blend(0.75f, near_row[beside], v, far_row[beside]);
    return blend(0.75f, near, u, far);
}

template <class T> __device__ __forceinline__ void to_rgb(const ToRgbArgs& args) {
    const unsigned lane = threadIdx.x % 32, warp = (blockIdx.x * blockDim.x + threadIdx.x) / 32;
    const unsigned part = lane % args.lanes, num_groups = 32 / args.lanes;
    // Neighbouring groups of threads read neighbouring pixels at a time.
    const unsigned first = warp * PIXELS * num_groups + lane / args.lanes;
    const unsigned num_pixels = args.height * args.width;
    const T* x = static_cast<const T*>(args.x);

    Colours sums[PIXELS] = {};
    for (unsigned channel = 8 * part; channel < args.channels; channel += 8 * args.lanes) {
        float values[PIXELS][8], styles[8];
#pragma unroll
        for (int j = 0; j < PIXELS; ++j) {
            const unsigned pixel = min(first + j * num_groups, num_pixels - 1);
            load8(x + size_t(pixel) * args.channels + channel, values[j]);
        }
        load8(args.styles + channel, styles);
#pragma unroll
        for (int c = 0; c < 4; ++c) {
            if (c >= args.colours) break;
            float weight[8];
            load8(args.weight + c * args.channels + channel, weight);
#pragma unroll
            for (int i = 0; i < 8; ++i) {
                const float factor = weight[i] * styles[i];
#pragma unroll
                for (int j = 0; j < PIXELS; ++j) sums[j].v[c] += values[j][i] * factor;
            }
        }
    }

    // Of a pair of threads each goes on with half of the pixels, so that in the end everyone has one.
    const unsigned half = args.lanes / 2, quarter = half / 2;
    const bool is_upper = part & half, is_odd = part & quarter;
    const Colours low = exchange(sums[0], sums[2], is_upper, half);
    const Colours high = exchange(sums[1], sums[3], is_upper, half);
    Colours sum = exchange(low, high, is_odd, quarter);
    for (unsigned distance = quarter / 2; distance > 0; distance /= 2) sum = exchange(sum, sum, false, distance);

    const unsigned pixel = first + part / quarter * num_groups;
    if (part % quarter != 0 || pixel >= num_pixels) return;
    const float4 bias = *reinterpret_cast<const float4*>(args.bias);
    float4 colours = make_float4(
        bounded(sum.v[0] + bias.x, args.clamp), bounded(sum.v[1] + bias.y, args.clamp),
        bounded(sum.v[2] + bias.z, args.clamp), bounded(sum.v[3] + bias.w, args.clamp));
    if (args.before) {
        const float4 up = upsampled(
            args.before, pixel % args.width, pixel / args.width, args.height / 2, args.width / 2);
        colours = blend(1, colours, 1, up);
    }
    args.to[pixel] = colours;
}

extern "C" __global__ void __launch_bounds__(256) to_rgb_f32(const ToRgbArgs args) { to_rgb<float>(args); }
extern "C" __global__ void __launch_bounds__(256) to_rgb_f16(const ToRgbArgs args) { to_rgb<Half>(args); }
extern "C" __global__ void __launch_bounds__(256) to_rgb_bf16(const ToRgbArgs args) { to_rgb<Bf16>(args); }
