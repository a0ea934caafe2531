// CUDA C++ on the processor that runs the tests. A block's threads are fibres of one thread of the
// system, which take turns at barriers and at what a warp does together; blocks run on any number
// of threads. What is undefined on a device is a fault here where it is cheap to see.
//
// Collectives follow the PTX ISA, sections "Warp-level matrix instructions" and "Data movement and
// conversion instructions".

#pragma once

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <bit>
#include <vector>

#if !defined(__x86_64__) || !defined(__ELF__)
#include <ucontext.h>
#endif

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __noinline__
#define __restrict__
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
// A block stays on its thread of the system, so what belongs to the one belongs to the other.
#define __shared__ static thread_local
#define __constant__ static const

struct uint3 { unsigned x, y, z; };
struct alignas(8) uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
struct alignas(8) int2 { int x, y; };
struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
inline int2 make_int2(int x, int y) { return {x, y}; }
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

inline thread_local uint3 threadIdx, blockIdx, blockDim, gridDim;

namespace emulated {

struct Fibre;
// Beyond what kernels may take, so that any of them can be called with it: arguments of more than
// 16 bytes lie in memory, their head where the callee looks for it.
struct alignas(8) Argument { unsigned char bytes[512]; };
using Kernel = void (*)(Argument);

enum class State { Ready, AtWarp, AtBlock, Done };

struct Copy { void* to; const void* from; unsigned num_bytes; unsigned group; };

struct Fibre {
    State state = State::Done;
    unsigned char* stack = nullptr;
#if defined(__x86_64__) && defined(__ELF__)
    void* context = nullptr;
#else
    ucontext_t context;
#endif
    std::vector<Copy> copies;
    unsigned group = 0;
};

struct Warp {
    void* operands[32];
    const void* operation;
    unsigned num_arrived;
};

constexpr size_t STACK_BYTES = 128 << 10;
constexpr size_t GUARD_BYTES = 1 << 10;
constexpr unsigned char POISON = 0xff; // NaN in every number

struct Block {
    Kernel kernel;
    Argument argument;
    std::vector<Fibre> fibres;
    std::vector<Warp> warps;
    std::vector<unsigned char> shared_memory;
    unsigned char* shared = nullptr;
    bool eager = false;
    unsigned num_threads = 0;
    unsigned current = 0;
    const char* fault = nullptr;
#if defined(__x86_64__) && defined(__ELF__)
    void* scheduler = nullptr;
#else
    ucontext_t scheduler;
#endif
};

inline thread_local Block block;

#if defined(__x86_64__) && defined(__ELF__)

// Saves the registers that a callee keeps, leaves its stack in *from, and goes on at `to`.
extern "C" __attribute__((visibility("hidden"))) void lumawire_switch(void** from, void* to);
asm(R"(
.text
.hidden lumawire_switch
.globl lumawire_switch
.type lumawire_switch, @function
lumawire_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size lumawire_switch, . - lumawire_switch
)");

inline void to_scheduler(Block& own) { lumawire_switch(&own.fibres[own.current].context, own.scheduler); }
inline void to_fibre(Block& own, Fibre& fibre) { lumawire_switch(&own.scheduler, fibre.context); }

inline void prepare(Fibre& fibre, void (*entry)()) {
    constexpr int NUM_SAVED = 6;
    void** top = reinterpret_cast<void**>(fibre.stack + STACK_BYTES);
    *--top = nullptr;
    *--top = reinterpret_cast<void*>(entry);
    for (int i = 0; i < NUM_SAVED; ++i) *--top = nullptr;
    fibre.context = top;
}

#else

inline void to_scheduler(Block& own) { swapcontext(&own.fibres[own.current].context, &own.scheduler); }
inline void to_fibre(Block& own, Fibre& fibre) { swapcontext(&own.scheduler, &fibre.context); }

inline void prepare(Fibre& fibre, void (*entry)()) {
    getcontext(&fibre.context);
    fibre.context.uc_stack.ss_sp = fibre.stack;
    fibre.context.uc_stack.ss_size = STACK_BYTES;
    fibre.context.uc_link = nullptr;
    makecontext(&fibre.context, entry, 0);
}

#endif

inline void wait(Block& own, State state) {
    own.fibres[own.current].state = state;
    to_scheduler(own);
}

// Ends the launch: the fibre that calls it never goes on.
[[noreturn]] inline void fail(const char* what) {
    block.fault = what;
    wait(block, State::Done);
    abort();
}

inline void check(bool holds, const char* what) {
    if (!holds) fail(what);
}

inline void fibre_main() {
    block.kernel(block.argument);
    wait(block, State::Done);
}

// Stacks stay for the thread's next block. They begin as zeros, and their end must stay so.
inline unsigned char* new_stack() {
    void* stack = mmap(nullptr, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack == MAP_FAILED) abort();
    return static_cast<unsigned char*>(stack);
}

inline bool has_overflown(const unsigned char* stack) {
    uint64_t end;
    memcpy(&end, stack, sizeof end);
    return end != 0;
}

// Runs every fibre of a warp until each waits for the block or is done.
inline void run_warp(Block& own, unsigned first, unsigned end) {
    for (bool any = true; any && !own.fault;) {
        any = false;
        for (unsigned thread = first; thread < end && !own.fault; ++thread) {
            if (own.fibres[thread].state != State::Ready) continue;
            any = true;
            own.current = thread;
            threadIdx = {thread, 0, 0};
            to_fibre(own, own.fibres[thread]);
        }
    }
}

inline void run_block(Block& own) {
    for (;;) {
        for (unsigned first = 0; first < own.num_threads && !own.fault; first += 32) {
            unsigned end = first + 32 < own.num_threads ? first + 32 : own.num_threads;
            run_warp(own, first, end);
        }
        if (own.fault) return;
        unsigned num_done = 0, num_at_block = 0;
        for (unsigned thread = 0; thread < own.num_threads; ++thread) {
            num_done += own.fibres[thread].state == State::Done;
            num_at_block += own.fibres[thread].state == State::AtBlock;
        }
        if (num_done == own.num_threads) return;
        if (num_done + num_at_block < own.num_threads) {
            own.fault = "some threads of a warp wait for others that never come";
            return;
        }
        for (unsigned thread = 0; thread < own.num_threads; ++thread) {
            Fibre& fibre = own.fibres[thread];
            if (fibre.state == State::AtBlock) fibre.state = State::Ready;
        }
    }
}

// What a warp does together: `all(operands)` runs once, when the last of 32 threads has come, on
// what each of them brought.
template <class T, class All> inline void collective(T& mine, All all) {
    static const char operation = 0; // its address tells this operation from others
    Block& own = block; // to find it once: it takes a call
    unsigned thread = own.current, lane = thread % 32, first = thread - lane;
    check(first + 32 <= own.num_threads, "a warp of less than 32 threads acts together");
    Warp& warp = own.warps[thread / 32];
    if (warp.num_arrived == 0) warp.operation = &operation;
    check(warp.operation == &operation, "the threads of a warp do not act together");
    warp.operands[lane] = &mine;
    if (++warp.num_arrived < 32) return wait(own, State::AtWarp);
    warp.num_arrived = 0;
    all(reinterpret_cast<T**>(warp.operands));
    for (unsigned other = first; other < first + 32; ++other)
        if (other != thread) own.fibres[other].state = State::Ready;
}

template <class T, class From> inline T shuffle(T value, From from) {
    struct Operand { T value; T result; } mine{value, value};
    collective(mine, [&](Operand** lanes) {
        for (unsigned lane = 0; lane < 32; ++lane)
            lanes[lane]->result = lanes[from(lane)]->value;
    });
    return mine.result;
}

inline bool is_aligned(const void* at) { return reinterpret_cast<uintptr_t>(at) % 16 == 0; }

// Whether all 8 rows of a matrix can be read at once: 16 bytes each, of 128 that lie in as many
// banks.
inline bool has_own_banks(const unsigned char* const (&rows)[8]) {
    unsigned taken = 0;
    for (const unsigned char* row : rows) taken |= 1u << reinterpret_cast<uintptr_t>(row) / 16 % 8;
    return taken == 0xff;
}

// ldmatrix.sync.aligned.m8n8.x4.shared.b16
inline void load_matrices(uint32_t (&to)[4], const void* row) {
    struct Operand { uint32_t* to; const unsigned char* row; };
    Operand mine{to, static_cast<const unsigned char*>(row)};
    check(is_aligned(row), "a row of a matrix is not aligned");
    collective(mine, [](Operand** lanes) {
        for (unsigned first = 0; first < 32; first += 8) {
            const unsigned char* rows[8];
            for (unsigned row = 0; row < 8; ++row) rows[row] = lanes[first + row]->row;
            if (!has_own_banks(rows)) block.fault = "rows of a matrix lie in the same banks";
        }
        for (unsigned lane = 0; lane < 32; ++lane)
            for (unsigned matrix = 0; matrix < 4; ++matrix)
                memcpy(&lanes[lane]->to[matrix],
                    lanes[8 * matrix + lane / 4]->row + 4 * (lane % 4), 4);
    });
}

// mma.sync.aligned.m16n8kK.row.col of fragments whose 32-bit registers hold K / 8 numbers:
// `number(register, i)` gives one of them.
template <int K, class Number>
inline void multiply(float (&sum)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], Number number) {
    struct Operand { float* sum; const uint32_t* a; const uint32_t* b; } mine{sum, a, b};
    collective(mine, [&](Operand** lanes) {
        constexpr int PER = K / 8; // numbers in a register
        float left[16][K], right[K][8];
        for (int lane = 0; lane < 32; ++lane) {
            int group = lane / 4, first = lane % 4 * PER;
            for (int i = 0; i < PER; ++i) {
                left[group][first + i] = number(lanes[lane]->a[0], i);
                left[group + 8][first + i] = number(lanes[lane]->a[1], i);
                left[group][K / 2 + first + i] = number(lanes[lane]->a[2], i);
                left[group + 8][K / 2 + first + i] = number(lanes[lane]->a[3], i);
                right[first + i][group] = number(lanes[lane]->b[0], i);
                right[K / 2 + first + i][group] = number(lanes[lane]->b[1], i);
            }
        }
        for (int row = 0; row < 16; ++row) {
            float sums[8] = {};
            for (int k = 0; k < K; ++k)
                for (int column = 0; column < 8; ++column)
                    sums[column] += left[row][k] * right[k][column];
            for (int column = 0; column < 8; ++column)
                lanes[row % 8 * 4 + column / 2]->sum[row / 8 * 2 + column % 2] += sums[column];
        }
    });
}

