#define VL 4
#define TILE_ROWS 4
#define KERNEL_TARGET
#define KERNEL_NAME "portable"
#define KERNEL_TABLE cfk_portable
#include "kernel_bodies.h"
