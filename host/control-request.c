/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A call of the control socket that waits for the guest: time-out, caller gone, one answer.
 *
 * The request belongs to the completion that will end it. The caller's side may be over before
 * that: then "call" is gone and the request only waits to be freed.
 */
#include "config.h"

#include "host/control-private.h"
#include "host/owed.h"
#include "util/error.h"

#define REQUEST_TIMEOUT_MAX_MS (24 * 3600 * 1000)

struct Request {
	Control *control;
	VarlinkCall *call; /* NULL once answered or given up */
	gint64 timeout_ms;
	guint timer;
	void (*cancel)(Request *request);
	gpointer data;
	guint id;
	char *what;
	const char *(*why)(gpointer data);
};

/* "; the guest has been waiting for OPEN_RESULT for 12 s", for everything that is owed. */
static char *owed_text(void)
{
	struct json_object *list = owed_describe();
	GString *text = g_string_new(NULL);

	for (gsize i = 0; i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		g_string_append_printf(text, "; the %s has been waiting for %s for %.1f s",
			json_object_get_string(json_object_object_get(o, "who")),
			json_object_get_string(json_object_object_get(o, "what")),
			json_object_get_int64(json_object_object_get(o, "waited_ms")) / 1000.0);
	}
	json_object_put(list);
	return g_string_free(text, FALSE);
}

static void let_go(Request *request)
{
	if (request->timer)
		g_source_remove(request->timer);
	request->timer = 0;
	if (request->call)
		varlink_call_on_hangup(request->call, NULL, NULL);
	g_clear_pointer(&request->call, varlink_call_unref);
}

static void give_up(Request *request)
{
	let_go(request);
	if (request->cancel)
		request->cancel(request);
}

static gboolean on_timeout(gpointer data)
{
	Request *request = data;
	g_autofree char *owed = owed_text();
	g_autoptr(GError) error = NULL;

	request->timer = 0;
	hvis_fail(&error, HVIS_ERROR_TIMEOUT, "no answer within %.1f s%s%s",
		(double)request->timeout_ms / 1000, request->why ? request->why(request->data) : "",
		owed);
	varlink_call_gerror(request->call, CONTROL_INTERFACE, error);
	give_up(request);
	return G_SOURCE_REMOVE;
}

static void on_hangup(VarlinkCall *call G_GNUC_UNUSED, gpointer data)
{
	give_up(data);
}

Request *request_new(Control *control, VarlinkCall *call)
{
	Request *request;
	gint64 timeout_ms = 0;

	if (!varlink_param_int_opt(call, "timeout_ms", &timeout_ms))
		return NULL;
	if (timeout_ms < 0 || timeout_ms > REQUEST_TIMEOUT_MAX_MS) {
		control_fail(call, HVIS_ERROR_INVALID, "timeout_ms: 0 to %d is wanted",
			REQUEST_TIMEOUT_MAX_MS);
		return NULL;
	}
	request = g_new0(Request, 1);
	request->control = control;
	request->call = varlink_call_ref(call);
	request->timeout_ms = timeout_ms;
	if (timeout_ms)
		request->timer = g_timeout_add((guint)timeout_ms, on_timeout, request);
	varlink_call_on_hangup(call, on_hangup, request);
	return request;
}

void request_on_give_up(Request *request, void (*cancel)(Request *request))
{
	request->cancel = cancel;
}

void request_on_timeout(Request *request, const char *(*why)(gpointer data))
{
	request->why = why;
}

void request_notify(Request *request, struct json_object *params)
{
	if (!request->call || !varlink_call_wants_more(request->call))
		json_object_put(params);
	else if (!varlink_call_notify(request->call, params))
		give_up(request); /* it does not read */
}

void request_end(Request *request, struct json_object *params, const GError *error)
{
	g_autoptr(VarlinkCall) call = request->call ? varlink_call_ref(request->call) : NULL;

	let_go(request);
	g_free(request->what);
	g_free(request);
	if (!call || error)
		json_object_put(params);
	if (call && error)
		varlink_call_gerror(call, CONTROL_INTERFACE, error);
	else if (call)
		varlink_call_reply(call, params);
}

void request_end_status(Request *request, guint32 status, const char *what, const GError *error)
{
	g_autoptr(GError) refused = NULL;

	if (!error)
		service_check_status(status, what, &refused);
	request_end(request, NULL, error ? error : refused);
}

void request_set_data(Request *request, gpointer data, guint id, const char *what)
{
	request->data = data;
	request->id = id;
	g_free(request->what);
	request->what = g_strdup(what);
}

gpointer request_data(const Request *request)
{
	return request->data;
}

guint request_id(const Request *request)
{
	return request->id;
}

const char *request_what(const Request *request)
{
	return request->what;
}

Control *request_control(const Request *request)
{
	return request->control;
}
