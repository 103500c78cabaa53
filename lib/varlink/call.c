/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One call: which method it is for, who may call it, its parameters, its answer. A call is answered
 * once; what a handler sends after that, or after the caller left, goes nowhere.
 */
#include <varlink/private.h>

#include <string.h>
#include <unistd.h>

static struct json_object *string_param(const char *key, const char *value, gsize len)
{
	struct json_object *params = json_object_new_object();

	json_object_object_add(params, key, json_object_new_string_len(value, (int)len));
	return params;
}

static gboolean flag_of(struct json_object *request, const char *name)
{
	struct json_object *value;

	return json_object_object_get_ex(request, name, &value) && json_object_get_boolean(value);
}

VarlinkCall *call_new(VarlinkConnection *connection, struct json_object *request)
{
	VarlinkCall *call = g_new0(VarlinkCall, 1);

	call->refs = 1;
	call->connection = connection;
	call->request = request;
	call->more = flag_of(request, "more");
	call->oneway = flag_of(request, "oneway");
	return call;
}

VarlinkCall *varlink_call_ref(VarlinkCall *call)
{
	call->refs++;
	return call;
}

void varlink_call_unref(VarlinkCall *call)
{
	if (!call || --call->refs > 0)
		return;
	if (call->connection) { /* a handler that forgot to answer must not stall its caller */
		g_autoptr(GError) error =
			g_error_new(HVIS_ERROR, HVIS_ERROR_FAILED, "the service dropped the call");

		call->refs = 1;
		varlink_call_gerror(call, NULL, error);
	}
	json_object_put(call->request);
	json_object_put(call->own_params);
	g_free(call);
}

uid_t varlink_call_uid(VarlinkCall *call)
{
	return call->uid;
}

int varlink_call_take_fd(VarlinkCall *call)
{
	return call->connection ? connection_take_fd(call->connection) : -1;
}

void varlink_call_set_data(VarlinkCall *call, gpointer data, GDestroyNotify free_data)
{
	if (call->connection)
		connection_set_data(call->connection, data, free_data);
	else
		free_data(data);
}

gpointer varlink_call_steal_data(VarlinkCall *call)
{
	return call->connection ? connection_steal_data(call->connection) : NULL;
}

gboolean varlink_call_wants_more(VarlinkCall *call)
{
	return call->more && !call->oneway;
}

/* After this the call has no caller. */
static VarlinkConnection *detach(VarlinkCall *call)
{
	VarlinkConnection *connection = call->connection;

	call->connection = NULL;
	call->gone = NULL;
	return connection;
}

static struct json_object *message_new(const char *error, struct json_object *params)
{
	struct json_object *message = json_object_new_object();

	if (error)
		json_object_object_add(message, "error", json_object_new_string(error));
	json_object_object_add(message, "parameters", params ? params : json_object_new_object());
	return message;
}

gssize varlink_interface_len(const char *method)
{
	const char *dot = strrchr(method, '.');

	return dot && dot != method && dot[1] ? dot - method : -1;
}

/* An answer that is too long to send becomes an error, since the caller waits for something. */
static void finish(VarlinkCall *call, struct json_object *message)
{
	VarlinkConnection *connection = detach(call);

	if (!connection) {
		json_object_put(message);
		return;
	}
	if (call->oneway)
		json_object_put(message);
	else if (!connection_send(connection, message)) {
		g_autofree char *name = g_strdup_printf(
			"%.*s.NoSpace", (int)varlink_interface_len(call->method), call->method);

		connection_send(connection,
			message_new(name, string_param("message", "the answer is too long",
						  strlen("the answer is too long"))));
	}
	connection_call_done(connection);
}

/* The reader is too slow: it gets what was queued, then the error Lost, then the end. */
static void tell_lost(VarlinkCall *call)
{
	static const char text[] = "the caller does not read; what came later is lost";
	g_autofree char *name = g_strdup_printf(
		"%.*s.Lost", (int)varlink_interface_len(call->method), call->method);
	VarlinkConnection *connection = detach(call);

	connection_send(connection, message_new(name, string_param("message", text, strlen(text))));
	connection_finish(connection);
	connection_call_done(connection);
}

gboolean varlink_call_notify(VarlinkCall *call, struct json_object *params)
{
	struct json_object *message;

	if (!call->connection || !varlink_call_wants_more(call)) {
		json_object_put(params);
		return FALSE;
	}
	message = message_new(NULL, params);
	json_object_object_add(message, "continues", json_object_new_boolean(TRUE));
	if (connection_send(call->connection, message) && !connection_is_slow(call->connection))
		return TRUE;
	tell_lost(call);
	return FALSE;
}

void varlink_call_reply(VarlinkCall *call, struct json_object *params)
{
	finish(call, message_new(NULL, params));
}

void varlink_call_error(VarlinkCall *call, const char *name, struct json_object *params)
{
	finish(call, message_new(name, params));
}

void varlink_call_gerror(VarlinkCall *call, const char *interface, const GError *error)
{
	HvisErrorCode code =
		error->domain == HVIS_ERROR ? (HvisErrorCode)error->code : HVIS_ERROR_FAILED;
	g_autofree char *own =
		interface || !call->method
			? NULL
			: g_strndup(call->method, (gsize)varlink_interface_len(call->method));
	g_autofree char *name = g_strdup_printf("%s.%s",
		interface ? interface : own ? own : "org.varlink.service",
		varlink_error_suffix(code));

	varlink_call_error(
		call, name, string_param("message", error->message, strlen(error->message)));
}

void varlink_call_on_hangup(
	VarlinkCall *call, void (*gone)(VarlinkCall *call, gpointer data), gpointer data)
{
	if (!call->connection)
		return;
	call->gone = gone;
	call->gone_data = data;
}

