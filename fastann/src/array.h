/*
 * array.h
 *
 * A one-dimensional SQL array, real[], smallint[] or float2[], seen as a vector.
 */
#ifndef FASTANN_ARRAY_H
#define FASTANN_ARRAY_H

#include "postgres.h"

#include "utils/array.h"

typedef struct AnnVector
{
	const float *x;
	int			n;
} AnnVector;

typedef struct AnnShorts
{
	const int16 *x;
	int			n;
} AnnShorts;

typedef struct AnnHalves
{
	const uint16 *x;
	int			n;
} AnnHalves;

extern AnnVector ann_vector(ArrayType *array);
extern AnnShorts ann_shorts(ArrayType *array);
extern AnnHalves ann_halves(ArrayType *array);
extern void ann_require_finite_element(float value, int i, int n);
extern void ann_require_finite(AnnVector vector);
extern void ann_require_same_dimensions(int a, int b);
extern void ann_require_dimensions(int expected, int n);

#endif
