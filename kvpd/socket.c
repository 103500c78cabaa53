/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The methods of io.hvis.Kvp. A call becomes an errand: made on the main context, answered there, and
 * in between, where the store has not all of it in memory, run in a thread. It holds its call by
 * reference, and the store by its tasks, so that neither a caller that leaves nor a daemon that stops
 * pulls them away.
 */
#include "config.h"

#include "kvpd/socket.h"

#include <glib/gstdio.h>
#include <string.h>

#include <util/error.h>
#include <util/utf16.h>
#include <varlink/varlink.h>

#include "kvpd/info.h"
#include "kvpd/apply.h"
#include "kvpd/subscribe.h"

#define INTERFACE "io.hvis.Kvp"
#define POOL_ANY HVIS_KVP_POOL_N
#define PAGE_FRAME 256u /* what an answer to List has around its records, generously */
#define RECORD_FRAME 64u /* and what a record has around its key and value */

struct KvpSocket {
	const KvpSocketOps *ops;
	gpointer data;
	KvpStore *store;
	KvpWorker *worker;
	VarlinkServer *server;
	KvpSubscribe *subscribe;
	KvpLook *look;
};

typedef struct Errand Errand;
struct Errand {
	VarlinkCall *call;
	guint pool; /* POOL_ANY = all */
	gint64 from; /* of List: the first place that is asked for; below 0 = all in one answer */
	char *key, *value;
	KvpRecords *records[HVIS_KVP_POOL_N]; /* what is asked for and known */
	KvpTask *tasks[HVIS_KVP_POOL_N]; /* what is asked for and not known; a change */
	gboolean is_change, replaced;
	GError *error;
	void (*answer)(Errand *errand);
};

static const char description[] = {
#include "kvpd/io.hvis.Kvp.h"
};

const guint kvp_search_order[HVIS_KVP_POOL_N] = { HVIS_KVP_POOL_EXTERNAL,
	HVIS_KVP_POOL_AUTO_EXTERNAL, HVIS_KVP_POOL_GUEST, HVIS_KVP_POOL_AUTO,
	HVIS_KVP_POOL_AUTO_INTERNAL };

/* --- limits --- */

static gboolean check_units(
	const char *text, const char *what, gsize units_max, gsize bytes_max, GError **error)
{
	gssize units = hvis_utf16_units(text);

	if (units < 0)
		return hvis_fail(error, HVIS_ERROR_INVALID, "the %s is not UTF-8", what);
	if ((gsize)units > units_max)
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"the %s has %zd UTF-16 units, the host takes %zu at most", what, units,
			units_max);
	if (strlen(text) > bytes_max)
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"the %s takes %zu bytes of UTF-8, a record holds %zu", what, strlen(text),
			bytes_max);
	return TRUE;
}

gboolean kvp_socket_check(const char *key, const char *value, GError **error)
{
	if (*key == '\0')
		return hvis_fail(error, HVIS_ERROR_INVALID, "the key is empty");
	return check_units(key, "key", HVIS_KVP_KEY_UNITS_MAX, HVIS_KVP_KEY_MAX - 1, error) &&
	       check_units(value, "value", HVIS_KVP_VALUE_UNITS_MAX, HVIS_KVP_VALUE_MAX - 1, error);
}

/* --- errands --- */

static void errand_free(Errand *errand)
{
	varlink_call_unref(errand->call);
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++) {
		kvp_records_unref(errand->records[i]);
		kvp_task_free(errand->tasks[i]);
	}
	g_free(errand->key);
	g_free(errand->value);
	g_clear_error(&errand->error);
	g_free(errand);
}

static void finish_task(Errand *errand, guint pool)
{
	KvpTask *task = errand->tasks[pool];
	GError **error = errand->error ? NULL : &errand->error;

	if (!kvp_task_finish(task, error))
		return;
	if (!errand->is_change)
		errand->records[pool] = kvp_records_ref(kvp_task_records(task));
	errand->replaced = kvp_task_replaced(task);
}

static void errand_done(gpointer data)
{
	Errand *errand = data;

	for (guint i = 0; i < HVIS_KVP_POOL_N; i++) {
		if (errand->tasks[i])
			finish_task(errand, i);
	}
	if (errand->error)
		varlink_call_gerror(errand->call, INTERFACE, errand->error);
	else
		errand->answer(errand);
	errand_free(errand);
}

static Errand *errand_new(VarlinkCall *call, guint pool, void (*answer)(Errand *errand))
{
	Errand *errand = g_new0(Errand, 1);

	errand->call = varlink_call_ref(call);
	errand->pool = pool;
	errand->answer = answer;
	return errand;
}

