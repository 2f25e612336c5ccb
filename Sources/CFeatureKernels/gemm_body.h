// Matrix product. The right-hand side is packed in panels of PANEL columns, each k rows long; a last panel of at most VL columns
// is one vector wide. A tile of TILE_ROWS x PANEL results stays in registers over the whole of k.

#define PANEL (2 * VL)
#define PREFETCH_AHEAD 512

INLINE void gemm_tile(const int rows, const int vectors, cfk_left left, const float *a, const float *b, const float *bias,
                      float *c, long ldc, const float *residual, long ldr, int activation, long columns) {
  vec sum[TILE_ROWS][2];
  UNROLL for (int v = 0; v < vectors; v++) {
    const vec start = load(bias + v * VL);
    UNROLL for (int r = 0; r < rows; r++) sum[r][v] = start;
  }
  for (long segment = 0; segment < left.segments; segment++, a += left.segment_stride) for (long i = 0; i < left.k; i++) {
    vec right[2];
    UNROLL for (int v = 0; v < vectors; v++) {
      right[v] = load(b + v * VL);
      __builtin_prefetch(b + v * VL + PREFETCH_AHEAD);
    }
    b += vectors * VL;
    UNROLL for (int r = 0; r < rows; r++) {
      const vec value = splat(a[r * left.stride + i]);
      UNROLL for (int v = 0; v < vectors; v++) sum[r][v] += value * right[v];
    }
  }
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int v = 0; v < vectors; v++) {
      const long part = columns - v * VL;
      if (part <= 0) continue;
      vec x = sum[r][v];
      if (residual) x += load_up_to(residual + r * ldr + v * VL, part);
      store_up_to(c + r * ldc + v * VL, activate(x, activation), part);
    }
  }
}

#define GEMM_ROWS(R)                                                                                              \
  case R:                                                                                                         \
    if (wide)                                                                                                     \
      gemm_tile(R, 2, left, a, b, bias, c, ldc, residual, ldr, activation, columns);                            \
    else                                                                                                          \
      gemm_tile(R, 1, left, a, b, bias, c, ldc, residual, ldr, activation, columns);                            \
    break;

KERNEL void gemm_rows(long rows, int wide, cfk_left left, const float *a, const float *b, const float *bias, float *c, long ldc,
                      const float *residual, long ldr, int activation, long columns) {
  switch (rows) {
    GEMM_ROWS(1)
    GEMM_ROWS(2)
    GEMM_ROWS(3)
    GEMM_ROWS(4)
#if TILE_ROWS > 4
    GEMM_ROWS(5)
    GEMM_ROWS(6)
#endif
#if TILE_ROWS > 6
    GEMM_ROWS(7)
    GEMM_ROWS(8)
    GEMM_ROWS(9)
    GEMM_ROWS(10)
    GEMM_ROWS(11)
    GEMM_ROWS(12)
#endif
  }
}

// The height of the next tile: full ones, the last two of about the same height.
INLINE long tile_height(long left) {
  if (left <= TILE_ROWS) return left;
  return left < 2 * TILE_ROWS ? (left + 1) / 2 : TILE_ROWS;
}

KERNEL void gemm(long m, long n, cfk_left left, const float *a, const float *panels, const float *bias, float *c, long ldc,
                 const float *residual, long ldr, int activation) {
  // Left-hand rows worth a quarter of the second-level cache stay there while the panels go by; few panels stay there themselves.
  const long k = left.k * left.segments;
  const long block = n * k <= 32768 ? TILE_ROWS : 65536 / k / TILE_ROWS * TILE_ROWS;
  const long rows_a_block = block < TILE_ROWS ? TILE_ROWS : block;
  for (long top = 0, height; top < m; top += height) {
    height = m - top < rows_a_block + TILE_ROWS ? m - top : rows_a_block;
    if (rows_a_block == TILE_ROWS) height = tile_height(m - top);
    for (long column = 0; column < n; column += PANEL) {
      const long columns = n - column < PANEL ? n - column : PANEL;
      for (long row = top, tile; row < top + height; row += tile) {
        tile = tile_height(top + height - row);
        gemm_rows(tile, columns > VL, left, a + row * left.stride, panels + column * k, bias + column, c + row * ldc + column, ldc,
                  residual ? residual + row * ldr + column : 0, ldr, activation, columns);
      }
    }
  }
}

KERNEL void pack_panels(long n, long k, const float *weights, float *panels) {
  for (long column = 0; column < n; column += PANEL) {
    const long width = n - column > VL ? PANEL : VL;
    for (long i = 0; i < k; i++)
      for (long j = 0; j < width; j++) *panels++ = column + j < n ? weights[(column + j) * k + i] : 0;
  }
}
