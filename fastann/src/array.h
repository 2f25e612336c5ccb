/*
 * array.h
 *
 * A one-dimensional SQL array, real[] or smallint[], seen as a vector.
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

extern AnnVector ann_vector(ArrayType *array);
extern AnnShorts ann_shorts(ArrayType *array);
extern void ann_require_finite(AnnVector vector);
extern void ann_require_same_dimensions(int a, int b);
extern void ann_require_dimensions(int expected, int n);

#endif