static void errand_run(gpointer data)
{
	Errand *errand = data;

	for (guint i = 0; i < HVIS_KVP_POOL_N; i++) {
		if (errand->tasks[i])
			kvp_task_run(errand->tasks[i]);
	}
}

/* Answer it, now if all is known. */
static void errand_go(Errand *errand, KvpSocket *socket)
{
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++) {
		if (errand->tasks[i]) {
			kvp_worker_push(socket->worker, errand_run, errand_done, errand);
			return;
		}
	}
	errand_done(errand);
}

/* The pool parameter of @call, @fallback without one. Answers the call where it names no pool. */
static gboolean take_pool(VarlinkCall *call, guint fallback, guint *ret)
{
	g_autoptr(GError) error = NULL;
	const char *name = NULL;

	if (!varlink_param_string_opt(call, "pool", &name))
		return FALSE;
	*ret = fallback;
	if (!name || kvp_pools_parse(name, ret, &error))
		return TRUE;
	varlink_call_gerror(call, INTERFACE, error);
	return FALSE;
}

static struct json_object *record_new(guint pool, const char *key, const char *value)
{
	struct json_object *record = json_object_new_object();

	json_object_object_add(record, "pool", json_object_new_string(kvp_pools_name(pool)));
	json_object_object_add(record, "key", json_object_new_string(key));
	json_object_object_add(record, "value", json_object_new_string(value));
	return record;
}

static struct json_object *reply_new(const char *name, struct json_object *value)
{
	struct json_object *reply = json_object_new_object();

	json_object_object_add(reply, name, value);
	return reply;
}

/* --- reading --- */

static void errand_read(Errand *errand, KvpSocket *socket)
{
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++) {
		if (errand->pool != i && errand->pool != POOL_ANY)
			continue;
		if (i == HVIS_KVP_POOL_AUTO)
			errand->records[i] = socket->ops->facts(socket->data);
		else
			errand->records[i] = kvp_store_peek(socket->store, i);
		if (!errand->records[i])
			errand->tasks[i] = kvp_store_read(socket->store, i);
	}
	errand_go(errand, socket);
}

/* What goes into one answer. */
typedef struct {
	struct json_object *list;
	gint64 from, at; /* places over all pools; @at is the next one */
	gsize room; /* bytes of the message */
} Page;

static gsize json_size(const char *text)
{
	gsize size = 0;

	for (; *text; text++)
		size += (guchar)*text < ' ' ? 6 : *text == '"' || *text == '\\' ? 2 : 1;
	return size;
}

/* FALSE where the page was full before the last record. */
static gboolean page_add(Page *page, guint pool, const KvpRecords *records)
{
	for (guint i = 0; records && i < kvp_records_count(records); i++) {
		const char *key = kvp_records_key(records, i);
		const char *value = kvp_records_value(records, i);
		gsize size;

		if (page->at < page->from) {
			page->at++;
			continue;
		}
		size = RECORD_FRAME + json_size(key) + json_size(value);
		if (size > page->room)
			return FALSE;
		page->room -= size;
		page->at++;
		json_object_array_add(page->list, record_new(pool, key, value));
	}
	return TRUE;
}

static void answer_list(Errand *errand)
{
	Page page = { .list = json_object_new_array(),
		.from = errand->from,
		.room = VARLINK_MESSAGE_MAX - PAGE_FRAME };
	g_autoptr(GError) error = NULL;
	struct json_object *reply;
	gboolean whole = TRUE;

	for (guint i = 0; i < HVIS_KVP_POOL_N && whole; i++)
		whole = page_add(&page, i, errand->records[i]);
	if (whole || page.from >= 0) {
		reply = reply_new("records", page.list);
		json_object_object_add(
			reply, "next", whole ? NULL : json_object_new_int64(page.at));
		varlink_call_reply(errand->call, reply);
		return;
	}
	json_object_put(page.list);
	hvis_fail(&error, HVIS_ERROR_NO_SPACE, "the records do not fit one answer; use \"from\"");
	varlink_call_gerror(errand->call, INTERFACE, error);
}

static void on_list(VarlinkCall *call, struct json_object *params, gpointer data)
{
	KvpSocket *socket = data;
	gint64 from = -1;
	Errand *errand;
	guint pool;

	if (!take_pool(call, POOL_ANY, &pool) || !varlink_param_int_opt(call, "from", &from))
		return;
	errand = errand_new(call, pool, answer_list);
	errand->from = from;
	errand_read(errand, socket);
}

