/*
 * pgvector_vectors.c
 *
 * The part of the operator class for vector(n) that pgvector does not have: its own
 * functions compute the distances.
 */
#include "fastann.h"

#include "array.h"
#include "carrier.h"

/* The head of pgvector's type vector. */
typedef struct Head
{
	int32		vl_len_;
	int16		dimensions;
} Head;

/* A vector without n in its type may have any length. */
static void
check_value(Pointer value)
{
	ann_require_dimensions(ann_expected_dimensions, ((Head *) value)->dimensions);
}

PG_FUNCTION_INFO_V1(ann_vector_support);
Datum
ann_vector_support(PG_FUNCTION_ARGS)
{
	static CarrierTypeInfo info = {CARRIER_MAX_DIMENSIONS, NULL, check_value};

	if (info.normalize == NULL)
		info.normalize = carrier_function("l2_normalize");
	ann_prepare_carrier_build();
	PG_RETURN_POINTER(&info);
}
