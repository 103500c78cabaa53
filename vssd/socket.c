/* SPDX-License-Identifier: GPL-2.0-only */
/* The methods: parameters, who waits, answers. */
#include "config.h"

#include "vssd/socket.h"

#include <unistd.h>

#include <util/error.h>
#include <util/recent.h>

#include "vssd/plan-json.h"

#define INTERFACE "io.hvis.Vss"
#define SHARE 9 /* ours: of so much time one part at most goes into plans for anybody */
#define ROOM (VARLINK_MESSAGE_MAX - 65536u) /* for a list, beside the rest of an answer */

struct VssSocket {
	const VssSocketOps *ops;
	gpointer data;
	VarlinkServer *server;
	VarlinkCall *rehearsal; /* waits for the end of its own; NULL: nobody does */
	gboolean over; /* it has ended, but for the hooks */
	struct json_object *plan; /* for who is not trusted; NULL: a new one is to be made */
	guint stale; /* timer: the end of it */
	GPtrArray *thaws; /* of VarlinkCall: wait for the end of whatever there is, … */
	GPtrArray *undos; /* … and for what is left over to be undone */
};

static const char description[] = {
#include "vssd/io.hvis.Vss.h"
};

static struct json_object *reply_new(const char *name, struct json_object *value)
{
	struct json_object *reply = json_object_new_object();

	json_object_object_add(reply, name, value);
	return reply;
}

/* --- reading --- */

static void on_get_status(VarlinkCall *call, struct json_object *params, gpointer data)
{
	VssSocket *socket = data;

	varlink_call_reply(call, reply_new("status", socket->ops->status(socket->data)));
}

static gboolean on_stale(gpointer data)
{
	VssSocket *socket = data;

	socket->stale = 0;
	g_clear_pointer(&socket->plan, json_object_put);
	return G_SOURCE_REMOVE;
}

static void keep_plan(VssSocket *socket, struct json_object *plan, gint64 took_us)
{
	g_clear_handle_id(&socket->stale, g_source_remove);
	json_object_put(socket->plan);
	socket->plan = json_object_get(plan);
	socket->stale = g_timeout_add((guint)(took_us * SHARE / 1000 + 1), on_stale, socket);
}

/* Anybody may ask, and make it long by mounts in namespaces of his own: it must not keep the host waiting. */
static struct json_object *give_plan(VssSocket *socket, uid_t uid, GError **error)
{
	gint64 began = g_get_monotonic_time();
	struct json_object *plan;

	if (socket->plan && uid != 0 && uid != geteuid())
		return json_object_get(socket->plan);
	plan = socket->ops->plan(socket->data, error);
	if (plan)
		keep_plan(socket, plan, g_get_monotonic_time() - began);
	return plan;
}

static void on_plan(VarlinkCall *call, struct json_object *params, gpointer data)
{
	VssSocket *socket = data;
	g_autoptr(GError) error = NULL;
	struct json_object *plan;
	gint64 from = 0;

	if (!varlink_param_int_opt(call, "from", &from))
		return;
	plan = give_plan(socket, varlink_call_uid(call), &error);
	if (plan)
		varlink_call_reply(call, vss_plan_page(plan, from, ROOM));
	else
		varlink_call_gerror(call, INTERFACE, error);
	json_object_put(plan);
}

static void on_history(VarlinkCall *call, struct json_object *params, gpointer data)
{
	VssSocket *socket = data;
	gint64 count = HVIS_RECENT_MAX;

	if (!varlink_param_int_opt(call, "count", &count))
		return;
	varlink_call_reply(call,
		reply_new("backups", socket->ops->history((guint)CLAMP(count, 0, HVIS_RECENT_MAX),
					     ROOM, socket->data)));
}

/* --- doing --- */

/* Nobody is there any more to whom it would be told: it is over. */
static void on_hangup(VarlinkCall *call, gpointer data)
{
	VssSocket *socket = data;

	g_clear_pointer(&socket->rehearsal, varlink_call_unref);
	if (!socket->over) /* what is frozen by now would be somebody else's */
		socket->ops->give_up(socket->data);
}

