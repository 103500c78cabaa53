/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One view of each file, replaced by that of whatever task has seen the file last: generations of the
 * watch grow with every change, ours too, so that the order in which threads finish does not matter.
 */
#include "config.h"

#include "kvpd/store-private.h"

#include <util/error.h>

typedef struct {
	guint id;
	KvpStoreChanged changed;
	gpointer data;
} Watcher;

struct KvpTask {
	KvpStore *store;
	KvpPool *pool;
	guint number;
	char *key; /* NULL: a read */
	char *value; /* NULL: not a set */
	KvpView known;
	gboolean was_run, done;
	gboolean is_kept; /* for later: others of the pool are being stored */
	KvpOutcome outcome;
	KvpRecords *records; /* of a read: as they are seen */
	GError *error;
};

KvpStore *kvp_store_new(KvpPools *pools, KvpWorker *worker, HvisClock *clock)
{
	KvpStore *store = g_new0(KvpStore, 1);

	g_atomic_ref_count_init(&store->refs);
	store->pools = kvp_pools_ref(pools);
	store->worker = worker;
	store->clock = clock ? clock : hvis_clock_default();
	store->watch = kvp_pools_watch(pools);
	store->max_records = KVP_POOL_RECORDS_MAX;
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
		store->slots[i] =
			(KvpSlot){ .overlay = kvp_overlay_new(), .waiting = G_QUEUE_INIT };
	store->watchers = g_array_new(FALSE, FALSE, sizeof(Watcher));
	return store;
}

KvpStore *kvp_store_ref(KvpStore *store)
{
	g_atomic_ref_count_inc(&store->refs);
	return store;
}

void kvp_store_unref(KvpStore *store)
{
	if (!store || !g_atomic_ref_count_dec(&store->refs))
		return;
	store->clock->remove(store->clock, store->timer);
	store->clock->remove(store->clock, store->retry);
	store->clock->remove(store->clock, store->sync_timer);
	kvp_watch_notify(store->watch, NULL, NULL);
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++) {
		kvp_view_clear(&store->slots[i].view);
		kvp_records_unref(store->slots[i].merged);
		kvp_overlay_free(store->slots[i].overlay);
		g_free(store->slots[i].reason);
	}
	kvp_pools_unref(store->pools);
	g_array_unref(store->watchers);
	g_free(store);
}

KvpPools *kvp_store_pools(KvpStore *store)
{
	return store->pools;
}

void kvp_store_configure(KvpStore *store, KvpSync sync, guint max_records)
{
	store->sync = sync;
	store->max_records = max_records;
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++) {
		kvp_pool_set_sync(kvp_pools_get(store->pools, i), sync);
		kvp_pool_set_max_records(kvp_pools_get(store->pools, i), max_records);
	}
}

void kvp_store_on_trouble(KvpStore *store, KvpStoreTrouble trouble, gpointer data)
{
	store->trouble = trouble;
	store->trouble_data = data;
}

void kvp_store_push(
	KvpStore *store, void (*run)(gpointer data), void (*done)(gpointer data), gpointer data)
{
	if (store->worker) {
		kvp_worker_push(store->worker, run, done, data);
		return;
	}
	run(data);
	done(data);
}

static void set_view(KvpSlot *slot, const KvpView *view)
{
	kvp_records_ref(view->records);
	kvp_view_clear(&slot->view);
	slot->view = *view;
	g_clear_pointer(&slot->merged, kvp_records_unref);
}

/* What all who ask the store see: @records of the file with what is not stored yet. */
static KvpRecords *merge(KvpSlot *slot, KvpRecords *records)
{
	if (kvp_overlay_count(slot->overlay) == 0)
		return kvp_records_ref(records);
	if (records != slot->view.records)
		return kvp_overlay_merge(slot->overlay, kvp_records_ref(records));
	if (!slot->merged)
		slot->merged = kvp_overlay_merge(slot->overlay, kvp_records_ref(records));
	return kvp_records_ref(slot->merged);
}

KvpRecords *kvp_store_peek(KvpStore *store, guint pool)
{
	KvpSlot *slot = &store->slots[pool];
	const KvpView *view = &slot->view;

	if (!view->records || view->generation == 0 ||
		view->generation != kvp_watch_generation(store->watch, pool))
		return NULL;
	return merge(slot, view->records);
}

/* --- tasks --- */

