/* SPDX-License-Identifier: GPL-2.0-only */
/* How the answers look to people. Columns where they suffice, a function where not. */
#include "config.h"

#include <string.h>

#include "host/ctl-private.h"
#include "host/trace.h"

static char *capitalise(struct json_object *value)
{
	char *text = output_value(value);

	g_strdelimit(text, "-", ' ');
	text[0] = g_ascii_toupper(text[0]);
	return text;
}

/* "ok" is said as Hyper-V says it; for the rest capitalise() does. */
static char *heartbeat_text(struct json_object *value)
{
	const char *text = json_object_get_string(value);

	return text && !strcmp(text, "ok") ? g_strdup("OK") : capitalise(value);
}

static char *age_text(struct json_object *value)
{
	return value ? g_strdup_printf("%.1f s ago", json_object_get_int64(value) / 1000.0) : NULL;
}

static char *seconds_text(struct json_object *value)
{
	return g_strdup_printf("%.1f s", json_object_get_int64(value) / 1000.0);
}

static char *present_text(struct json_object *value)
{
	return value ? output_value(value) : NULL;
}

const OutputColumn ctl_service_columns[] = {
	{ "Name", "name", FALSE, NULL, NULL },
	{ "State", "state", FALSE, capitalise, NULL },
	{ "Version", "version", FALSE, NULL, NULL },
	{ "Framework", "framework", FALSE, NULL, NULL },
	{ "Answered", "counters.completed", TRUE, NULL, NULL },
	{ "Refused", "counters.failed", TRUE, NULL, NULL },
	{ "Timeouts", "counters.timeouts", TRUE, NULL, NULL },
	{ "Malformed", "counters.malformed", TRUE, NULL, NULL },
	{ "Last error", "last_error", FALSE, present_text, NULL },
	{ NULL, NULL, FALSE, NULL, NULL },
};

const OutputColumn ctl_pair_columns[] = {
	{ "Key", "key", FALSE, NULL, NULL },
	{ "Type", "type", FALSE, NULL, NULL },
	{ "Value", "value", FALSE, NULL, NULL },
	{ NULL, NULL, FALSE, NULL, NULL },
};

const OutputColumn ctl_ip_columns[] = {
	{ "Adapter", "adapter", FALSE, NULL, NULL },
	{ "DHCP", "dhcp", FALSE, NULL, NULL },
	{ "Families", "families", FALSE, NULL, NULL },
	{ "Addresses", "addresses", FALSE, NULL, NULL },
	{ "Subnets", "subnets", FALSE, NULL, NULL },
	{ "Origins", "origins", FALSE, present_text, NULL },
	{ "Gateways", "gateways", FALSE, NULL, NULL },
	{ "DNS servers", "dns", FALSE, NULL, NULL },
	{ NULL, NULL, FALSE, NULL, NULL },
};

const OutputColumn ctl_heartbeat_columns[] = {
	{ "Heartbeat", "summary", FALSE, heartbeat_text, NULL },
	{ "Applications", "application", FALSE, capitalise, NULL },
	{ "Last answer", "age_ms", FALSE, age_text, NULL },
	{ "Sequence", "sequence", FALSE, present_text, NULL },
	{ "Missed", "missed", FALSE, NULL, NULL },
	{ NULL, NULL, FALSE, NULL, NULL },
};

const OutputColumn ctl_fault_columns[] = {
	{ "Number", "id", TRUE, NULL, NULL },
	{ "Rule", "rule", FALSE, NULL, NULL },
	{ "Matched", "matched", TRUE, NULL, NULL },
	{ "Struck", "fired", TRUE, NULL, NULL },
	{ NULL, NULL, FALSE, NULL, NULL },
};

static const OutputColumn info_columns[] = {
	{ "Version", "version", FALSE, NULL, NULL },
	{ "Mode", "mode", FALSE, NULL, NULL },
	{ "Process", "pid", FALSE, NULL, NULL },
	{ "Up", "uptime_ms", FALSE, seconds_text, NULL },
	{ "Directory", "directory", FALSE, present_text, NULL },
	{ "Last event", "last_event.text", FALSE, present_text, NULL },
	{ NULL, NULL, FALSE, NULL, NULL },
};

