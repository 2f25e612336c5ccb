/*
 * build.c
 *
 * CREATE INDEX and REINDEX, serial and parallel.
 */
#include "fastann.h"

#include "carrier.h"
#include "utils/guc.h"

/* A setting for the build alone, handed on to its workers. */
static void
set_for_build(const char *name, int value)
{
	char		text[16];

	snprintf(text, sizeof text, "%d", value);
	(void) set_config_option(name, text, PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/* Refuses what the carrier's pages cannot hold; returns the GUC nest level. */
static int
begin(Relation index)
{
	FmgrInfo   *function = index_getprocinfo(index, 1, ANN_TYPE_INFO_PROC);
	CarrierTypeInfo *info = (CarrierTypeInfo *) DatumGetPointer(FunctionCall0Coll(function, InvalidOid));
	int			dim = ann_dimensions(index);
	int			level = NewGUCNestLevel();

	if (dim > info->max_dimensions)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("dim %d is more than the %d dimensions that the fastann sandbox can index", dim, info->max_dimensions),
				 errdetail("pgvector keeps a whole vector in one page; AnalyticDB itself allows 8192.")));
	set_for_build("fastann.build_index", (int) RelationGetRelid(index));
	if (ann_build_parallel_processes > 0)
		set_for_build("max_parallel_maintenance_workers", ann_build_parallel_processes - 1);
	return level;
}

static void
end(Relation index, int level, int typmod)
{
	AtEOXact_GUC(false, level);
	TupleDescAttr(index->rd_att, 0)->atttypmod = typmod;
	ann_expected_dimensions = 0;
}

IndexBuildResult *
ann_build(Relation heap, Relation index, IndexInfo *info)
{
	int			typmod = TupleDescAttr(index->rd_att, 0)->atttypmod;
	int			level = begin(index);
	IndexBuildResult *result = carrier()->ambuild(heap, index, info);

	end(index, level, typmod);
	ann_write_stamp(index, MAIN_FORKNUM);
	return result;
}

/* The empty index to which an unlogged one returns after a crash. */
void
ann_buildempty(Relation index)
{
	int			typmod = TupleDescAttr(index->rd_att, 0)->atttypmod;
	int			level = begin(index);

	carrier()->ambuildempty(index);
	end(index, level, typmod);
	ann_write_stamp(index, INIT_FORKNUM);
}
