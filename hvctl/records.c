/* SPDX-License-Identifier: GPL-2.0-only */
#include "hvctl/records.h"

#include <errno.h>
#include <sys/stat.h>

#include "hvctl/call.h"
#include "kvpd/socket.h"
#include "util/output.h"

struct json_object *hvctl_record_new(const char *pool, const char *key, const char *value)
{
	struct json_object *record = json_object_new_object();

	json_object_object_add(record, "pool", json_object_new_string(pool));
	json_object_object_add(record, "key", json_object_new_string(key));
	json_object_object_add(record, "value", json_object_new_string(value));
	return record;
}

const char *hvctl_record_text(struct json_object *record, const char *name)
{
	struct json_object *value = output_member(record, name);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

/* --- which of the two --- */

/* A name that was mistyped must not look like a store without pairs. */
static gboolean look_for_files(const HvctlRequest *request, GError **error)
{
	struct stat st;
	int err = stat(request->pool_dir, &st) < 0 ? errno : S_ISDIR(st.st_mode) ? 0 : ENOTDIR;

	if (err == 0)
		return TRUE;
	if (request->names_dir || err != ENOENT)
		return hvis_fail(
			error, HVIS_ERROR_IO, "%s: %s", request->pool_dir, g_strerror(err));
	if (!request->quiet)
		fprintf(stderr, "hvctl: there is no store yet: %s does not exist\n",
			request->pool_dir);
	return TRUE;
}

gboolean hvctl_source_open(HvctlSource *ret, const HvctlRequest *request, GError **error)
{
	HvctlSource source = { .request = request };
	g_autoptr(GError) cause = NULL;

	if (!request->offline && !hvctl_daemon_runs(request, &cause)) {
		if (!request->fallback || !hvis_error_is(cause, HVIS_ERROR_CLOSED)) {
			g_propagate_error(error, g_steal_pointer(&cause));
			return FALSE;
		}
		if (!request->quiet)
			fprintf(stderr, "hvctl: %s: using the files in %s, without pool auto\n",
				cause->message, request->pool_dir);
	}
	if (request->offline || cause) {
		if (!look_for_files(request, error))
			return FALSE;
		source.files = kvp_pools_new(request->pool_dir, NULL);
	}
	*ret = source;
	return TRUE;
}

void hvctl_source_close(HvctlSource *source)
{
	kvp_pools_unref(source->files);
	*source = (HvctlSource){ 0 };
}

/* --- the daemon --- */

#define LIST_MAX                                                                                   \
	(2 * HVIS_KVP_POOL_N * KVP_POOL_RECORDS_MAX) /* the files, and what waits for them */

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
	if (json_object_array_length(all) > LIST_MAX) {
		hvis_fail(error, HVIS_ERROR_PROTOCOL, "the daemon's list does not end");
		return -1;
	}
	if (json_object_get_int64(next) == (gint64)json_object_array_length(all) &&
		json_object_get_int64(next) > n)
		return json_object_get_int64(next);
	hvis_fail(error, HVIS_ERROR_PROTOCOL, "the daemon's list does not go on where it ended");
	return -1;
}

static struct json_object *params_of(const char *pool)
{
	struct json_object *params = json_object_new_object();

	if (pool)
		json_object_object_add(params, "pool", json_object_new_string(pool));
	return params;
}

static struct json_object *list_daemon(const HvctlSource *source, const char *pool, GError **error)
{
	g_autoptr(GError) failed = NULL;
	struct json_object *all = json_object_new_array();

	for (gint64 from = 0; from >= 0;) {
		struct json_object *params = params_of(pool), *answer;

		json_object_object_add(params, "from", json_object_new_int64(from));
		answer = hvctl_call(source->request, "List", params, &failed);
		from = answer ? take_page(all, answer, &failed) : -1;
		json_object_put(answer);
	}
	if (!failed)
		return all;
	g_propagate_error(error, g_steal_pointer(&failed));
	json_object_put(all);
	return NULL;
}

static struct json_object *get_daemon(
	const HvctlSource *source, const char *key, const char *pool, GError **error)
{
	struct json_object *params = params_of(pool), *answer, *record = NULL;

	json_object_object_add(params, "key", json_object_new_string(key));
	answer = hvctl_call(source->request, "Get", params, error);
	if (answer)
		record = hvctl_answer_member(answer, "record", json_type_object, error);
	if (record && !hvctl_answer_member(record, "value", json_type_string, error))
		record = NULL;
	json_object_get(record);
	json_object_put(answer);
	return record;
}

/* --- the files --- */

static gboolean add_file(
	struct json_object *all, const HvctlSource *source, guint number, GError **error)
{
	g_autoptr(KvpRecords) records = kvp_pool_read(kvp_pools_get(source->files, number), error);

	for (guint i = 0; records && i < kvp_records_count(records); i++)
		json_object_array_add(
			all, hvctl_record_new(kvp_pools_name(number), kvp_records_key(records, i),
				     kvp_records_value(records, i)));
	return records != NULL;
}

