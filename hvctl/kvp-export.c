/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hvctl kvp export and import: records as {"schema": 1, "records": [{pool, key, value}, …]} in the
 * order of the files, duplicates and parts as they are stored. import also takes a bare array, as
 * "kvp list --json" prints it, and an object of keys and values.
 */
#include <errno.h>
#include <string.h>

#include "hvctl/records.h"
#include "kvpd/socket.h"
#include "util/output.h"

#define SCHEMA 1
#define INPUT_MAX (256u * 1024u * 1024u) /* four full pools, every byte escaped */

/* --- export --- */

static void tell_lost(struct json_object *records)
{
	guint n = 0;

	for (gsize i = 0; i < json_object_array_length(records); i++) {
		struct json_object *record = json_object_array_get_idx(records, i);

		n += strstr(hvctl_record_text(record, "key"), "\xef\xbf\xbd") ||
		     strstr(hvctl_record_text(record, "value"), "\xef\xbf\xbd");
	}
	if (n > 0)
		fprintf(stderr,
			"hvctl: %u records have U+FFFD, which may stand for bytes that are no "
			"UTF-8; \"hvctl kvp check\" knows\n",
			n);
}

HvisExit hvctl_kvp_export(const HvctlRequest *request, GError **error)
{
	struct json_object *records = hvctl_records(request, request->pool, error);
	struct json_object *stored, *all;

	if (!records)
		return HVIS_EXIT_IO;
	stored = json_object_new_array();
	for (gsize i = 0; i < json_object_array_length(records); i++) {
		struct json_object *record = json_object_array_get_idx(records, i);

		if (request->pool || !g_str_equal(hvctl_record_text(record, "pool"), "auto"))
			json_object_array_add(stored, json_object_get(record));
	}
	tell_lost(stored);
	all = json_object_new_object();
	json_object_object_add(all, "schema", json_object_new_int(SCHEMA));
	json_object_object_add(all, "records", stored);
	output_json(request->out, all, FALSE);
	output_finish(request->out, error);
	json_object_put(all);
	json_object_put(records);
	return HVIS_EXIT_OK;
}

/* --- where in the input something is --- */

/* From 1 on, of the byte at @offset. */
static guint line_at(const char *text, gsize offset)
{
	guint line = 1;

	for (gsize i = 0; i < offset && text[i]; i++)
		line += text[i] == '\n';
	return line;
}

/* Behind the string whose opening quote is at @at. */
static const char *skip_string(const char *at)
{
	for (at++; *at && *at != '"'; at++)
		at += *at == '\\' && at[1];
	return *at ? at + 1 : at;
}

/*
 * The line on which record @index begins, in @text, which is good JSON: an element of the outermost array, or of
 * the array "records" in the outermost object. 0 where the input has neither.
 */
static guint line_of_record(const char *text, gsize index)
{
	static const char name[] = "\"records\"";
	const char *key = NULL; /* the last string of the outermost object */
	guint depth = 0, list = 0; /* list: the depth inside of the array */
	gsize n = 0;

	for (const char *at = text; *at;) {
		gboolean opens = *at == '[' || *at == '{';
		gboolean begins = list > 0 && depth == list && !g_ascii_isspace(*at) &&
				  *at != ',' && *at != ']';

		if (begins && n++ == index)
			return line_at(text, (gsize)(at - text));
		if (*at == '[' && list == 0 &&
			(depth == 0 || (depth == 1 && key && g_str_has_prefix(key, name))))
			list = depth + 1;
		if (*at == '"') {
			key = depth == 1 ? at : key;
			at = skip_string(at);
			continue;
		}
		depth += opens;
		depth -= *at == ']' || *at == '}';
		at++;
	}
	return 0;
}

/* --- reading what is to be imported --- */

static gboolean is_text(struct json_object *record, const char *name)
{
	struct json_object *value = output_member(record, name);

	return json_object_is_type(value, json_type_string) &&
	       strlen(json_object_get_string(value)) == (gsize)json_object_get_string_len(value);
}

/* {"key": "value", …} as records of the pool that is asked for. */
static struct json_object *records_of(
	struct json_object *object, const HvctlRequest *request, GError **error)
{
	struct json_object *records = json_object_new_array();
	const char *pool = request->pool ? request->pool : "guest";

	json_object_object_foreach(object, key, value)
	{
		struct json_object *record = hvctl_record_new(pool, key, "");

		json_object_object_add(record, "value", json_object_get(value));
		json_object_array_add(records, record);
		if (!is_text(record, "value")) {
			hvis_fail(error, HVIS_ERROR_INVALID, "\"%s\": the value is no text", key);
			json_object_put(records);
			return NULL;
		}
	}
	return records;
}

