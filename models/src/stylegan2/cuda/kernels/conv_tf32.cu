#include "conv.cuh"

CONV_KERNEL(conv_tf32, Tf32, 256x128, 1)
CONV_KERNEL(conv_tf32, Tf32, 256x64, 2)
CONV_KERNEL(conv_tf32, Tf32, 256x32, 3)
CONV_KERNEL(conv_tf32, Tf32, 64x64, 4)
CONV_ADD_SPLITS(conv_tf32, Tf32)
