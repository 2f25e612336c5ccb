/*
 * prepare.c
 *
 * What the carrier must find in an index's relcache entry before it works on it:
 * the distance (and the norm) that distancemeasure asks for as its support functions
 * 1 and 2, and while building the dimensions as the column's type modifier.
 */
#include "fastann.h"

#include "access/genam.h"
#include "access/relscan.h"
#include "carrier.h"
#include "catalog/pg_type_d.h"
#include "utils/array.h"

/* Dimensions that values must have; 0 while nothing is known. */
int			ann_expected_dimensions = 0;

static void
set_support(Relation index, int number, RegProcedure function)
{
	if (index->rd_support[number - 1] == function)
		return;
	index->rd_support[number - 1] = function;
	index->rd_supportinfo[number - 1].fn_oid = InvalidOid;
}

/* Makes the index measure what its options say. */
void
ann_prepare(Relation index)
{
	int			measure;

	if (index->rd_indam->amcostestimate != ann_costestimate)
		elog(ERROR, "index \"%s\" is not an ann index", RelationGetRelationName(index));

	measure = ann_index_options(index)->measure;
	set_support(index, ANN_CARRIER_DISTANCE_PROC, index->rd_support[ANN_MEASURE_PROC(measure) - 1]);
	set_support(index, ANN_CARRIER_NORM_PROC,
				measure == ANN_COSINE ? index->rd_support[ANN_NORM_PROC - 1] : InvalidOid);
}

/* The option dim, or else the column's own vector(n). */
int
ann_dimensions(Relation index)
{
	Form_pg_attribute column = TupleDescAttr(index->rd_att, 0);
	int			dim = ann_index_options(index)->dim;

	if (dim > 0 && column->atttypmod > 0 && dim != column->atttypmod)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option dim is %d but the column has %d dimensions", dim, column->atttypmod)));
	if (dim == 0)
		dim = column->atttypmod;
	if (dim <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option dim is required for an ann index"),
				 errhint("Write CREATE INDEX ... USING ann (...) WITH (dim = ...).")));
	return dim;
}

/*
 * Called by the type-info functions, which is the first thing that the carrier does
 * with an index in a build, in the leader and in each worker.
 */
void
ann_prepare_carrier_build(void)
{
	Relation	index;

	if (ann_build_index == 0)
		return;

	index = index_open((Oid) ann_build_index, NoLock);
	ann_prepare(index);
	ann_expected_dimensions = ann_dimensions(index);
	TupleDescAttr(index->rd_att, 0)->atttypmod = ann_expected_dimensions;
	index_close(index, NoLock);
}

/* Refuses a search for a vector that the index cannot hold. */
void
ann_check_query(Relation index, Datum value)
{
	FmgrInfo   *function = index_getprocinfo(index, 1, ANN_TYPE_INFO_PROC);
	CarrierTypeInfo *info = (CarrierTypeInfo *) DatumGetPointer(FunctionCall0Coll(function, InvalidOid));
	int			outer = ann_expected_dimensions;

	ann_expected_dimensions = ann_dimensions(index);
	info->check_value((Pointer) PG_DETOAST_DATUM(value));
	ann_expected_dimensions = outer;
}
