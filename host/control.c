/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control socket's server and its table of methods. The methods themselves are in the files
 * control-AREA.c; each is a few lines over the door of its area.
 */
#include "config.h"

#include <unistd.h>

#include "host/control-private.h"
#include "host/owed.h"
#include "util/error.h"

static const char interface_text[] =
#include "host/io.hvis.Host.h"
	;

struct json_object *control_wrap(const char *name, struct json_object *value)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, name, value);
	return o;
}

void control_fail(VarlinkCall *call, HvisErrorCode code, const char *format, ...)
{
	g_autofree char *text = NULL;
	g_autoptr(GError) error = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	hvis_fail(&error, code, "%s", text);
	varlink_call_gerror(call, CONTROL_INTERFACE, error);
}

CONTROL_METHOD(get_info)
{
	Control *control = data;
	struct json_object *info = json_object_new_object();
	gint64 uptime_us = g_get_monotonic_time() - control->started_us;

	json_object_object_add(info, "version", json_object_new_string(VERSION));
	json_object_object_add(info, "mode", json_object_new_string(control->host.mode));
	json_object_object_add(info, "pid", json_object_new_int64(getpid()));
	json_object_object_add(info, "uptime_ms", json_object_new_int64(uptime_us / 1000));
	if (control->host.describe)
		control->host.describe(info, control->host.data);
	json_object_object_add(info, "services", control_describe_services(control->host.services));
	json_object_object_add(info, "owed", owed_describe());
	if (control->last_event)
		json_object_object_add(info, "last_event", json_object_get(control->last_event));
	varlink_call_reply(call, control_wrap("info", info));
}

#define ASK(method, handler)                                                                       \
	{                                                                                          \
		.name = method, .handle = handler                                                  \
	}
#define ACT(method, handler)                                                                       \
	{                                                                                          \
		.name = method, .handle = handler, .privileged = TRUE                              \
	}

static const VarlinkMethod methods[] = {
	ASK("GetInfo", control_get_info),
	ASK("ListServices", control_list_services),
	ACT("EnableService", control_enable_service),
	ACT("DisableService", control_disable_service),
	ACT("ConfigureService", control_configure_service),
	ACT("Renegotiate", control_renegotiate),
	ASK("WaitService", control_wait_service),
	ASK("WaitExit", control_wait_exit),
	ASK("GetHeartbeat", control_get_heartbeat),
	ASK("GetTime", control_get_time),
	ACT("SetTimeOffset", control_set_time_offset),
	ACT("SendTime", control_send_time),
	ACT("KvpList", control_kvp_list),
	ACT("KvpGet", control_kvp_get),
	ACT("KvpSet", control_kvp_set),
	ACT("KvpRemove", control_kvp_remove),
	ACT("IpGet", control_ip_get),
	ACT("IpSet", control_ip_set),
	ACT("Backup", control_backup),
	ACT("Copy", control_copy),
	ACT("SendMessage", control_send_message),
	ACT("Shutdown", control_shutdown),
	{ .name = "Trace", .handle = control_trace, .privileged = TRUE, .streams = TRUE },
	ACT("FaultAdd", control_fault_add),
	ASK("FaultList", control_fault_list),
	ACT("FaultRemove", control_fault_remove),
	ACT("FaultClear", control_fault_clear),
	ACT("Reset", control_reset),
	ACT("Quit", control_quit),
	{ .name = NULL },
};

Control *control_new(const ControlHost *host)
{
	Control *control = g_new0(Control, 1);

	control->host = *host;
	control->started_us = g_get_monotonic_time();
	control->server = varlink_server_new("hvis-host", VERSION);
	varlink_server_take_fds(control->server); /* Copy's file */
	varlink_server_add(control->server, CONTROL_INTERFACE, interface_text, methods, control);
	return control;
}

gboolean control_listen(Control *control, const char *path, GError **error)
{
	return varlink_server_listen(control->server, path, 0600, error);
}

void control_free(Control *control)
{
	if (!control)
		return;
	control_end_waiting(control);
	control_trace_end(control);
	varlink_server_free(control->server);
	json_object_put(control->last_event);
	g_free(control);
}
