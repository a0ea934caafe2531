#include "conv.cuh"

CONV_KERNEL(conv_bf16, Bf16s, 256x128, 1)
CONV_KERNEL(conv_bf16, Bf16s, 256x64, 2)
CONV_KERNEL(conv_bf16, Bf16s, 256x32, 3)
CONV_KERNEL(conv_bf16, Bf16s, 64x64, 4)
CONV_ADD_SPLITS(conv_bf16, Bf16s)
