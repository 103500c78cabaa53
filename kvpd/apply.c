/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Several changes as one. The store learns of them as of any other program's: its watch sees the
 * writes.
 */
#include "config.h"

#include "kvpd/apply.h"

#include <string.h>

#include <util/error.h>

#include "kvpd/rewrite.h"
#include "kvpd/socket.h"

#define INTERFACE "io.hvis.Kvp"

typedef struct {
	VarlinkCall *call;
	struct json_object *params; /* what the changes point into */
	KvpStore *store;
	guint pool;
	KvpBatch batch;
	GError *error;
} Apply;

static const char *text_of(struct json_object *object, const char *name, gboolean *wrong)
{
	struct json_object *value = NULL;
	const char *text;

	if (!json_object_object_get_ex(object, name, &value) || !value)
		return NULL;
	text = json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
	if (!json_object_is_type(value, json_type_string) ||
		strlen(text) != (gsize)json_object_get_string_len(value))
		*wrong = TRUE;
	return text;
}

static gboolean take_change(struct json_object *item, KvpChange *ret)
{
	gboolean wrong = !json_object_is_type(item, json_type_object);
	struct json_object *append = NULL;

	if (wrong)
		return FALSE;
	ret->key = text_of(item, "key", &wrong);
	ret->value = text_of(item, "value", &wrong);
	ret->append = json_object_object_get_ex(item, "append", &append) &&
		      json_object_get_boolean(append);
	return !wrong && ret->key;
}

/* The changes in @array, pointing into it; NULL and @error where one is none. */
static KvpChange *take_changes(struct json_object *array, GError **error)
{
	gsize n = json_object_array_length(array);
	g_autofree KvpChange *changes = g_new0(KvpChange, n + 1);

	for (gsize i = 0; i < n; i++) {
		if (!take_change(json_object_array_get_idx(array, i), &changes[i])) {
			hvis_fail(error, HVIS_ERROR_INVALID, "change %zu is none", i);
			return NULL;
		}
		if (changes[i].value &&
			!kvp_socket_check(changes[i].key, changes[i].value, error)) {
			g_prefix_error(error, "key \"%s\": ", changes[i].key);
			return NULL;
		}
	}
	return g_steal_pointer(&changes);
}

static void run(gpointer data)
{
	Apply *apply = data;
	KvpPool *pool = kvp_pools_get(kvp_store_pools(apply->store), apply->pool);

	kvp_pool_batch(pool, NULL, &apply->batch, NULL, &apply->error);
}

static void done(gpointer data)
{
	Apply *apply = data;
	struct json_object *reply = json_object_new_object();

	json_object_object_add(reply, "added", json_object_new_int64(apply->batch.added));
	json_object_object_add(reply, "replaced", json_object_new_int64(apply->batch.replaced));
	json_object_object_add(reply, "removed", json_object_new_int64(apply->batch.removed));
	if (apply->error)
		varlink_call_gerror(apply->call, INTERFACE, apply->error);
	else
		varlink_call_reply(apply->call, json_object_get(reply));
	json_object_put(reply);
	varlink_call_unref(apply->call);
	json_object_put(apply->params);
	kvp_store_unref(apply->store);
	g_free((gpointer)(guintptr)apply->batch.changes);
	g_clear_error(&apply->error);
	g_free(apply);
}

void kvp_apply(VarlinkCall *call, struct json_object *params, KvpStore *store, guint pool,
	KvpWorker *worker)
{
	gboolean clear = FALSE, dry_run = FALSE;
	g_autoptr(GError) error = NULL;
	struct json_object *array;
	KvpChange *changes;
	Apply *apply;

	if (!varlink_param_array(call, "changes", &array) ||
		!varlink_param_bool_opt(call, "clear", &clear) ||
		!varlink_param_bool_opt(call, "dry_run", &dry_run))
		return;
	changes = take_changes(array, &error);
	if (!changes) {
		varlink_call_gerror(call, INTERFACE, error);
		return;
	}
	apply = g_new0(Apply, 1);
	*apply = (Apply){ .call = varlink_call_ref(call),
		.params = json_object_get(params),
		.store = kvp_store_ref(store),
		.pool = pool,
		.batch = { .clear = clear,
			.dry_run = dry_run,
			.changes = changes,
			.n = json_object_array_length(array) } };
	kvp_worker_push(worker, run, done, apply);
}