// cp.async. An eager block copies at once, others when it is waited for: the first and the last
// moment at which a device may do it.
inline void perform(const Copy& copy) {
    memset(copy.to, 0, 16);
    memcpy(copy.to, copy.from, copy.num_bytes);
}

inline void copy_async(void* to, const void* from, unsigned num_bytes) {
    check(is_aligned(to) && is_aligned(from), "an asynchronous copy is not aligned");
    Fibre& fibre = block.fibres[block.current];
    Copy copy{to, from, num_bytes, fibre.group};
    if (block.eager) perform(copy);
    else fibre.copies.push_back(copy);
}

inline void copies_commit() { ++block.fibres[block.current].group; }

// Waits until no more than the last `num_left` groups are under way.
inline void copies_wait(unsigned num_left) {
    Fibre& fibre = block.fibres[block.current];
    size_t num_kept = 0;
    for (const Copy& copy : fibre.copies) {
        if (copy.group + num_left < fibre.group) perform(copy);
        else fibre.copies[num_kept++] = copy;
    }
    fibre.copies.resize(num_kept);
}

} // namespace emulated

inline void __syncthreads() { emulated::wait(emulated::block, emulated::State::AtBlock); }
inline void __syncwarp(unsigned = ~0u) {
    int nothing = 0;
    emulated::collective(nothing, [](int**) {});
}
template <class T> inline T __shfl_sync(unsigned, T value, int lane) {
    return emulated::shuffle(value, [=](unsigned) { return unsigned(lane) % 32; });
}
template <class T> inline T __shfl_xor_sync(unsigned, T value, int mask) {
    return emulated::shuffle(value, [=](unsigned lane) { return lane ^ unsigned(mask); });
}
template <class T> inline T __shfl_down_sync(unsigned, T value, unsigned delta) {
    return emulated::shuffle(value, [=](unsigned lane) { return lane + delta < 32 ? lane + delta : lane; });
}
template <class T> inline T __shfl_up_sync(unsigned, T value, unsigned delta) {
    return emulated::shuffle(value, [=](unsigned lane) { return lane >= delta ? lane - delta : lane; });
}
template <class T> inline T __ldg(const T* from) { return *from; }

