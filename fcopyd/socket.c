/* SPDX-License-Identifier: GPL-2.0-only */
/* The methods: parameters, who waits, answers. */
#include "config.h"

#include "fcopyd/socket.h"

#include <util/error.h>
#include <util/recent.h>

#define INTERFACE "io.hvis.Fcopy"
#define ROOM (VARLINK_MESSAGE_MAX - 65536u) /* for a list, beside the rest of an answer */

struct FcopySocket {
	const FcopySocketOps *ops;
	gpointer data;
	VarlinkServer *server;
	GPtrArray *cancels; /* of VarlinkCall: wait for the end of what is under way */
};

static const char description[] = {
#include "fcopyd/io.hvis.Fcopy.h"
};

static void reply(VarlinkCall *call, const char *name, struct json_object *value)
{
	struct json_object *params = json_object_new_object();

	json_object_object_add(params, name, value);
	varlink_call_reply(call, params);
}

static void on_get_status(VarlinkCall *call, struct json_object *params, gpointer data)
{
	FcopySocket *socket = data;

	reply(call, "status", socket->ops->status(socket->data));
}

static void on_history(VarlinkCall *call, struct json_object *params, gpointer data)
{
	FcopySocket *socket = data;
	gint64 count = HVIS_RECENT_MAX;

	if (!varlink_param_int_opt(call, "count", &count))
		return;
	reply(call, "transfers",
		socket->ops->history((guint)CLAMP(count, 0, HVIS_RECENT_MAX), ROOM, socket->data));
}

static void on_cancel(VarlinkCall *call, struct json_object *params, gpointer data)
{
	FcopySocket *socket = data;
	g_autoptr(GError) error = NULL;

	g_ptr_array_add(
		socket->cancels, varlink_call_ref(call)); /* first: the end may come at once */
	if (socket->ops->cancel(socket->data, &error))
		return;
	varlink_call_gerror(call, INTERFACE, error);
	g_ptr_array_remove(socket->cancels, call);
}

static GPtrArray *calls_new(void)
{
	return g_ptr_array_new_with_free_func((GDestroyNotify)varlink_call_unref);
}

void fcopy_socket_ended(FcopySocket *socket, struct json_object *entry)
{
	g_autoptr(GPtrArray) cancels = g_steal_pointer(&socket->cancels);

	socket->cancels = calls_new();
	for (guint i = 0; i < cancels->len; i++)
		reply((VarlinkCall *)g_ptr_array_index(cancels, i), "transfer",
			json_object_get(entry));
}

static const VarlinkMethod methods[] = {
	{ .name = "GetStatus", .handle = on_get_status },
	{ .name = "History", .handle = on_history },
	{ .name = "Cancel", .handle = on_cancel, .privileged = TRUE },
	{ 0 },
};

FcopySocket *fcopy_socket_new(const FcopySocketOps *ops, gpointer data)
{
	FcopySocket *socket = g_new0(FcopySocket, 1);

	socket->ops = ops;
	socket->data = data;
	socket->cancels = calls_new();
	socket->server = varlink_server_new("hv_fcopy_daemon", PACKAGE_VERSION);
	varlink_server_add(socket->server, INTERFACE, description, methods, socket);
	return socket;
}

void fcopy_socket_free(FcopySocket *socket)
{
	if (!socket)
		return;
	varlink_server_free(socket->server);
	g_ptr_array_unref(socket->cancels);
	g_free(socket);
}

VarlinkServer *fcopy_socket_server(FcopySocket *socket)
{
	return socket->server;
}
