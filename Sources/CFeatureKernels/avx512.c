#if defined(__x86_64__)
#define VL 16
#define TILE_ROWS 12
#define KERNEL_TARGET __attribute__((target("avx2,fma,avx512f,avx512vl,avx512dq,avx512bw")))
#define KERNEL_NAME "avx512"
#define KERNEL_TABLE cfk_avx512
#include "kernel_bodies.h"
#endif
