/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is accepted before it can be stored: changes of a pool whose file cannot be written wait in
 * memory, and are tried again when something happens to the directory, to a mount, or when some time
 * has gone by. Nothing is set up, and nothing wakes anybody, while nothing waits.
 */
#include "config.h"

#include "kvpd/store-private.h"

#include <util/error.h>

#define RETRY_MIN_MS 1000u /* ours: doubled on every failure … */
#define RETRY_MAX_MS 300000u /* … up to this */

/* A pool's overlay on its way to the file. */
typedef struct {
	KvpStore *store;
	guint number;
	KvpOverlay *changes;
	guint stored; /* the first of them */
	GError *error; /* of the next one */
} Flush;

/* A system that is read-only, a directory that is not there yet, a file that is not ours yet. */
gboolean kvp_store_is_passing(const GError *error, gboolean is_delete)
{
	return hvis_error_is(error, HVIS_ERROR_PERMISSION) ||
	       (!is_delete && hvis_error_is(error, HVIS_ERROR_NOT_FOUND));
}

static void say(KvpStore *store, guint pool, const char *reason)
{
	if (store->trouble)
		store->trouble(store, pool, reason, store->trouble_data);
}

guint kvp_store_pending(KvpStore *store, guint pool, const char **ret_reason)
{
	const KvpSlot *slot = &store->slots[pool];
	guint n = kvp_overlay_count(slot->overlay);

	if (ret_reason)
		*ret_reason = n ? slot->reason : NULL;
	return n;
}

static guint pending_in_all(KvpStore *store)
{
	guint n = 0;

	for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
		n += kvp_store_pending(store, i, NULL);
	return n;
}

/* --- time --- */

static void on_retry(gpointer data)
{
	KvpStore *store = data;

	store->retry = 0;
	kvp_store_flush(store);
}

static void arm_retry(KvpStore *store)
{
	if (store->retry || pending_in_all(store) == 0)
		return;
	store->retry_ms = CLAMP(store->retry_ms * 2, RETRY_MIN_MS, RETRY_MAX_MS);
	store->retry = store->clock->add(store->clock, store->retry_ms, on_retry, store);
}

static void settle(KvpStore *store)
{
	if (pending_in_all(store) == 0) {
		store->clock->remove(store->clock, store->retry);
		store->retry = 0;
		store->retry_ms = 0;
	}
	arm_retry(store);
	kvp_store_listen(store);
}

/* --- the overlay --- */

gboolean kvp_store_keep(KvpStore *store, guint pool, const char *key, const char *value,
	const char *reason, GError **error)
{
	KvpSlot *slot = &store->slots[pool];
	guint n = kvp_overlay_count(slot->overlay);

	if (n >= store->max_records && !kvp_overlay_get(slot->overlay, key))
		return hvis_fail(error, HVIS_ERROR_NO_SPACE,
			"%u changes of pool %s wait to be stored, and no more can: %s", n,
			kvp_pools_name(pool), reason);
	kvp_overlay_put(slot->overlay, key, value);
	g_clear_pointer(&slot->merged, kvp_records_unref);
	if (reason != slot->reason) {
		g_free(slot->reason);
		slot->reason = g_strdup(reason);
	}
	if (n == 0)
		say(store, pool, reason);
	settle(store);
	return TRUE;
}

void kvp_store_drop(KvpStore *store, guint pool, const char *key)
{
	KvpSlot *slot = &store->slots[pool];

	if (!kvp_overlay_get(slot->overlay, key))
		return;
	kvp_overlay_drop(slot->overlay, key, 0);
	g_clear_pointer(&slot->merged, kvp_records_unref);
	if (kvp_overlay_count(slot->overlay) == 0)
		say(store, pool, NULL);
	settle(store);
}

/* --- storing it --- */

static void run_flush(gpointer data)
{
	Flush *flush = data;
	KvpPool *pool = kvp_pools_get(flush->store->pools, flush->number);

	for (; flush->stored < kvp_overlay_count(flush->changes); flush->stored++) {
		const KvpPending *pending = kvp_overlay_at(flush->changes, flush->stored);
		KvpOutcome outcome = { 0 };
		GError *failed = NULL;

		if (kvp_pool_change(pool, pending->key, pending->value, NULL, &outcome, &failed)) {
			kvp_view_clear(&outcome.view);
			continue;
		}
		/* somebody else has deleted it, too */
		if (!pending->value && hvis_error_is(failed, HVIS_ERROR_NOT_FOUND)) {
			g_clear_error(&failed);
			continue;
		}
		flush->error = failed;
		return;
	}
}