static void answer_get(Errand *errand)
{
	g_autoptr(GError) error = NULL;

	for (guint i = 0; i < HVIS_KVP_POOL_N; i++) {
		guint pool = kvp_search_order[i];
		const char *value = NULL;

		if (errand->records[pool])
			value = kvp_records_get(errand->records[pool], errand->key);
		if (value) {
			varlink_call_reply(errand->call,
				reply_new("record", record_new(pool, errand->key, value)));
			return;
		}
	}
	hvis_fail(&error, HVIS_ERROR_NOT_FOUND, "no key \"%s\" in %s%s", errand->key,
		errand->pool == POOL_ANY ? "any pool" : "pool ",
		errand->pool == POOL_ANY ? "" : kvp_pools_name(errand->pool));
	varlink_call_gerror(errand->call, INTERFACE, error);
}

static void on_get(VarlinkCall *call, struct json_object *params, gpointer data)
{
	KvpSocket *socket = data;
	const char *key;
	Errand *errand;
	guint pool;

	if (!varlink_param_string(call, "key", &key) || !take_pool(call, POOL_ANY, &pool))
		return;
	errand = errand_new(call, pool, answer_get);
	errand->key = g_strdup(key);
	errand_read(errand, socket);
}

/* --- writing --- */

gboolean kvp_pool_is_writable(guint pool)
{
	return pool == HVIS_KVP_POOL_GUEST || pool == HVIS_KVP_POOL_EXTERNAL;
}

static gboolean take_writable_pool(VarlinkCall *call, guint *ret)
{
	g_autofree char *message = NULL;

	if (!take_pool(call, HVIS_KVP_POOL_GUEST, ret))
		return FALSE;
	if (kvp_pool_is_writable(*ret))
		return TRUE;
	message = g_strdup_printf("pool %s is not for the guest to write; external and guest are",
		kvp_pools_name(*ret));
	varlink_call_error(
		call, INTERFACE ".ReadOnly", reply_new("message", json_object_new_string(message)));
	return FALSE;
}

static void errand_change(Errand *errand, KvpSocket *socket)
{
	errand->is_change = TRUE;
	errand->tasks[errand->pool] =
		kvp_store_change(socket->store, errand->pool, errand->key, errand->value);
	errand_go(errand, socket);
}

static void answer_set(Errand *errand)
{
	varlink_call_reply(
		errand->call, reply_new("replaced", json_object_new_boolean(errand->replaced)));
}

static void on_set(VarlinkCall *call, struct json_object *params, gpointer data)
{
	KvpSocket *socket = data;
	g_autoptr(GError) error = NULL;
	const char *key, *value;
	Errand *errand;
	guint pool;

	if (!varlink_param_string(call, "key", &key) ||
		!varlink_param_string(call, "value", &value) || !take_writable_pool(call, &pool))
		return;
	if (!kvp_socket_check(key, value, &error)) {
		varlink_call_gerror(call, INTERFACE, error);
		return;
	}
	errand = errand_new(call, pool, answer_set);
	errand->key = g_strdup(key);
	errand->value = g_strdup(value);
	errand_change(errand, socket);
}

static void answer_delete(Errand *errand)
{
	varlink_call_reply(errand->call, NULL);
}

static void on_delete(VarlinkCall *call, struct json_object *params, gpointer data)
{
	KvpSocket *socket = data;
	const char *key;
	Errand *errand;
	guint pool;

	if (!varlink_param_string(call, "key", &key) || !take_writable_pool(call, &pool))
		return;
	errand = errand_new(call, pool, answer_delete);
	errand->key = g_strdup(key);
	errand_change(errand, socket);
}

static void on_apply(VarlinkCall *call, struct json_object *params, gpointer data)
{
	KvpSocket *socket = data;
	guint pool;

	if (take_writable_pool(call, &pool))
		kvp_apply(call, socket->store, pool);
}

/* --- the rest --- */

static void answer_info(Errand *errand)
{
	varlink_call_reply(errand->call, kvp_info_json(errand->records[HVIS_KVP_POOL_AUTO_EXTERNAL],
						 errand->records[HVIS_KVP_POOL_AUTO]));
}

static void on_info(VarlinkCall *call, struct json_object *params, gpointer data)
{
	KvpSocket *socket = data;
	Errand *errand = errand_new(call, HVIS_KVP_POOL_AUTO_EXTERNAL, answer_info);

	errand->records[HVIS_KVP_POOL_AUTO] = socket->ops->facts(socket->data);
	errand_read(errand, socket);
}

