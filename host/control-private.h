/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the control socket share: the request that waits for the guest, and the method
 * handlers of each area, which control.c lists in one table.
 */
#pragma once

#include <json-c/json.h>
#include "host/control.h"
#include "util/error.h"
#include "varlink/varlink.h"

struct Control {
	ControlHost host;
	VarlinkServer *server;
	gint64 started_us;
	struct json_object *last_event;
	GList *waiting; /* Request: for the next event, or for the end */
	GList *traces; /* of control-trace.c */
};

/*
 * A call whose answer comes later. It takes "timeout_ms" of the call: when that is over the caller
 * gets Timeout with what is owed, and whatever comes afterwards is dropped. Whoever is handed a
 * Request by request_new() ends it exactly once with request_end().
 */
typedef struct Request Request;

/* NULL where a parameter was wrong; the caller has been told. */
Request *request_new(Control *control, VarlinkCall *call);
/* Once the caller has given up: call @cancel, which ends the request; else it ends in its time. */
void request_on_give_up(Request *request, void (*cancel)(Request *request));
/* @why, of the request's data, adds to the message of a time-out: ": the guest sleeps", or "". */
void request_on_timeout(Request *request, const char *(*why)(gpointer data));
/* One of several answers, with @params (taken), to a caller who has asked for them; else nothing happens. */
void request_notify(Request *request, struct json_object *params);
/* Answer with @params (taken) or, where @error is set, with that. Frees the request. */
void request_end(Request *request, struct json_object *params, const GError *error);
/* As request_end() with an empty answer for HVIS_S_OK. @what: "KVP set". */
void request_end_status(Request *request, guint32 status, const char *what, const GError *error);

/* For the owner's use. */
void request_set_data(Request *request, gpointer data, guint id, const char *what);
gpointer request_data(const Request *request);
guint request_id(const Request *request);
const char *request_what(const Request *request);
Control *request_control(const Request *request);

/* The service that parameter @param names, or @name where @param is NULL; tells the caller. */
HostService *control_service(
	Control *control, VarlinkCall *call, const char *param, const char *name);
void control_fail(VarlinkCall *call, HvisErrorCode code, const char *format, ...)
	G_GNUC_PRINTF(3, 4);
struct json_object *control_describe_services(HostServices *services);

/* An object with the one member @name. Takes @value. */
struct json_object *control_wrap(const char *name, struct json_object *value);

/* A method handler, of the VarlinkHandler type; @data is the Control. */
#define CONTROL_METHOD(name)                                                                       \
	void control_##name(VarlinkCall *call, struct json_object *params, gpointer data)

/* control.c */
CONTROL_METHOD(get_info);
/* control-service.c */
CONTROL_METHOD(list_services);
CONTROL_METHOD(enable_service);
CONTROL_METHOD(disable_service);
CONTROL_METHOD(configure_service);
CONTROL_METHOD(renegotiate);
CONTROL_METHOD(wait_service);
CONTROL_METHOD(get_heartbeat);
CONTROL_METHOD(get_time);
CONTROL_METHOD(set_time_offset);
CONTROL_METHOD(send_time);
/* control-kvp.c */
CONTROL_METHOD(kvp_list);
CONTROL_METHOD(kvp_get);
CONTROL_METHOD(kvp_set);
CONTROL_METHOD(kvp_remove);
/* control-ip.c */
CONTROL_METHOD(ip_get);
CONTROL_METHOD(ip_set);
/* control-backup.c */
CONTROL_METHOD(backup);
/* control-copy.c */
CONTROL_METHOD(copy);
/* control-raw.c */
CONTROL_METHOD(send_message);
/* control-guest.c */
CONTROL_METHOD(shutdown);
CONTROL_METHOD(wait_exit);
CONTROL_METHOD(reset);
CONTROL_METHOD(quit);
void control_end_waiting(Control *control);
/* control-trace.c */
CONTROL_METHOD(trace);
CONTROL_METHOD(fault_add);
CONTROL_METHOD(fault_list);
CONTROL_METHOD(fault_remove);
CONTROL_METHOD(fault_clear);
void control_trace_end(Control *control);
