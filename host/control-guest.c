/* SPDX-License-Identifier: GPL-2.0-only */
/* Methods about the guest as a whole: shut it down, wait for what becomes of it, reset, quit. */
#include "config.h"

#include <string.h>

#include "host/control-private.h"
#include "host/service/shutdown.h"
#include "util/error.h"

static const char *const action_names[] = {
	[SHUTDOWN_POWER_OFF] = "power-off",
	[SHUTDOWN_RESTART] = "restart",
	[SHUTDOWN_HIBERNATE] = "hibernate",
};
G_STATIC_ASSERT(G_N_ELEMENTS(action_names) == SHUTDOWN_ACTION_N);

/* What a waiting request waits for, as its id. */
enum { WAIT_NONE, WAIT_EVENT, WAIT_EXIT };

/*
 * A shutdown request has two ends that come in any order: the service's completion, and, where the
 * caller waits for the deed, the guest's event or the caller giving up. The last frees this.
 */
typedef struct {
	Request *request; /* NULL once ended */
	gboolean wait; /* for the deed, not only for the answer */
	gboolean completed; /* the service has called back */
} Shutdown;

static void end_waiting(Request *request, struct json_object *params, const GError *error)
{
	Control *control = request_control(request);
	Shutdown *shutdown = request_data(request);

	control->waiting = g_list_remove(control->waiting, request);
	if (shutdown) {
		shutdown->request = NULL;
		if (shutdown->completed)
			g_free(shutdown);
	}
	request_end(request, params, error);
}

static void stop_waiting(Request *request)
{
	end_waiting(request, NULL, NULL);
}

static void start_waiting(Request *request, Shutdown *shutdown, guint what)
{
	Control *control = request_control(request);

	request_set_data(request, shutdown, what, NULL);
	request_on_give_up(request, stop_waiting);
	control->waiting = g_list_append(control->waiting, request);
}

void control_end_waiting(Control *control)
{
	g_autoptr(GError) error = NULL;

	hvis_fail(&error, HVIS_ERROR_CLOSED, "the host is going away");
	while (control->waiting)
		end_waiting(control->waiting->data, NULL, error);
}

void control_event(Control *control, const char *kind, const char *text, gboolean last)
{
	struct json_object *event = json_object_new_object();
	g_autofree char *valid = g_utf8_make_valid(text, -1);

	json_object_object_add(event, "kind", json_object_new_string(kind));
	json_object_object_add(event, "text", json_object_new_string(valid));
	json_object_put(control->last_event);
	control->last_event = event;
	for (GList *l = control->waiting, *next; l; l = next) {
		Request *request = l->data;

		next = l->next;
		if (request_id(request) == WAIT_EVENT || last)
			end_waiting(request, control_wrap("event", json_object_get(event)), NULL);
	}
}

CONTROL_METHOD(wait_exit)
{
	Request *request = request_new(data, call);

	if (request)
		start_waiting(request, NULL, WAIT_EXIT);
}

static void on_shutdown(guint32 status, const GError *error, gpointer data)
{
	Shutdown *shutdown = data;
	g_autoptr(GError) refused = NULL;

	shutdown->completed = TRUE;
	if (!shutdown->request) {
		g_free(shutdown);
		return;
	}
	if (!error)
		service_check_status(status, "shutdown", &refused);
	if (!error && !refused && shutdown->wait)
		return; /* it will: now for the deed */
	end_waiting(shutdown->request, NULL, error ? error : refused);
}

static gboolean parse_shutdown(VarlinkCall *call, ShutdownRequest *ret)
{
	const char *action = NULL;
	gint64 reason = 0, timeout_s = 0;
	guint i = 0;

	if (!varlink_param_string(call, "action", &action) ||
		!varlink_param_bool_opt(call, "force", &ret->force) ||
		!varlink_param_int_opt(call, "reason", &reason) ||
		!varlink_param_int_opt(call, "guest_timeout_s", &timeout_s) ||
		!varlink_param_string_opt(call, "message", &ret->message))
		return FALSE;
	while (i < SHUTDOWN_ACTION_N && strcmp(action, action_names[i]))
		i++;
	if (i == SHUTDOWN_ACTION_N) {
		control_fail(call, HVIS_ERROR_INVALID,
			"action \"%s\": power-off, restart or hibernate is wanted", action);
		return FALSE;
	}
	if (reason < 0 || reason > G_MAXUINT32 || timeout_s < 0 || timeout_s > G_MAXUINT32) {
		control_fail(call, HVIS_ERROR_INVALID,
			"reason and guest_timeout_s: 0 to 4294967295 is wanted");
		return FALSE;
	}
	ret->action = (ShutdownAction)i;
	ret->reason = (guint32)reason;
	ret->timeout_s = (guint32)timeout_s;
	return TRUE;
}

CONTROL_METHOD(shutdown)
{
	HostService *service = control_service(data, call, NULL, "shutdown");
	ShutdownRequest shutdown = { 0 };
	gboolean wait = FALSE;
	Shutdown *pending;
	Request *request;

	if (!service || !parse_shutdown(call, &shutdown) ||
		!varlink_param_bool_opt(call, "wait", &wait))
		return;
	request = request_new(data, call);
	if (!request)
		return;
	pending = g_new0(Shutdown, 1);
	pending->request = request;
	pending->wait = wait;
	if (wait)
		start_waiting(request, pending, WAIT_EVENT);
	else
		request_set_data(request, pending, WAIT_NONE, NULL);
	shutdown_request(service, &shutdown, on_shutdown, pending);
}

CONTROL_METHOD(reset)
{
	Control *control = data;
	g_autoptr(GError) error = NULL;

	if (!control->host.reset)
		control_fail(call, HVIS_ERROR_UNSUPPORTED, "there is no machine to reset here");
	else if (control->host.reset(control->host.data, &error))
		varlink_call_reply(call, NULL);
	else
		varlink_call_gerror(call, CONTROL_INTERFACE, error);
}

CONTROL_METHOD(quit)
{
	Control *control = data;

	varlink_call_reply(call, NULL);
	control->host.quit(control->host.quit_data);
}
