/*
 * float2.c
 *
 * The type float2: half precision, which AnalyticDB has of its own and PostgreSQL
 * lacks.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "half.h"
#include "libpq/pqformat.h"
#include "utils/float.h"

#define PG_RETURN_HALF(half) PG_RETURN_INT16((int16) (half))
#define PG_GETARG_HALF(n) ((uint16_t) PG_GETARG_INT16(n))

PG_FUNCTION_INFO_V1(float2_in);
Datum
float2_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);

	PG_RETURN_HALF(half_from_float(float4in_internal(text, NULL, "float2", text, fcinfo->context)));
}

/* Five digits tell every value from its neighbours. */
PG_FUNCTION_INFO_V1(float2_out);
Datum
float2_out(PG_FUNCTION_ARGS)
{
	float		value = half_to_float(PG_GETARG_HALF(0));

	if (isnan(value))
		PG_RETURN_CSTRING(pstrdup("NaN"));
	if (isinf(value))
		PG_RETURN_CSTRING(pstrdup(value < 0 ? "-Infinity" : "Infinity"));
	PG_RETURN_CSTRING(psprintf("%.5g", value));
}

PG_FUNCTION_INFO_V1(float2_recv);
Datum
float2_recv(PG_FUNCTION_ARGS)
{
	PG_RETURN_HALF(pq_getmsgint((StringInfo) PG_GETARG_POINTER(0), 2));
}

PG_FUNCTION_INFO_V1(float2_send);
Datum
float2_send(PG_FUNCTION_ARGS)
{
	StringInfoData buffer;

	pq_begintypsend(&buffer);
	pq_sendint16(&buffer, PG_GETARG_HALF(0));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

PG_FUNCTION_INFO_V1(float2_from_float4);
Datum
float2_from_float4(PG_FUNCTION_ARGS)
{
	PG_RETURN_HALF(half_from_float(PG_GETARG_FLOAT4(0)));
}

PG_FUNCTION_INFO_V1(float2_to_float4);
Datum
float2_to_float4(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT4(half_to_float(PG_GETARG_HALF(0)));
}
