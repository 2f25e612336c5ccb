/*
 * scan.c
 *
 * Index scans.  The settings fastann.* take the place of the carrier's own while it
 * works.  A scan by an operator that does not fit the index's distancemeasure never
 * runs: the planner avoids it (cost.c), and here it is an error.
 */
#include "fastann.h"

#include "access/relscan.h"
#include "carrier.h"

IndexScanDesc
ann_beginscan(Relation index, int nkeys, int norderbys)
{
	IndexScanDesc scan;
	CarrierSettings outer;

	ann_prepare(index);
	ann_check_stamp(index);

	outer = carrier_settings_swap(carrier_settings_for_scan());
	PG_TRY();
	{
		scan = carrier()->ambeginscan(index, nkeys, norderbys);
	}
	PG_FINALLY();
	{
		carrier_settings_swap(outer);
	}
	PG_END_TRY();
	return scan;
}

void
ann_rescan(IndexScanDesc scan, ScanKey keys, int nkeys, ScanKey orderbys, int norderbys)
{
	Relation	index = scan->indexRelation;
	int			measure = ann_index_options(index)->measure;

	ann_prepare(index);
	if (orderbys != NULL && norderbys > 0)
	{
		if (orderbys->sk_strategy != measure)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("index \"%s\" has distancemeasure %s and cannot serve the operator of %s",
							RelationGetRelationName(index), ann_measure_name(measure),
							ann_measure_name(orderbys->sk_strategy))));
		if ((orderbys->sk_flags & SK_ISNULL) == 0)
			ann_check_query(index, orderbys->sk_argument);
	}
	carrier()->amrescan(scan, keys, nkeys, orderbys, norderbys);
}

bool
ann_gettuple(IndexScanDesc scan, ScanDirection direction)
{
	CarrierSettings outer = carrier_settings_swap(carrier_settings_for_scan());
	bool		found;

	PG_TRY();
	{
		found = carrier()->amgettuple(scan, direction);
	}
	PG_FINALLY();
	{
		carrier_settings_swap(outer);
	}
	PG_END_TRY();
	return found;
}