/* A new reference to the array of records in @all. */
static struct json_object *find_records(
	struct json_object *all, const HvctlRequest *request, GError **error)
{
	struct json_object *schema = output_member(all, "schema");
	struct json_object *records = output_member(all, "records");

	if (json_object_is_type(all, json_type_array))
		return json_object_get(all);
	if (json_object_is_type(records, json_type_array) && json_object_get_int(schema) == SCHEMA)
		return json_object_get(records);
	if (json_object_is_type(all, json_type_object) && !records)
		return records_of(all, request, error);
	hvis_fail(error, HVIS_ERROR_INVALID,
		"neither an export of schema %d, nor an array of records, nor an object of texts",
		SCHEMA);
	return NULL;
}

static gboolean check_record(
	struct json_object *record, const HvctlRequest *request, gsize index, GError **error)
{
	const char *pool = hvctl_record_text(record, "pool");
	guint number;

	if (!is_text(record, "key") || !is_text(record, "value"))
		return hvis_fail(
			error, HVIS_ERROR_INVALID, "record %zu has no key and value", index);
	if (*pool && !kvp_pools_parse(pool, &number, error)) {
		g_prefix_error(error, "record %zu: ", index);
		return FALSE;
	}
	if (!kvp_socket_check(
		    hvctl_record_text(record, "key"), hvctl_record_text(record, "value"), error)) {
		g_prefix_error(error, "record %zu: ", index);
		return FALSE;
	}
	if (!*pool)
		json_object_object_add(record, "pool",
			json_object_new_string(request->pool ? request->pool : "guest"));
	else
		json_object_object_add(
			record, "pool", json_object_new_string(kvp_pools_name(number)));
	return TRUE;
}

static const char *name_of_input(const HvctlRequest *request)
{
	const char *path = request->args[0];

	return !path || g_str_equal(path, "-") ? HVCTL_STDIN : path;
}

static char *read_file(const HvctlRequest *request, GError **error)
{
	const char *path = name_of_input(request);
	g_autofree char *text = NULL;
	FILE *in;

	if (path != request->args[0])
		return hvctl_read_input(request->in, HVCTL_STDIN, INPUT_MAX, error);
	in = fopen(path, "re");
	if (!in && errno == ENOENT) { /* status 1 is for keys that are not there */
		hvis_fail(error, HVIS_ERROR_IO, "open %s: %s", path, g_strerror(errno));
		return NULL;
	}
	if (!in) {
		hvis_fail_errno(error, errno, "open %s", path);
		return NULL;
	}
	text = hvctl_read_input(in, path, INPUT_MAX, error);
	fclose(in);
	return g_steal_pointer(&text);
}

/* One JSON value, and nothing behind it; an error has the line. */
static struct json_object *parse(const char *text, const char *name, GError **error)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *all = json_tokener_parse_ex(tokener, text, -1);
	enum json_tokener_error failed = json_tokener_get_error(tokener);
	gsize end = json_tokener_get_parse_end(tokener);

	if (!all)
		hvis_fail(error, HVIS_ERROR_INVALID, "%s:%u: it is no JSON: %s", name,
			line_at(text, end), json_tokener_error_desc(failed));
	end += strspn(text + end, " \t\r\n");
	if (all && text[end]) {
		hvis_fail(error, HVIS_ERROR_INVALID, "%s:%u: something follows the JSON value",
			name, line_at(text, end));
		g_clear_pointer(&all, json_object_put);
	}
	json_tokener_free(tokener);
	return all;
}

static void prefix_place(const HvctlRequest *request, const char *text, gsize index, GError **error)
{
	guint line = line_of_record(text, index);

	if (line > 0)
		g_prefix_error(error, "%s:%u: ", name_of_input(request), line);
	else
		g_prefix_error(error, "%s: ", name_of_input(request));
}

/* All records of the input, every one of them good and with a pool. */
static struct json_object *read_records(const HvctlRequest *request, GError **error)
{
	g_autofree char *text = read_file(request, error);
	struct json_object *all = text ? parse(text, name_of_input(request), error) : NULL;
	struct json_object *records = all ? find_records(all, request, error) : NULL;

