#if defined(__x86_64__)
#define VL 8
#define TILE_ROWS 6
#define KERNEL_TARGET __attribute__((target("avx2,fma")))
#define KERNEL_NAME "avx2"
#define KERNEL_TABLE cfk_avx2
#include "kernel_bodies.h"
#endif
