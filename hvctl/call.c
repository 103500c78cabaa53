/* SPDX-License-Identifier: GPL-2.0-only */
#include "hvctl/call.h"

#include "util/output.h"
#include "vssd/options.h"

/* No socket, or nobody behind it. */
static gboolean not_running(const GError *error)
{
	return hvis_error_is(error, HVIS_ERROR_NOT_FOUND) ||
	       hvis_error_is(error, HVIS_ERROR_CLOSED);
}

const HvctlDaemon hvctl_kvp_daemon = { "hv_kvp_daemon", "io.hvis.Kvp", HVCTL_SOCKET,
	VARLINK_DENIED };
const HvctlDaemon hvctl_vss_daemon = { "hv_vss_daemon", "io.hvis.Vss", VSS_SOCKET,
	"only root may do this" };
const HvctlDaemon hvctl_fcopy_daemon = { "hv_fcopy_daemon", "io.hvis.Fcopy", HVCTL_FCOPY_SOCKET,
	"only root may do this" };

static VarlinkClient *connect_to(
	const HvctlDaemon *daemon, const HvctlRequest *request, GError **error)
{
	gboolean is_default = g_str_equal(request->socket, HVCTL_SOCKET);
	g_autoptr(GError) cause = NULL;
	VarlinkClient *client =
		varlink_client_connect(is_default ? daemon->socket : request->socket, &cause);

	if (client)
		return client;
	if (not_running(cause))
		hvis_fail(error, HVIS_ERROR_CLOSED, "%s does not run (%s)", daemon->name,
			cause->message);
	else
		g_propagate_error(error, g_steal_pointer(&cause));
	return NULL;
}

VarlinkClient *hvctl_connect(const HvctlRequest *request, GError **error)
{
	return connect_to(&hvctl_kvp_daemon, request, error);
}

gboolean hvctl_daemon_runs(const HvctlRequest *request, GError **error)
{
	g_autoptr(VarlinkClient) client = hvctl_connect(request, error);

	return client != NULL;
}

static struct json_object *call_on(VarlinkClient *client, const HvctlDaemon *daemon,
	const HvctlRequest *request, const char *method, struct json_object *params, GError **error)
{
	g_autofree char *name = g_strconcat(daemon->interface, ".", method, NULL);
	g_autoptr(GError) cause = NULL;
	struct json_object *answer =
		varlink_client_call(client, name, params, request->timeout_ms, &cause);

	if (answer)
		return answer;
	if (hvis_error_is(cause, HVIS_ERROR_CLOSED)) /* it does run, or did */
		hvis_fail(error, HVIS_ERROR_IO,
			"%s hung up: it was stopped, or has too many callers, or the socket is of "
			"another program",
			daemon->name);
	else if (g_str_equal(cause->message, VARLINK_DENIED))
		hvis_fail(error, HVIS_ERROR_PERMISSION, "%s", daemon->denied);
	else
		g_propagate_error(error, g_steal_pointer(&cause));
	return NULL;
}

struct json_object *hvctl_call_on(VarlinkClient *client, const HvctlRequest *request,
	const char *method, struct json_object *params, GError **error)
{
	return call_on(client, &hvctl_kvp_daemon, request, method, params, error);
}

struct json_object *hvctl_call_to(const HvctlDaemon *daemon, const HvctlRequest *request,
	const char *method, struct json_object *params, GError **error)
{
	g_autoptr(VarlinkClient) client = connect_to(daemon, request, error);

	if (client)
		return call_on(client, daemon, request, method, params, error);
	json_object_put(params);
	return NULL;
}

struct json_object *hvctl_call(
	const HvctlRequest *request, const char *method, struct json_object *params, GError **error)
{
	return hvctl_call_to(&hvctl_kvp_daemon, request, method, params, error);
}

struct json_object *hvctl_params(const HvctlRequest *request)
{
	struct json_object *params = json_object_new_object();

	if (request->pool)
		json_object_object_add(params, "pool", json_object_new_string(request->pool));
	return params;
}

struct json_object *hvctl_answer_member(
	struct json_object *answer, const char *name, enum json_type type, GError **error)
{
	struct json_object *member = output_member(answer, name);

	if (json_object_is_type(member, type))
		return member;
	hvis_fail(error, HVIS_ERROR_PROTOCOL, "the daemon's answer has no \"%s\"", name);
	return NULL;
}