void kvp_store_stored(
	KvpStore *store, guint pool, const KvpOverlay *changes, guint n, const char *reason)
{
	KvpSlot *slot = &store->slots[pool];

	for (guint i = 0; i < n; i++) {
		const KvpPending *pending = kvp_overlay_at(changes, i);

		kvp_overlay_drop(slot->overlay, pending->key, pending->serial);
	}
	if (reason) {
		g_free(slot->reason);
		slot->reason = g_strdup(reason);
	}
	if (n > 0) {
		g_clear_pointer(&slot->merged, kvp_records_unref);
		kvp_store_sync_later(store, pool);
		store->retry_ms = 0;
		if (kvp_overlay_count(slot->overlay) == 0)
			say(store, pool, NULL);
	}
	settle(store);
}

static void done_flush(gpointer data)
{
	Flush *flush = data;
	KvpStore *store = flush->store;

	store->slots[flush->number].is_flushing = FALSE;
	kvp_store_stored(store, flush->number, flush->changes, flush->stored,
		flush->error ? flush->error->message : NULL);
	kvp_store_next(store, flush->number);
	if (!flush->error)
		kvp_store_flush(store); /* more came meanwhile */
	kvp_overlay_free(flush->changes);
	kvp_store_unref(store);
	g_clear_error(&flush->error);
	g_free(flush);
}

void kvp_store_flush(KvpStore *store)
{
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++) {
		KvpSlot *slot = &store->slots[i];
		Flush *flush;

		if (kvp_overlay_count(slot->overlay) == 0 || slot->is_flushing || slot->changing)
			continue;
		slot->is_flushing = TRUE;
		flush = g_new0(Flush, 1);
		flush->store = kvp_store_ref(store);
		flush->number = i;
		flush->changes = kvp_overlay_copy(slot->overlay);
		kvp_store_push(store, run_flush, done_flush, flush);
	}
	arm_retry(store);
}

/* --- syncing later --- */

typedef struct {
	KvpStore *store;
	gboolean which[HVIS_KVP_POOL_N];
	GError *errors[HVIS_KVP_POOL_N];
} Sync;

static void run_sync(gpointer data)
{
	Sync *sync = data;

	for (guint i = 0; i < HVIS_KVP_POOL_N; i++) {
		if (sync->which[i])
			kvp_pool_sync(kvp_pools_get(sync->store->pools, i), &sync->errors[i]);
	}
}

static void done_sync(gpointer data)
{
	Sync *sync = data;

	for (guint i = 0; i < HVIS_KVP_POOL_N; i++) {
		if (sync->errors[i])
			say(sync->store, i, sync->errors[i]->message);
		g_clear_error(&sync->errors[i]);
	}
	kvp_store_unref(sync->store);
	g_free(sync);
}

static void on_sync(gpointer data)
{
	KvpStore *store = data;
	Sync *sync = g_new0(Sync, 1);

	store->sync_timer = 0;
	sync->store = kvp_store_ref(store);
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++) {
		sync->which[i] = store->slots[i].is_unsynced;
		store->slots[i].is_unsynced = FALSE;
	}
	kvp_store_push(store, run_sync, done_sync, sync);
}

void kvp_store_sync_later(KvpStore *store, guint pool)
{
	if (store->sync != KVP_SYNC_BATCHED)
		return;
	store->slots[pool].is_unsynced = TRUE;
	if (store->sync_timer == 0)
		store->sync_timer =
			store->clock->add(store->clock, KVP_STORE_SYNC_MS, on_sync, store);
}

guint kvp_store_stop(KvpStore *store)
{
	store->worker = NULL; /* at once, from here on */
	if (store->sync_timer) {
		store->clock->remove(store->clock, store->sync_timer);
		on_sync(store);
	}
	kvp_store_flush(store);
	return pending_in_all(store);
}
