/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file copy over the control socket: the caller opens the file and sends its descriptor beside the call, so that
 * it is the caller's rights that count. And messages as they are, for tests of guests.
 */
#include "config.h"

#include <string.h>

#include "host/control-private.h"
#include "host/service/fcopy.h"
#include "util/error.h"
#include "util/fd.h"
#include "wire/fcopy.h"

#define PROGRESS_US 100000 /* ours: between two reports of how far it has come */

typedef struct {
	HostService *service;
	gint64 since;
	gint64 told; /* when the caller last heard of it; 0 = never */
} Copy;

static void add_string(struct json_object *o, const char *name, const char *value)
{
	json_object_object_add(o, name, value ? json_object_new_string(value) : NULL);
}

static void add_count(struct json_object *o, const char *name, guint64 value)
{
	json_object_object_add(o, name, json_object_new_int64((gint64)value));
}

static struct json_object *report_json(const FcopyReport *report)
{
	struct json_object *o = json_object_new_object();
	double seconds = (double)MAX(report->us, 1) / G_USEC_PER_SEC;

	add_string(o, "result", fcopy_result_name(report->result));
	add_string(o, "message", report->message);
	add_string(
		o, "operation", report->op == HVIS_FCOPY_OP_N ? NULL : fcopy_op_name(report->op));
	add_count(o, "status", report->status);
	add_count(o, "size", report->size);
	add_count(o, "sent", report->sent);
	add_count(o, "fragments", report->fragments);
	add_count(o, "us", (guint64)report->us);
	json_object_object_add(
		o, "mb_per_s", json_object_new_double((double)report->sent / 1e6 / seconds));
	add_string(o, "cancel", report->cancel_done ? "done" : report->cancel_sent ? "sent" : NULL);
	add_string(o, "sha256", report->sha256);
	return o;
}

static void on_progress(guint64 sent, guint64 size, gpointer data)
{
	Copy *copy = request_data(data);
	gint64 now = g_get_monotonic_time();
	struct json_object *progress;

	if (copy->told && now - copy->told < PROGRESS_US)
		return;
	copy->told = now;
	progress = json_object_new_object();
	add_count(progress, "sent", sent);
	add_count(progress, "size", size);
	add_count(progress, "us", (guint64)(now - copy->since));
	request_notify(data, control_wrap("progress", progress));
}

static void on_report(const FcopyReport *report, gpointer data)
{
	g_free(request_data(data));
	request_end(data, control_wrap("copy", report_json(report)), NULL);
}

/* Who asked has gone, or has had enough: the request ends when the guest has been told. */
static void on_give_up(Request *request)
{
	fcopy_cancel(((Copy *)request_data(request))->service);
}

static gboolean parse_job(VarlinkCall *call, FcopyJob *ret)
{
	gboolean overwrite = FALSE, create_path = FALSE;
	gint64 cancel_after = -1;

	if (!varlink_param_string(call, "name", &ret->name) ||
		!varlink_param_string(call, "path", &ret->path) ||
		!varlink_param_bool_opt(call, "overwrite", &overwrite) ||
		!varlink_param_bool_opt(call, "create_path", &create_path) ||
		!varlink_param_int_opt(call, "cancel_after", &cancel_after))
		return FALSE;
	if (ret->fd < 0) {
		control_fail(call, HVIS_ERROR_INVALID,
			"the file: its descriptor is to be sent beside the call");
		return FALSE;
	}
	ret->flags =
		(overwrite ? HVIS_FCOPY_OVERWRITE : 0) | (create_path ? HVIS_FCOPY_CREATE_PATH : 0);
	ret->cancel_after = cancel_after < 0 ? G_MAXUINT64 : (guint64)cancel_after;
	return TRUE;
}

CONTROL_METHOD(copy)
{
	HostService *service = control_service(data, call, NULL, "fcopy");
	hvis_autofd int fd = varlink_call_take_fd(call);
	FcopyJob job = { .fd = fd };
	g_autoptr(GError) error = NULL;
	Request *request;
	Copy *copy;

	if (!service || !parse_job(call, &job))
		return;
	request = request_new(data, call);
	if (!request)
		return;
	copy = g_new0(Copy, 1);
	copy->service = service;
	copy->since = g_get_monotonic_time();
	request_set_data(request, copy, 0, NULL);
	request_on_give_up(request, on_give_up);
	if (fcopy_copy(service, &job, on_progress, on_report, request, &error))
		return;
	g_free(copy);
	request_end(request, NULL, error);
}
