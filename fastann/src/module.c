/*
 * module.c
 *
 * Loading the library, the access method's handler and what says "sandbox".
 */
#include "fastann.h"

#include "carrier.h"
#include "kernels.h"
#include "utils/builtins.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	ann_choose_kernels();
	ann_define_options();
	ann_define_settings();
}

/* The carrier's routine, with our layer in the places where the two differ. */
PG_FUNCTION_INFO_V1(ann_handler);
Datum
ann_handler(PG_FUNCTION_ARGS)
{
	IndexAmRoutine *routine = makeNode(IndexAmRoutine);

	*routine = *carrier();
	routine->amstrategies = ANN_STRATEGIES;
	routine->amsupport = ANN_SUPPORT_PROCS;
	routine->ambuild = ann_build;
	routine->ambuildempty = ann_buildempty;
	routine->aminsert = ann_insert;
	routine->ambulkdelete = ann_bulkdelete;
	routine->amcostestimate = ann_costestimate;
	routine->amoptions = ann_options;
	routine->amvalidate = ann_validate;
	routine->ambeginscan = ann_beginscan;
	routine->amrescan = ann_rescan;
	routine->amgettuple = ann_gettuple;
	PG_RETURN_POINTER(routine);
}

PG_FUNCTION_INFO_V1(fastann_sandbox_version);
Datum
fastann_sandbox_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(FASTANN_VERSION));
}