static gboolean fail_auto(GError **error)
{
	return hvis_fail(error, HVIS_ERROR_UNSUPPORTED,
		"pool auto is computed by hv_kvp_daemon and in no file; start the daemon");
}

static struct json_object *list_file(const HvctlSource *source, guint number, GError **error)
{
	struct json_object *all = json_object_new_array();

	if (number != HVIS_KVP_POOL_AUTO ? add_file(all, source, number, error) : fail_auto(error))
		return all;
	json_object_put(all);
	return NULL;
}

static struct json_object *get_files(
	const HvctlSource *source, const char *key, const char *pool, GError **error)
{
	g_autofree char *name = g_strconcat("pool ", pool, NULL);

	for (guint i = 0; i < HVIS_KVP_POOL_N; i++) {
		guint number = kvp_search_order[i];
		g_autoptr(KvpRecords) records = NULL;
		const char *value;

		if (pool ? !g_str_equal(pool, kvp_pools_name(number))
			 : number == HVIS_KVP_POOL_AUTO)
			continue;
		if (number == HVIS_KVP_POOL_AUTO) {
			fail_auto(error);
			return NULL;
		}
		records = kvp_pool_read(kvp_pools_get(source->files, number), error);
		if (!records)
			return NULL;
		value = kvp_records_get(records, key);
		if (value)
			return hvctl_record_new(kvp_pools_name(number), key, value);
	}
	hvis_fail(error, HVIS_ERROR_NOT_FOUND, "no key \"%s\" in %s", key,
		pool ? name : "any pool, without pool auto");
	return NULL;
}

/* --- either --- */

static struct json_object *list_pool(const HvctlSource *source, guint number, GError **error)
{
	return source->files ? list_file(source, number, error)
			     : list_daemon(source, kvp_pools_name(number), error);
}

static void move_all(struct json_object *to, struct json_object *from)
{
	for (gsize i = 0; from && i < json_object_array_length(from); i++)
		json_object_array_add(to, json_object_get(json_object_array_get_idx(from, i)));
	json_object_put(from);
}

/* Pool by pool: those that can be read, and in @error what is wrong with the others. */
static struct json_object *list_each(const HvctlSource *source, GError **error)
{
	struct json_object *all = json_object_new_array();
	g_autoptr(GError) failed = NULL;
	guint good = 0;

	for (guint i = 0; i < HVIS_KVP_POOL_N; i++) {
		g_autoptr(GError) why = NULL;
		struct json_object *records;

		if (source->files && i == HVIS_KVP_POOL_AUTO)
			continue;
		records = list_pool(source, i, &why);
		good += records != NULL;
		move_all(all, records);
		if (why && failed) {
			g_autofree char *more = g_strconcat("; ", why->message, NULL);

			hvis_error_append(&failed, more);
		} else if (why) {
			failed = g_steal_pointer(&why);
		}
	}
	if (failed)
		g_propagate_error(error, g_steal_pointer(&failed));
	if (good > 0)
		return all;
	json_object_put(all);
	return NULL;
}

/* What the daemon says of one of its pools, and not what keeps us from asking it. */
static gboolean is_about_a_file(const GError *error)
{
	return hvis_error_is(error, HVIS_ERROR_IO) || hvis_error_is(error, HVIS_ERROR_PERMISSION) ||
	       hvis_error_is(error, HVIS_ERROR_FAILED) || hvis_error_is(error, HVIS_ERROR_INVALID);
}

struct json_object *hvctl_source_list_some(
	const HvctlSource *source, const char *pool, GError **error)
{
	g_autoptr(GError) failed = NULL;
	struct json_object *all;
	guint only;

	if (pool)
		return kvp_pools_parse(pool, &only, error) ? list_pool(source, only, error) : NULL;
	if (source->files)
		return list_each(source, error);
	all = list_daemon(source, NULL, &failed); /* at once, if it can */
	if (all || !is_about_a_file(failed)) {
		if (failed)
			g_propagate_error(error, g_steal_pointer(&failed));
		return all;
	}
	return list_each(source, error);
}

struct json_object *hvctl_source_list(const HvctlSource *source, const char *pool, GError **error)
{
	g_autoptr(GError) failed = NULL;
	struct json_object *all = hvctl_source_list_some(source, pool, &failed);

	if (!failed)
		return all;
	g_propagate_error(error, g_steal_pointer(&failed));
	json_object_put(all);
	return NULL;
}

struct json_object *hvctl_source_get(
	const HvctlSource *source, const char *key, const char *pool, GError **error)
{
	return source->files ? get_files(source, key, pool, error)
			     : get_daemon(source, key, pool, error);
}

struct json_object *hvctl_records(const HvctlRequest *request, const char *pool, GError **error)
{
	g_auto(HvctlSource) source = { 0 };

	return hvctl_source_open(&source, request, error) ? hvctl_source_list(&source, pool, error)
							  : NULL;
}
