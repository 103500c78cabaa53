/* SPDX-License-Identifier: GPL-2.0-only */
/* Methods about the services themselves, heartbeat and time. */
#include "config.h"

#include "host/control-private.h"
#include "host/service/timesync.h"
#include "util/error.h"

struct json_object *control_describe_services(HostServices *services)
{
	struct json_object *list = json_object_new_array();

	for (guint i = 0; i < services_count(services); i++)
		json_object_array_add(list, service_describe(services_nth(services, i)));
	return list;
}

HostService *control_service(
	Control *control, VarlinkCall *call, const char *param, const char *name)
{
	g_autoptr(GError) error = NULL;
	HostService *service;

	if (param && !varlink_param_string(call, param, &name))
		return NULL;
	service = services_get(control->host.services, name, &error);
	if (!service)
		varlink_call_gerror(call, CONTROL_INTERFACE, error);
	return service;
}

CONTROL_METHOD(list_services)
{
	Control *control = data;

	varlink_call_reply(
		call, control_wrap("services", control_describe_services(control->host.services)));
}

CONTROL_METHOD(enable_service)
{
	HostService *service = control_service(data, call, "name", NULL);
	g_autoptr(GError) error = NULL;

	if (!service)
		return;
	if (service_enable(service, &error))
		varlink_call_reply(call, NULL);
	else
		varlink_call_gerror(call, CONTROL_INTERFACE, error);
}

CONTROL_METHOD(disable_service)
{
	HostService *service = control_service(data, call, "name", NULL);

	if (!service)
		return;
	service_disable(service);
	varlink_call_reply(call, NULL);
}

CONTROL_METHOD(configure_service)
{
	HostService *service = control_service(data, call, "name", NULL);
	g_autoptr(GError) error = NULL;
	const char *options;

	if (!service || !varlink_param_string(call, "options", &options))
		return;
	if (!service_configure(service, options, &error))
		varlink_call_gerror(call, CONTROL_INTERFACE, error);
	else
		varlink_call_reply(call, NULL);
}

static void on_ready(HostService *service, const GError *error, gpointer data)
{
	request_end(data, control_wrap("service", service_describe(service)), error);
}

static void cancel_ready(Request *request)
{
	if (request_id(request))
		service_on_ready_cancel(request_data(request), request_id(request));
	request_end(request, NULL, NULL);
}

/* Nothing is owed where the guest has not begun. */
static const char *why_not_ready(gpointer service)
{
	static const char *const states[SERVICE_STATE_N] = {
		[SERVICE_DISABLED] = ": the service is not offered",
		[SERVICE_OFFERED] =
			": the service is offered, but nobody in the guest has opened it",
		[SERVICE_OPEN] = ": the guest has opened the service, but no version is agreed on",
	};
	const char *text = service ? states[service_state(service)] : NULL;

	return text ? text : "";
}

static void wait_ready(Request *request, HostService *service)
{
	guint id;

	request_on_give_up(request, cancel_ready);
	request_on_timeout(request, why_not_ready);
	id = service_on_ready(service, on_ready, request);
	if (id)
		request_set_data(request, service, id, NULL);
}

CONTROL_METHOD(wait_service)
{
	HostService *service = control_service(data, call, "name", NULL);
	Request *request = service ? request_new(data, call) : NULL;

	if (request)
		wait_ready(request, service);
}

CONTROL_METHOD(renegotiate)
{
	HostService *service = control_service(data, call, "name", NULL);
	Request *request = service ? request_new(data, call) : NULL;
	g_autoptr(GError) error = NULL;

	if (!request)
		return;
	if (service_renegotiate(service, &error))
		wait_ready(request, service);
	else
		request_end(request, NULL, error);
}

CONTROL_METHOD(get_heartbeat)
{
	HostService *service = control_service(data, call, NULL, "heartbeat");
	struct json_object *described;

	if (!service)
		return;
	described = service_describe(service);
	varlink_call_reply(call, control_wrap("heartbeat", json_object_get(json_object_object_get(
								   described, "heartbeat"))));
	json_object_put(described);
}

CONTROL_METHOD(get_time)
{
	HostService *service = control_service(data, call, NULL, "timesync");

	if (service)
		varlink_call_reply(call,
			control_wrap("offset_us", json_object_new_int64(timesync_offset(service))));
}

CONTROL_METHOD(set_time_offset)
{
	HostService *service = control_service(data, call, NULL, "timesync");
	gint64 offset;

	if (!service || !varlink_param_int(call, "offset_us", &offset))
		return;
	if (offset < -TIMESYNC_OFFSET_MAX_US || offset > TIMESYNC_OFFSET_MAX_US) {
		control_fail(call, HVIS_ERROR_INVALID, "offset_us: up to %" G_GINT64_FORMAT,
			TIMESYNC_OFFSET_MAX_US);
		return;
	}
	timesync_set_offset(service, offset);
	varlink_call_reply(call, NULL);
}

static void on_time_sent(guint32 status, const GError *error, gpointer data)
{
	request_end_status(data, status, "time sample", error);
}

CONTROL_METHOD(send_time)
{
	HostService *service = control_service(data, call, NULL, "timesync");
	gboolean step = FALSE;
	Request *request;

	if (!service || !varlink_param_bool_opt(call, "step", &step))
		return;
	request = request_new(data, call);
	if (request)
		timesync_send(service, step, on_time_sent, request);
}