	json_object_put(all);
	if (all && !records)
		g_prefix_error(error, "%s: ", name_of_input(request));
	for (gsize i = 0; records && i < json_object_array_length(records); i++)
		if (!check_record(json_object_array_get_idx(records, i), request, i, error)) {
			prefix_place(request, text, i, error);
			json_object_put(records);
			return NULL;
		}
	return records;
}

/* --- import --- */

/*
 * A key that comes once replaces what is there; of one that comes more often all that is there goes,
 * and the new ones are added, so that importing twice is importing once.
 */
static struct json_object *changes_of(
	const HvctlRequest *request, struct json_object *records, const char *pool)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	g_autoptr(GHashTable) several = g_hash_table_new(g_str_hash, g_str_equal);
	struct json_object *changes = json_object_new_array();
	gboolean append = request->append || request->replace;
	gsize n = json_object_array_length(records);

	for (int pass = 0; pass < 2; pass++)
		for (gsize i = 0; i < n; i++) {
			struct json_object *record = json_object_array_get_idx(records, i);
			char *key = (char *)(guintptr)hvctl_record_text(record, "key");
			gboolean twice;

			if (!g_str_equal(hvctl_record_text(record, "pool"), pool))
				continue;
			twice = g_hash_table_contains(several, key);
			if (pass == 1)
				json_object_array_add(changes,
					hvctl_change_new(key, hvctl_record_text(record, "value"),
						append || twice));
			else if (!g_hash_table_add(seen, key) && !twice && !append) {
				g_hash_table_add(several, key);
				json_object_array_add(changes, hvctl_change_new(key, NULL, FALSE));
			}
		}
	return changes;
}

static void print_change(const HvctlRequest *request, struct json_object *list, const char *pool,
	const HvctlChanged *changed)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "pool", json_object_new_string(pool));
	json_object_object_add(object, "added", json_object_new_int64(changed->added));
	json_object_object_add(object, "replaced", json_object_new_int64(changed->replaced));
	json_object_object_add(object, "removed", json_object_new_int64(changed->removed));
	json_object_array_add(list, object);
	if (!request->json)
		fprintf(request->out,
			"%s: %" G_GINT64_FORMAT " added, %" G_GINT64_FORMAT
			" replaced, %" G_GINT64_FORMAT " removed%s\n",
			pool, changed->added, changed->replaced, changed->removed,
			request->dry_run ? " (dry run)" : "");
}

static gboolean has_pool(struct json_object *records, const char *pool)
{
	for (gsize i = 0; i < json_object_array_length(records); i++)
		if (g_str_equal(
			    hvctl_record_text(json_object_array_get_idx(records, i), "pool"), pool))
			return TRUE;
	return FALSE;
}

/* Pools that cannot be written are found before anything is. */
static gboolean check_pools(
	const HvctlRequest *request, struct json_object *records, GError **error)
{
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++) {
		const char *pool = kvp_pools_name(i);

		if ((!request->pool || g_str_equal(pool, request->pool)) &&
			!kvp_pool_is_writable(i) && has_pool(records, pool))
			return hvis_fail(error, HVIS_ERROR_PERMISSION,
				"the input has records of pool %s, which is not for the guest to "
				"write; --pool takes those of one pool",
				pool);
	}
	return TRUE;
}

HvisExit hvctl_kvp_import(const HvctlRequest *request, GError **error)
{
	g_auto(HvctlSource) source = { 0 };
	gboolean either = request->append && request->replace;
	struct json_object *records = either ? NULL : read_records(request, error), *list;

	if (either)
		hvis_fail(error, HVIS_ERROR_INVALID, "either --append or --replace");
	if (!records || !check_pools(request, records, error) ||
		!hvctl_source_open(&source, request, error)) {
		json_object_put(records);
		return HVIS_EXIT_IO;
	}
	list = json_object_new_array();
	for (guint i = 0; i < HVIS_KVP_POOL_N && !*error; i++) {
		const char *pool = kvp_pools_name(i);
		HvctlChanged changed = { 0 };

		if (!has_pool(records, pool) ||
			(request->pool && !g_str_equal(pool, request->pool)))
			continue;
		if (hvctl_source_apply(&source, pool, changes_of(request, records, pool),
			    request->replace, request->dry_run, &changed, error))
			print_change(request, list, pool, &changed);
		else
			g_prefix_error(error, "pool %s is not imported: ", pool);
	}
	if (request->json && !*error)
		output_json(request->out, list, FALSE);
	if (!*error)
		output_finish(request->out, error);
	json_object_put(list);
	json_object_put(records);
	return HVIS_EXIT_OK;
}
