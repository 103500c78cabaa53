/* SPDX-License-Identifier: GPL-2.0-only */
/* The live trace and the fault table over the control socket. */
#include "config.h"

#include <string.h>

#include "host/control-private.h"
#include "host/fault.h"
#include "host/trace.h"
#include "util/error.h"

#define RECENT_MAX (VARLINK_MESSAGE_MAX / 2) /* bytes of recent events, on the wire */
#define EVENT_OVERHEAD 256

typedef struct {
	Control *control;
	VarlinkCall *call;
	guint subscription, timer;
	gboolean bytes; /* the raw messages too */
	gboolean gone; /* has stopped reading, or hung up */
	gsize skip; /* of the recent events: bytes of the oldest, which are left out */
} Stream;

static void stream_free(Stream *stream)
{
	stream->control->traces = g_list_remove(stream->control->traces, stream);
	if (stream->subscription)
		trace_unsubscribe(stream->subscription);
	if (stream->timer)
		g_source_remove(stream->timer);
	varlink_call_on_hangup(stream->call, NULL, NULL);
	varlink_call_unref(stream->call);
	g_free(stream);
}

static void stream_end(Stream *stream)
{
	varlink_call_reply(stream->call, NULL);
	stream_free(stream);
}

/* An event for a reader that does not read any more is dropped; who walks the events frees. */
static void stream_send(const TraceEvent *event, gpointer data)
{
	Stream *stream = data;

	if (!stream->gone)
		stream->gone = !varlink_call_notify(stream->call,
			control_wrap("event", trace_event_json(event, stream->bytes)));
}

/* About what the event will be on the wire. */
static gsize wire_size(const Stream *stream, const TraceEvent *event)
{
	return EVENT_OVERHEAD + 2 * strlen(event->text) + (stream->bytes ? 2 * event->len : 0);
}

static void add_size(const TraceEvent *event, gpointer data)
{
	Stream *stream = data;

	stream->skip += wire_size(stream, event);
}

static void send_recent(const TraceEvent *event, gpointer data)
{
	Stream *stream = data;
	gsize size = wire_size(stream, event);

	if (stream->skip == 0)
		stream_send(event, stream);
	stream->skip -= MIN(size, stream->skip);
}

/* They all go out at once, and a caller with too much unread is hung up on: the newest that fit. */
static void stream_recent(Stream *stream, guint layers)
{
	trace_recent(layers, add_size, stream);
	stream->skip -= MIN(RECENT_MAX, stream->skip);
	trace_recent(layers, send_recent, stream);
}

static void on_event(const TraceEvent *event, gpointer data)
{
	Stream *stream = data;

	stream_send(event, stream);
	if (stream->gone)
		stream_free(stream);
}

static void on_hangup(VarlinkCall *call G_GNUC_UNUSED, gpointer data)
{
	Stream *stream = data;

	stream->gone = TRUE;
	stream_free(stream);
}

static gboolean on_timeout(gpointer data)
{
	Stream *stream = data;

	stream->timer = 0;
	stream_end(stream);
	return G_SOURCE_REMOVE;
}

static gboolean parse_trace(VarlinkCall *call, guint *layers, gboolean *follow, gint64 *timeout_ms)
{
	const char *names = "";
	g_autoptr(GError) error = NULL;

	if (!varlink_param_string_opt(call, "layers", &names) ||
		!varlink_param_bool_opt(call, "follow", follow) ||
		!varlink_param_int_opt(call, "timeout_ms", timeout_ms))
		return FALSE;
	if (!trace_layers_parse(names, layers, &error)) {
		varlink_call_gerror(call, CONTROL_INTERFACE, error);
		return FALSE;
	}
	if (*timeout_ms < 0 || *timeout_ms > G_MAXINT32) {
		control_fail(call, HVIS_ERROR_INVALID, "timeout_ms: 0 to %d is wanted", G_MAXINT32);
		return FALSE;
	}
	return TRUE;
}

CONTROL_METHOD(trace)
{
	Control *control = data;
	Stream *stream;
	gboolean follow = FALSE;
	gboolean bytes = FALSE;
	gint64 timeout_ms = 0;
	guint layers = 0;

	if (!varlink_param_bool_opt(call, "bytes", &bytes) ||
		!parse_trace(call, &layers, &follow, &timeout_ms))
		return;
	stream = g_new0(Stream, 1);
	stream->control = control;
	stream->call = varlink_call_ref(call);
	control->traces = g_list_prepend(control->traces, stream);
	stream->bytes = bytes;
	stream_recent(stream, layers);
	if (stream->gone || !follow) {
		stream_end(stream);
		return;
	}
	varlink_call_on_hangup(call, on_hangup, stream);
	stream->subscription = trace_subscribe(layers, on_event, stream);
	if (timeout_ms)
		stream->timer = g_timeout_add((guint)timeout_ms, on_timeout, stream);
}

void control_trace_end(Control *control)
{
	trace_flush();
	while (control->traces)
		stream_end(control->traces->data);
}

CONTROL_METHOD(fault_add)
{
	g_autoptr(GError) error = NULL;
	const char *rule;
	guint id;

	if (!varlink_param_string(call, "rule", &rule))
		return;
	id = fault_add(rule, &error);
	if (id)
		varlink_call_reply(call, control_wrap("id", json_object_new_int64(id)));
	else
		varlink_call_gerror(call, CONTROL_INTERFACE, error);
}

CONTROL_METHOD(fault_list)
{
	varlink_call_reply(call, control_wrap("faults", fault_describe()));
}

CONTROL_METHOD(fault_remove)
{
	gint64 id;

	if (!varlink_param_int(call, "id", &id))
		return;
	if (id > 0 && id <= G_MAXUINT && fault_remove((guint)id))
		varlink_call_reply(call, NULL);
	else
		control_fail(
			call, HVIS_ERROR_NOT_FOUND, "there is no fault rule %" G_GINT64_FORMAT, id);
}

CONTROL_METHOD(fault_clear)
{
	fault_clear();
	varlink_call_reply(call, NULL);
}
