/*
 * kernels_simd.h
 *
 * The loops over eight floats at a time, included once for each instruction set:
 * KERNEL(name) names a function, KERNEL_TARGET is its target attribute.
 */

KERNEL_TARGET static float
KERNEL(l2)(const float *a, const float *b, int n)
{
	float8v		sum0 = {0}, sum1 = {0};
	float		sum = 0;
	int			i = 0;

	for (; i + 16 <= n; i += 16)
	{
		float8v		a0, a1, b0, b1;

		memcpy(&a0, a + i, sizeof a0);
		memcpy(&a1, a + i + 8, sizeof a1);
		memcpy(&b0, b + i, sizeof b0);
		memcpy(&b1, b + i + 8, sizeof b1);
		a0 -= b0;
		a1 -= b1;
		sum0 += a0 * a0;
		sum1 += a1 * a1;
	}
	sum0 += sum1;
	for (int k = 0; k < 8; k++)
		sum += sum0[k];
	for (; i < n; i++)
		sum += (a[i] - b[i]) * (a[i] - b[i]);
	return sum;
}

KERNEL_TARGET static float
KERNEL(dot)(const float *a, const float *b, int n)
{
	float8v		sum0 = {0}, sum1 = {0};
	float		sum = 0;
	int			i = 0;

	for (; i + 16 <= n; i += 16)
	{
		float8v		a0, a1, b0, b1;

		memcpy(&a0, a + i, sizeof a0);
		memcpy(&a1, a + i + 8, sizeof a1);
		memcpy(&b0, b + i, sizeof b0);
		memcpy(&b1, b + i + 8, sizeof b1);
		sum0 += a0 * b0;
		sum1 += a1 * b1;
	}
	sum0 += sum1;
	for (int k = 0; k < 8; k++)
		sum += sum0[k];
	for (; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

KERNEL_TARGET static void
KERNEL(cosine)(const float *a, const float *b, int n, float sums[3])
{
	float8v		dot = {0}, aa = {0}, bb = {0};
	int			i = 0;

	for (; i + 8 <= n; i += 8)
	{
		float8v		x, y;

		memcpy(&x, a + i, sizeof x);
		memcpy(&y, b + i, sizeof y);
		dot += x * y;
		aa += x * x;
		bb += y * y;
	}
	sums[0] = sums[1] = sums[2] = 0;
	for (int k = 0; k < 8; k++)
	{
		sums[0] += dot[k];
		sums[1] += aa[k];
		sums[2] += bb[k];
	}
	for (; i < n; i++)
	{
		sums[0] += a[i] * b[i];
		sums[1] += a[i] * a[i];
		sums[2] += b[i] * b[i];
	}
}

#undef KERNEL
#undef KERNEL_TARGET
