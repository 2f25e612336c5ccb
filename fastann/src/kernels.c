/*
 * kernels.c
 *
 * The distance loops: single precision, eight floats at a time, with AVX2 and FMA
 * where the processor has them; double precision where single does not suffice.
 */
#include "kernels.h"

#include <float.h>
#include <math.h>
#include <string.h>

typedef float float8v __attribute__((vector_size(32)));

#define KERNEL(name) portable_##name
#define KERNEL_TARGET
#include "kernels_simd.h"

#if defined(__x86_64__)
#define KERNEL(name) avx2_##name
#define KERNEL_TARGET __attribute__((target("avx2,fma")))
#include "kernels_simd.h"
#endif

static float (*l2) (const float *, const float *, int) = portable_l2;
static float (*dot) (const float *, const float *, int) = portable_dot;
static void (*cosine) (const float *, const float *, int, float[3]) = portable_cosine;

void
ann_choose_kernels(void)
{
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
	{
		l2 = avx2_l2;
		dot = avx2_dot;
		cosine = avx2_cosine;
	}
#endif
}

double
ann_sum_l2(const float *a, const float *b, int n)
{
	double		sum = l2(a, b, n);

	if (isfinite(sum))
		return sum;
	sum = 0;
	for (int i = 0; i < n; i++)
		sum += ((double) a[i] - b[i]) * ((double) a[i] - b[i]);
	return sum;
}

double
ann_sum_dot(const float *a, const float *b, int n)
{
	double		sum = dot(a, b, n);

	if (isfinite(sum))
		return sum;
	sum = 0;
	for (int i = 0; i < n; i++)
		sum += (double) a[i] * b[i];
	return sum;
}

/* A squared norm that single precision holds without loss of magnitude. */
static int
held(float square)
{
	return isfinite(square) && square >= FLT_MIN;
}

AnnCosine
ann_sum_cosine(const float *a, const float *b, int n)
{
	float		sums[3];
	AnnCosine	exact = {0, 0, 0};

	cosine(a, b, n, sums);
	if (isfinite(sums[0]) && held(sums[1]) && held(sums[2]))
		return (AnnCosine) {sums[0], sums[1], sums[2]};

	for (int i = 0; i < n; i++)
	{
		exact.dot += (double) a[i] * b[i];
		exact.aa += (double) a[i] * a[i];
		exact.bb += (double) b[i] * b[i];
	}
	return exact;
}
