// Depthwise convolution, a vector of channels at a time and OUTPUTS neighbouring results at once, so that each input is read once
// a kernel row. All usual map widths are multiples of seven.

#define OUTPUTS 7

INLINE void depthwise_block(const int kernel, const int stride, const int checked, cfk_map in, const float *x, cfk_window window,
                            const float *weights, const float *bias, int activation, long out_row, long first, long count,
                            float *out, long out_stride, long channels) {
  vec sum[OUTPUTS];
  const vec start = load_up_to(bias, channels);
  UNROLL for (int o = 0; o < OUTPUTS; o++) sum[o] = start;
  const long left = first * stride - window.pad_left;
  for (int ky = 0; ky < kernel; ky++) {
    const long row = out_row * stride - window.pad_top + ky;
    if (row < 0 || row >= in.height) continue;
    const float *line = x + row * in.row_stride + left * in.pixel_stride;
    vec tap[5];
    UNROLL for (int kx = 0; kx < kernel; kx++) tap[kx] = load_up_to(weights + (ky * kernel + kx) * in.channels, channels);
    UNROLL for (int i = 0; i < (OUTPUTS - 1) * stride + kernel; i++) {
      if (checked && (left + i < 0 || left + i >= in.width)) continue;
      const vec pixel = load_up_to(line + i * in.pixel_stride, channels);
      UNROLL for (int kx = 0; kx < kernel; kx++) {
        const int from = i - kx;
        if (from >= 0 && from % stride == 0 && from / stride < OUTPUTS) sum[from / stride] += pixel * tap[kx];
      }
    }
  }
  UNROLL for (int o = 0; o < OUTPUTS; o++) {
    if (o < count) store_up_to(out + (first + o) * out_stride, activate(sum[o], activation), channels);
  }
}

INLINE void depthwise_channels(const int kernel, const int stride, cfk_map in, const float *x, cfk_window window,
                               const float *weights, const float *bias, int activation, long out_row, long out_width, float *out,
                               long out_stride, long channels) {
  for (long first = 0; first < out_width; first += OUTPUTS) {
    const long count = out_width - first < OUTPUTS ? out_width - first : OUTPUTS;
    const long left = first * stride - window.pad_left;
    if (left >= 0 && left + (OUTPUTS - 1) * stride + kernel <= in.width && count == OUTPUTS)
      depthwise_block(kernel, stride, 0, in, x, window, weights, bias, activation, out_row, first, OUTPUTS, out, out_stride, channels);
    else
      depthwise_block(kernel, stride, 1, in, x, window, weights, bias, activation, out_row, first, count, out, out_stride, channels);
  }
}

#define DEPTHWISE(KERNEL_SIZE, STRIDE)                                                                                      \
  KERNEL void depthwise_##KERNEL_SIZE##_##STRIDE(cfk_map in, const float *x, cfk_window window, const float *weights,       \
                                                 const float *bias, int activation, long out_row, long out_width,           \
                                                 float *out, long out_stride) {                                             \
    long c = 0;                                                                                                             \
    for (; c + VL <= in.channels; c += VL)                                                                                  \
      depthwise_channels(KERNEL_SIZE, STRIDE, in, x + c, window, weights + c, bias + c, activation, out_row, out_width,     \
                         out + c, out_stride, VL);                                                                          \
    if (c < in.channels)                                                                                                    \
      depthwise_channels(KERNEL_SIZE, STRIDE, in, x + c, window, weights + c, bias + c, activation, out_row, out_width,     \
                         out + c, out_stride, in.channels - c);                                                             \
  }

DEPTHWISE(3, 1)
DEPTHWISE(3, 2)
DEPTHWISE(5, 1)
DEPTHWISE(5, 2)

// Any other kernel or stride, one result at a time.
KERNEL void depthwise_any(cfk_map in, const float *x, cfk_window window, const float *weights, const float *bias, int activation,
                          long out_row, long out_width, float *out, long out_stride) {
  const long top = out_row * window.stride - window.pad_top;
  for (long o = 0; o < out_width; o++) {
    const long left = o * window.stride - window.pad_left;
    for (long c = 0; c < in.channels; c += VL) {
      const long part = in.channels - c;
      vec sum = load_up_to(bias + c, part);
      for (long ky = 0; ky < window.kernel; ky++) {
        if (top + ky < 0 || top + ky >= in.height) continue;
        for (long kx = 0; kx < window.kernel; kx++) {
          if (left + kx < 0 || left + kx >= in.width) continue;
          sum += load_up_to(x + (top + ky) * in.row_stride + (left + kx) * in.pixel_stride + c, part)
                 * load_up_to(weights + (ky * window.kernel + kx) * in.channels + c, part);
        }
      }
      store_up_to(out + o * out_stride + c, activate(sum, activation), part);
    }
  }
}

KERNEL void depthwise_row(cfk_map in, const float *x, cfk_window window, const float *weights, const float *bias, int activation,
                          long out_row, long out_width, float *out, long out_stride) {
  if (window.kernel == 3 && window.stride == 1)
    depthwise_3_1(in, x, window, weights, bias, activation, out_row, out_width, out, out_stride);
  else if (window.kernel == 3 && window.stride == 2)
    depthwise_3_2(in, x, window, weights, bias, activation, out_row, out_width, out, out_stride);
  else if (window.kernel == 5 && window.stride == 1)
    depthwise_5_1(in, x, window, weights, bias, activation, out_row, out_width, out, out_stride);
  else if (window.kernel == 5 && window.stride == 2)
    depthwise_5_2(in, x, window, weights, bias, activation, out_row, out_width, out, out_stride);
  else
    depthwise_any(in, x, window, weights, bias, activation, out_row, out_width, out, out_stride);
}
