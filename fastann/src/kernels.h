/*
 * kernels.h
 *
 * Sums over two vectors of n floats.  The results are exact sums rounded as doubles
 * whenever single precision overflows or underflows; NaN or infinite input gives a
 * result that is not finite.
 */
#ifndef FASTANN_KERNELS_H
#define FASTANN_KERNELS_H

typedef struct AnnCosine
{
	double		dot;
	double		aa;
	double		bb;
} AnnCosine;

extern void ann_choose_kernels(void);
extern double ann_sum_l2(const float *a, const float *b, int n);
extern double ann_sum_dot(const float *a, const float *b, int n);
extern AnnCosine ann_sum_cosine(const float *a, const float *b, int n);

#endif
