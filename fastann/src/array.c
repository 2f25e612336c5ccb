/*
 * array.c
 *
 * Arrays as vectors, and the errors for those that are none.
 */
#include "array.h"

#include <math.h>

#include "catalog/pg_type_d.h"

/* Number of elements; element is their type, or InvalidOid where it has no fixed number. */
static int
require_vector(ArrayType *array, Oid element)
{
	if (OidIsValid(element) && ARR_ELEMTYPE(array) != element)
		elog(ERROR, "unexpected element type %u of a vector", ARR_ELEMTYPE(array));
	if (ARR_NDIM(array) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("vector must have at least 1 dimension")));
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("vector must be a one-dimensional array, not %d-dimensional", ARR_NDIM(array))));
	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("vector must not contain nulls")));
	return ARR_DIMS(array)[0];
}

AnnVector
ann_vector(ArrayType *array)
{
	int			n = require_vector(array, FLOAT4OID);

	return (AnnVector) {(const float *) ARR_DATA_PTR(array), n};
}

AnnShorts
ann_shorts(ArrayType *array)
{
	int			n = require_vector(array, INT2OID);

	return (AnnShorts) {(const int16 *) ARR_DATA_PTR(array), n};
}

AnnHalves
ann_halves(ArrayType *array)
{
	int			n = require_vector(array, InvalidOid);

	return (AnnHalves) {(const uint16 *) ARR_DATA_PTR(array), n};
}

/* The element at position i (from 0) of n. */
void
ann_require_finite_element(float value, int i, int n)
{
	if (!isfinite(value))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("vector must not contain %s", isnan(value) ? "NaN" : "infinity"),
				 errdetail("It is element %d of %d.", i + 1, n)));
}

void
ann_require_finite(AnnVector vector)
{
	for (int i = 0; i < vector.n; i++)
		ann_require_finite_element(vector.x[i], i, vector.n);
}

void
ann_require_same_dimensions(int a, int b)
{
	if (a != b)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("different vector dimensions %d and %d", a, b)));
}

void
ann_require_dimensions(int expected, int n)
{
	if (expected > 0 && n != expected)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("expected %d dimensions, not %d", expected, n),
				 errhint("The index option dim says how many elements every vector has.")));
}
