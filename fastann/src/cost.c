/*
 * cost.c
 *
 * What the planner is told: the carrier's estimate for the operator that the index
 * serves, and a prohibitive one for the two others.
 */
#include "fastann.h"

#include "access/genam.h"
#include "carrier.h"
#include "nodes/pathnodes.h"
#include "utils/lsyscache.h"

/* Far above any real plan and any disabled one, yet safe to add and to scale. */
#define PROHIBITIVE 1.0e30

/*
 * The carrier counts every page of a search as a random read from disk, which is
 * several times too much where the index is in memory: small tables would never show
 * the plan that they get on AnalyticDB. The cost of going on after the first rows
 * stays, so that without a small LIMIT the exact plan wins.
 */
#define STARTUP_SHARE 0.1

/* Strategy number of the operator by which the path orders; 0 if it does not. */
static int
ordering_strategy(IndexPath *path)
{
	OpExpr	   *clause;
	int			strategy;
	Oid			left,
				right;

	if (path->indexorderbys == NIL)
		return 0;
	clause = linitial_node(OpExpr, path->indexorderbys);
	get_op_opfamily_properties(clause->opno, path->indexinfo->opfamily[0], true, &strategy, &left, &right);
	return strategy;
}

static void
prohibit(IndexPath *path, Cost *startup, Cost *total, Selectivity *selectivity,
		 double *correlation, double *pages)
{
	*startup = *total = PROHIBITIVE;
	*selectivity = 1.0;
	*correlation = 0;
	*pages = 0;
#if PG_VERSION_NUM >= 180000
	path->path.disabled_nodes = 1000;
#endif
}

void
ann_costestimate(PlannerInfo *root, IndexPath *path, double loops, Cost *startup, Cost *total,
				 Selectivity *selectivity, double *correlation, double *pages)
{
	Relation	index = index_open(path->indexinfo->indexoid, NoLock);
	int			measure = ann_index_options(index)->measure;
	CarrierSettings outer;

	index_close(index, NoLock);
	if (ordering_strategy(path) != measure)
	{
		prohibit(path, startup, total, selectivity, correlation, pages);
		return;
	}

	outer = carrier_settings_swap(carrier_settings_for_scan());
	PG_TRY();
	{
		carrier()->amcostestimate(root, path, loops, startup, total, selectivity, correlation, pages);
	}
	PG_FINALLY();
	{
		carrier_settings_swap(outer);
	}
	PG_END_TRY();
	*startup *= STARTUP_SHARE;
}