template <class T> inline T min(T a, T b) { return b < a ? b : a; }
template <class T> inline T max(T a, T b) { return a < b ? b : a; }
// As on the device, a number wins over NaN.
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }

inline uint32_t __float_as_uint(float x) { return std::bit_cast<uint32_t>(x); }
inline float __uint_as_float(uint32_t x) { return std::bit_cast<float>(x); }
inline int __float_as_int(float x) { return std::bit_cast<int>(x); }
inline float __int_as_float(int x) { return std::bit_cast<float>(x); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline float __fsqrt_rn(float a) { return sqrtf(a); }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dsub_rn(double a, double b) { return a - b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __ddiv_rn(double a, double b) { return a / b; }
inline uint32_t __umulhi(uint32_t a, uint32_t b) { return uint64_t(a) * b >> 32; }
inline uint64_t __umul64hi(uint64_t a, uint64_t b) {
    return uint64_t(static_cast<unsigned __int128>(a) * b >> 64);
}

// One block of a launch, on this thread of the system. Gives a fault in words, or null.
extern "C" inline const char* lumawire_run_block(
    emulated::Kernel kernel,
    const void* argument,
    size_t argument_bytes,
    const uint32_t* grid,
    const uint32_t* index,
    uint32_t num_threads,
    uint32_t shared_bytes,
    bool eager
) {
    using namespace emulated;
    if (argument_bytes <= 16 || argument_bytes > sizeof(Argument))
        return "a kernel's argument must have more than 16 and at most 512 bytes";
    memset(&block.argument, POISON, sizeof(Argument));
    memcpy(&block.argument, argument, argument_bytes);
    block.kernel = kernel;
    block.eager = eager;
    block.num_threads = num_threads;
    block.fault = nullptr;
    block.shared_memory.assign(shared_bytes + GUARD_BYTES + 128, POISON);
    uintptr_t start = reinterpret_cast<uintptr_t>(block.shared_memory.data());
    block.shared = block.shared_memory.data() + (128 - start % 128);
    block.warps.assign((num_threads + 31) / 32, Warp{});
    if (block.fibres.size() < num_threads) block.fibres.resize(num_threads);
    for (unsigned thread = 0; thread < num_threads; ++thread) {
        Fibre& fibre = block.fibres[thread];
        if (!fibre.stack) fibre.stack = new_stack();
        fibre.state = State::Ready;
        fibre.copies.clear();
        fibre.group = 0;
        prepare(fibre, fibre_main);
    }
    blockIdx = {index[0], index[1], index[2]};
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {num_threads, 1, 1};
    run_block(block);
    if (block.fault) return block.fault;
    for (unsigned thread = 0; thread < num_threads; ++thread)
        if (has_overflown(block.fibres[thread].stack)) return "a thread's stack is too small";
    const unsigned char* end = block.shared_memory.data() + block.shared_memory.size();
    for (const unsigned char* at = block.shared + shared_bytes; at < end; ++at)
        if (*at != POISON) return "a block writes beyond its shared memory";
    return nullptr;
}

// Without a use it would not be in the library.
[[gnu::used]] static const auto lumawire_keep = &lumawire_run_block;
