/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl kvp get */
#include "hvctl/call.h"
#include "util/output.h"

static void print_record(
	const HvctlRequest *request, struct json_object *record, struct json_object *value)
{
	g_autofree char *text = NULL;

	if (request->json) {
		output_json(request->out, record, FALSE);
		return;
	}
	text = output_value(value);
	fprintf(request->out, "%s\n", text);
}

HvisExit hvctl_kvp_get(const HvctlRequest *request, GError **error)
{
	struct json_object *params = hvctl_params(request);
	struct json_object *answer, *record = NULL, *value = NULL;

	json_object_object_add(params, "key", json_object_new_string(request->args[0]));
	answer = hvctl_call(request, "Get", params, error);
	if (answer)
		record = hvctl_answer_member(answer, "record", json_type_object, error);
	if (record)
		value = hvctl_answer_member(record, "value", json_type_string, error);
	if (value) {
		print_record(request, record, value);
		output_finish(request->out, error);
	}
	json_object_put(answer);
	return HVIS_EXIT_OK;
}
