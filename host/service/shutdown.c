/* SPDX-License-Identifier: GPL-2.0-only */
/* Shutdown, host end: one message on request; what the guest makes of it shows elsewhere. */
#include "host/service/shutdown.h"
#include <hvis/hresult.h>
#include <hvis/services.h>
#include <util/error.h>
#include "host/service/class.h"

typedef struct {
	struct hvis_shutdown body;
	ServiceDone done;
	gpointer data;
} Shutdown;

static const guint32 action_flags[SHUTDOWN_ACTION_N] = {
	[SHUTDOWN_POWER_OFF] = 0,
	[SHUTDOWN_RESTART] = HVIS_SHUTDOWN_RESTART,
	[SHUTDOWN_HIBERNATE] = HVIS_SHUTDOWN_HIBERNATE,
};

static gboolean build_shutdown(IcVersion message, GByteArray *body, gpointer data, GError **error)
{
	const Shutdown *job = data;

	g_byte_array_append(body, (const guint8 *)&job->body, sizeof(job->body));
	return TRUE;
}

static void shutdown_done(guint32 status, WireCursor body, const GError *error, gpointer data)
{
	g_autofree Shutdown *job = data;

	job->done(status, error, job->data);
}

static gboolean fill(struct hvis_shutdown *body, const ShutdownRequest *request, GError **error)
{
	gsize len = request->message ? strlen(request->message) : 0;

	if (len >= sizeof(body->message))
		return hvis_fail(error, HVIS_ERROR_INVALID, "a message of %zu bytes, %zu fit", len,
			sizeof(body->message) - 1);
	if (len && !g_utf8_validate_len(request->message, len, NULL))
		return hvis_fail(error, HVIS_ERROR_INVALID, "the message is not UTF-8");
	*body = (struct hvis_shutdown){
		.reason = hvis_le32_make(
			request->reason ? request->reason : HVIS_SHUTDOWN_REASON_PLANNED),
		.timeout_s = hvis_le32_make(request->timeout_s),
		.flags = hvis_le32_make(
			action_flags[request->action] | (request->force ? HVIS_SHUTDOWN_FORCE : 0)),
	};
	if (len)
		memcpy(body->message, request->message, len);
	return TRUE;
}

void shutdown_request(
	HostService *s, const ShutdownRequest *request, ServiceDone done, gpointer data)
{
	g_autofree Shutdown *job = g_new(Shutdown, 1);
	g_autoptr(GError) error = NULL;

	g_assert(s->class == &shutdown_class);
	if (!fill(&job->body, request, &error)) {
		done(HVIS_E_FAIL, error, data);
		return;
	}
	job->done = done;
	job->data = data;
	ic_request(s->ic, build_shutdown, shutdown_done, g_steal_pointer(&job));
}

static void shutdown_describe(
	HostService *s, const IcMessage *message, gboolean to_guest, GString *line)
{
	WireCursor cursor = message->body;
	struct hvis_shutdown body;
	guint32 flags;

	if (!to_guest || !wire_take(&cursor, &body, sizeof(body)))
		return;
	flags = hvis_le32_get(body.flags);
	g_string_append_printf(line, "%s%s reason 0x%08x timeout %u s \"%.*s\"",
		flags & HVIS_SHUTDOWN_HIBERNATE ? "hibernate"
		: flags & HVIS_SHUTDOWN_RESTART ? "restart"
						: "power off",
		flags & HVIS_SHUTDOWN_FORCE ? " by force" : "", hvis_le32_get(body.reason),
		hvis_le32_get(body.timeout_s), (int)sizeof(body.message),
		(const char *)body.message);
}

static const IcVersion versions[] = { { 1, 0 }, { 3, 0 }, { 3, 1 }, { 3, 2 } };

const ServiceClass shutdown_class = {
	.name = "shutdown",
	.type = HVIS_IC_SHUTDOWN,
	.type_guid = HVIS_SHUTDOWN_TYPE,
	.instance_guid = HVIS_SHUTDOWN_INSTANCE,
	.versions = versions,
	.n_versions = G_N_ELEMENTS(versions),
	.describe = shutdown_describe,
};