KvpTask *kvp_store_read(KvpStore *store, guint pool)
{
	KvpTask *task = g_new0(KvpTask, 1);
	const KvpView *view = &store->slots[pool].view;

	task->store = kvp_store_ref(store);
	task->pool = kvp_pools_get(store->pools, pool);
	task->number = pool;
	task->known = *view;
	if (view->records)
		kvp_records_ref(view->records);
	return task;
}

/* Behind what is being stored, or is about to be; else what is older would come later. */
static gboolean has_to_wait(KvpSlot *slot)
{
	return slot->is_flushing ||
	       (slot->waiting.length > 0 && kvp_overlay_count(slot->overlay) > 0);
}

KvpTask *kvp_store_change(KvpStore *store, guint pool, const char *key, const char *value)
{
	KvpTask *task = kvp_store_read(store, pool);

	task->key = g_strdup(key);
	task->value = g_strdup(value);
	task->is_kept = has_to_wait(&store->slots[pool]);
	store->slots[pool].changing++;
	return task;
}

/* What the file holds is needed, too, where it cannot be changed: a key that is not there is no key. */
static void run_change(KvpTask *task)
{
	g_autoptr(GError) ignored = NULL;

	if (task->is_kept)
		task->done = kvp_pool_check(task->key, task->value, &task->error);
	else
		task->done = kvp_pool_change(task->pool, task->key, task->value, &task->known,
			&task->outcome, &task->error);
	if (task->is_kept || kvp_store_is_passing(task->error, !task->value))
		kvp_pool_look(task->pool, &task->known, &task->outcome.view, &ignored);
}

void kvp_task_run(KvpTask *task)
{
	g_return_if_fail(!task->was_run);
	task->was_run = TRUE;
	if (task->key)
		run_change(task);
	else
		task->done =
			kvp_pool_look(task->pool, &task->known, &task->outcome.view, &task->error);
}

/* The view of a change is made from the one it found, in place if nobody else holds that. */
static void take_change(KvpTask *task, KvpSlot *slot)
{
	KvpView *view = &task->outcome.view;

	kvp_view_clear(&task->known);
	if (slot->view.records == view->records) {
		g_clear_pointer(&slot->merged, kvp_records_unref);
		kvp_view_clear(&slot->view);
	}
	kvp_outcome_apply(&task->outcome, task->key, task->value);
	if (slot->view.records && slot->view.generation > view->generation)
		return; /* another task has seen more */
	set_view(slot, view);
	kvp_view_clear(view);
}

void kvp_store_see(KvpSlot *slot, const KvpView *view)
{
	if (!view->records || (slot->view.records && view->generation &&
				      slot->view.generation > view->generation))
		return;
	set_view(slot, view);
}

/* Into memory; what is deleted must be somewhere, in the file or in memory. */
static gboolean keep_change(KvpTask *task, KvpSlot *slot, const char *reason, GError **error)
{
	KvpRecords *base = task->outcome.view.records;
	g_autoptr(KvpRecords) none = kvp_records_new(), seen = NULL;

	kvp_store_see(slot, &task->outcome.view);
	seen = merge(slot, base ? base : none);
	task->outcome.replaced = kvp_records_get(seen, task->key) != NULL;
	if (!task->value && !task->outcome.replaced)
		return hvis_fail(error, HVIS_ERROR_NOT_FOUND, "no key \"%s\" in pool %s", task->key,
			kvp_pools_name(task->number));
	return kvp_store_keep(task->store, task->number, task->key, task->value, reason, error);
}

/* A key that was only in memory is not in the file to be deleted. */
static gboolean is_forgotten(KvpTask *task, const KvpSlot *slot)
{
	const KvpPending *pending = kvp_overlay_get(slot->overlay, task->key);

	return !task->value && pending && pending->value &&
	       hvis_error_is(task->error, HVIS_ERROR_NOT_FOUND);
}

static gboolean finish_change(KvpTask *task, KvpSlot *slot, GError **error)
{
	if (task->is_kept && task->done)
		return keep_change(task, slot, slot->reason ? slot->reason : "", error);
	if (task->done) {
		take_change(task, slot);
		kvp_store_sync_later(task->store, task->number);
	} else if (kvp_store_is_passing(task->error, !task->value)) {
		return keep_change(task, slot, task->error->message, error);
	} else if (!is_forgotten(task, slot)) {
		g_propagate_error(error, g_steal_pointer(&task->error));
		return FALSE;
	}
	kvp_store_drop(task->store, task->number, task->key);
	return TRUE;
}

