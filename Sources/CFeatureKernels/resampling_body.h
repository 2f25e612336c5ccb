// The two passes of a resize of 8-bit RGB, in Pillow's integer arithmetic: sums of samples times weights of 22 fractional bits.

enum { PIXELS_AT_ONCE = VL / 4 };

typedef uint8_t byte_vec __attribute__((ext_vector_type(VL)));
typedef int int4 __attribute__((ext_vector_type(4)));

// PIXELS_AT_ONCE pixels, each in four lanes of which the last is of no use. Reads VL bytes.
INLINE ivec pixels_at(const uint8_t *p) {
  byte_vec bytes;
  memcpy(&bytes, p, VL);
#if VL == 16
  bytes = __builtin_shufflevector(bytes, bytes, 0, 1, 2, 2, 3, 4, 5, 5, 6, 7, 8, 8, 9, 10, 11, 11);
#elif VL == 8
  bytes = __builtin_shufflevector(bytes, bytes, 0, 1, 2, 2, 3, 4, 5, 5);
#endif
  return __builtin_convertvector(bytes, ivec);
}

// The weights of as many pixels, four times each.
INLINE ivec weights_at(const int *w) {
#if VL == 16
  int4 four;
  memcpy(&four, w, sizeof four);
  return __builtin_shufflevector(four, four, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
#elif VL == 8
  return (ivec){w[0], w[0], w[0], w[0], w[1], w[1], w[1], w[1]};
#else
  return (ivec)w[0];
#endif
}

INLINE int4 sum_of_pixels(ivec v) {
#if VL == 16
  return v.s0123 + v.s4567 + v.s89ab + v.scdef;
#elif VL == 8
  return v.s0123 + v.s4567;
#else
  return v;
#endif
}

INLINE uint8_t level(int sum) {
  const int value = sum >> CFK_RESAMPLE_BITS;
  return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

KERNEL void resample_row(const uint8_t *row, long bytes, cfk_resampling how, long outputs, uint8_t *out) {
  const int half = 1 << (CFK_RESAMPLE_BITS - 1);
  for (long o = 0; o < outputs; o++, out += 3) {
    const long start = how.starts[o] * 3, count = how.counts[o];
    const int *weights = how.weights + o * how.taps;
    const long steps = (count + PIXELS_AT_ONCE - 1) / PIXELS_AT_ONCE;
    int4 sum = (int4)half;
    if (start + (steps - 1) * PIXELS_AT_ONCE * 3 + VL <= bytes) {
      ivec sums = (ivec)0;
      for (long i = 0; i < steps; i++)
        sums += pixels_at(row + start + i * PIXELS_AT_ONCE * 3) * weights_at(weights + i * PIXELS_AT_ONCE);
      sum += sum_of_pixels(sums);
    } else {
      for (long i = 0; i < count; i++)
        for (int channel = 0; channel < 3; channel++) sum[channel] += row[start + i * 3 + channel] * weights[i];
    }
    for (int channel = 0; channel < 3; channel++) out[channel] = level(sum[channel]);
  }
}

KERNEL void resample_column(const uint8_t *rows, long stride, const int *weights, long count, long bytes, uint8_t *out) {
  const int half = 1 << (CFK_RESAMPLE_BITS - 1);
  long i = 0;
  for (; i + VL <= bytes; i += VL) {
    ivec sums = (ivec)half;
    for (long tap = 0; tap < count; tap++) {
      byte_vec samples;
      memcpy(&samples, rows + tap * stride + i, VL);
      sums += __builtin_convertvector(samples, ivec) * weights[tap];
    }
    sums >>= CFK_RESAMPLE_BITS;
    sums = __builtin_elementwise_min(__builtin_elementwise_max(sums, (ivec)0), (ivec)255);
    const byte_vec levels = __builtin_convertvector(sums, byte_vec);
    memcpy(out + i, &levels, VL);
  }
  for (; i < bytes; i++) {
    int sum = half;
    for (long tap = 0; tap < count; tap++) sum += rows[tap * stride + i] * weights[tap];
    out[i] = level(sum);
  }
}
