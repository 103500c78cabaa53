/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The five pools as the daemon has them: in memory, for as long as nobody else touches the files.
 * A list that is known to be current is handed out at once; what needs a file is a task, which is
 * made and finished on the main context and run, in between, by any thread.
 *
 * The file stays the truth. What others write is seen by the next who asks, and a change is made to
 * what the file holds under its locks, never to what memory thinks that it does.
 *
 * Where a file cannot be written because the system is read-only, the directory is missing or nobody
 * has given the files to us yet, a change is accepted, seen by all who ask the store, and stored when
 * that is over: key by key, so that what others wrote meanwhile stays. Any other failure (no space, a
 * disk that fails) is one, and nothing changes.
 */
#pragma once

#include <glib.h>

#include <util/clock.h>

#include "kvpd/batch.h"
#include "kvpd/pools.h"
#include "kvpd/worker.h"

#define KVP_STORE_SYNC_MS 1000u /* ours: how long KVP_SYNC_BATCHED collects */
#define KVP_STORE_COALESCE_MS 20u /* ours: a burst of changes is told as one */

typedef struct KvpStore KvpStore;
typedef struct KvpTask KvpTask;

/*
 * For the default main context, as all of this but kvp_task_run(). @worker is for what the store does
 * by itself and may be NULL, then that is done at once; free it, which waits, before the last
 * reference to the store. @clock: NULL = the real one.
 */
KvpStore *kvp_store_new(KvpPools *pools, KvpWorker *worker, HvisClock *clock);
KvpStore *kvp_store_ref(KvpStore *store);
void kvp_store_unref(KvpStore *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvpStore, kvp_store_unref)

KvpPools *kvp_store_pools(KvpStore *store); /* borrowed */

/* When changes are on the disk, and how many records a pool may grow to. */
void kvp_store_configure(KvpStore *store, KvpSync sync, guint max_records);

/*
 * Call @trouble when changes of @pool begin to wait (@reason says for what), and with NULL when all of
 * them are stored; with a reason, too, where a sync failed that nobody waited for.
 */
typedef void (*KvpStoreTrouble)(KvpStore *store, guint pool, const char *reason, gpointer data);
void kvp_store_on_trouble(KvpStore *store, KvpStoreTrouble trouble, gpointer data);

/* Descriptors are to be had again: what could not be watched is, and what waits is stored. */
void kvp_store_refresh(KvpStore *store);

/* How many changes of @pool wait to be stored, and why (may be NULL; borrowed). */
guint kvp_store_pending(KvpStore *store, guint pool, const char **ret_reason);

/*
 * Before the end, when the worker is gone: sync and store what can be, waiting for it. Returns how many
 * changes could not be stored.
 */
guint kvp_store_stop(KvpStore *store);

/* What the pool holds now, from memory: a new reference. NULL where a file must be asked first. */
KvpRecords *kvp_store_peek(KvpStore *store, guint pool);

/* Read @pool; its records are those of the task. */
KvpTask *kvp_store_read(KvpStore *store, guint pool);

/* kvp_pool_set(), and kvp_pool_delete() where @value is NULL. */
KvpTask *kvp_store_change(KvpStore *store, guint pool, const char *key, const char *value);

/*
 * Make @batch, as kvp_pool_batch(), after all changes that were accepted before: what waits to be stored is
 * stored with it, or neither. Calls @done, with NULL or what has failed, when it is over; until then @batch is
 * the store's, and counts what waits as stored.
 */
typedef void (*KvpApplied)(const GError *error, gpointer data);
void kvp_store_apply(KvpStore *store, guint pool, KvpBatch *batch, KvpApplied done, gpointer data);

/* Do it; may sleep for locks and the disk. From any thread, once. */
void kvp_task_run(KvpTask *task);

/* Let the store know what came of it: FALSE and @error where it failed. Once, if it was run. */
gboolean kvp_task_finish(KvpTask *task, GError **error);

KvpRecords *kvp_task_records(KvpTask *task); /* of a read, when finished; borrowed */
gboolean kvp_task_replaced(const KvpTask *task); /* of a set, when finished */
void kvp_task_free(KvpTask *task);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvpTask, kvp_task_free)

/*
 * Call @changed soon after anybody, this daemon or another program, may have changed @pool; more than
 * one change may be told as one, and a change that changed nothing as well. Returns an id, never 0.
 */
typedef void (*KvpStoreChanged)(KvpStore *store, guint pool, gpointer data);
guint kvp_store_watch(KvpStore *store, KvpStoreChanged changed, gpointer data);
void kvp_store_unwatch(KvpStore *store, guint id); /* 0 is ignored */
