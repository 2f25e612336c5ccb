// The kernels, written once over vectors of VL floats. Each instruction set's file includes this after setting VL, TILE_ROWS
// (rows of the matrix product's register tile), KERNEL_TARGET (the function attribute), KERNEL_NAME and KERNEL_TABLE.

#include <math.h>
#include <stddef.h>
#include <string.h>
#if VL > 4
#include <immintrin.h>
#endif

#include "feature_kernels.h"

typedef float vec __attribute__((ext_vector_type(VL)));
typedef float vec_unaligned __attribute__((ext_vector_type(VL), aligned(4)));
typedef int ivec __attribute__((ext_vector_type(VL)));

#define KERNEL KERNEL_TARGET static
#define INLINE KERNEL_TARGET static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

INLINE vec load(const float *p) { return *(const vec_unaligned *)p; }
INLINE void store(float *p, vec v) { *(vec_unaligned *)p = v; }
INLINE vec splat(float x) { return (vec)x; }
INLINE vec vmax(vec a, vec b) { return __builtin_elementwise_max(a, b); }
INLINE vec vmin(vec a, vec b) { return __builtin_elementwise_min(a, b); }

// The first n of VL values; n may be VL or more.
#if VL == 16
INLINE vec load_up_to(const float *p, long n) {
  return n >= VL ? load(p) : (vec)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
}

INLINE void store_up_to(float *p, vec v, long n) {
  if (n >= VL)
    store(p, v);
  else
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
}
#elif VL == 8
INLINE __m256i first_lanes(long n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

INLINE vec load_up_to(const float *p, long n) { return n >= VL ? load(p) : (vec)_mm256_maskload_ps(p, first_lanes(n)); }

INLINE void store_up_to(float *p, vec v, long n) {
  if (n >= VL)
    store(p, v);
  else
    _mm256_maskstore_ps(p, first_lanes(n), (__m256)v);
}
#else
INLINE vec load_up_to(const float *p, long n) {
  if (n >= VL) return load(p);
  vec v = splat(0);
  for (long i = 0; i < n; i++) v[i] = p[i];
  return v;
}

INLINE void store_up_to(float *p, vec v, long n) {
  if (n >= VL) {
    store(p, v);
    return;
  }
  for (long i = 0; i < n; i++) p[i] = v[i];
}
#endif

INLINE float sum_of(vec v) {
  float sum = 0;
  for (int i = 0; i < VL; i++) sum += v[i];
  return sum;
}

INLINE vec activate(vec v, int activation) {
  if (activation == CFK_IDENTITY) return v;
  v = vmax(v, splat(0));
  return activation == CFK_RELU6 ? vmin(v, splat(6)) : v;
}

#include "gemm_body.h"
#include "depthwise_body.h"
#include "pooling_body.h"
#include "winograd_body.h"
#include "transformer_body.h"
#include "resampling_body.h"

const cfk_kernels KERNEL_TABLE = {
    .name = KERNEL_NAME,
    .panel_columns = PANEL,
    .gemm = gemm,
    .pack_panels = pack_panels,
    .depthwise_row = depthwise_row,
    .max_pool_row = max_pool_row,
    .winograd_input = winograd_input,
    .winograd_output = winograd_output,
    .add = add,
    .scale_shift = scale_shift,
    .layer_norm = layer_norm,
    .gelu = gelu,
    .softmax = softmax,
    .power_sum = power_sum,
    .resample_row = resample_row,
    .resample_column = resample_column,
};
