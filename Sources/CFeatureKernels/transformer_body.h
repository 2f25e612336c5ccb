// What attention layers need beside matrix products.

// e^x by 2^n * p(r), |r| <= ln 2 / 2, with p the Taylor polynomial of degree 7 (relative error below 1e-8); 0 below -87.
INLINE vec exponential(vec x) {
  x = vmin(vmax(x, splat(-87)), splat(88));
  const vec n = __builtin_elementwise_roundeven(x * splat(1.44269504088896341f));
  const vec r = (x - n * splat(0.693359375f)) + n * splat(2.12194440e-4f);
  vec p = splat(1.0f / 5040);
  p = p * r + splat(1.0f / 720);
  p = p * r + splat(1.0f / 120);
  p = p * r + splat(1.0f / 24);
  p = p * r + splat(1.0f / 6);
  p = p * r + splat(0.5f);
  p = p * r + splat(1);
  p = p * r + splat(1);
  const ivec power = (__builtin_convertvector(n, ivec) + 127) << 23;
  return p * __builtin_bit_cast(vec, power);
}

// Abramowitz and Stegun 7.1.26.
INLINE vec gelu_of(vec x) {
  const vec z = __builtin_elementwise_abs(x) * splat(0.70710678118654752f);
  const vec t = splat(1) / (splat(1) + splat(0.3275911f) * z);
  vec p = splat(1.061405429f);
  p = p * t + splat(-1.453152027f);
  p = p * t + splat(1.421413741f);
  p = p * t + splat(-0.284496736f);
  p = p * t + splat(0.254829592f);
  const vec tail = p * t * exponential(-z * z);
  const vec magnitude = splat(1) - tail;
  const vec signed_erf = __builtin_elementwise_copysign(magnitude, x);
  return splat(0.5f) * x * (splat(1) + signed_erf);
}

KERNEL void gelu(long count, float *x) {
  for (long i = 0; i < count; i += VL) store_up_to(x + i, gelu_of(load_up_to(x + i, count - i)), count - i);
}

KERNEL void softmax(long rows, long n, float *x, long ldx, float scale) {
  for (long r = 0; r < rows; r++) {
    float *row = x + r * ldx;
    float best = row[0];
    for (long i = 1; i < n; i++) best = row[i] > best ? row[i] : best;
    vec sums = splat(0);
    float sum = 0;
    long i = 0;
    for (; i + VL <= n; i += VL) {
      const vec e = exponential((load(row + i) - splat(best)) * splat(scale));
      store(row + i, e);
      sums += e;
    }
    if (i < n) {
      const vec e = exponential((load_up_to(row + i, n - i) - splat(best)) * splat(scale));
      store_up_to(row + i, e, n - i);
      for (long j = 0; j < n - i; j++) sum += e[j];
    }
    const vec factor = splat(1 / (sum + sum_of(sums)));
    for (i = 0; i < n; i += VL) store_up_to(row + i, load_up_to(row + i, n - i) * factor, n - i);
  }
}

KERNEL void layer_norm(long rows, long n, const float *x, long ldx, const float *scale, const float *shift, float epsilon, float *y,
                       long ldy) {
  for (long r = 0; r < rows; r++) {
    const float *row = x + r * ldx;
    vec sums = splat(0);
    for (long i = 0; i < n; i += VL) sums += load_up_to(row + i, n - i);
    const float mean = sum_of(sums) / (float)n;
    vec squares = splat(0);
    for (long i = 0; i < n; i += VL) {
      vec d = load_up_to(row + i, n - i) - splat(mean);
      if (n - i < VL)
        for (long j = n - i; j < VL; j++) d[j] = 0;
      squares += d * d;
    }
    const vec factor = splat(1 / sqrtf(sum_of(squares) / (float)n + epsilon));
    for (long i = 0; i < n; i += VL) {
      const vec d = (load_up_to(row + i, n - i) - splat(mean)) * factor;
      store_up_to(y + r * ldy + i, d * load_up_to(scale + i, n - i) + load_up_to(shift + i, n - i), n - i);
    }
  }
}
