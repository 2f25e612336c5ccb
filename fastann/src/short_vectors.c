/*
 * short_vectors.c
 *
 * Distances between smallint[] vectors, in integer arithmetic, and their part of the
 * operator class.
 */
#include "fastann.h"

#include <math.h>

#include "array.h"
#include "carrier.h"

typedef struct Sums
{
	int64		difference;		/* sum of (a - b)^2 */
	int64		dot;
	int64		aa;
	int64		bb;
} Sums;

static Sums
sums(FunctionCallInfo fcinfo)
{
	AnnShorts	a = ann_shorts(PG_GETARG_ARRAYTYPE_P(0));
	AnnShorts	b = ann_shorts(PG_GETARG_ARRAYTYPE_P(1));
	Sums		s = {0, 0, 0, 0};

	ann_require_same_dimensions(a.n, b.n);
	for (int i = 0; i < a.n; i++)
	{
		int64		x = a.x[i],
					y = b.x[i];

		s.difference += (x - y) * (x - y);
		s.dot += x * y;
		s.aa += x * x;
		s.bb += y * y;
	}
	return s;
}

PG_FUNCTION_INFO_V1(ann_short_l2_squared_distance);
Datum
ann_short_l2_squared_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8((double) sums(fcinfo).difference);
}

PG_FUNCTION_INFO_V1(ann_short_negative_inner_product_distance);
Datum
ann_short_negative_inner_product_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8((double) -sums(fcinfo).dot);
}

PG_FUNCTION_INFO_V1(ann_short_cosine_distance);
Datum
ann_short_cosine_distance(PG_FUNCTION_ARGS)
{
	Sums		s = sums(fcinfo);
	double		similarity = s.dot / (sqrt((double) s.aa) * sqrt((double) s.bb));

	if (!isnan(similarity))
		similarity = Min(Max(similarity, -1.0), 1.0);
	PG_RETURN_FLOAT8(1.0 - similarity);
}

PG_FUNCTION_INFO_V1(ann_short_norm);
Datum
ann_short_norm(PG_FUNCTION_ARGS)
{
	AnnShorts	v = ann_shorts(PG_GETARG_ARRAYTYPE_P(0));
	int64		square = 0;

	for (int i = 0; i < v.n; i++)
		square += (int64) v.x[i] * v.x[i];
	PG_RETURN_FLOAT8(sqrt((double) square));
}

/* Integers cannot have length 1; the index keeps them as they are. */
static Datum
unchanged(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

static void
check_value(Pointer value)
{
	ann_require_dimensions(ann_expected_dimensions, ann_shorts((ArrayType *) value).n);
}

PG_FUNCTION_INFO_V1(ann_short_support);
Datum
ann_short_support(PG_FUNCTION_ARGS)
{
	static const CarrierTypeInfo info = {2 * CARRIER_MAX_DIMENSIONS, unchanged, check_value};

	ann_prepare_carrier_build();
	PG_RETURN_POINTER(&info);
}
