// Pooling and element-wise kernels.

INLINE long later(long a, long b) { return a > b ? a : b; }
INLINE long sooner(long a, long b) { return a < b ? a : b; }

KERNEL void max_pool_row(cfk_map in, const float *x, cfk_window window, long out_row, long out_width, float *out, long out_stride) {
  const long y0 = out_row * window.stride - window.pad_top;
  const long top = later(y0, 0), bottom = sooner(y0 + window.kernel, in.height);
  for (long o = 0; o < out_width; o++) {
    const long x0 = o * window.stride - window.pad_left;
    const long left = later(x0, 0), right = sooner(x0 + window.kernel, in.width);
    for (long c = 0; c < in.channels; c += VL) {
      const long part = in.channels - c;
      vec best = splat(-INFINITY);
      for (long row = top; row < bottom; row++)
        for (long column = left; column < right; column++)
          best = vmax(best, load_up_to(x + row * in.row_stride + column * in.pixel_stride + c, part));
      store_up_to(out + o * out_stride + c, best, part);
    }
  }
}

KERNEL void add(long rows, long n, const float *a, long lda, const float *b, long ldb, int activation, float *y, long ldy) {
  for (long r = 0; r < rows; r++)
    for (long i = 0; i < n; i += VL)
      store_up_to(y + r * ldy + i, activate(load_up_to(a + r * lda + i, n - i) + load_up_to(b + r * ldb + i, n - i), activation),
                  n - i);
}

KERNEL void scale_shift(long rows, long n, const float *x, long ldx, const float *scale, const float *shift, int activation, float *y,
                        long ldy) {
  for (long r = 0; r < rows; r++)
    for (long i = 0; i < n; i += VL) {
      vec v = load_up_to(x + r * ldx + i, n - i);
      if (scale) v *= load_up_to(scale + i, n - i);
      if (shift) v += load_up_to(shift + i, n - i);
      store_up_to(y + r * ldy + i, activate(v, activation), n - i);
    }
}

KERNEL void power_sum(cfk_map in, const float *x, float floor, int power, float *sums) {
  for (long c = 0; c < in.channels; c += VL) {
    const long part = in.channels - c;
    vec sum = load_up_to(sums + c, part);
    for (long row = 0; row < in.height; row++) {
      // Row by row, so that long sums lose nothing to a large partial sum.
      vec line = splat(0);
      for (long column = 0; column < in.width; column++) {
        vec v = vmax(load_up_to(x + row * in.row_stride + column * in.pixel_stride + c, part), splat(floor));
        vec raised = v;
        for (int i = 1; i < power; i++) raised *= v;
        line += raised;
      }
      sum += line;
    }
    store_up_to(sums + c, sum, part);
  }
}
