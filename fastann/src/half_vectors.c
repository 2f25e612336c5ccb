/*
 * half_vectors.c
 *
 * Distances between float2[] vectors, computed on floats a block at a time, and their
 * part of the operator class.
 */
#include "fastann.h"

#include <math.h>

#include "array.h"
#include "carrier.h"
#include "half.h"
#include "kernels.h"

#define BLOCK 128

typedef struct Block
{
	float		a[BLOCK];
	float		b[BLOCK];
} Block;

typedef struct Pair
{
	AnnHalves	a;
	AnnHalves	b;
} Pair;

static Pair
pair(FunctionCallInfo fcinfo)
{
	Pair		p = {ann_halves(PG_GETARG_ARRAYTYPE_P(0)), ann_halves(PG_GETARG_ARRAYTYPE_P(1))};

	ann_require_same_dimensions(p.a.n, p.b.n);
	return p;
}

/* Fills the block with the floats from start on; returns how many. */
static int
fill(Block *block, Pair p, int start)
{
	int			n = Min(BLOCK, p.a.n - start);

	for (int i = 0; i < n; i++)
	{
		block->a[i] = half_to_float(p.a.x[start + i]);
		block->b[i] = half_to_float(p.b.x[start + i]);
	}
	return n;
}

static void
require_finite(AnnHalves vector)
{
	for (int i = 0; i < vector.n; i++)
		ann_require_finite_element(half_to_float(vector.x[i]), i, vector.n);
}

static double
checked(double sum, Pair p)
{
	if (unlikely(!isfinite(sum)))
	{
		require_finite(p.a);
		require_finite(p.b);
	}
	return sum;
}

PG_FUNCTION_INFO_V1(ann_half_l2_squared_distance);
Datum
ann_half_l2_squared_distance(PG_FUNCTION_ARGS)
{
	Pair		p = pair(fcinfo);
	Block		block;
	double		sum = 0;

	for (int i = 0; i < p.a.n; i += BLOCK)
	{
		int			n = fill(&block, p, i);

		sum += ann_sum_l2(block.a, block.b, n);
	}
	PG_RETURN_FLOAT8(checked(sum, p));
}

PG_FUNCTION_INFO_V1(ann_half_negative_inner_product_distance);
Datum
ann_half_negative_inner_product_distance(PG_FUNCTION_ARGS)
{
	Pair		p = pair(fcinfo);
	Block		block;
	double		sum = 0;

	for (int i = 0; i < p.a.n; i += BLOCK)
	{
		int			n = fill(&block, p, i);

		sum += ann_sum_dot(block.a, block.b, n);
	}
	PG_RETURN_FLOAT8(-checked(sum, p));
}

static AnnCosine
cosine_sums(Pair p)
{
	Block		block;
	AnnCosine	sums = {0, 0, 0};

	for (int i = 0; i < p.a.n; i += BLOCK)
	{
		int			n = fill(&block, p, i);
		AnnCosine	part = ann_sum_cosine(block.a, block.b, n);

		sums.dot += part.dot;
		sums.aa += part.aa;
		sums.bb += part.bb;
	}
	return sums;
}

PG_FUNCTION_INFO_V1(ann_half_cosine_distance);
Datum
ann_half_cosine_distance(PG_FUNCTION_ARGS)
{
	Pair		p = pair(fcinfo);
	AnnCosine	sums = cosine_sums(p);
	double		similarity = sums.dot / (sqrt(sums.aa) * sqrt(sums.bb));

	if (unlikely(!isfinite(similarity)))
		PG_RETURN_FLOAT8(1.0 - checked(similarity, p));
	PG_RETURN_FLOAT8(1.0 - Min(Max(similarity, -1.0), 1.0));
}

PG_FUNCTION_INFO_V1(ann_half_norm);
Datum
ann_half_norm(PG_FUNCTION_ARGS)
{
	AnnHalves	v = ann_halves(PG_GETARG_ARRAYTYPE_P(0));

	PG_RETURN_FLOAT8(sqrt(cosine_sums((Pair) {v, v}).aa));
}

/* Half precision would lose more at length 1; the index keeps vectors as they are. */
static Datum
unchanged(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

static void
check_value(Pointer value)
{
	AnnHalves	v = ann_halves((ArrayType *) value);

	ann_require_dimensions(ann_expected_dimensions, v.n);
	require_finite(v);
}

PG_FUNCTION_INFO_V1(ann_half_support);
Datum
ann_half_support(PG_FUNCTION_ARGS)
{
	static const CarrierTypeInfo info = {2 * CARRIER_MAX_DIMENSIONS, unchanged, check_value};

	ann_prepare_carrier_build();
	PG_RETURN_POINTER(&info);
}
