/* SPDX-License-Identifier: GPL-2.0-only */
/* The half of records.h that changes records. Files are changed by the rules of the daemon's own. */
#include <string.h>

#include "hvctl/call.h"
#include "hvctl/records.h"
#include "kvpd/rewrite.h"
#include "kvpd/socket.h"
#include "util/output.h"

#define MESSAGE_ROOM (VARLINK_MESSAGE_MAX - 1024u) /* for the changes of one message */

struct json_object *hvctl_change_new(const char *key, const char *value, gboolean append)
{
	struct json_object *change = json_object_new_object();

	json_object_object_add(change, "key", json_object_new_string(key));
	if (value)
		json_object_object_add(change, "value", json_object_new_string(value));
	if (append)
		json_object_object_add(change, "append", json_object_new_boolean(TRUE));
	return change;
}

static struct json_object *params_of(const char *pool, const char *key, const char *value)
{
	struct json_object *params = json_object_new_object();

	if (pool)
		json_object_object_add(params, "pool", json_object_new_string(pool));
	if (key)
		json_object_object_add(params, "key", json_object_new_string(key));
	if (value)
		json_object_object_add(params, "value", json_object_new_string(value));
	return params;
}

/* --- the files --- */

/* NULL is guest, as for the daemon. */
static KvpPool *writable_file(const HvctlSource *source, const char *pool, GError **error)
{
	guint number = HVIS_KVP_POOL_GUEST;

	if (pool && !kvp_pools_parse(pool, &number, error))
		return NULL;
	if (kvp_pool_is_writable(number))
		return kvp_pools_get(source->files, number);
	hvis_fail(error, HVIS_ERROR_PERMISSION,
		"pool %s is not for the guest to write; external and guest are", pool);
	return NULL;
}

/* "Permission denied" is right, but not what to do. */
static void add_hint(GError **error)
{
	if (error && *error && hvis_error_is(*error, HVIS_ERROR_PERMISSION) &&
		!strstr((*error)->message, "not for the guest"))
		hvis_error_append(error, "; only root changes the files, others ask the daemon");
}

static gboolean run_batch(
	const HvctlSource *source, const char *pool, KvpBatch *batch, GError **error)
{
	KvpPool *file = writable_file(source, pool, error);
	gboolean done;

	if (!file)
		return FALSE;
	for (gsize i = 0; i < batch->n; i++)
		if (batch->changes[i].value &&
			!kvp_socket_check(batch->changes[i].key, batch->changes[i].value, error)) {
			g_prefix_error(error, "key \"%s\": ", batch->changes[i].key);
			return FALSE;
		}
	done = kvp_pool_batch(file, NULL, batch, NULL, error);
	if (!done)
		add_hint(error);
	return done;
}

static gboolean apply_files(const HvctlSource *source, const char *pool,
	struct json_object *changes, KvpBatch *batch, GError **error)
{
	g_autofree KvpChange *list = NULL;

	batch->n = json_object_array_length(changes);
	list = g_new0(KvpChange, batch->n + 1);
	for (gsize i = 0; i < batch->n; i++) {
		struct json_object *change = json_object_array_get_idx(changes, i);
		struct json_object *value = output_member(change, "value");

		list[i].key = hvctl_record_text(change, "key");
		list[i].value = value ? json_object_get_string(value) : NULL;
		list[i].append = output_member(change, "append") != NULL;
	}
	batch->changes = list;
	return run_batch(source, pool, batch, error);
}

/* One change goes through the journal, as the daemon's do: a death in the middle of it tears nothing. */
static gboolean set_in_file(const HvctlSource *source, const char *pool, const char *key,
	const char *value, GError **error)
{
	KvpPool *file = writable_file(source, pool, error);

	if (!file || !kvp_socket_check(key, value, error))
		return FALSE;
	if (kvp_pool_set(file, key, value, NULL, error))
		return TRUE;
	add_hint(error);
	return FALSE;
}

static gboolean delete_in_file(
	const HvctlSource *source, const char *pool, const char *key, GError **error)
{
	KvpPool *file = writable_file(source, pool, error);

	if (!file)
		return FALSE;
	if (kvp_pool_delete(file, key, error))
		return TRUE;
	add_hint(error);
	return FALSE;
}

/* --- the daemon --- */

/* Who may is a matter of the configuration: it is named, and what to do to be one of those. */
static void add_writers_hint(GError **error)
{
	if (hvis_error_is(*error, HVIS_ERROR_PERMISSION) &&
		strstr((*error)->message, VARLINK_DENIED))
		hvis_error_append(error,
			": use sudo, or let root add the user to Writers= in section [kvp] of "
			"hvis.conf(5) and run \"systemctl reload hv-kvp-daemon\"");
}

