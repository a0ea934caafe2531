#include "conv.cuh"

CONV_KERNEL(conv_f16, F16, 256x128, 1)
CONV_KERNEL(conv_f16, F16, 256x64, 2)
CONV_KERNEL(conv_f16, F16, 256x32, 3)
CONV_KERNEL(conv_f16, F16, 64x64, 4)
CONV_ADD_SPLITS(conv_f16, F16)
