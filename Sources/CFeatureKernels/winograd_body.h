// Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015), with the
// interpolation points 0, 1, -1, 2, -2: Y = A' [(G g G') * (B' d B)] A.

INLINE void winograd_input_line(const vec d[6], vec t[6]) {
  const vec four = splat(4), five = splat(5), two = splat(2);
  const vec even = d[4] - four * d[2], odd = d[3] - four * d[1];
  const vec low = d[4] - d[2], high = two * (d[3] - d[1]);
  t[0] = four * d[0] - five * d[2] + d[4];
  t[1] = even + odd;
  t[2] = even - odd;
  t[3] = low + high;
  t[4] = low - high;
  t[5] = four * d[1] - five * d[3] + d[5];
}

INLINE void winograd_input_tile(const int inside, cfk_map in, const float *x, long y0, long x0, long part, float *to, long point) {
  vec half[6][6];
  UNROLL for (int column = 0; column < 6; column++) {
    vec d[6], t[6];
    UNROLL for (int row = 0; row < 6; row++) {
      const long py = y0 + row, px = x0 + column;
      const int valid = inside || (py >= 0 && py < in.height && px >= 0 && px < in.width);
      d[row] = valid ? load_up_to(x + py * in.row_stride + px * in.pixel_stride, part) : splat(0);
    }
    winograd_input_line(d, t);
    UNROLL for (int row = 0; row < 6; row++) half[row][column] = t[row];
  }
  UNROLL for (int row = 0; row < 6; row++) {
    vec t[6];
    winograd_input_line(half[row], t);
    UNROLL for (int column = 0; column < 6; column++) store_up_to(to + (row * 6 + column) * point, t[column], part);
  }
}

KERNEL void winograd_input(cfk_map in, const float *x, long pad_top, long pad_left, long tiles_across, long first_tile, long tiles,
                           float *transformed) {
  const long point = tiles * in.channels;
  for (long tile = 0; tile < tiles; tile++) {
    const long y0 = (first_tile + tile) / tiles_across * 4 - pad_top, x0 = (first_tile + tile) % tiles_across * 4 - pad_left;
    const int inside = y0 >= 0 && x0 >= 0 && y0 + 6 <= in.height && x0 + 6 <= in.width;
    for (long c = 0; c < in.channels; c += VL) {
      float *to = transformed + tile * in.channels + c;
      if (inside && in.channels - c >= VL)
        winograd_input_tile(1, in, x + c, y0, x0, VL, to, point);
      else
        winograd_input_tile(0, in, x + c, y0, x0, in.channels - c, to, point);
    }
  }
}

INLINE void winograd_output_line(const vec m[6], vec y[4]) {
  const vec sum1 = m[1] + m[2], difference1 = m[1] - m[2], sum2 = m[3] + m[4], difference2 = m[3] - m[4];
  y[0] = m[0] + sum1 + sum2;
  y[1] = difference1 + splat(2) * difference2;
  y[2] = sum1 + splat(4) * sum2;
  y[3] = difference1 + splat(8) * difference2 + m[5];
}

KERNEL void winograd_output(const float *transformed, long transformed_stride, long tiles_across, long first_tile, long tiles,
                            const float *bias, const float *residual, long residual_stride, int activation, cfk_map out, float *y) {
  const long point = tiles * transformed_stride;
  for (long tile = 0; tile < tiles; tile++) {
    const long y0 = (first_tile + tile) / tiles_across * 4, x0 = (first_tile + tile) % tiles_across * 4;
    for (long c = 0; c < out.channels; c += VL) {
      const float *from = transformed + tile * transformed_stride + c;
      const long part = out.channels - c;
      vec half[4][6];
      UNROLL for (int column = 0; column < 6; column++) {
        vec m[6], t[4];
        UNROLL for (int row = 0; row < 6; row++) m[row] = load(from + (row * 6 + column) * point);
        winograd_output_line(m, t);
        UNROLL for (int row = 0; row < 4; row++) half[row][column] = t[row];
      }
      const vec plus = load_up_to(bias + c, part);
      UNROLL for (int row = 0; row < 4; row++) {
        vec t[4];
        winograd_output_line(half[row], t);
        if (y0 + row >= out.height) continue;
        float *to = y + (y0 + row) * out.row_stride + x0 * out.pixel_stride + c;
        const float *more = residual ? residual + ((y0 + row) * out.width + x0) * residual_stride + c : 0;
        UNROLL for (int column = 0; column < 4; column++) {
          if (x0 + column >= out.width) continue;
          vec v = t[column] + plus;
          if (more) v += load_up_to(more + column * residual_stride, part);
          store_up_to(to + column * out.pixel_stride, activate(v, activation), part);
        }
      }
    }
  }
}
