/*
 * carrier.c
 *
 * Finds pgvector's library, its HNSW handler and the variables behind its settings.
 */
#include "carrier.h"

#include "fastann.h"
#include "miscadmin.h"
#include "utils/guc_tables.h"
#include "utils/memutils.h"

#define CARRIER_LIBRARY "$libdir/vector"

static struct
{
	const IndexAmRoutine *routine;
	int		   *ef_search;
	int		   *iterative_scan;
	int		   *max_scan_tuples;
	double	   *scan_mem_multiplier;
} state;

/* A function of pgvector's library that SQL could call as well. */
PGFunction
carrier_function(const char *name)
{
	return (PGFunction) load_external_function(CARRIER_LIBRARY, name, true, NULL);
}

/* The setting's record, which must be of the given type. */
static struct config_generic *
setting(const char *name, enum config_type type)
{
	struct config_generic *record = find_option(name, false, true, ERROR);

	if (record == NULL || record->vartype != type || (record->flags & GUC_CUSTOM_PLACEHOLDER) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("pgvector has no setting \"%s\" of the expected type", name),
				 errhint("The sandbox needs pgvector 0.8.x; rebuild it with fastann/build.")));
	return record;
}

/* pgvector's access method; loads its library when first asked. */
const IndexAmRoutine *
carrier(void)
{
	IndexAmRoutine *routine;
	MemoryContext old;

	if (state.routine != NULL)
		return state.routine;

	old = MemoryContextSwitchTo(TopMemoryContext);
	routine = (IndexAmRoutine *) DatumGetPointer(
		DirectFunctionCall1(carrier_function("hnswhandler"), PointerGetDatum(NULL)));
	MemoryContextSwitchTo(old);

	if (!IsA(routine, IndexAmRoutine) || !routine->amcanorderbyop || routine->amsupport != 3)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("pgvector's access method hnsw is not the one that the sandbox knows"),
				 errhint("The sandbox needs pgvector 0.8.x; rebuild it with fastann/build.")));

	state.ef_search = ((struct config_int *) setting("hnsw.ef_search", PGC_INT))->variable;
	state.iterative_scan = ((struct config_enum *) setting("hnsw.iterative_scan", PGC_ENUM))->variable;
	state.max_scan_tuples = ((struct config_int *) setting("hnsw.max_scan_tuples", PGC_INT))->variable;
	state.scan_mem_multiplier = ((struct config_real *) setting("hnsw.scan_mem_multiplier", PGC_REAL))->variable;
	state.routine = routine;
	return routine;
}

/* Gives the carrier other settings and returns those that it had. */
CarrierSettings
carrier_settings_swap(CarrierSettings settings)
{
	CarrierSettings previous = {
		*state.ef_search, *state.iterative_scan, *state.max_scan_tuples, *state.scan_mem_multiplier
	};

	*state.ef_search = settings.ef_search;
	*state.iterative_scan = settings.iterative_scan;
	*state.max_scan_tuples = settings.max_scan_tuples;
	*state.scan_mem_multiplier = settings.scan_mem_multiplier;
	return previous;
}

/*
 * The settings of a scan: the list has ef_search candidates, never more than may be
 * visited; the scan goes on in order of distance until max_scan_points are visited.
 * Memory must not end it earlier, so the multiple of work_mem leaves room for every
 * point (the carrier keeps about 300 bytes for each).
 */
CarrierSettings
carrier_settings_for_scan(void)
{
	double		room = 512.0 * ann_max_scan_points / (work_mem * 1024.0);

	return (CarrierSettings) {
		.ef_search = Min(ann_ef_search, ann_max_scan_points),
		.iterative_scan = CARRIER_ITERATIVE_STRICT,
		.max_scan_tuples = ann_max_scan_points,
		.scan_mem_multiplier = Max(room, 1.0),
	};
}
