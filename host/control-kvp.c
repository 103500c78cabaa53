/* SPDX-License-Identifier: GPL-2.0-only */
/* Key-value pairs over the control socket. */
#include "config.h"

#include <string.h>

#include "host/control-private.h"
#include "host/service/kvp.h"
#include "util/error.h"

#define DEFAULT_POOL "external"
/* Pairs of one answer: 8 KiB each where every character is written as six. */
#define PAIRS_MAX (VARLINK_MESSAGE_MAX / 8192)

static char *type_text(guint32 type)
{
	const char *name = kvp_type_name(type);

	return name ? g_strdup(name) : g_strdup_printf("%u", type);
}

static char *pool_text(guint8 pool)
{
	const char *name = kvp_pool_name(pool);

	return name ? g_strdup(name) : g_strdup_printf("%u", pool);
}

static struct json_object *pair_json(const KvpItem *item)
{
	struct json_object *o = json_object_new_object();
	g_autofree char *value = kvp_value_text(&item->value);
	g_autofree char *type = type_text(item->value.type);

	json_object_object_add(o, "key", json_object_new_string(item->key));
	json_object_object_add(o, "value", json_object_new_string(value));
	json_object_object_add(o, "type", json_object_new_string(type));
	return o;
}

/* The service and the pool of the call; NULL where something was wrong, the caller knows. */
static HostService *kvp_and_pool(Control *control, VarlinkCall *call, guint8 *pool)
{
	HostService *service = control_service(control, call, NULL, "kvp");
	const char *name = DEFAULT_POOL;
	g_autoptr(GError) error = NULL;

	if (!service || !varlink_param_string_opt(call, "pool", &name))
		return NULL;
	if (kvp_pool_parse(name, pool, &error))
		return service;
	varlink_call_gerror(call, CONTROL_INTERFACE, error);
	return NULL;
}

static void on_list(guint32 status, GPtrArray *items, const GError *error, gpointer data)
{
	g_autofree char *pool = pool_text((guint8)request_id(data));
	guint from = GPOINTER_TO_UINT(request_data(data));
	struct json_object *answer, *pairs;

	if (error || status) {
		request_end_status(data, status, "KVP enumerate", error);
		return;
	}
	answer = control_wrap("pool", json_object_new_string(pool));
	pairs = json_object_new_array();
	for (guint i = 0; i < items->len; i++)
		json_object_array_add(pairs, pair_json(items->pdata[i]));
	json_object_object_add(answer, "pairs", pairs);
	if (items->len == PAIRS_MAX)
		json_object_object_add(answer, "next", json_object_new_int64(from + PAIRS_MAX));
	request_end(data, answer, NULL);
}

CONTROL_METHOD(kvp_list)
{
	guint8 pool;
	HostService *service = kvp_and_pool(data, call, &pool);
	gint64 from = 0;
	Request *request;

	if (!service || !varlink_param_int_opt(call, "from", &from))
		return;
	if (from < 0 || from > KVP_LIST_MAX) {
		control_fail(call, HVIS_ERROR_INVALID, "from: 0 to %u is wanted", KVP_LIST_MAX);
		return;
	}
	request = request_new(data, call);
	if (!request)
		return;
	request_set_data(request, GUINT_TO_POINTER((guint)from), pool, NULL);
	kvp_list_part(service, pool, (guint)from, PAIRS_MAX, on_list, request);
}

static void on_item(guint32 status, const KvpItem *item, const GError *error, gpointer data)
{
	if (error || status)
		request_end_status(data, status, "KVP get", error);
	else
		request_end(data, control_wrap("pair", pair_json(item)), NULL);
}

CONTROL_METHOD(kvp_get)
{
	guint8 pool;
	HostService *service = kvp_and_pool(data, call, &pool);
	gboolean direct = FALSE;
	const char *key;
	Request *request;

	if (!service || !varlink_param_string(call, "key", &key) ||
		!varlink_param_bool_opt(call, "direct", &direct))
		return;
	request = request_new(data, call);
	if (request)
		(direct ? kvp_get_raw : kvp_get)(service, pool, key, on_item, request);
}

static void on_status(guint32 status, const GError *error, gpointer data)
{
	request_end_status(data, status, request_what(data), error);
}

typedef void (*SetFunc)(HostService *kvp, guint8 pool, const char *key, const KvpValue *value,
	ServiceDone done, gpointer data);

/* Which request "must_be" asks for; NULL where it is none of the words. */
static SetFunc set_func(const char *must_be)
{
	if (!strcmp(must_be, "either"))
		return kvp_set;
	if (!strcmp(must_be, "absent"))
		return kvp_add;
	if (!strcmp(must_be, "present"))
		return kvp_modify;
	return NULL;
}

static void set_value(
	VarlinkCall *call, Control *control, HostService *service, guint8 pool, SetFunc set)
{
	const char *key, *text, *type = NULL;
	g_autoptr(GError) error = NULL;
	KvpValue value;
	Request *request;

	if (!varlink_param_string(call, "key", &key) ||
		!varlink_param_string(call, "value", &text) ||
		!varlink_param_string_opt(call, "type", &type))
		return;
	if (!kvp_value_parse(type, text, &value, &error)) {
		varlink_call_gerror(call, CONTROL_INTERFACE, error);
		return;
	}
	request = request_new(control, call);
	if (request) {
		request_set_data(request, NULL, 0, "KVP set");
		set(service, pool, key, &value, on_status, request);
	}
	kvp_value_clear(&value);
}

CONTROL_METHOD(kvp_set)
{
	guint8 pool;
	HostService *service = kvp_and_pool(data, call, &pool);
	const char *must_be = "either";
	SetFunc set;

	if (!service || !varlink_param_string_opt(call, "must_be", &must_be))
		return;
	set = set_func(must_be);
	if (set)
		set_value(call, data, service, pool, set);
	else
		control_fail(call, HVIS_ERROR_INVALID,
			"must_be \"%s\": absent, present or either is wanted", must_be);
}

CONTROL_METHOD(kvp_remove)
{
	guint8 pool;
	HostService *service = kvp_and_pool(data, call, &pool);
	const char *key;
	Request *request;

	if (!service || !varlink_param_string(call, "key", &key))
		return;
	request = request_new(data, call);
	if (!request)
		return;
	request_set_data(request, NULL, 0, "KVP remove");
	kvp_remove(service, pool, key, on_status, request);
}
