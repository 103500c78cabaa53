/* SPDX-License-Identifier: GPL-2.0-only */
/* What the two halves of the store share: the views, and the changes that wait. For nobody else. */
#pragma once

#include "kvpd/overlay.h"
#include "kvpd/store.h"

typedef struct {
	KvpView view; /* of the file */
	guint64 told; /* generation that was last told to who watches */
	KvpOverlay *overlay; /* changes that are not stored yet */
	char *reason; /* … and why */
	KvpRecords *merged; /* the view with them, made when asked for; NULL = not yet */
	guint changing; /* changes on their way through threads */
	gboolean is_flushing; /* the overlay is on its way: changes wait behind it */
	GQueue waiting; /* batches that cannot start yet */
	gboolean is_unsynced; /* written, and not known to be on the disk */
} KvpSlot;

struct KvpStore {
	gatomicrefcount refs;
	KvpPools *pools;
	KvpWatch *watch;
	KvpWorker *worker;
	HvisClock *clock;
	KvpSlot slots[HVIS_KVP_POOL_N];
	GArray *watchers;
	guint last_id;
	gboolean is_listening;
	guint timer; /* until they are told; 0 = nothing to tell */
	KvpStoreTrouble trouble;
	gpointer trouble_data;
	guint retry, retry_ms; /* until the next try to store what waits; 0 = none */
	guint sync_timer;
	KvpSync sync;
	guint max_records;
};

/* Take @view over unless somebody has seen more of the file. */
void kvp_store_see(KvpSlot *slot, const KvpView *view);

/* Tell who watches, soon. */
void kvp_store_touched(KvpStore *store);

/* Start the batches that wait, if they may. */
void kvp_store_next(KvpStore *store, guint pool);

/* Run @run in a thread, then @done on the main context; at once where there is no worker. */
void kvp_store_push(
	KvpStore *store, void (*run)(gpointer data), void (*done)(gpointer data), gpointer data);

/* Watch the directory for as long as somebody wants to know. */
void kvp_store_listen(KvpStore *store);

/* TRUE for a failure that may go away by itself, and has nothing to do with the change. */
gboolean kvp_store_is_passing(const GError *error, gboolean is_delete);

/* Keep a change in memory. */
gboolean kvp_store_keep(KvpStore *store, guint pool, const char *key, const char *value,
	const char *reason, GError **error);

/* A change of @key was stored, or none of it is wanted any more. */
void kvp_store_drop(KvpStore *store, guint pool, const char *key);

/*
 * The first @n of @changes, a copy of what waits in @pool, are stored; or they were not, for @reason (NULL =
 * as before).
 */
void kvp_store_stored(
	KvpStore *store, guint pool, const KvpOverlay *changes, guint n, const char *reason);

/* Try to store what waits, now. */
void kvp_store_flush(KvpStore *store);

/* A change was written that is not synced. */
void kvp_store_sync_later(KvpStore *store, guint pool);
