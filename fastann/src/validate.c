/*
 * validate.c
 *
 * amvalidate(): is an operator class of ann complete?
 */
#include "fastann.h"

#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_opclass.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* Says what is missing; the result of the validation is false. */
static bool
missing(const char *opclass, const char *what, int number)
{
	ereport(INFO,
			(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			 errmsg("operator class \"%s\" of access method ann lacks %s %d", opclass, what, number)));
	return false;
}

static bool
orders_by(Oid family, Oid type, int strategy)
{
	HeapTuple	tuple = SearchSysCache4(AMOPSTRATEGY, ObjectIdGetDatum(family), ObjectIdGetDatum(type),
										ObjectIdGetDatum(type), Int16GetDatum(strategy));
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return false;
	result = ((Form_pg_amop) GETSTRUCT(tuple))->amoppurpose == AMOP_ORDER;
	ReleaseSysCache(tuple);
	return result;
}

bool
ann_validate(Oid opclass)
{
	HeapTuple	tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(opclass));
	Form_pg_opclass form;
	Oid			family,
				type;
	const char *name;
	bool		valid = true;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator class %u", opclass);
	form = (Form_pg_opclass) GETSTRUCT(tuple);
	family = form->opcfamily;
	type = form->opcintype;
	name = pstrdup(NameStr(form->opcname));
	ReleaseSysCache(tuple);

	for (int strategy = 1; strategy <= ANN_STRATEGIES; strategy++)
		if (!orders_by(family, type, strategy))
			valid = missing(name, "ordering operator", strategy);
	for (int number = ANN_TYPE_INFO_PROC; number <= ANN_SUPPORT_PROCS; number++)
		if (!OidIsValid(get_opfamily_proc(family, type, type, number)))
			valid = missing(name, "support function", number);
	return valid;
}