static void on_nics(VarlinkCall *call, struct json_object *params, gpointer data)
{
	KvpSocket *socket = data;
	struct json_object *reply;
	gint64 from = 0, next;

	if (!varlink_param_int_opt(call, "from", &from))
		return;
	reply = reply_new("nics", kvp_info_nics(socket->ops->network(socket->data), from,
					  VARLINK_MESSAGE_MAX - PAGE_FRAME, &next));
	json_object_object_add(reply, "next", next < 0 ? NULL : json_object_new_int64(next));
	varlink_call_reply(call, reply);
}

static void on_stats(VarlinkCall *call, struct json_object *params, gpointer data)
{
	KvpSocket *socket = data;
	struct json_object *reply = socket->ops->stats(socket->data);

	json_object_object_add(reply, "connections",
		json_object_new_int64(varlink_server_connections(socket->server)));
	json_object_object_add(
		reply, "watchers", json_object_new_int64(kvp_subscribe_count(socket->subscribe)));
	varlink_call_reply(call, reply);
}

static void on_watch(VarlinkCall *call, struct json_object *params, gpointer data)
{
	KvpSocket *socket = data;
	g_autoptr(GError) error = NULL;
	const char *key = NULL;
	guint pool;

	if (!take_pool(call, POOL_ANY, &pool) || !varlink_param_string_opt(call, "key", &key))
		return;
	if (pool != HVIS_KVP_POOL_AUTO) {
		kvp_subscribe_add(socket->subscribe, call, pool, key);
		return;
	}
	hvis_fail(&error, HVIS_ERROR_UNSUPPORTED, "pool auto is computed when it is asked for");
	varlink_call_gerror(call, INTERFACE, error);
}

typedef struct {
	KvpSocket *socket;
	VarlinkCall *call;
} StatusCall;

static void answer_status(const KvpPoolFiles *files, gpointer data)
{
	StatusCall *asked = data;
	KvpSocket *socket = asked->socket;

	varlink_call_reply(
		asked->call, reply_new("status", socket->ops->status(files, socket->data)));
	varlink_call_unref(asked->call);
	g_free(asked);
}

static void on_get_status(VarlinkCall *call, struct json_object *params, gpointer data)
{
	StatusCall *asked = g_new(StatusCall, 1);

	*asked = (StatusCall){ data, varlink_call_ref(call) };
	kvp_look_ask(asked->socket->look, answer_status, asked);
}

static const VarlinkMethod methods[] = {
	{ .name = "List", .handle = on_list },
	{ .name = "Get", .handle = on_get },
	{ .name = "Set", .handle = on_set, .privileged = TRUE },
	{ .name = "Delete", .handle = on_delete, .privileged = TRUE },
	{ .name = "Info", .handle = on_info },
	{ .name = "Nics", .handle = on_nics },
	{ .name = "Apply", .handle = on_apply, .privileged = TRUE },
	{ .name = "Watch", .handle = on_watch, .streams = TRUE },
	{ .name = "Stats", .handle = on_stats },
	{ .name = "GetStatus", .handle = on_get_status },
	{ 0 },
};

KvpSocket *kvp_socket_new(
	const KvpSocketOps *ops, KvpStore *store, KvpWorker *worker, gpointer data)
{
	KvpSocket *socket = g_new0(KvpSocket, 1);

	socket->ops = ops;
	socket->data = data;
	socket->store = kvp_store_ref(store);
	socket->worker = worker;
	socket->subscribe = kvp_subscribe_new(store, worker);
	socket->look = kvp_look_new(kvp_store_pools(store), kvp_pool_files_look, NULL);
	socket->server = varlink_server_new("hv_kvp_daemon", PACKAGE_VERSION);
	varlink_server_add(socket->server, INTERFACE, description, methods, socket);
	return socket;
}

static gboolean may_write(uid_t uid, const gid_t *groups, gsize n_groups, gpointer writers)
{
	return kvp_access_allows(writers, uid, groups, n_groups);
}

void kvp_socket_set_writers(KvpSocket *socket, const KvpAccess *writers)
{
	varlink_server_set_trust(
		socket->server, writers ? may_write : NULL, (gpointer)(guintptr)writers);
}

void kvp_socket_free(KvpSocket *socket)
{
	if (!socket)
		return;
	kvp_look_free(socket->look); /* answers */
	varlink_server_free(socket->server);
	kvp_subscribe_free(socket->subscribe);
	kvp_store_unref(socket->store);
	g_free(socket);
}

VarlinkServer *kvp_socket_server(KvpSocket *socket)
{
	return socket->server;
}
