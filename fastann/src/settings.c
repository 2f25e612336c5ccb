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

/* Settings of AnalyticDB that its clients send and that change nothing here. */
static const char *const accepted_bools[] = {
	"optimizer",
	"adbpg_enable_fastann_hybrid_bitmap_pushdown",
	"adbpg_enable_fastann_hybrid_expression_pushdown",
	"adbpg_enable_fastann_hybrid_brute_force",
	"adbpg_enable_fastann_hybrid_post_filtering",
};

static const char *const accepted_texts[] = {
	"adbpg_fastann_hybrid_brute_force_selectivity_threshold",
	"adbpg_fastann_hybrid_bitmap_pushdown_selectivity_threshold",
	"adbpg_fastann_hybrid_expression_pushdown_selectivity_threshold",
	"rds_ann_struct_first_table_size_threshold",
	"rds_ann_struct_first_row_threshold",
	"rds_ann_struct_first_selectivity_threshold",
	"gp_autostats_mode",
	"statement_mem",
};

static bool accepted_bool_values[lengthof(accepted_bools)];
static char *accepted_text_values[lengthof(accepted_texts)];
static char *version = NULL;

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

	for (int i = 0; i < (int) lengthof(accepted_bools); i++)
		DefineCustomBoolVariable(accepted_bools[i], "Accepted; it changes nothing in the sandbox.", NULL,
								 &accepted_bool_values[i], true, PGC_USERSET, GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
	for (int i = 0; i < (int) lengthof(accepted_texts); i++)
		DefineCustomStringVariable(accepted_texts[i], "Accepted; it changes nothing in the sandbox.", NULL,
								   &accepted_text_values[i], "", PGC_USERSET, GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
	DefineCustomStringVariable("adbpg_version", "The release of AnalyticDB that the sandbox stands in for.", NULL,
							   &version, "7.0 (sandbox)", PGC_INTERNAL, GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE,
							   NULL, NULL, NULL);

	/* How the leader of a parallel build tells its workers which index it is. */
	DefineCustomIntVariable("fastann.build_index", "Index that is being built (internal).",
							NULL, &ann_build_index, 0, INT_MIN, INT_MAX, PGC_SUSET,
							GUC_NO_SHOW_ALL | GUC_NO_RESET_ALL | GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE,
							NULL, NULL, NULL);
}
