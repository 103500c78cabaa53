/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Several changes as one, in their place among the others. What was accepted before and waits in memory is
 * older, so it goes to the file first, in the same write; while that is on its way nothing else of the pool is
 * stored, as while it is flushed.
 */
#include "config.h"

#include "kvpd/store-private.h"

#include <util/error.h>

#include "kvpd/rewrite.h"

typedef struct {
	KvpStore *store;
	guint number;
	KvpBatch *batch;
	KvpOverlay *pending; /* what is older */
	KvpView view;
	GError *error;
	KvpApplied done;
	gpointer data;
} Apply;

/* The overlay as changes; they point into it. */
static KvpChange *changes_of(const KvpOverlay *overlay)
{
	guint n = kvp_overlay_count(overlay);
	KvpChange *changes = g_new0(KvpChange, n + 1);

	for (guint i = 0; i < n; i++) {
		const KvpPending *pending = kvp_overlay_at(overlay, i);

		changes[i].key = pending->key;
		changes[i].value = pending->value;
	}
	return changes;
}

static void run(gpointer data)
{
	Apply *apply = data;
	g_autofree KvpChange *changes = changes_of(apply->pending);
	KvpBatch before = { .changes = changes, .n = kvp_overlay_count(apply->pending) };

	kvp_pool_batch(kvp_pools_get(apply->store->pools, apply->number), &before, apply->batch,
		&apply->view, &apply->error);
}

static void done(gpointer data)
{
	Apply *apply = data;
	KvpStore *store = apply->store;
	KvpSlot *slot = &store->slots[apply->number];
	guint n = kvp_overlay_count(apply->pending);
	gboolean is_stored = !apply->error && !apply->batch->dry_run;

	if (n > 0)
		slot->is_flushing = FALSE;
	slot->changing--;
	kvp_store_see(slot, &apply->view);
	kvp_store_stored(store, apply->number, apply->pending, is_stored ? n : 0,
		n > 0 && kvp_store_is_passing(apply->error, FALSE) ? apply->error->message : NULL);
	if (is_stored) {
		kvp_store_sync_later(store, apply->number);
		kvp_store_touched(store);
	}
	apply->done(apply->error, apply->data);
	kvp_store_next(store, apply->number);
	if (is_stored)
		kvp_store_flush(store); /* what came meanwhile */
	kvp_overlay_free(apply->pending);
	kvp_view_clear(&apply->view);
	g_clear_error(&apply->error);
	kvp_store_unref(store);
	g_free(apply);
}

/* What waits may be older than a change that is on its way, and must not come after it. */
static gboolean may_start(const KvpSlot *slot)
{
	return !slot->is_flushing && (kvp_overlay_count(slot->overlay) == 0 || slot->changing == 0);
}

static void start(KvpSlot *slot, Apply *apply)
{
	apply->pending = kvp_overlay_copy(slot->overlay);
	slot->is_flushing = kvp_overlay_count(apply->pending) > 0;
	slot->changing++;
	kvp_store_push(apply->store, run, done, apply);
}

void kvp_store_next(KvpStore *store, guint pool)
{
	KvpSlot *slot = &store->slots[pool];

	while (slot->waiting.length > 0 && may_start(slot))
		start(slot, g_queue_pop_head(&slot->waiting));
}

void kvp_store_apply(KvpStore *store, guint pool, KvpBatch *batch, KvpApplied done_, gpointer data)
{
	Apply *apply = g_new0(Apply, 1);

	*apply = (Apply){ .store = kvp_store_ref(store),
		.number = pool,
		.batch = batch,
		.done = done_,
		.data = data };
	g_queue_push_tail(&store->slots[pool].waiting, apply);
	kvp_store_next(store, pool);
}
