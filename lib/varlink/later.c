/* SPDX-License-Identifier: GPL-2.0-only */
/* A client on the main context: one connection, one call, one answer. */
#include <varlink/private.h>

#include <glib-unix.h>

struct VarlinkPending {
	VarlinkClient *client;
	char *path;
	guint input, timeout; /* sources */
	VarlinkAnswer answer;
	gpointer data;
};

void varlink_pending_cancel(VarlinkPending *pending)
{
	if (!pending)
		return;
	g_clear_handle_id(&pending->input, g_source_remove);
	g_clear_handle_id(&pending->timeout, g_source_remove);
	varlink_client_free(pending->client);
	g_free(pending->path);
	g_free(pending);
}

/* Tell, and be gone. */
static void finish(VarlinkPending *pending, struct json_object *params, const GError *error)
{
	VarlinkAnswer answer = pending->answer;
	gpointer data = pending->data;

	varlink_pending_cancel(pending);
	answer(params, error, data);
}

static gboolean on_timeout(gpointer data)
{
	VarlinkPending *pending = data;
	g_autoptr(GError) error = NULL;

	pending->timeout = 0;
	hvis_fail(&error, HVIS_ERROR_TIMEOUT, "%s: no answer in time", pending->path);
	finish(pending, NULL, error);
	return G_SOURCE_REMOVE;
}

static gboolean on_input(gint fd, GIOCondition condition, gpointer data)
{
	VarlinkPending *pending = data;
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;
	struct json_object *params = NULL;
	gboolean continues;
	int came = client_try_receive(pending->client, &text, &error);

	if (came == 0)
		return G_SOURCE_CONTINUE;
	if (came > 0)
		client_open_answer(text, pending->path, &params, &continues, &error);
	pending->input = 0;
	finish(pending, params, error);
	json_object_put(params);
	return G_SOURCE_REMOVE;
}

VarlinkPending *varlink_call_later(const char *path, const char *method, struct json_object *params,
	guint timeout_ms, VarlinkAnswer answer, gpointer data, GError **error)
{
	VarlinkClient *client = varlink_client_connect(path, error);
	VarlinkPending *pending;

	if (!client) {
		json_object_put(params);
		return NULL;
	}
	/* a new connection takes a short message at once, or there is something wrong with it */
	if (!client_send(client, method, params, FALSE, g_get_monotonic_time(), error)) {
		varlink_client_free(client);
		return NULL;
	}
	pending = g_new(VarlinkPending, 1);
	*pending = (VarlinkPending){
		.client = client, .path = g_strdup(path), .answer = answer, .data = data
	};
	pending->input = g_unix_fd_add(client_fd(client), G_IO_IN, on_input, pending);
	pending->timeout = g_timeout_add(timeout_ms, on_timeout, pending);
	return pending;
}
