/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Several changes as one, however many messages they come in: a pile that grows with each of a caller's
 * messages, and is gone with its connection.
 */
#include "config.h"

#include "kvpd/apply.h"

#include <string.h>

#include <util/error.h>

#include "kvpd/socket.h"

#define INTERFACE "io.hvis.Kvp"

/* Changes, with text of their own. */
typedef struct {
	guint pool;
	GStringChunk *text;
	GArray *changes; /* of KvpChange */
	gsize bytes;
} Pile;

typedef struct {
	VarlinkCall *call;
	Pile *pile;
	KvpBatch batch;
} Apply;

static gsize bytes_kept; /* in all piles */

/* --- piles --- */

static Pile *pile_new(guint pool)
{
	Pile *pile = g_new0(Pile, 1);

	pile->pool = pool;
	pile->text = g_string_chunk_new(4096);
	pile->changes = g_array_new(FALSE, FALSE, sizeof(KvpChange));
	return pile;
}

static void pile_free(gpointer data)
{
	Pile *pile = data;

	bytes_kept -= pile->bytes;
	g_string_chunk_free(pile->text);
	g_array_unref(pile->changes);
	g_free(pile);
}

static gboolean pile_add(Pile *pile, const KvpChange *change, GError **error)
{
	gsize bytes = strlen(change->key) + (change->value ? strlen(change->value) : 0);
	KvpChange copy = { .append = change->append };

	if (pile->changes->len >= KVP_APPLY_CHANGES_MAX)
		return hvis_fail(error, HVIS_ERROR_NO_SPACE, "more than %u changes at once",
			KVP_APPLY_CHANGES_MAX);
	if (bytes_kept + bytes > KVP_APPLY_BYTES_MAX)
		return hvis_fail(error, HVIS_ERROR_NO_SPACE,
			"others have %zu bytes of changes on their way; try again", bytes_kept);
	copy.key = g_string_chunk_insert(pile->text, change->key);
	copy.value = change->value ? g_string_chunk_insert(pile->text, change->value) : NULL;
	g_array_append_val(pile->changes, copy);
	pile->bytes += bytes;
	bytes_kept += bytes;
	return TRUE;
}

/* --- parameters --- */

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

static gboolean take_changes(struct json_object *array, Pile *pile, GError **error)
{
	for (gsize i = 0; i < json_object_array_length(array); i++) {
		KvpChange change;

		if (!take_change(json_object_array_get_idx(array, i), &change))
			return hvis_fail(error, HVIS_ERROR_INVALID, "change %zu is none", i);
		if (change.value && !kvp_socket_check(change.key, change.value, error)) {
			g_prefix_error(error, "key \"%s\": ", change.key);
			return FALSE;
		}
		if (!pile_add(pile, &change, error))
			return FALSE;
	}
	return TRUE;
}

/* With what the caller has sent before on this connection; NULL where that is not to be. */
static Pile *take_pile(VarlinkCall *call, struct json_object *array, guint pool, GError **error)
{
	Pile *pile = varlink_call_steal_data(call);

	if (!pile)
		pile = pile_new(pool);
	if (pile->pool == pool && take_changes(array, pile, error))
		return pile;
	if (pile->pool != pool)
		hvis_fail(error, HVIS_ERROR_INVALID, "the changes before are of pool %s",
			kvp_pools_name(pile->pool));
	pile_free(pile);
	return NULL;
}

/* --- the answer --- */

static void reply(VarlinkCall *call, const KvpBatch *batch)
{
	struct json_object *reply = json_object_new_object();

	json_object_object_add(reply, "added", json_object_new_int64(batch->added));
	json_object_object_add(reply, "replaced", json_object_new_int64(batch->replaced));
	json_object_object_add(reply, "removed", json_object_new_int64(batch->removed));
	varlink_call_reply(call, reply);
}

static void on_applied(const GError *error, gpointer data)
{
	Apply *apply = data;

	if (error)
		varlink_call_gerror(apply->call, INTERFACE, error);
	else
		reply(apply->call, &apply->batch);
	varlink_call_unref(apply->call);
	pile_free(apply->pile);
	g_free(apply);
}

static void start(VarlinkCall *call, Pile *pile, KvpStore *store, gboolean clear, gboolean dry_run)
{
	Apply *apply = g_new(Apply, 1);

	*apply = (Apply){ .call = varlink_call_ref(call),
		.pile = pile,
		.batch = { .clear = clear,
			.dry_run = dry_run,
			.changes = (const KvpChange *)(gpointer)pile->changes->data,
			.n = pile->changes->len } };
	kvp_store_apply(store, pile->pool, &apply->batch, on_applied, apply);
}

void kvp_apply(VarlinkCall *call, KvpStore *store, guint pool)
{
	gboolean clear = FALSE, dry_run = FALSE, partial = FALSE;
	const KvpBatch none = { 0 };
	g_autoptr(GError) error = NULL;
	struct json_object *array;
	Pile *pile;

	if (!varlink_param_array(call, "changes", &array) ||
		!varlink_param_bool_opt(call, "clear", &clear) ||
		!varlink_param_bool_opt(call, "dry_run", &dry_run) ||
		!varlink_param_bool_opt(call, "partial", &partial))
		return;
	pile = take_pile(call, array, pool, &error);
	if (!pile) {
		varlink_call_gerror(call, INTERFACE, error);
	} else if (partial) {
		varlink_call_set_data(call, pile, pile_free);
		reply(call, &none);
	} else {
		start(call, pile, store, clear, dry_run);
	}
}