static struct json_object *call_change(
	const HvctlSource *source, const char *method, struct json_object *params, GError **error)
{
	g_autoptr(GError) failed = NULL;
	struct json_object *answer = hvctl_call(source->request, method, params, &failed);

	if (answer)
		return answer;
	add_writers_hint(&failed);
	g_propagate_error(error, g_steal_pointer(&failed));
	return NULL;
}

static gint64 count_of(struct json_object *answer, const char *name)
{
	return json_object_get_int64(output_member(answer, name));
}

/* As many of @changes from @from on as one message takes. */
static struct json_object *part_of(struct json_object *changes, gsize *from)
{
	struct json_object *part = json_object_new_array();
	gsize room = MESSAGE_ROOM;

	for (; *from < json_object_array_length(changes); (*from)++) {
		struct json_object *change = json_object_array_get_idx(changes, *from);
		gsize len = strlen(json_object_to_json_string_ext(change,
				    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)) +
			    1;

		if (len > room)
			break;
		room -= len;
		json_object_array_add(part, json_object_get(change));
	}
	return part;
}

static void add_flag(struct json_object *params, const char *name, gboolean value)
{
	if (value)
		json_object_object_add(params, name, json_object_new_boolean(TRUE));
}

/* In as many messages as it takes; the last one makes all of them one change. */
static gboolean apply_daemon(const HvctlSource *source, const char *pool,
	struct json_object *changes, const KvpBatch *how, HvctlChanged *ret, GError **error)
{
	g_autoptr(VarlinkClient) client = hvctl_connect(source->request, error);
	g_autoptr(GError) failed = NULL;
	gsize from = 0, n = json_object_array_length(changes);
	struct json_object *answer = NULL;

	if (!client)
		return FALSE;
	do {
		struct json_object *params = params_of(pool, NULL, NULL);

		json_object_put(answer);
		json_object_object_add(params, "changes", part_of(changes, &from));
		add_flag(params, "clear", how->clear);
		add_flag(params, "dry_run", how->dry_run);
		add_flag(params, "partial", from < n);
		answer = hvctl_call_on(client, source->request, "Apply", params, &failed);
	} while (answer && from < n);
	if (!answer) {
		add_writers_hint(&failed);
		g_propagate_error(error, g_steal_pointer(&failed));
		return FALSE;
	}
	*ret = (HvctlChanged){ count_of(answer, "added"), count_of(answer, "replaced"),
		count_of(answer, "removed") };
	json_object_put(answer);
	return TRUE;
}

/* --- either --- */

gboolean hvctl_source_apply(const HvctlSource *source, const char *pool,
	struct json_object *changes, gboolean clear, gboolean dry_run, HvctlChanged *ret,
	GError **error)
{
	KvpBatch batch = { .clear = clear, .dry_run = dry_run };
	gboolean done;

	if (source->files)
		done = apply_files(source, pool, changes, &batch, error);
	else
		done = apply_daemon(source, pool, changes, &batch, ret, error);
	json_object_put(changes);
	if (done && source->files)
		*ret = (HvctlChanged){ batch.added, batch.replaced, batch.removed };
	return done;
}

gboolean hvctl_source_set(const HvctlSource *source, const char *pool, const char *key,
	const char *value, GError **error)
{
	struct json_object *answer;

	if (source->files)
		return set_in_file(source, pool, key, value, error);
	answer = call_change(source, "Set", params_of(pool, key, value), error);
	json_object_put(answer);
	return answer != NULL;
}

gboolean hvctl_source_delete(
	const HvctlSource *source, const char *pool, const char *key, GError **error)
{
	struct json_object *answer;

	if (source->files)
		return delete_in_file(source, pool, key, error);
	answer = call_change(source, "Delete", params_of(pool, key, NULL), error);
	json_object_put(answer);
	return answer != NULL;
}

static const char *path_in(struct json_object *pools, const char *pool)
{
	for (gsize i = 0; pools && i < json_object_array_length(pools); i++) {
		struct json_object *item = json_object_array_get_idx(pools, i);

		if (g_str_equal(hvctl_record_text(item, "name"), pool))
			return hvctl_record_text(item, "path");
	}
	return "";
}

char *hvctl_source_path(const HvctlSource *source, const char *pool, GError **error)
{
	g_autofree char *path = NULL;
	struct json_object *answer;
	guint number;

	if (!pool)
		pool = "guest";
	if (source->files)
		return kvp_pools_parse(pool, &number, error)
			       ? g_strdup(kvp_pool_path(kvp_pools_get(source->files, number)))
			       : NULL;
	answer = hvctl_call(source->request, "GetStatus", NULL, error);
	if (!answer)
		return NULL;
	path = g_strdup(path_in(output_member(answer, "status.pools"), pool));
	json_object_put(answer);
	if (*path)
		return g_steal_pointer(&path);
	hvis_fail(error, HVIS_ERROR_UNSUPPORTED, "pool %s is in no file", pool);
	return NULL;
}
