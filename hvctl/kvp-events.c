/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hvctl kvp events: what cloud-init has told the host about the boot, as a timeline. A key is
 * CLOUD_INIT|INCARNATION|TYPE|NAME|VM|UUID, older ones lack VM; the value is a JSON object with name,
 * type, ts, msg, and of what has ended result. Records of others are passed over, and a value that is
 * broken is shown as far as the key goes.
 */
#include <string.h>

#include "hvctl/fold.h"
#include "hvctl/records.h"
#include "util/output.h"

#define PREFIX "CLOUD_INIT|"
#define FIELDS_MIN 4 /* prefix, incarnation, type, name */
#define MESSAGE_WIDTH 60

static void add_text(struct json_object *event, const char *name, const char *text)
{
	json_object_object_add(event, name, text && *text ? json_object_new_string(text) : NULL);
}

/* Microseconds since 1970, 0 where @text is no time. Without a zone it is UTC. */
static gint64 time_of(const char *text)
{
	g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
	g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(text, utc);

	return time ? g_date_time_to_unix(time) * G_USEC_PER_SEC + g_date_time_get_microsecond(time)
		    : 0;
}

static struct json_object *event_new(struct json_object *record)
{
	g_auto(GStrv) fields = g_strsplit(hvctl_record_text(record, "key"), "|", -1);
	struct json_object *value = json_tokener_parse(hvctl_record_text(record, "value"));
	struct json_object *event = json_object_new_object();
	guint n = g_strv_length(fields);
	gboolean good = json_object_is_type(value, json_type_object);

	add_text(event, "time", good ? hvctl_record_text(value, "ts") : NULL);
	add_text(event, "type", fields[2]);
	add_text(event, "name", fields[3]);
	json_object_object_add(event, "duration", NULL);
	add_text(event, "result", good ? hvctl_record_text(value, "result") : NULL);
	add_text(event, "message", good ? hvctl_record_text(value, "msg") : NULL);
	add_text(event, "incarnation", fields[1]);
	add_text(event, "vm", n > 5 ? fields[4] : NULL);
	add_text(event, "problem", good ? NULL : "the value is not a JSON object");
	json_object_put(value);
	return event;
}

static gboolean is_event(struct json_object *record)
{
	const char *key = hvctl_record_text(record, "key");
	guint bars = 0;

	for (const char *c = key; *c; c++)
		bars += *c == '|';
	return g_str_has_prefix(key, PREFIX) && bars + 1 >= FIELDS_MIN;
}

/* --- order and duration --- */

typedef struct {
	struct json_object *event;
	gint64 at; /* the event before it, where it has no time */
} Entry;

static gint by_time(gconstpointer a, gconstpointer b)
{
	const Entry *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

static GArray *sorted(struct json_object *records)
{
	GArray *entries = g_array_new(FALSE, FALSE, sizeof(Entry));
	gint64 last = 0;

	for (gsize i = 0; i < json_object_array_length(records); i++) {
		struct json_object *record = json_object_array_get_idx(records, i);
		Entry entry;

		if (!is_event(record))
			continue;
		entry.event = event_new(record);
		entry.at = time_of(hvctl_record_text(entry.event, "time"));
		if (entry.at == 0)
			entry.at = last;
		last = entry.at;
		g_array_append_val(entries, entry);
	}
	g_array_sort(entries, by_time); /* a merge sort: those of one time keep their order */
	return entries;
}

/* A "finish" lasts since the last "start" of its name and incarnation that is not finished. */
static void add_duration(GHashTable *started, const Entry *entry)
{
	const char *type = hvctl_record_text(entry->event, "type");
	char *name = g_strconcat(hvctl_record_text(entry->event, "incarnation"), "|",
		hvctl_record_text(entry->event, "name"), NULL);
	gint64 *start = g_hash_table_lookup(started, name);
	gboolean timed = time_of(hvctl_record_text(entry->event, "time")) != 0;

	if (timed && g_str_equal(type, "start")) {
		g_hash_table_insert(started, name, g_memdup2(&entry->at, sizeof(entry->at)));
		return;
	}
	if (timed && start && g_str_equal(type, "finish")) {
		json_object_object_add(entry->event, "duration",
			json_object_new_double(
				(double)(entry->at - *start) / (double)G_USEC_PER_SEC));
		g_hash_table_remove(started, name);
	}
	g_free(name);
}

static struct json_object *timeline(struct json_object *records)
{
	g_autoptr(GHashTable) started =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_autoptr(GArray) entries = sorted(records);
	struct json_object *events = json_object_new_array();

	for (guint i = 0; i < entries->len; i++) {
		add_duration(started, &g_array_index(entries, Entry, i));
		json_object_array_add(events, g_array_index(entries, Entry, i).event);
	}
	return events;
}

/* --- printing --- */

static char *seconds_text(struct json_object *value)
{
	return value ? g_strdup_printf("%.3f s", json_object_get_double(value)) : NULL;
}

static char *short_text(struct json_object *value)
{
	g_autofree char *text = value ? output_value(value) : g_strdup("");

	if (g_utf8_strlen(text, -1) > MESSAGE_WIDTH) {
		g_autofree char *start = g_utf8_substring(text, 0, MESSAGE_WIDTH - 1);

		return g_strconcat(start, "…", NULL);
	}
	return g_steal_pointer(&text);
}

static char *text_or_empty(struct json_object *value)
{
	return value ? output_value(value) : NULL;
}

static const char *result_style(struct json_object *value)
{
	const char *result = value ? json_object_get_string(value) : "SUCCESS";

	return g_str_equal(result, "SUCCESS") ? NULL
	       : g_str_equal(result, "WARN")  ? OUTPUT_YELLOW
					      : OUTPUT_RED;
}

static const OutputColumn columns[] = {
	{ .heading = "TIME", .member = "time" },
	{ .heading = "TYPE", .member = "type" },
	{ .heading = "NAME", .member = "name" },
	{ .heading = "DURATION", .member = "duration", .right = TRUE, .format = seconds_text },
	{ .heading = "RESULT", .member = "result", .format = text_or_empty, .style = result_style },
	{ .heading = "MESSAGE", .member = "text", .format = short_text },
	{ .heading = NULL },
};

static void print(const HvctlRequest *request, struct json_object *events)
{
	if (request->json) {
		output_json(request->out, events, FALSE);
		return;
	}
	for (gsize i = 0; i < json_object_array_length(events); i++) {
		struct json_object *event = json_object_array_get_idx(events, i);
		struct json_object *text = output_member(event, "problem");

		json_object_object_add(event, "text",
			json_object_get(text ? text : output_member(event, "message")));
	}
	output_table(request->out, events, columns);
}

HvisExit hvctl_kvp_events(const HvctlRequest *request, GError **error)
{
	const char *pool = request->pool ? request->pool : "guest";
	struct json_object *records = hvctl_records(request, pool, error), *joined, *events;

	if (!records)
		return HVIS_EXIT_IO;
	joined = hvctl_fold(records);
	events = timeline(joined);
	print(request, events);
	output_finish(request->out, error);
	json_object_put(events);
	json_object_put(joined);
	json_object_put(records);
	return HVIS_EXIT_OK;
}
