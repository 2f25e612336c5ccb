/*
 * fastann.h
 *
 * The parts of the extension that its files share.  The access method "ann" is a
 * layer over pgvector's "hnsw" (the carrier, see carrier.h): it translates options,
 * chooses the distance from the option distancemeasure and checks what it is given.
 */
#ifndef FASTANN_H
#define FASTANN_H

#include "postgres.h"

#include "access/amapi.h"
#include "fmgr.h"
#include "nodes/execnodes.h"
#include "utils/rel.h"

#define FASTANN_VERSION "1.0"

/*
 * What an index measures.  The value is also the strategy number of the operator
 * that the index serves: 1 is <->, 2 is <#>, 3 is <=>.
 */
typedef enum AnnMeasure
{
	ANN_L2 = 1,
	ANN_IP = 2,
	ANN_COSINE = 3,
} AnnMeasure;

#define ANN_STRATEGIES 3

/* Support functions of an operator class of "ann" */
#define ANN_CARRIER_DISTANCE_PROC 1 /* set from one of the three below, never in the catalog */
#define ANN_CARRIER_NORM_PROC 2		/* set from ANN_NORM_PROC under COSINE, never in the catalog */
#define ANN_TYPE_INFO_PROC 3
#define ANN_MEASURE_PROC(measure) (3 + (measure)) /* 4, 5, 6: distance under each measure */
#define ANN_NORM_PROC 7
#define ANN_SUPPORT_PROCS 7

/* The WITH options.  The first three fields are the carrier's own options. */
typedef struct AnnOptions
{
	int32		vl_len_;
	int			m;
	int			ef_construction;

	int			dim;
	int			measure;
	int			hnsw_m;
	int			hnsw_ef_construction;
	int			pq_enable;
	int			pq_segments;
	int			pq_centers;
	int			external_storage;
} AnnOptions;

/* settings.c */
extern int	ann_ef_search;
extern int	ann_max_scan_points;
extern int	ann_build_parallel_processes;
extern int	ann_build_index;
extern bool ann_sandbox_strict;
extern void ann_define_settings(void);

/* options.c */
extern void ann_define_options(void);
extern bytea *ann_options(Datum reloptions, bool validate);
extern const AnnOptions *ann_index_options(Relation index);
extern const char *ann_measure_name(int measure);

/* prepare.c */
extern void ann_prepare(Relation index);
extern int	ann_dimensions(Relation index);
extern int	ann_expected_dimensions;
extern void ann_prepare_carrier_build(void);
extern void ann_check_query(Relation index, Datum value);

/* stamp.c */
extern void ann_write_stamp(Relation index, ForkNumber fork);
extern void ann_check_stamp(Relation index);

/* build.c */
extern IndexBuildResult *ann_build(Relation heap, Relation index, IndexInfo *info);
extern void ann_buildempty(Relation index);

/* validate.c */
extern bool ann_validate(Oid opclass);

/* write.c */
extern bool ann_insert(Relation index, Datum *values, bool *isnull, ItemPointer tid, Relation heap,
					   IndexUniqueCheck unique, bool unchanged, IndexInfo *info);
extern IndexBulkDeleteResult *ann_bulkdelete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
											 IndexBulkDeleteCallback callback, void *state);

/* scan.c */
extern IndexScanDesc ann_beginscan(Relation index, int nkeys, int norderbys);
extern void ann_rescan(IndexScanDesc scan, ScanKey keys, int nkeys, ScanKey orderbys, int norderbys);
extern bool ann_gettuple(IndexScanDesc scan, ScanDirection direction);

/* cost.c */
extern void ann_costestimate(struct PlannerInfo *root, struct IndexPath *path, double loops,
							 Cost *startup, Cost *total, Selectivity *selectivity,
							 double *correlation, double *pages);

#endif
