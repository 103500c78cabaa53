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

/* Move the records of @answer to @all. Returns where the next answer starts, -1 = nowhere. */
static gint64 take_page(struct json_object *all, struct json_object *answer, GError **error)
{
	struct json_object *records =
		hvctl_answer_member(answer, "records", json_type_array, error);
	struct json_object *next = output_member(answer, "next");
	gint64 n = (gint64)json_object_array_length(all);

	for (gsize i = 0; records && i < json_object_array_length(records); i++)
		json_object_array_add(all, json_object_get(json_object_array_get_idx(records, i)));
	if (!records || !next)
		return -1;
	if (json_object_get_int64(next) == (gint64)json_object_array_length(all) &&
		json_object_get_int64(next) > n)
		return json_object_get_int64(next);
	hvis_fail(error, HVIS_ERROR_PROTOCOL, "the daemon's list does not go on where it ended");
	return -1;
}

static struct json_object *list_all(const HvctlRequest *request, GError **error)
{
	struct json_object *all = json_object_new_array();

	for (gint64 from = 0; from >= 0;) {
		struct json_object *params = hvctl_params(request), *answer;

		json_object_object_add(params, "from", json_object_new_int64(from));
		answer = hvctl_call(request, "List", params, error);
		from = answer ? take_page(all, answer, error) : -1;
		json_object_put(answer);
	}
	return all;
}

HvisExit hvctl_kvp_list(const HvctlRequest *request, GError **error)
{
	struct json_object *records = list_all(request, error);

	if (!*error && request->json)
		output_json(request->out, records, FALSE);
	else if (!*error)
		output_table(request->out, records, columns);
	if (!*error)
		output_finish(request->out, error);
	json_object_put(records);
	return HVIS_EXIT_OK;
}