void call_hang_up(VarlinkCall *call)
{
	void (*gone)(VarlinkCall * call, gpointer data) = call->gone;

	detach(call);
	if (gone)
		gone(call, call->gone_data);
}

/* --- dispatch --- */

static void refuse(
	VarlinkCall *call, const char *error, const char *key, const char *value, gsize len)
{
	g_autofree char *name = g_strdup_printf("org.varlink.service.%s", error);

	varlink_call_error(call, name, key ? string_param(key, value, len) : NULL);
}

static void refuse_param(VarlinkCall *call, const char *param)
{
	refuse(call, "InvalidParameter", "parameter", param, strlen(param));
}

static gboolean take_params(VarlinkCall *call)
{
	struct json_object *params = NULL;

	if (!json_object_object_get_ex(call->request, "parameters", &params) || !params) {
		call->params = call->own_params = json_object_new_object();
		return TRUE;
	}
	if (!json_object_is_type(params, json_type_object))
		return FALSE;
	call->params = params;
	return TRUE;
}

static const VarlinkMethod *find_method(const VarlinkInterface *interface, const char *name)
{
	for (const VarlinkMethod *m = interface->methods; m->name; m++) {
		if (strcmp(m->name, name) == 0)
			return m;
	}
	return NULL;
}

static void run(VarlinkCall *call, const VarlinkInterface *interface, gboolean trusted)
{
	const char *name = call->method + varlink_interface_len(call->method) + 1;
	const VarlinkMethod *method = find_method(interface, name);

	if (!method)
		refuse(call, "MethodNotFound", "method", call->method, strlen(call->method));
	else if (method->privileged && !trusted)
		refuse(call, "PermissionDenied", NULL, NULL, 0);
	else if (method->streams && !varlink_call_wants_more(call))
		refuse(call, "ExpectedMore", NULL, NULL, 0);
	else
		method->handle(call, call->params, interface->data);
}

void call_dispatch(VarlinkCall *call, VarlinkServer *server, uid_t uid, gboolean trusted)
{
	const VarlinkInterface *interface;
	struct json_object *method;
	gssize len;

	call->uid = uid;
	if (!json_object_object_get_ex(call->request, "method", &method) ||
		!json_object_is_type(method, json_type_string)) {
		refuse_param(call, "method");
		return;
	}
	call->method = json_object_get_string(method);
	len = varlink_interface_len(call->method);
	if (len < 0) {
		call->method = NULL;
		refuse_param(call, "method");
		return;
	}
	interface = server_find(server, call->method, (gsize)len);
	if (!interface)
		refuse(call, "InterfaceNotFound", "interface", call->method, (gsize)len);
	else if (flag_of(call->request, "upgrade"))
		refuse(call, "MethodNotImplemented", "method", call->method, strlen(call->method));
	else if (!take_params(call))
		refuse_param(call, "parameters");
	else
		run(call, interface, trusted);
}

/* --- parameters --- */

/* 1: there and of @type; 0: absent or null; -1: refused. */
static int find_param(VarlinkCall *call, const char *name, json_type type, struct json_object **ret)
{
	if (!json_object_object_get_ex(call->params, name, ret) || !*ret)
		return 0;
	if (json_object_is_type(*ret, type))
		return 1;
	refuse_param(call, name);
	return -1;
}

/* A string with a NUL inside would look different to everyone who reads it. */
static gboolean take_string(
	VarlinkCall *call, const char *name, struct json_object *value, const char **ret)
{
	const char *text = json_object_get_string(value);

	if (strlen(text) != (gsize)json_object_get_string_len(value)) {
		refuse_param(call, name);
		return FALSE;
	}
	*ret = text;
	return TRUE;
}

static gboolean take_int(
	VarlinkCall *call, const char *name, struct json_object *value, gint64 *ret)
{
	if (json_object_get_int64(value) > 0 &&
		json_object_get_uint64(value) > (guint64)G_MAXINT64) {
		refuse_param(call, name);
		return FALSE;
	}
	*ret = json_object_get_int64(value);
	return TRUE;
}

gboolean varlink_param_string(VarlinkCall *call, const char *name, const char **ret)
{
	struct json_object *value;
	int found = find_param(call, name, json_type_string, &value);

	if (found == 0)
		refuse_param(call, name);
	return found > 0 && take_string(call, name, value, ret);
}

gboolean varlink_param_int(VarlinkCall *call, const char *name, gint64 *ret)
{
	struct json_object *value;
	int found = find_param(call, name, json_type_int, &value);

	if (found == 0)
		refuse_param(call, name);
	return found > 0 && take_int(call, name, value, ret);
}

gboolean varlink_param_array(VarlinkCall *call, const char *name, struct json_object **ret)
{
	struct json_object *value;
	int found = find_param(call, name, json_type_array, &value);

	if (found == 0)
		refuse_param(call, name);
	if (found > 0)
		*ret = value;
	return found > 0;
}

gboolean varlink_param_string_opt(VarlinkCall *call, const char *name, const char **ret)
{
	struct json_object *value;
	int found = find_param(call, name, json_type_string, &value);

	return found == 0 || (found > 0 && take_string(call, name, value, ret));
}

gboolean varlink_param_int_opt(VarlinkCall *call, const char *name, gint64 *ret)
{
	struct json_object *value;
	int found = find_param(call, name, json_type_int, &value);

	return found == 0 || (found > 0 && take_int(call, name, value, ret));
}

gboolean varlink_param_bool_opt(VarlinkCall *call, const char *name, gboolean *ret)
{
	struct json_object *value;
	int found = find_param(call, name, json_type_boolean, &value);

	if (found > 0)
		*ret = json_object_get_boolean(value);
	return found >= 0;
}
