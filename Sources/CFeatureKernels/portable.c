#define VL 4
#if defined(__aarch64__)
// NEON has 32 registers of four floats, so that a tile of 8 x 2 stays in them. What becomes of the loops (fmla and mla, nothing
// stored inside them) is shown by `clang --target=aarch64-linux-gnu -O2 -Iinclude -S portable.c`.
#define TILE_ROWS 8
#else
#define TILE_ROWS 4
#endif
#define KERNEL_TARGET
#define KERNEL_NAME "portable"
#define KERNEL_TABLE cfk_portable
#include "kernel_bodies.h"
