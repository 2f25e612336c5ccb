/*
 * real_vectors.c
 *
 * Distances between real[] vectors, and their part of the operator class.
 */
#include "fastann.h"

#include <math.h>

#include "array.h"
#include "carrier.h"
#include "kernels.h"

typedef struct Pair
{
	AnnVector	a;
	AnnVector	b;
} Pair;

static Pair
pair(FunctionCallInfo fcinfo)
{
	Pair		p = {ann_vector(PG_GETARG_ARRAYTYPE_P(0)), ann_vector(PG_GETARG_ARRAYTYPE_P(1))};

	ann_require_same_dimensions(p.a.n, p.b.n);
	return p;
}

/* Only input that is not finite gives a sum that is not. */
static double
checked(double sum, Pair p)
{
	if (unlikely(!isfinite(sum)))
	{
		ann_require_finite(p.a);
		ann_require_finite(p.b);
	}
	return sum;
}

static double
l2_squared(FunctionCallInfo fcinfo)
{
	Pair		p = pair(fcinfo);

	return checked(ann_sum_l2(p.a.x, p.b.x, p.a.n), p);
}

static double
inner_product(FunctionCallInfo fcinfo)
{
	Pair		p = pair(fcinfo);

	return checked(ann_sum_dot(p.a.x, p.b.x, p.a.n), p);
}

/* NaN where a vector has no direction, as pgvector has it. */
static double
cosine(FunctionCallInfo fcinfo)
{
	Pair		p = pair(fcinfo);
	AnnCosine	sums = ann_sum_cosine(p.a.x, p.b.x, p.a.n);
	double		similarity = sums.dot / (sqrt(sums.aa) * sqrt(sums.bb));

	if (unlikely(!isfinite(similarity)))
		return checked(similarity, p);
	return Min(Max(similarity, -1.0), 1.0);
}

PG_FUNCTION_INFO_V1(ann_l2_squared_distance);
Datum
ann_l2_squared_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(l2_squared(fcinfo));
}

PG_FUNCTION_INFO_V1(ann_l2_distance);
Datum
ann_l2_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(sqrt(l2_squared(fcinfo)));
}

PG_FUNCTION_INFO_V1(ann_inner_product_distance);
Datum
ann_inner_product_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(inner_product(fcinfo));
}

PG_FUNCTION_INFO_V1(ann_negative_inner_product_distance);
Datum
ann_negative_inner_product_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(-inner_product(fcinfo));
}

PG_FUNCTION_INFO_V1(ann_cosine_similarity);
Datum
ann_cosine_similarity(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(cosine(fcinfo));
}

PG_FUNCTION_INFO_V1(ann_cosine_distance);
Datum
ann_cosine_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(1.0 - cosine(fcinfo));
}

/* Positions at which the vectors differ. */
PG_FUNCTION_INFO_V1(ann_hm_distance);
Datum
ann_hm_distance(PG_FUNCTION_ARGS)
{
	Pair		p = pair(fcinfo);
	int			differences = 0;

	ann_require_finite(p.a);
	ann_require_finite(p.b);
	for (int i = 0; i < p.a.n; i++)
		differences += p.a.x[i] != p.b.x[i];
	PG_RETURN_FLOAT8(differences);
}

static double
norm(AnnVector v)
{
	return sqrt(ann_sum_cosine(v.x, v.x, v.n).aa);
}

PG_FUNCTION_INFO_V1(ann_norm);
Datum
ann_norm(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(norm(ann_vector(PG_GETARG_ARRAYTYPE_P(0))));
}

/* The vector at length 1, as an index under COSINE stores it. */
static Datum
normalize(PG_FUNCTION_ARGS)
{
	ArrayType  *copy = PG_GETARG_ARRAYTYPE_P_COPY(0);
	AnnVector	v = ann_vector(copy);
	float	   *x = (float *) v.x;
	double		length = norm(v);

	if (length > 0)
		for (int i = 0; i < v.n; i++)
			x[i] = (float) (x[i] / length);
	PG_RETURN_ARRAYTYPE_P(copy);
}

static void
check_value(Pointer value)
{
	AnnVector	v = ann_vector((ArrayType *) value);

	ann_require_dimensions(ann_expected_dimensions, v.n);
	ann_require_finite(v);
}

PG_FUNCTION_INFO_V1(ann_real_support);
Datum
ann_real_support(PG_FUNCTION_ARGS)
{
	static const CarrierTypeInfo info = {CARRIER_MAX_DIMENSIONS, normalize, check_value};

	ann_prepare_carrier_build();
	PG_RETURN_POINTER(&info);
}
