/*
 * carrier.h
 *
 * pgvector's HNSW index as this extension sees it: its handler, the settings it
 * reads while it works and the few structures that cross the border.  They are the
 * same in every pgvector 0.8.x; the SQL script refuses any other version.
 */
#ifndef FASTANN_CARRIER_H
#define FASTANN_CARRIER_H

#include "postgres.h"

#include "access/amapi.h"
#include "fmgr.h"
#include "storage/block.h"

/* Limits of the carrier */
#define CARRIER_MAX_M 100
#define CARRIER_MAX_DIMENSIONS 2000

/* What support function 3 returns */
typedef struct CarrierTypeInfo
{
	int			max_dimensions;
	Datum		(*normalize) (PG_FUNCTION_ARGS);
	void		(*check_value) (Pointer value);
} CarrierTypeInfo;

/* First page of an index, and the special space of each page */
#define CARRIER_MAGIC 0xA953A953

typedef struct CarrierMetaPage
{
	uint32		magic;
	uint32		version;
	uint32		dimensions;
	uint16		m;
	uint16		ef_construction;
} CarrierMetaPage;

typedef struct CarrierPageSpecial
{
	BlockNumber next;
	uint16		unused;
	uint16		page_id;
} CarrierPageSpecial;

/* Values of hnsw.iterative_scan */
#define CARRIER_ITERATIVE_STRICT 2

/* The carrier's settings while this extension drives it */
typedef struct CarrierSettings
{
	int			ef_search;
	int			iterative_scan;
	int			max_scan_tuples;
	double		scan_mem_multiplier;
} CarrierSettings;

extern const IndexAmRoutine *carrier(void);
extern PGFunction carrier_function(const char *name);
extern CarrierSettings carrier_settings_swap(CarrierSettings settings);
extern CarrierSettings carrier_settings_for_scan(void);

#endif
