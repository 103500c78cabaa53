/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A pool is read again when the store says that it may have changed, one read at a time, and what is
 * different is told. A caller is told "start" when all pools have been seen once after it came, so
 * that what it asks then and what it is told later leave no gap.
 */
#include "config.h"

#include "kvpd/subscribe.h"

#include <string.h>

#include <util/error.h>

#include "kvpd/diff.h"

typedef struct {
	KvpSubscribe *owner;
	VarlinkCall *call;
	guint pool;
	char *key;
	gboolean started;
} Subscriber;

typedef struct {
	KvpRecords *seen; /* NULL = not yet */
	gboolean reading; /* a task is on its way */
	gboolean again; /* changed since that began */
} PoolState;

struct KvpSubscribe {
	KvpStore *store;
	KvpWorker *worker;
	GPtrArray *subscribers;
	guint watch;
	PoolState pools[HVIS_KVP_POOL_N];
};

typedef struct {
	KvpSubscribe *subscribe;
	KvpTask *task;
	guint pool;
} Reading;

static void read_pool(KvpSubscribe *subscribe, guint pool);

static void subscriber_free(Subscriber *s)
{
	varlink_call_unref(s->call);
	g_free(s->key);
	g_free(s);
}

/* --- telling --- */

static struct json_object *event_new(
	guint pool, const char *key, const char *old, const char *value)
{
	struct json_object *event = json_object_new_object();

	json_object_object_add(event, "event", json_object_new_string(value ? "set" : "delete"));
	json_object_object_add(event, "pool", json_object_new_string(kvp_pools_name(pool)));
	json_object_object_add(event, "key", json_object_new_string(key));
	json_object_object_add(event, "old", old ? json_object_new_string(old) : NULL);
	json_object_object_add(event, "value", value ? json_object_new_string(value) : NULL);
	return event;
}

/* Who has stopped reading is let go of: the connection tells it that events got lost. */
static void tell(KvpSubscribe *subscribe, Subscriber *s, struct json_object *event)
{
	if (!varlink_call_notify(s->call, event))
		g_ptr_array_remove(subscribe->subscribers, s);
}

typedef struct {
	KvpSubscribe *subscribe;
	guint pool;
} Telling;

static void tell_all(const char *key, const char *old, const char *value, gpointer data)
{
	Telling *telling = data;
	GPtrArray *subscribers = telling->subscribe->subscribers;

	for (guint i = subscribers->len; i > 0; i--) {
		Subscriber *s = subscribers->pdata[i - 1];

		if (s->started && (s->pool == telling->pool || s->pool == HVIS_KVP_POOL_N) &&
			(!s->key || g_str_equal(s->key, key)))
			tell(telling->subscribe, s, event_new(telling->pool, key, old, value));
	}
}

static void tell_start(KvpSubscribe *subscribe)
{
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
		if (i != HVIS_KVP_POOL_AUTO && !subscribe->pools[i].seen)
			return;
	for (guint i = subscribe->subscribers->len; i > 0; i--) {
		Subscriber *s = subscribe->subscribers->pdata[i - 1];
		struct json_object *event;

		if (s->started)
			continue;
		s->started = TRUE;
		event = json_object_new_object();
		json_object_object_add(event, "event", json_object_new_string("start"));
		tell(subscribe, s, event);
	}
}

/* Nobody listens any more: nothing is kept, nothing wakes us. */
static void rest(KvpSubscribe *subscribe)
{
	if (subscribe->subscribers->len > 0)
		return;
	kvp_store_unwatch(subscribe->store, subscribe->watch);
	subscribe->watch = 0;
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
		g_clear_pointer(&subscribe->pools[i].seen, kvp_records_unref);
}

/* --- reading --- */

