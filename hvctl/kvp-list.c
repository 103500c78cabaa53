/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl kvp list */
#include "hvctl/fold.h"
#include "hvctl/print.h"
#include "hvctl/records.h"
#include "util/output.h"

HvisExit hvctl_kvp_list(const HvctlRequest *request, GError **error)
{
	g_auto(HvctlSource) source = { 0 };
	struct json_object *records;

	if (!hvctl_source_open(&source, request, error))
		return HVIS_EXIT_IO;
	records = hvctl_source_list_some(&source, request->pool, error);
	if (!records)
		return HVIS_EXIT_IO;
	if (!request->raw) {
		struct json_object *joined = hvctl_fold(records);

		json_object_put(records);
		records = joined;
	}
	hvctl_print_records(request, records);
	output_finish(request->out, *error ? NULL : error);
	json_object_put(records);
	return HVIS_EXIT_OK;
}
