// From w to the factors of the channels. A warp computes a value; blocks along y are layers.

#include "common.cuh"

struct StyleJob {
    const float* weight;
    const float* bias;
    float* styles;
    unsigned row, channels;
    float gain;
    unsigned pad;
};

struct StylesArgs {
    const StyleJob* jobs;
    const float* ws;
    unsigned w_dim, pad;
};

struct DemodulationJob {
    const float* power;
    const float* styles;
    float* scaled;
    float* demodulation;
    unsigned inputs, outputs;
};

struct DemodulateArgs {
    const DemodulationJob* jobs;
    uint64_t pad[2];
};

__device__ __forceinline__ unsigned padded(unsigned channels) { return (channels + 15) / 16 * 16; }

// The value that this thread's warp computes.
__device__ __forceinline__ unsigned warp_index() { return (blockIdx.x * blockDim.x + threadIdx.x) / 32; }

// This lane's share of Σ a·b.
__device__ __forceinline__ float product(const float* a, const float* b, unsigned len, unsigned lane) {
    float sum = 0;
    if (len % 4 == 0) {
        const float4* a4 = reinterpret_cast<const float4*>(a);
        const float4* b4 = reinterpret_cast<const float4*>(b);
#pragma unroll 4
        for (unsigned i = lane; i < len / 4; i += 32) {
            float4 u = a4[i], v = b4[i];
            sum += u.x * v.x + u.y * v.y + u.z * v.z + u.w * v.w;
        }
    } else {
        for (unsigned i = lane; i < len; i += 32) sum += a[i] * b[i];
    }
    return sum;
}

extern "C" __global__ void __launch_bounds__(256) modulate_styles(const StylesArgs args) {
    const StyleJob job = args.jobs[blockIdx.y];
    const unsigned output = warp_index(), lane = threadIdx.x % 32;
    if (output >= padded(job.channels)) return;
    float style = 0;
    if (output < job.channels) {
        const float* row = job.weight + size_t(output) * args.w_dim;
        const float* w = args.ws + size_t(job.row) * args.w_dim;
        style = job.gain * warp_sum(product(row, w, args.w_dim, lane)) + job.bias[output];
    }
    if (lane == 0) job.styles[output] = style;
}

__device__ __forceinline__ float largest(float4 v) {
    return fmaxf(fmaxf(fabsf(v.x), fabsf(v.y)), fmaxf(fabsf(v.z), fabsf(v.w)));
}

__device__ __forceinline__ float4 divided(float4 v, float by) {
    return make_float4(v.x / by, v.y / by, v.z / by, v.w / by);
}

// Every warp reads all styles of its layer, and so finds the largest by the way.
extern "C" __global__ void __launch_bounds__(256) modulate_demodulate(const DemodulateArgs args) {
    const DemodulationJob job = args.jobs[blockIdx.y];
    const unsigned output = warp_index(), lane = threadIdx.x % 32;
    if (output >= padded(job.outputs)) return;
    const unsigned num_inputs = padded(job.inputs) / 4;
    const unsigned row = output < job.outputs ? output : 0;
    const float4* power = reinterpret_cast<const float4*>(job.power) + size_t(row) * num_inputs;
    const float4* styles = reinterpret_cast<const float4*>(job.styles);
    float sum = 0, max = 0;
#pragma unroll 4
    for (unsigned i = lane; i < num_inputs; i += 32) {
        float4 p = power[i], s = styles[i];
        sum += p.x * s.x * s.x + p.y * s.y * s.y + p.z * s.z * s.z + p.w * s.w * s.w;
        max = fmaxf(max, largest(s));
    }
    sum = warp_sum(sum);
    max = warp_max(max);
    const float unit = max > 0 ? max : 1;
    if (output == 0) {
        float4* scaled = reinterpret_cast<float4*>(job.scaled);
        for (unsigned i = lane; i < num_inputs; i += 32) scaled[i] = divided(styles[i], unit);
    }
    if (lane == 0) job.demodulation[output] = output < job.outputs ? unit / sqrtf(sum + 1e-8f) : 0;
}
