/* SPDX-License-Identifier: GPL-2.0-only */
#include "hvctl/call.h"

#include "util/output.h"

/* No socket, or nobody behind it. */
static gboolean not_running(const GError *error)
{
	return hvis_error_is(error, HVIS_ERROR_NOT_FOUND) ||
	       hvis_error_is(error, HVIS_ERROR_CLOSED);
}

VarlinkClient *hvctl_connect(const HvctlRequest *request, GError **error)
{
	g_autoptr(GError) cause = NULL;
	VarlinkClient *client = varlink_client_connect(request->socket, &cause);

	if (client)
		return client;
	if (not_running(cause))
		hvis_fail(error, HVIS_ERROR_CLOSED, "hv_kvp_daemon does not run (%s)",
			cause->message);
	else
		g_propagate_error(error, g_steal_pointer(&cause));
	return NULL;
}

gboolean hvctl_daemon_runs(const HvctlRequest *request, GError **error)
{
	g_autoptr(VarlinkClient) client = hvctl_connect(request, error);

	return client != NULL;
}

struct json_object *hvctl_call_on(VarlinkClient *client, const HvctlRequest *request,
	const char *method, struct json_object *params, GError **error)
{
	g_autofree char *name = g_strconcat("io.hvis.Kvp.", method, NULL);
	g_autoptr(GError) cause = NULL;
	struct json_object *answer =
		varlink_client_call(client, name, params, request->timeout_ms, &cause);

	if (answer)
		return answer;
	if (hvis_error_is(cause, HVIS_ERROR_CLOSED)) /* it does run, or did */
		hvis_fail(error, HVIS_ERROR_IO,
			"hv_kvp_daemon hung up: it was stopped, or has too many callers");
	else
		g_propagate_error(error, g_steal_pointer(&cause));
	return NULL;
}

struct json_object *hvctl_call(
	const HvctlRequest *request, const char *method, struct json_object *params, GError **error)
{
	g_autoptr(VarlinkClient) client = hvctl_connect(request, error);

	if (client)
		return hvctl_call_on(client, request, method, params, error);
	json_object_put(params);
	return NULL;
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
