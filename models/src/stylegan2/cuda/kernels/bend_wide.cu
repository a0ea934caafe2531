// Planes blurred and sharpened by a wide Gaussian: four boxes in a row, each a running sum. See
// bend/blur.rs.
//
// A thread walks along one channel of a line. The boxes follow each other at `delay` = 2·radius + 2
// places: what box b takes at step n comes from box b - 1 at the same step, and leaves its sum
// `delay` steps later. What boxes 1, 2 and 3 have taken lies in rings of `delay` places.

#include "bend.cuh"

constexpr int NUM_BOXES = 4;
// Steps whose values are read ahead; a ring is longer.
constexpr int STEPS = 4;

struct WideArgs {
    Region region;
    // The rows blurred, in 32 bits.
    float* across;
    // `[NUM_BOXES - 1, delay, num_lines, channels]`.
    float* rings;
    // Columns instead of rows: from `across` back to the features.
    unsigned is_down;
    unsigned first_line, num_lines;
    int delay;
    unsigned border;
    // Weight of the two places beyond a box against the others, and of the whole.
    float edge, gain;
    // Unsharp masking by `strength` instead.
    unsigned is_sharpened;
    float strength;
    unsigned pad;
};

// A running sum that does not drift: what is lost in rounding is kept aside (Neumaier, 1974).
struct Sum {
    float sum = 0, lost = 0;
    __device__ __forceinline__ void add(float v) {
        const float next = __fadd_rn(sum, v), part = __fsub_rn(next, sum);
        lost += __fadd_rn(__fsub_rn(sum, __fsub_rn(next, part)), __fsub_rn(v, part));
        sum = next;
    }
    __device__ __forceinline__ float value() const { return sum + lost; }
};

// What a line of one channel is read from, and where it goes: features or 32 bits.
template <class T> struct Line {
    const WideArgs& args;
    // Where it begins, and from one place to the next.
    size_t first, step;
    int len;

    __device__ __forceinline__ float at(int i) const {
        i = border_index(args.border, i, len);
        if (i < 0) return 0;
        return args.is_down ? args.across[first + i * step] : load(features(), first + i * step);
    }

    __device__ __forceinline__ void put(int i, float v) const {
        const size_t place = first + i * step;
        if (!args.is_down) {
            args.across[place] = v;
            return;
        }
        const float x = load(features(), place);
        if (args.is_sharpened) v = x + args.strength * (x - v);
        store(features(), place, blended(x, v, args.region.amount));
    }

    __device__ __forceinline__ T* features() const { return static_cast<T*>(args.region.x); }
};

// A place of a ring, from one that lies less than a ring's length too far.
__device__ __forceinline__ size_t wrapped(int slot, int len) { return slot < len ? slot : slot - len; }

// Blurs a line by all boxes. `rings` is where those of its channel begin.
template <class T> __device__ __forceinline__ void blur(const WideArgs& args, const Line<T>& line, float* rings) {
    const int delay = args.delay, end = line.len + NUM_BOXES * delay;
    const size_t step = size_t(args.num_lines) * args.region.channels;
    Sum sums[NUM_BOXES];
    float olds[NUM_BOXES] = {};
    for (int start = 0, slot = 0; start < end; start += STEPS, slot = wrapped(slot + STEPS, delay)) {
        float taken[STEPS], leaving[STEPS][NUM_BOXES];
#pragma unroll
        for (int k = 0; k < STEPS; ++k) {
            const int n = start + k;
            const float* ring = rings + wrapped(slot + k + 1, delay) * step;
            taken[k] = line.at(n - 2 * delay);
#pragma unroll
            for (int box = 0; box < NUM_BOXES; ++box) {
                const bool is_full = n + 1 >= (box + 1) * delay;
                leaving[k][box] = !is_full ? 0 : box == 0 ? line.at(n + 1 - 3 * delay) : ring[(box - 1) * delay * step];
            }
        }
#pragma unroll
        for (int k = 0; k < STEPS; ++k) {
            const int n = start + k;
            float* ring = rings + wrapped(slot + k, delay) * step;
            float v = taken[k];
#pragma unroll
            for (int box = 0; box < NUM_BOXES; ++box) {
                if (n < box * delay) break;
                if (box > 0) ring[(box - 1) * delay * step] = v;
                const float blurred = args.gain * (sums[box].value() + args.edge * (olds[box] + v));
                sums[box].add(v);
                sums[box].add(-leaving[k][box]);
                olds[box] = leaving[k][box];
                v = blurred;
            }
            if (n >= NUM_BOXES * delay && n < end) line.put(n - NUM_BOXES * delay, v);
        }
    }
}

template <class T> __device__ __forceinline__ void wide(const WideArgs& args) {
    const Region& region = args.region;
    const unsigned i = blockIdx.x * blockDim.x + threadIdx.x, num_channels = region.channels;
    const unsigned line = i / num_channels, channel = i % num_channels;
    const bool is_bent = region.is_bent[channel / 32] >> channel % 32 & 1;
    if (line >= args.num_lines || !is_bent) return;
    const size_t row = size_t(region.width) * num_channels;
    const size_t first = (args.first_line + line) * (args.is_down ? num_channels : row) + channel;
    const Line<T> of = args.is_down ? Line<T>{args, first, row, int(region.height)}
                                    : Line<T>{args, first, num_channels, int(region.width)};
    blur(args, of, args.rings + i);
}

BEND_KERNELS(bend_wide, wide, WideArgs)
