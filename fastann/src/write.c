/*
 * write.c
 *
 * Inserts and vacuum: the carrier's own, on a prepared index.
 */
#include "fastann.h"

#include "carrier.h"

bool
ann_insert(Relation index, Datum *values, bool *isnull, ItemPointer tid, Relation heap,
		   IndexUniqueCheck unique, bool unchanged, IndexInfo *info)
{
	int			outer = ann_expected_dimensions;
	bool		result;

	ann_prepare(index);
	ann_check_stamp(index);
	ann_expected_dimensions = ann_dimensions(index);
	result = carrier()->aminsert(index, values, isnull, tid, heap, unique, unchanged, info);
	ann_expected_dimensions = outer;
	return result;
}

IndexBulkDeleteResult *
ann_bulkdelete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
			   IndexBulkDeleteCallback callback, void *state)
{
	ann_prepare(info->index);
	return carrier()->ambulkdelete(info, stats, callback, state);
}
