/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a trace event is written down: a line of text, a JSON object, a file of either. hvis-host(1)
 * documents both forms. Not here: where events come from (trace.c).
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>

#include <json-c/json.h>

#include "host/trace.h"
#include "util/error.h"
#include "util/output.h"

static struct {
	FILE *stream;
	char *path;
	gboolean json;
	int error; /* errno of the first failed write */
	guint subscription;
} file;

static char *format_time(gint64 time_us)
{
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(time_us / G_USEC_PER_SEC);
	g_autofree char *seconds = time ? g_date_time_format(time, "%Y-%m-%dT%H:%M:%S") : NULL;

	return g_strdup_printf(
		"%s.%06dZ", seconds ? seconds : "?", (int)(time_us % G_USEC_PER_SEC));
}

static char *format_bytes(const guint8 *bytes, gsize len)
{
	static const char digits[] = "0123456789abcdef";
	char *hex = g_malloc(2 * len + 1);

	for (gsize i = 0; i < len; i++) {
		hex[2 * i] = digits[bytes[i] >> 4];
		hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	hex[2 * len] = '\0';
	return hex;
}

struct json_object *trace_event_json(const TraceEvent *event, gboolean bytes)
{
	struct json_object *o = json_object_new_object();
	g_autofree char *time = format_time(event->time_us);
	g_autofree char *hex = bytes ? format_bytes(event->bytes, event->len) : NULL;
	g_autofree char *text = g_utf8_make_valid(event->text, -1);

	json_object_object_add(o, "sequence", json_object_new_uint64(event->sequence));
	json_object_object_add(o, "time", json_object_new_string(time));
	json_object_object_add(o, "layer", json_object_new_string(trace_layer_name(event->layer)));
	json_object_object_add(o, "direction", json_object_new_string(trace_dir_name(event->dir)));
	json_object_object_add(o, "subject", json_object_new_string(event->subject));
	json_object_object_add(o, "text", json_object_new_string(text));
	if (hex)
		json_object_object_add(o, "bytes", json_object_new_string(hex));
	return o;
}

char *trace_line(const char *time, const char *layer, const char *direction, const char *subject,
	const char *text)
{
	const char *arrow = "-";

	if (!g_strcmp0(direction, trace_dir_name(TRACE_TO_GUEST)))
		arrow = "host > guest";
	else if (!g_strcmp0(direction, trace_dir_name(TRACE_TO_HOST)))
		arrow = "guest > host";
	return g_strdup_printf("%s  %-9s  %-12s  %-9s  %s", time, layer, arrow, subject, text);
}

char *trace_event_line(const TraceEvent *event)
{
	g_autofree char *time = format_time(event->time_us);
	g_autofree char *text = output_escape(event->text);

	return trace_line(time, trace_layer_name(event->layer), trace_dir_name(event->dir),
		event->subject, text);
}

static void on_event(const TraceEvent *event, gpointer data G_GNUC_UNUSED)
{
	int printed;

	if (file.json) {
		struct json_object *o = trace_event_json(event, TRUE);

		printed = fprintf(file.stream, "%s\n",
			json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
		json_object_put(o);
	} else {
		g_autofree char *line = trace_event_line(event);

		printed = fprintf(file.stream, "%s\n", line);
	}
	if ((printed < 0 || fflush(file.stream)) && !file.error)
		file.error = errno;
}

gboolean trace_file_open(const char *path, guint layers, GError **error)
{
	FILE *stream;

	if (file.stream)
		return hvis_fail(error, HVIS_ERROR_BUSY, "the trace is written to \"%s\" already",
			file.path);
	stream = fopen(path, "we");
	if (!stream)
		return hvis_fail_errno(error, errno, "open \"%s\"", path);
	file.stream = stream;
	file.path = g_strdup(path);
	file.json = g_str_has_suffix(path, ".json");
	file.error = 0;
	file.subscription = trace_subscribe(layers, on_event, NULL);
	return TRUE;
}

gboolean trace_file_check(GError **error)
{
	if (!file.stream)
		return TRUE;
	trace_flush();
	return !file.error || hvis_fail_errno(error, file.error, "write \"%s\"", file.path);
}

gboolean trace_file_close(GError **error)
{
	g_autofree char *path = NULL;
	int failed;

	if (!file.stream)
		return TRUE;
	trace_flush();
	trace_unsubscribe(file.subscription);
	failed = file.error;
	if (fclose(file.stream) && !failed)
		failed = errno;
	path = g_steal_pointer(&file.path);
	file.stream = NULL;
	if (failed)
		return hvis_fail_errno(error, failed, "write \"%s\"", path);
	return TRUE;
}
