/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl kvp list */
#include "hvctl/call.h"
#include "util/output.h"

static const OutputColumn columns[] = {
	{ .heading = "POOL", .member = "pool" },
	{ .heading = "KEY", .member = "key" },
	{ .heading = "VALUE", .member = "value" },
	{ .heading = NULL },
};

HvisExit hvctl_kvp_list(const HvctlRequest *request, GError **error)
{
	struct json_object *answer = hvctl_call(request, "List", hvctl_params(request), error);
	struct json_object *records = NULL;

	if (answer)
		records = hvctl_answer_member(answer, "records", json_type_array, error);
	if (records && request->json)
		output_json(request->out, records, FALSE);
	else if (records)
		output_table(request->out, records, columns);
	if (records)
		output_finish(request->out, error);
	json_object_put(answer);
	return HVIS_EXIT_OK;
}