gboolean kvp_task_finish(KvpTask *task, GError **error)
{
	KvpSlot *slot = &task->store->slots[task->number];
	gboolean done = task->done;

	g_return_val_if_fail(task->was_run, FALSE);
	if (task->key) {
		done = finish_change(task, slot, error);
		kvp_store_touched(task->store);
	} else if (done) {
		kvp_store_see(slot, &task->outcome.view);
		task->records = merge(slot, task->outcome.view.records);
	} else {
		g_propagate_error(error, g_steal_pointer(&task->error));
	}
	return done;
}

KvpRecords *kvp_task_records(KvpTask *task)
{
	return task->records;
}

gboolean kvp_task_replaced(const KvpTask *task)
{
	return task->outcome.replaced;
}

void kvp_task_free(KvpTask *task)
{
	if (!task)
		return;
	if (task->key) {
		task->store->slots[task->number].changing--;
		kvp_store_next(task->store, task->number);
	}
	kvp_view_clear(&task->known);
	kvp_view_clear(&task->outcome.view);
	kvp_records_unref(task->records);
	kvp_store_unref(task->store);
	g_clear_error(&task->error);
	g_free(task->key);
	g_free(task->value);
	g_free(task);
}

/* --- who watches --- */

/* A callback may watch or unwatch: the list is walked by position, and only ever looked at afresh. */
static void tell(KvpStore *store, guint pool)
{
	for (guint i = 0; i < store->watchers->len; i++) {
		Watcher watcher = g_array_index(store->watchers, Watcher, i);

		watcher.changed(store, pool, watcher.data);
	}
}

static void run_arm(gpointer data)
{
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
		kvp_watch_arm(data, i);
}

static void done_arm(gpointer data)
{
	kvp_watch_unref(data);
}

/* A file that was made or replaced has to be watched anew. */
static void arm(KvpStore *store)
{
	gboolean all = TRUE;

	for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
		all = all && kvp_watch_generation(store->watch, i) != 0;
	if (all || !store->is_listening)
		return;
	kvp_store_push(store, run_arm, done_arm, kvp_watch_ref(store->watch));
}

static void on_timer(gpointer data)
{
	g_autoptr(KvpStore) store = kvp_store_ref(data);

	store->timer = 0;
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++) {
		guint64 now = kvp_watch_count(store->watch, i);

		if (store->slots[i].told == now)
			continue;
		store->slots[i].told = now;
		tell(store, i);
	}
	arm(store);
	kvp_store_flush(store);
}

/* By ourselves. */
void kvp_store_touched(KvpStore *store)
{
	if (store->watchers->len && store->timer == 0)
		store->timer =
			store->clock->add(store->clock, KVP_STORE_COALESCE_MS, on_timer, store);
}

/* By anybody, or a mount: what waits may be stored now. */
static void on_touched(gpointer data)
{
	KvpStore *store = data;

	if (store->timer == 0)
		store->timer =
			store->clock->add(store->clock, KVP_STORE_COALESCE_MS, on_timer, store);
}

void kvp_store_listen(KvpStore *store)
{
	gboolean wanted = store->watchers->len > 0;

	for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
		wanted = wanted || kvp_overlay_count(store->slots[i].overlay) > 0;
	if (wanted == store->is_listening)
		return;
	store->is_listening = wanted;
	kvp_watch_notify(store->watch, wanted ? on_touched : NULL, store);
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
		store->slots[i].told = kvp_watch_count(store->watch, i);
	arm(store);
}

void kvp_store_refresh(KvpStore *store)
{
	if (store->is_listening)
		kvp_watch_notify(store->watch, on_touched, store);
	kvp_store_flush(store);
	on_touched(store);
}

guint kvp_store_watch(KvpStore *store, KvpStoreChanged changed, gpointer data)
{
	Watcher watcher = { ++store->last_id, changed, data };

	g_array_append_val(store->watchers, watcher);
	kvp_store_listen(store);
	return watcher.id;
}

void kvp_store_unwatch(KvpStore *store, guint id)
{
	for (guint i = 0; i < store->watchers->len; i++) {
		if (g_array_index(store->watchers, Watcher, i).id == id) {
			g_array_remove_index(store->watchers, i);
			break;
		}
	}
	kvp_store_listen(store);
}
