/*
 * kernels.c
 *
 * The loops on arrays that end where their memory ends, for the sanitizers, and every
 * half-precision number there and back. Built and run by test/memcheck.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "../src/half.h"
#include "../src/kernels.h"

static int	failures = 0;

static void
expect(int holds, const char *what, int n)
{
	if (!holds && ++failures < 10)
		fprintf(stderr, "kernels: %s is wrong at %d\n", what, n);
}

static int
near(double a, double b)
{
	return fabs(a - b) <= 1e-4 * (1 + fabs(b));
}

static void
check_length(int n)
{
	float	   *a = malloc(n * sizeof(float) + !n);
	float	   *b = malloc(n * sizeof(float) + !n);
	double		l2 = 0,
				dot = 0,
				aa = 0,
				bb = 0;
	AnnCosine	cosine;

	for (int i = 0; i < n; i++)
	{
		a[i] = sinf(i * 7 + n);
		b[i] = cosf(i * 3 - n);
		l2 += ((double) a[i] - b[i]) * ((double) a[i] - b[i]);
		dot += (double) a[i] * b[i];
		aa += (double) a[i] * a[i];
		bb += (double) b[i] * b[i];
	}
	cosine = ann_sum_cosine(a, b, n);
	expect(near(ann_sum_l2(a, b, n), l2), "l2", n);
	expect(near(ann_sum_dot(a, b, n), dot), "dot", n);
	expect(near(cosine.dot, dot) && near(cosine.aa, aa) && near(cosine.bb, bb), "cosine", n);
	free(a);
	free(b);
}

int
main(void)
{
	for (int chosen = 0; chosen < 2; chosen++)
	{
		for (int n = 0; n < 200; n++)
			check_length(n);
		check_length(2000);
		ann_choose_kernels();
	}
	for (int half = 0; half < 0x10000; half++)
	{
		float		value = half_to_float((uint16_t) half);

		expect(isnan(value) ? (half & 0x7fff) > 0x7c00 : half_from_float(value) == half, "half", half);
	}
	if (failures == 0)
		puts("kernels: no failure");
	return failures != 0;
}