/* A pool that cannot be read is as it was: the next change tries again. */
static void take(KvpSubscribe *subscribe, guint pool, KvpRecords *records)
{
	PoolState *state = &subscribe->pools[pool];
	Telling telling = { subscribe, pool };
	g_autoptr(KvpRecords) before = state->seen;

	if (subscribe->subscribers->len == 0) { /* they left while it was read */
		state->seen = NULL;
		return;
	}
	state->seen = records  ? kvp_records_ref(records)
		      : before ? kvp_records_ref(before)
			       : kvp_records_new();
	if (before && records && before != records)
		kvp_records_diff(before, records, tell_all, &telling);
	tell_start(subscribe);
	rest(subscribe);
}

static void reading_run(gpointer data)
{
	kvp_task_run(((Reading *)data)->task);
}

static void reading_done(gpointer data)
{
	Reading *reading = data;
	KvpSubscribe *subscribe = reading->subscribe;
	PoolState *state = &subscribe->pools[reading->pool];
	gboolean good = kvp_task_finish(reading->task, NULL);

	state->reading = FALSE;
	take(subscribe, reading->pool, good ? kvp_task_records(reading->task) : NULL);
	if (state->again && subscribe->subscribers->len > 0)
		read_pool(subscribe, reading->pool);
	kvp_task_free(reading->task);
	g_free(reading);
}

static void read_pool(KvpSubscribe *subscribe, guint pool)
{
	PoolState *state = &subscribe->pools[pool];
	g_autoptr(KvpRecords) records = NULL;
	Reading *reading;

	state->again = state->reading;
	if (state->reading)
		return;
	records = kvp_store_peek(subscribe->store, pool);
	if (records) {
		take(subscribe, pool, records);
		return;
	}
	state->reading = TRUE;
	reading = g_new(Reading, 1);
	*reading = (Reading){ subscribe, kvp_store_read(subscribe->store, pool), pool };
	kvp_worker_push(subscribe->worker, reading_run, reading_done, reading);
}

static void on_changed(KvpStore *store G_GNUC_UNUSED, guint pool, gpointer data)
{
	KvpSubscribe *subscribe = data;

	if (pool < HVIS_KVP_POOL_N && pool != HVIS_KVP_POOL_AUTO && subscribe->subscribers->len > 0)
		read_pool(subscribe, pool);
}

/* --- subscribers --- */

static void on_gone(VarlinkCall *call G_GNUC_UNUSED, gpointer data)
{
	Subscriber *s = data;
	KvpSubscribe *subscribe = s->owner;

	g_ptr_array_remove(subscribe->subscribers, s);
	rest(subscribe);
}

void kvp_subscribe_add(KvpSubscribe *subscribe, VarlinkCall *call, guint pool, const char *key)
{
	Subscriber *s = g_new0(Subscriber, 1);

	s->owner = subscribe;
	s->call = varlink_call_ref(call);
	s->pool = pool;
	s->key = g_strdup(key);
	g_ptr_array_add(subscribe->subscribers, s);
	varlink_call_on_hangup(call, on_gone, s);
	if (!subscribe->watch)
		subscribe->watch = kvp_store_watch(subscribe->store, on_changed, subscribe);
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
		if (i != HVIS_KVP_POOL_AUTO && !subscribe->pools[i].seen)
			read_pool(subscribe, i);
	tell_start(subscribe);
}

guint kvp_subscribe_count(const KvpSubscribe *subscribe)
{
	return subscribe->subscribers->len;
}

KvpSubscribe *kvp_subscribe_new(KvpStore *store, KvpWorker *worker)
{
	KvpSubscribe *subscribe = g_new0(KvpSubscribe, 1);

	subscribe->store = kvp_store_ref(store);
	subscribe->worker = worker;
	subscribe->subscribers = g_ptr_array_new_with_free_func((GDestroyNotify)subscriber_free);
	return subscribe;
}

void kvp_subscribe_free(KvpSubscribe *subscribe)
{
	if (!subscribe)
		return;
	kvp_store_unwatch(subscribe->store, subscribe->watch);
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
		kvp_records_unref(subscribe->pools[i].seen);
	g_ptr_array_unref(subscribe->subscribers);
	kvp_store_unref(subscribe->store);
	g_free(subscribe);
}
