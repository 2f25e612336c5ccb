/*
 * stamp.c
 *
 * An index remembers the measure that it was built with in a field of its first page
 * that the carrier leaves unused, so that ALTER INDEX ... SET (distancemeasure = ...)
 * cannot make it answer from the wrong graph.
 */
#include "fastann.h"

#include "access/xloginsert.h"
#include "carrier.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"

#define STAMP_BASE 0xA000
#define META_BLOCK 0

static CarrierMetaPage *
meta(Relation index, Page page)
{
	CarrierMetaPage *found = (CarrierMetaPage *) PageGetContents(page);

	if (found->magic != CARRIER_MAGIC)
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED),
				 errmsg("index \"%s\" is not valid", RelationGetRelationName(index)),
				 errhint("REINDEX it.")));
	return found;
}

void
ann_write_stamp(Relation index, ForkNumber fork)
{
	Buffer		buffer = ReadBufferExtended(index, fork, META_BLOCK, RBM_NORMAL, NULL);
	Page		page;

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	page = BufferGetPage(buffer);
	(void) meta(index, page);

	START_CRIT_SECTION();
	((CarrierPageSpecial *) PageGetSpecialPointer(page))->unused = STAMP_BASE + ann_index_options(index)->measure;
	MarkBufferDirty(buffer);
	if (RelationNeedsWAL(index) || fork == INIT_FORKNUM)
		log_newpage_buffer(buffer, true);
	END_CRIT_SECTION();

	UnlockReleaseBuffer(buffer);
}

void
ann_check_stamp(Relation index)
{
	Buffer		buffer = ReadBuffer(index, META_BLOCK);
	int			measure,
				dimensions;
	Page		page;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	page = BufferGetPage(buffer);
	dimensions = meta(index, page)->dimensions;
	measure = ((CarrierPageSpecial *) PageGetSpecialPointer(page))->unused - STAMP_BASE;
	UnlockReleaseBuffer(buffer);

	if (measure != ann_index_options(index)->measure || dimensions != ann_dimensions(index))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("index \"%s\" was built with dim = %d and distancemeasure = %s, its options say otherwise",
						RelationGetRelationName(index), dimensions, ann_measure_name(measure)),
				 errhint("REINDEX it, or set the options back.")));
}
