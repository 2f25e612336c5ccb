#pragma once

#include <stdint.h>

#pragma clang assume_nonnull begin

// Kernels over activations stored pixel by pixel with the channels innermost (NHWC). Every pixel of a map starts `pixel_stride`
// floats behind the one before and every row `row_stride` floats behind the row before, so that a map may be a range of channels
// or a window of a larger one. All sizes count floats.

/// What a kernel applies to its result: nothing, max(x, 0), or min(max(x, 0), 6).
enum { CFK_IDENTITY = 0, CFK_RELU = 1, CFK_RELU6 = 2 };

/// Matrices of a Winograd F(4x4, 3x3) tile in the transformed domain.
enum { CFK_WINOGRAD_POINTS = 36 };

typedef struct {
  long height, width, channels, pixel_stride, row_stride;
} cfk_map;

typedef struct {
  long kernel, stride, pad_top, pad_left;
} cfk_window;

/// The left-hand side of a matrix product. A row lies in `segments` pieces of `k` values, `segment_stride` apart: one for plain
/// matrices, the kernel's rows for a convolution that reads a padded map in place. Rows start `stride` apart.
typedef struct {
  long k, stride, segments, segment_stride;
} cfk_left;

/// Fractional bits of a resize's weights.
enum { CFK_RESAMPLE_BITS = 22 };

/// For each output of a resize's horizontal pass: the first pixel that it reads, how many, and their weights, `taps` an output.
/// `taps` is a multiple of 4, and weights behind those that count are 0.
typedef struct {
  const long *starts, *counts;
  const int *weights;
  long taps;
} cfk_resampling;

/// One instruction set's kernels.
typedef struct {
  /// "portable", "avx2" or "avx512".
  const char *name;

  /// Columns of a full panel of `gemm`'s right-hand side.
  long panel_columns;

  /// c = activation(a b + bias + residual). a has m rows; b is packed by `pack_panels`; bias has as many values as b has packed
  /// columns; residual may be null.
  void (*_Nonnull gemm)(long m, long n, cfk_left left, const float *a, const float *panels, const float *bias, float *c, long ldc,
               const float *_Nullable residual, long ldr, int activation);

  /// Packs an n x k matrix (one row an output) for `gemm`. Needs k * cfk_packed_columns(n) floats.
  void (*_Nonnull pack_panels)(long n, long k, const float *weights, float *panels);

  /// One output row of a depthwise convolution; window.kernel is 3 or 5, window.stride 1 or 2; weights are [kernel * kernel][channels].
  void (*_Nonnull depthwise_row)(cfk_map in, const float *x, cfk_window window, const float *weights, const float *bias, int activation,
                        long out_row, long out_width, float *out, long out_stride);

  /// One output row of a max pooling. Places outside the map do not count.
  void (*_Nonnull max_pool_row)(cfk_map in, const float *x, cfk_window window, long out_row, long out_width, float *out, long out_stride);

  /// Winograd F(4x4, 3x3): `tiles` tiles from number `first_tile` on (row by row, tiles_across in a row) to [36][tiles][channels].
  void (*_Nonnull winograd_input)(cfk_map in, const float *x, long pad_top, long pad_left, long tiles_across, long first_tile, long tiles,
                         float *transformed);

  /// The way back for a range of channels: [36][tiles][transformed_stride] to the map's rows and columns, with bias, residual and
  /// activation. residual may be null; it has the size of the map, with its own distance between pixels and no gap between rows.
  void (*_Nonnull winograd_output)(const float *transformed, long transformed_stride, long tiles_across, long first_tile, long tiles,
                          const float *bias, const float *_Nullable residual, long residual_stride, int activation, cfk_map out, float *y);

  /// y = activation(a + b) over rows of n values.
  void (*_Nonnull add)(long rows, long n, const float *a, long lda, const float *b, long ldb, int activation, float *y, long ldy);

  /// y = activation(scale * x + shift), scale and shift of n values; either may be null.
  void (*_Nonnull scale_shift)(long rows, long n, const float *x, long ldx, const float *_Nullable scale, const float *_Nullable shift, int activation, float *y,
                      long ldy);

  /// Layer norm of each row of n values: (x - mean) / sqrt(variance + epsilon) * scale + shift.
  void (*_Nonnull layer_norm)(long rows, long n, const float *x, long ldx, const float *scale, const float *shift, float epsilon, float *y,
                     long ldy);

  /// x / 2 * (1 + erf(x / sqrt 2)), the exact form of GELU, in place; erf to 1.5e-7 absolute.
  void (*_Nonnull gelu)(long count, float *x);

  /// Each row of n values becomes softmax(scale * x).
  void (*_Nonnull softmax)(long rows, long n, float *x, long ldx, float scale);

  /// Adds the sum over pixels of max(x, floor)^power to sums[channels]; power is 1, 2 or 3 here, others are the caller's.
  void (*_Nonnull power_sum)(cfk_map in, const float *x, float floor, int power, float *sums);

  /// `outputs` RGB pixels, each the weighted sum of some of a row's. `bytes` may be read from the row's start on: all that the
  /// image has left.
  void (*_Nonnull resample_row)(const uint8_t *row, long bytes, cfk_resampling how, long outputs, uint8_t *out);

  /// One row of `bytes` samples, the weighted sum of `count` rows, `stride` bytes apart.
  void (*_Nonnull resample_column)(const uint8_t *rows, long stride, const int *weights, long count, long bytes, uint8_t *out);
} cfk_kernels;

/// The kernels of an instruction set: 0 portable, 1 AVX2 with FMA, 2 AVX-512. Null where the processor lacks it.
const cfk_kernels *_Nullable cfk_kernels_for(int level);

/// Asks the system to back memory with huge pages, where it can.
void cfk_advise_huge_pages(void *memory, unsigned long bytes);

#pragma clang assume_nonnull end
