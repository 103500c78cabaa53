/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One view of each file, replaced by that of whatever task has seen the file last: generations of the
 * watch grow with every change, ours too, so that the order in which threads finish does not matter.
 */
#include "config.h"

#include "kvpd/store.h"

#include <util/error.h>

typedef struct {
	KvpView view;
	guint64 told; /* generation that was last told to who watches */
} Slot;

typedef struct {
	guint id;
	KvpStoreChanged changed;
	gpointer data;
} Watcher;

struct KvpStore {
	gatomicrefcount refs;
	KvpPools *pools;
	KvpWatch *watch;
	KvpWorker *worker;
	HvisClock *clock;
	Slot slots[HVIS_KVP_POOL_N];
	GArray *watchers; /* of Watcher */
	guint last_id;
	guint timer; /* until they are told; 0 = nothing to tell */
};

struct KvpTask {
	KvpStore *store;
	KvpPool *pool;
	guint number;
	char *key; /* NULL: a read */
	char *value; /* NULL: not a set */
	KvpView known;
	gboolean was_run, done;
	KvpOutcome outcome;
	GError *error;
};

static void on_touched(gpointer data);

KvpStore *kvp_store_new(KvpPools *pools, KvpWorker *worker, HvisClock *clock)
{
	KvpStore *store = g_new0(KvpStore, 1);

	g_atomic_ref_count_init(&store->refs);
	store->pools = kvp_pools_ref(pools);
	store->worker = worker;
	store->clock = clock ? clock : hvis_clock_default();
	store->watch = kvp_pools_watch(pools);
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
	kvp_watch_notify(store->watch, NULL, NULL);
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
		kvp_view_clear(&store->slots[i].view);
	kvp_pools_unref(store->pools);
	g_array_unref(store->watchers);
	g_free(store);
}

KvpPools *kvp_store_pools(KvpStore *store)
{
	return store->pools;
}

KvpRecords *kvp_store_peek(KvpStore *store, guint pool)
{
	const KvpView *view = &store->slots[pool].view;

	if (!view->records || view->generation == 0 ||
		view->generation != kvp_watch_generation(store->watch, pool))
		return NULL;
	return kvp_records_ref(view->records);
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

KvpTask *kvp_store_change(KvpStore *store, guint pool, const char *key, const char *value)
{
	KvpTask *task = kvp_store_read(store, pool);

	task->key = g_strdup(key);
	task->value = g_strdup(value);
	return task;
}

void kvp_task_run(KvpTask *task)
{
	g_return_if_fail(!task->was_run);
	task->was_run = TRUE;
	if (task->key)
		task->done = kvp_pool_change(task->pool, task->key, task->value, &task->known,
			&task->outcome, &task->error);
	else
		task->done =
			kvp_pool_look(task->pool, &task->known, &task->outcome.view, &task->error);
}

/* The view of a change is made from the one it found, in place if nobody else holds that. */
static void take_change(KvpTask *task, Slot *slot)
{
	KvpView *view = &task->outcome.view;

	kvp_view_clear(&task->known);
	if (slot->view.records == view->records)
		kvp_view_clear(&slot->view);
	kvp_outcome_apply(&task->outcome, task->key, task->value);
	if (slot->view.records && slot->view.generation > view->generation)
		return; /* another task has seen more */
	kvp_view_clear(&slot->view);
	slot->view = *view;
	*view = (KvpView){ 0 };
}

static void take_view(KvpTask *task, Slot *slot)
{
	const KvpView *view = &task->outcome.view;

	if (slot->view.records && slot->view.generation > view->generation && view->generation)
		return;
	kvp_view_clear(&slot->view);
	slot->view = *view;
	kvp_records_ref(slot->view.records);
}

gboolean kvp_task_finish(KvpTask *task, GError **error)
{
	Slot *slot = &task->store->slots[task->number];

	g_return_val_if_fail(task->was_run, FALSE);
	if (!task->done) {
		g_propagate_error(error, g_steal_pointer(&task->error));
		return FALSE;
	}
	if (!task->key) {
		take_view(task, slot);
		return TRUE;
	}
	take_change(task, slot);
	on_touched(task->store);
	return TRUE;
}

KvpRecords *kvp_task_records(KvpTask *task)
{
	return task->outcome.view.records;
}

gboolean kvp_task_replaced(const KvpTask *task)
{
	return task->outcome.replaced;
}

void kvp_task_free(KvpTask *task)
{
	if (!task)
		return;
	kvp_view_clear(&task->known);
	kvp_view_clear(&task->outcome.view);
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
	KvpWatch *watch;
	gboolean all = TRUE;

	for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
		all = all && kvp_watch_generation(store->watch, i) != 0;
	if (all || store->watchers->len == 0)
		return;
	watch = kvp_watch_ref(store->watch);
	if (store->worker) {
		kvp_worker_push(store->worker, run_arm, done_arm, watch);
	} else {
		run_arm(watch);
		done_arm(watch);
	}
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
}

static void on_touched(gpointer data)
{
	KvpStore *store = data;

	if (store->watchers->len && store->timer == 0)
		store->timer =
			store->clock->add(store->clock, KVP_STORE_COALESCE_MS, on_timer, store);
}

guint kvp_store_watch(KvpStore *store, KvpStoreChanged changed, gpointer data)
{
	Watcher watcher = { ++store->last_id, changed, data };

	if (store->watchers->len == 0) {
		for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
			store->slots[i].told = kvp_watch_count(store->watch, i);
		kvp_watch_notify(store->watch, on_touched, store);
	}
	g_array_append_val(store->watchers, watcher);
	arm(store);
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
	if (store->watchers->len == 0)
		kvp_watch_notify(store->watch, NULL, NULL);
}
