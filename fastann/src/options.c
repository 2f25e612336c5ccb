/*
 * options.c
 *
 * CREATE INDEX ... USING ann (v) WITH (...): names, ranges and defaults as AnalyticDB
 * documents them, and the translation to the carrier's options.
 */
#include "fastann.h"

#include "access/reloptions.h"
#include "carrier.h"
#include "utils/memutils.h"

static relopt_kind kind;

static relopt_enum_elt_def measures[] = {
	{"L2", ANN_L2},
	{"IP", ANN_IP},
	{"COSINE", ANN_COSINE},
	{NULL, 0},
};

/* An integer option; an index that exists must be rebuilt for it, hence the lock. */
static void
int_option(const char *name, const char *description, int value, int min, int max)
{
	add_int_reloption(kind, name, description, value, min, max, AccessExclusiveLock);
}

void
ann_define_options(void)
{
	kind = add_reloption_kind();
	int_option("dim", "Dimensions of the vectors (required)", 0, 1, 8192);
	add_enum_reloption(kind, "distancemeasure", "Distance that the index serves", measures, ANN_L2,
					   "Valid values are \"L2\", \"IP\" and \"COSINE\".", AccessExclusiveLock);
	int_option("hnsw_m", "Neighbours of a point", 32, 10, 1000);
	int_option("hnsw_ef_construction", "Candidates while building", 600, 40, 4000);
	int_option("pq_enable", "Product quantization: 0 or 1", 0, 0, 1);
	int_option("pq_segments", "Segments of product quantization", 0, 0, 256);
	int_option("pq_centers", "Centres of a segment", 2048, 256, 8192);
	int_option("external_storage", "Storage outside the pages: 0 or 1", 0, 0, 1);
}

const char *
ann_measure_name(int measure)
{
	for (int i = 0; measures[i].string_val != NULL; i++)
		if (measures[i].symbol_val == measure)
			return measures[i].string_val;
	return "unknown";
}

/* Says what the sandbox does instead, or refuses when it is strict. */
static void
not_carried(int level, const char *option, const char *instead)
{
	ereport(ann_sandbox_strict ? ERROR : level,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("the fastann sandbox does not carry %s", option),
			 ann_sandbox_strict
			 ? errhint("Set fastann.sandbox_strict to off to go on without it.")
			 : errdetail("%s", instead)));
}

static void
check_carried(const AnnOptions *options)
{
	if (options->pq_enable != 0)
	{
		if (options->pq_segments > 0 && options->dim % options->pq_segments != 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("dim %d is not a multiple of pq_segments %d", options->dim, options->pq_segments)));
		if (options->pq_segments == 0 && options->dim % 8 != 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("pq_segments is required because dim %d is not a multiple of 8", options->dim)));
		not_carried(WARNING, "pq_enable = 1",
					"The index keeps whole vectors; pq_segments and pq_centers have no effect.");
	}
	if (options->external_storage != 0)
		not_carried(WARNING, "external_storage = 1",
					"The index is stored in pages; updates and deletes work.");
	if (options->hnsw_m > CARRIER_MAX_M)
		not_carried(NOTICE, psprintf("hnsw_m = %d", options->hnsw_m),
					psprintf("The index uses %d, the most that pgvector carries.", CARRIER_MAX_M));
}

/* Fills the carrier's own fields from ours. */
static void
translate(AnnOptions *options)
{
	options->m = Min(options->hnsw_m, CARRIER_MAX_M);
	options->ef_construction = Max(options->hnsw_ef_construction, 2 * options->m);
}

bytea *
ann_options(Datum reloptions, bool validate)
{
	static const relopt_parse_elt table[] = {
		{"dim", RELOPT_TYPE_INT, offsetof(AnnOptions, dim)},
		{"distancemeasure", RELOPT_TYPE_ENUM, offsetof(AnnOptions, measure)},
		{"hnsw_m", RELOPT_TYPE_INT, offsetof(AnnOptions, hnsw_m)},
		{"hnsw_ef_construction", RELOPT_TYPE_INT, offsetof(AnnOptions, hnsw_ef_construction)},
		{"pq_enable", RELOPT_TYPE_INT, offsetof(AnnOptions, pq_enable)},
		{"pq_segments", RELOPT_TYPE_INT, offsetof(AnnOptions, pq_segments)},
		{"pq_centers", RELOPT_TYPE_INT, offsetof(AnnOptions, pq_centers)},
		{"external_storage", RELOPT_TYPE_INT, offsetof(AnnOptions, external_storage)},
	};
	AnnOptions *options = build_reloptions(reloptions, validate, kind, sizeof(AnnOptions),
										   table, lengthof(table));

	if (options == NULL)
		return NULL;
	if (validate)
		check_carried(options);
	translate(options);
	return (bytea *) options;
}

/* The options of an index; one made without WITH gets the defaults. */
const AnnOptions *
ann_index_options(Relation index)
{
	if (index->rd_options == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(CacheMemoryContext);

		index->rd_options = ann_options((Datum) 0, false);
		MemoryContextSwitchTo(old);
	}
	return (const AnnOptions *) index->rd_options;
}
