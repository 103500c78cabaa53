/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl kvp get: a record, or the parts of one that was too long for a record. */
#include "hvctl/fold.h"
#include "hvctl/print.h"
#include "hvctl/records.h"
#include "kvpd/socket.h"
#include "util/output.h"

static struct json_object *find_joined(struct json_object *joined, const char *key, guint pool)
{
	for (gsize i = 0; i < json_object_array_length(joined); i++) {
		struct json_object *record = json_object_array_get_idx(joined, i);

		if (output_member(record, "parts") &&
			g_str_equal(hvctl_record_text(record, "key"), key) &&
			g_str_equal(hvctl_record_text(record, "pool"), kvp_pools_name(pool)))
			return record;
	}
	return NULL;
}

/* No record has the key; its parts may be there. */
static struct json_object *get_joined(const HvctlSource *source, const char *key, const char *pool)
{
	struct json_object *all = hvctl_source_list(source, pool, NULL);
	struct json_object *joined = all ? hvctl_fold(all) : NULL, *found = NULL;

	for (guint i = 0; joined && i < HVIS_KVP_POOL_N && !found; i++)
		found = find_joined(joined, key, kvp_search_order[i]);
	json_object_get(found);
	json_object_put(joined);
	json_object_put(all);
	return found;
}

struct json_object *hvctl_get(
	const HvctlSource *source, const char *key, const char *pool, gboolean raw, GError **error)
{
	g_autoptr(GError) failed = NULL;
	struct json_object *record = hvctl_source_get(source, key, pool, &failed);

	if (!record && !raw && hvis_error_is(failed, HVIS_ERROR_NOT_FOUND))
		record = get_joined(source, key, pool);
	if (!record)
		g_propagate_error(error, g_steal_pointer(&failed));
	return record;
}

static void print(const HvctlRequest *request, struct json_object *record)
{
	struct json_object *list;
	g_autofree char *text = NULL;

	if (request->format == HVCTL_FORMAT_NONE && request->json) {
		output_json(request->out, record, FALSE);
	} else if (request->format == HVCTL_FORMAT_ENV ||
		   request->format == HVCTL_FORMAT_JSON_LINES) {
		list = json_object_new_array();
		json_object_array_add(list, json_object_get(record));
		hvctl_print_records(request, list);
		json_object_put(list);
	} else {
		text = output_escape(hvctl_record_text(record, "value"));
		fprintf(request->out, "%s\n", text);
	}
}

HvisExit hvctl_kvp_get(const HvctlRequest *request, GError **error)
{
	g_auto(HvctlSource) source = { 0 };
	struct json_object *record;

	if (!hvctl_source_open(&source, request, error))
		return HVIS_EXIT_IO;
	record = hvctl_get(&source, request->args[0], request->pool, request->raw, error);
	if (!record)
		return HVIS_EXIT_FALSE;
	print(request, record);
	output_finish(request->out, error);
	json_object_put(record);
	return HVIS_EXIT_OK;
}
