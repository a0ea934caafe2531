#include "conv.cuh"

// Three products take more registers, so the tiles are smaller.
CONV_KERNEL(conv_f32, F32, 128x64, 2)
CONV_KERNEL(conv_f32, F32, 256x32, 2)
CONV_KERNEL(conv_f32, F32, 64x64, 3)
CONV_ADD_SPLITS(conv_f32, F32)
