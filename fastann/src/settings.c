/*
 * settings.c
 *
 * The settings fastann.*.  AnalyticDB does not publish ranges; the defaults of
 * hnsw_ef_search and hnsw_max_scan_points are those seen on a 7.0 instance.
 */
#include "fastann.h"

#include <limits.h>

#include "utils/guc.h"

int			ann_ef_search = 100;
int			ann_max_scan_points = 2000;
int			ann_build_parallel_processes = 0;
int			ann_build_index = 0;
bool		ann_sandbox_strict = false;

static bool sandbox = true;
static double pq_amp = 1.0;

void
ann_define_settings(void)
{
	DefineCustomIntVariable("fastann.hnsw_ef_search",
							"Candidates that a search of an ann index keeps.",
							NULL, &ann_ef_search, 100, 1, 10000, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("fastann.hnsw_max_scan_points",
							"Points of an ann index that one search may visit before it stops.",
							NULL, &ann_max_scan_points, 2000, 1, 8000000, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("fastann.build_parallel_processes",
							"Processes that build an ann index; 0 leaves it to max_parallel_maintenance_workers.",
							NULL, &ann_build_parallel_processes, 0, 0, 64, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomRealVariable("fastann.pq_amp",
							 "Accepted; the sandbox has no product quantization, so it changes nothing.",
							 NULL, &pq_amp, 1.0, 0.0, 1000.0, PGC_USERSET, 0, NULL, NULL, NULL);

	DefineCustomBoolVariable("fastann.sandbox",
							 "This server is a development stand-in, not AnalyticDB.",
							 NULL, &sandbox, true, PGC_INTERNAL, GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE,
							 NULL, NULL, NULL);
	DefineCustomBoolVariable("fastann.sandbox_strict",
							 "Refuses index options that the sandbox cannot carry, instead of warning.",
							 NULL, &ann_sandbox_strict, false, PGC_USERSET, 0, NULL, NULL, NULL);

	/* How the leader of a parallel build tells its workers which index it is. */
	DefineCustomIntVariable("fastann.build_index", "Index that is being built (internal).",
							NULL, &ann_build_index, 0, INT_MIN, INT_MAX, PGC_SUSET,
							GUC_NO_SHOW_ALL | GUC_NO_RESET_ALL | GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE,
							NULL, NULL, NULL);
}