static const OutputColumn owed_columns[] = {
	{ "Waiting", "who", FALSE, NULL, NULL },
	{ "For", "what", FALSE, NULL, NULL },
	{ "Since", "waited_ms", TRUE, seconds_text, NULL },
	{ NULL, NULL, FALSE, NULL, NULL },
};

static void print_table(FILE *stream, struct json_object *rows, const OutputColumn *columns)
{
	fputc('\n', stream);
	output_table(stream, rows, columns);
}

/* The plain members of what the machine or the bus says of itself; the rest is for --json. */
static void print_plain_members(FILE *stream, const char *title, struct json_object *object)
{
	if (!json_object_is_type(object, json_type_object))
		return;
	fprintf(stream, "\n%s\n", title);
	json_object_object_foreach(object, name, value)
	{
		g_autofree char *heading = g_strdelimit(g_strdup(name), "_", ' ');
		OutputColumn columns[] = { { heading, name, FALSE, NULL, NULL },
			{ NULL, NULL, FALSE, NULL, NULL } };

		if (json_object_is_type(value, json_type_object) ||
			json_object_is_type(value, json_type_array))
			continue;
		fputs("  ", stream);
		output_fields(stream, object, columns);
	}
}

void ctl_print_info(FILE *stream, struct json_object *answer)
{
	struct json_object *info = json_object_object_get(answer, "info");
	struct json_object *owed = output_member(info, "owed");

	output_fields(stream, info, info_columns);
	print_plain_members(stream, "Machine", output_member(info, "machine"));
	print_plain_members(stream, "VMBus", output_member(info, "bus"));
	print_table(stream, output_member(info, "services"), ctl_service_columns);
	if (json_object_is_type(owed, json_type_array) && json_object_array_length(owed))
		print_table(stream, owed, owed_columns);
}

static void print_member(FILE *stream, struct json_object *answer, const char *path)
{
	struct json_object *value = output_member(answer, path);

	if (value) {
		g_autofree char *text = output_value(value);

		fprintf(stream, "%s\n", text);
	}
}

void ctl_print_value(FILE *stream, struct json_object *answer)
{
	print_member(stream, answer, "pair.value");
}

void ctl_print_id(FILE *stream, struct json_object *answer)
{
	print_member(stream, answer, "id");
}

void ctl_print_event(FILE *stream, struct json_object *answer)
{
	print_member(stream, answer, "event.text");
}

void ctl_print_service(FILE *stream, struct json_object *answer)
{
	g_autofree char *name = output_value(output_member(answer, "service.name"));
	g_autofree char *state = output_value(output_member(answer, "service.state"));
	g_autofree char *version = output_value(output_member(answer, "service.version"));

	fprintf(stream, "%s: %s, version %s\n", name, state, version);
}

void ctl_print_offset(FILE *stream, struct json_object *answer)
{
	gint64 offset = json_object_get_int64(output_member(answer, "offset_us"));
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autoptr(GDateTime) then = g_date_time_add(now, offset);
	g_autofree char *text = g_date_time_format(then ? then : now, "%Y-%m-%d %H:%M:%S UTC");

	fprintf(stream, "Guest is told:  %s\nOffset:         %+.6f s\n", text,
		(double)offset / G_USEC_PER_SEC);
}

/* 32 bytes a line, below the event. */
static void print_bytes(FILE *stream, const char *hex)
{
	for (gsize i = 0, n = hex ? strlen(hex) : 0; i < n; i += 64)
		fprintf(stream, "    %04zx  %.64s\n", i / 2, hex + i);
}

void ctl_print_trace(FILE *stream, struct json_object *answer)
{
	struct json_object *event = output_member(answer, "event");
	const char *direction = json_object_get_string(output_member(event, "direction"));
	g_autofree char *time = output_value(output_member(event, "time"));
	g_autofree char *layer = output_value(output_member(event, "layer"));
	g_autofree char *subject = output_value(output_member(event, "subject"));
	g_autofree char *text = output_value(output_member(event, "text"));
	g_autofree char *line = trace_line(time, layer, direction, subject, text);

	fprintf(stream, "%s\n", line);
	print_bytes(stream, json_object_get_string(output_member(event, "bytes")));
}

HvisExit ctl_judge_heartbeat(struct json_object *answer, GError **error)
{
	const char *summary = json_object_get_string(output_member(answer, "heartbeat.summary"));

	return summary && !strcmp(summary, "ok") ? HVIS_EXIT_OK : HVIS_EXIT_FALSE;
}