static void on_rehearse(VarlinkCall *call, struct json_object *params, gpointer data)
{
	VssSocket *socket = data;
	g_autoptr(GError) error = NULL;
	gboolean begun;
	gint64 ms;

	if (!varlink_param_int(call, "duration_ms", &ms))
		return;
	if (socket->rehearsal) {
		hvis_fail(&error, HVIS_ERROR_BUSY, "a rehearsal is under way");
		varlink_call_gerror(call, INTERFACE, error);
		return;
	}
	socket->rehearsal = varlink_call_ref(call); /* first: its end may come at once */
	socket->over = FALSE;
	varlink_call_on_hangup(call, on_hangup, socket);
	begun = socket->ops->rehearse(ms, socket->data, &error);
	if (begun)
		return;
	varlink_call_gerror(call, INTERFACE, error);
	g_clear_pointer(&socket->rehearsal, varlink_call_unref);
}

static void on_thaw(VarlinkCall *call, struct json_object *params, gpointer data)
{
	VssSocket *socket = data;
	g_autoptr(GError) error = NULL;
	VssThaw what;

	/* First, and for both: the end may come at once. */
	g_ptr_array_add(socket->thaws, varlink_call_ref(call));
	g_ptr_array_add(socket->undos, varlink_call_ref(call));
	what = socket->ops->thaw(socket->data, &error);
	if (what == VSS_THAW_NOTHING)
		varlink_call_gerror(call, INTERFACE, error);
	if (what != VSS_THAW_SESSION)
		g_ptr_array_remove(socket->thaws, call);
	if (what != VSS_THAW_LEFT_OVER)
		g_ptr_array_remove(socket->undos, call);
}

static GPtrArray *calls_new(void)
{
	return g_ptr_array_new_with_free_func((GDestroyNotify)varlink_call_unref);
}

void vss_socket_undone(VssSocket *socket, const char *problem)
{
	g_autoptr(GPtrArray) undos = g_steal_pointer(&socket->undos);
	g_autoptr(GError) error = NULL;

	socket->undos = calls_new();
	if (problem)
		hvis_fail(&error, HVIS_ERROR_IO, "something may still be frozen: %s", problem);
	for (guint i = 0; i < undos->len; i++) {
		VarlinkCall *call = (VarlinkCall *)g_ptr_array_index(undos, i);

		if (error)
			varlink_call_gerror(call, INTERFACE, error);
		else
			varlink_call_reply(call, reply_new("backup", NULL));
	}
}

void vss_socket_ended(VssSocket *socket, struct json_object *entry)
{
	g_autoptr(GPtrArray) thaws = g_steal_pointer(&socket->thaws);

	socket->thaws = calls_new();
	socket->over = TRUE;
	for (guint i = 0; i < thaws->len; i++)
		varlink_call_reply((VarlinkCall *)g_ptr_array_index(thaws, i),
			reply_new("backup", json_object_get(entry)));
}

void vss_socket_rehearsed(VssSocket *socket, struct json_object *entry)
{
	if (socket->rehearsal)
		varlink_call_reply(socket->rehearsal, reply_new("backup", json_object_get(entry)));
	g_clear_pointer(&socket->rehearsal, varlink_call_unref);
}

/* --- life --- */

static const VarlinkMethod methods[] = {
	{ .name = "GetStatus", .handle = on_get_status },
	{ .name = "Plan", .handle = on_plan },
	{ .name = "History", .handle = on_history },
	{ .name = "Rehearse", .handle = on_rehearse, .privileged = TRUE },
	{ .name = "Thaw", .handle = on_thaw, .privileged = TRUE },
	{ 0 },
};

VssSocket *vss_socket_new(const VssSocketOps *ops, gpointer data)
{
	VssSocket *socket = g_new0(VssSocket, 1);

	socket->ops = ops;
	socket->data = data;
	socket->thaws = calls_new();
	socket->undos = calls_new();
	socket->server = varlink_server_new("hv_vss_daemon", PACKAGE_VERSION);
	varlink_server_add(socket->server, INTERFACE, description, methods, socket);
	return socket;
}

void vss_socket_free(VssSocket *socket)
{
	if (!socket)
		return;
	varlink_server_free(socket->server);
	g_clear_pointer(&socket->rehearsal, varlink_call_unref);
	g_clear_handle_id(&socket->stale, g_source_remove);
	json_object_put(socket->plan);
	g_ptr_array_unref(socket->thaws);
	g_ptr_array_unref(socket->undos);
	g_free(socket);
}

VarlinkServer *vss_socket_server(VssSocket *socket)
{
	return socket->server;
}
