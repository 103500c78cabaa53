/* SPDX-License-Identifier: GPL-2.0-only */
/* What "hvctl status" prints. */
#include "hvctl/fcopy.h"
#include "hvctl/holder.h"
#include "hvctl/status.h"
#include "hvctl/vss.h"
#include "util/output.h"

#define SCHEMA 1 /* of the JSON; grows when a member changes its meaning or goes */

static char *text_or_skip(struct json_object *value)
{
	return value ? output_value(value) : NULL;
}

static const char *state_style(struct json_object *value)
{
	static const char *const good[] = { "ready", NULL };
	static const char *const bad[] = { "busy", "retrying", "stopped", "not running",
		"not answering", NULL };
	const char *state = value ? json_object_get_string(value) : "";

	return g_strv_contains(good, state)  ? OUTPUT_GREEN
	       : g_strv_contains(bad, state) ? OUTPUT_RED
					     : OUTPUT_YELLOW;
}

static const char *problem_style(struct json_object *value)
{
	return value ? OUTPUT_RED : NULL;
}

static const OutputColumn fields[] = {
	{ .heading = "State", .member = "state", .style = state_style },
	{ .heading = "Since", .member = "since_text", .format = text_or_skip },
	{ .heading = "Detail", .member = "detail", .format = text_or_skip },
	{ .heading = "What to do", .member = "advice", .format = text_or_skip },
	{ .heading = "Device", .member = "device" },
	{ .heading = "Transport", .member = "transport", .format = text_or_skip },
	{ .heading = "Version", .member = "version", .format = text_or_skip },
	{ .heading = "Kernel protocol", .member = "kernel_protocol", .format = text_or_skip },
	{ .heading = "Last request", .member = "last_request_text", .format = text_or_skip },
	{ .heading = "Counters", .member = "counters_text", .format = text_or_skip },
	{ .heading = "Configuration", .member = "config_text", .format = text_or_skip },
	{ .heading = "Backup", .member = "backup", .format = text_or_skip },
	{ .heading = "Frozen since", .member = "frozen_text", .format = text_or_skip },
	{ .heading = "Thawed in", .member = "deadline_text", .format = text_or_skip },
	{ .heading = "Copy", .member = "copy_text", .format = text_or_skip },
	{ .heading = "File", .member = "file_text", .format = text_or_skip },
	{ .heading = "Progress", .member = "progress_text", .format = text_or_skip },
	{ .heading = "Allowed", .member = "allowed_text", .format = text_or_skip },
	{ .heading = "Denied", .member = "denied_text", .format = text_or_skip },
	{ .heading = "Last backup", .member = "last_text", .format = text_or_skip },
	{ .heading = "Last copy", .member = "last_copy_text", .format = text_or_skip },
	{ .heading = "SHA-256", .member = "last_sum_text", .format = text_or_skip },
	{ .heading = "Problem", .member = "problem_text", .format = text_or_skip },
	{ .heading = NULL },
};

static const OutputColumn pool_columns[] = {
	{ .heading = "POOL", .member = "name" },
	{ .heading = "NUMBER", .member = "number", .right = TRUE },
	{ .heading = "RECORDS", .member = "records", .right = TRUE },
	{ .heading = "BYTES", .member = "bytes", .right = TRUE },
	{ .heading = "FILE", .member = "path" },
	{ .heading = "PROBLEM", .member = "problem", .style = problem_style },
	{ .heading = NULL },
};

char *hvctl_age_text(gint64 us)
{
	gint64 s = us / G_USEC_PER_SEC;

	if (us < 0)
		return g_strdup("in the future"); /* the clock was set since */
	if (s < 120)
		return g_strdup_printf("%" G_GINT64_FORMAT " s ago", s);
	if (s < 2 * 3600)
		return g_strdup_printf("%" G_GINT64_FORMAT " min ago", s / 60);
	if (s < 48 * 3600)
		return g_strdup_printf("%" G_GINT64_FORMAT " h ago", s / 3600);
	return g_strdup_printf("%" G_GINT64_FORMAT " days ago", s / 86400);
}

/* Member @to of @view is the age of the time that member @from of @status is. */
static void add_age(struct json_object *view, const char *to, struct json_object *status,
	const char *from, gint64 now_us)
{
	struct json_object *time = output_member(status, from);
	g_autofree char *age = NULL;

	if (!json_object_is_type(time, json_type_int))
		return;
	age = hvctl_age_text(now_us - json_object_get_int64(time));
	json_object_object_add(view, to, json_object_new_string(age));
}

/* "enumerate pool auto, 3 s ago" */
static void add_last_request(struct json_object *view, struct json_object *status, gint64 now_us)
{
	struct json_object *name = output_member(status, "last_request");
	struct json_object *time = output_member(status, "last_request_time_us");
	g_autofree char *age = NULL, *text = NULL;

	if (!json_object_is_type(name, json_type_string))
		return;
	if (json_object_is_type(time, json_type_int))
		age = hvctl_age_text(now_us - json_object_get_int64(time));
	text = g_strjoin(", ", json_object_get_string(name), age, NULL);
	json_object_object_add(view, "last_request_text", json_object_new_string(text));
}

/* Every counter the daemon has, so that a new one needs no change here: "12 requests, 12 answered" */
static void add_counters(struct json_object *view, struct json_object *status)
{
	struct json_object *counters = output_member(status, "counters");
	g_autoptr(GString) text = g_string_new(NULL);

	if (!json_object_is_type(counters, json_type_object))
		return;
	json_object_object_foreach(counters, name, value)
	{
		g_autofree char *size = g_str_equal(name, "bytes") ? hvctl_size_text(value) : NULL;

		if (size)
			g_string_append_printf(text, " of %s", size);
		else
			g_string_append_printf(text, "%s%s %s", text->len ? ", " : "",
				json_object_to_json_string(value), name);
	}
	json_object_object_add(view, "counters_text", json_object_new_string(text->str));
}

/* The problem with who keeps the file locked, as a text; the member is there only where somebody does. */
static void add_locked(struct json_object *pool, struct json_object *by)
{
	const char *problem = json_object_get_string(output_member(pool, "problem"));
	const HvctlHolder holder = { .pid = json_object_get_int64(output_member(by, "pid")),
		.command = (char *)(guintptr)json_object_get_string(output_member(by, "command")) };
	g_autofree char *who = hvctl_holder_text(&holder);
	g_autofree char *text = g_strdup_printf(
		"%s%slocked by %s", problem ? problem : "", problem ? "; " : "", who);

	json_object_object_add(pool, "problem", json_object_new_string(text));
}

/* The pools as the table shows them, a new array. */
static struct json_object *view_pools(struct json_object *pools)
{
	struct json_object *view = json_object_new_array();

	for (gsize i = 0; i < json_object_array_length(pools); i++) {
		struct json_object *pool = json_object_array_get_idx(pools, i), *copy = NULL;
		struct json_object *by = output_member(pool, "locked_by");

		if (by && json_object_deep_copy(pool, &copy, NULL) == 0)
			add_locked(copy, by);
		json_object_array_add(view, copy ? copy : json_object_get(pool));
	}
	return view;
}

static void print_pools(FILE *out, struct json_object *pools)
{
	struct json_object *view;

	if (!json_object_is_type(pools, json_type_array))
		return;
	view = view_pools(pools);
	fputc('\n', out);
	output_table(out, view, pool_columns);
	json_object_put(view);
}

/* --- backups --- */

/* "57 s at the latest" */
static void add_deadline(struct json_object *view, struct json_object *status, gint64 now_us)
{
	struct json_object *time = output_member(status, "deadline_us");
	g_autofree char *text = NULL;
	gint64 left;

	if (!json_object_is_type(time, json_type_int))
		return;
	left = MAX(0, json_object_get_int64(time) - now_us);
	text = g_strdup_printf(
		"%" G_GINT64_FORMAT " s at the latest", (left + 999999) / G_USEC_PER_SEC);
	json_object_object_add(view, "deadline_text", json_object_new_string(text));
}

/* "an older one is in use: /etc/hvis/hvis.conf:3: there is no key X" */
static void add_config(struct json_object *view, struct json_object *status)
{
	const char *problem = json_object_get_string(output_member(status, "config_problem"));
	g_autofree char *text = NULL;

	if (!problem)
		return;
	text = g_strconcat("an older one is in use: ", problem, NULL);
	json_object_object_add(view, "config_text", json_object_new_string(text));
}

/* "ok, 3 s ago: 2 file systems were frozen for 10 ms" */
static void add_last(struct json_object *view, struct json_object *status, gint64 now_us)
{
	struct json_object *time = output_member(status, "last.end_us");
	const char *result = json_object_get_string(output_member(status, "last.result"));
	const char *message = json_object_get_string(output_member(status, "last.message"));
	g_autofree char *age = NULL, *text = NULL;

	if (!output_member(status, "backup") || !result || !message ||
		!json_object_is_type(time, json_type_int))
		return;
	age = hvctl_age_text(now_us - json_object_get_int64(time));
	text = g_strdup_printf("%s, %s: %s", result, age, message);
	json_object_object_add(view, "last_text", json_object_new_string(text));
	json_object_object_add(
		view, "problem_text", hvctl_vss_hooks_text(output_member(status, "last")));
}

static void print_mounts(FILE *out, struct json_object *last)
{
	struct json_object *mounts = output_member(last, "mounts");

	if (!json_object_is_type(mounts, json_type_array) || json_object_array_length(mounts) == 0)
		return;
	fputc('\n', out);
	hvctl_vss_print_mounts(out, last);
}

/* --- all --- */

static void print_json(FILE *out, const HvctlStatuses *statuses)
{
	struct json_object *all = json_object_new_object();

	json_object_object_add(all, "schema", json_object_new_int(SCHEMA));
	if (statuses->kvp)
		json_object_object_add(all, "kvp", json_object_get(statuses->kvp));
	if (statuses->vss)
		json_object_object_add(all, "vss", json_object_get(statuses->vss));
	if (statuses->fcopy)
		json_object_object_add(all, "fcopy", json_object_get(statuses->fcopy));
	output_json(out, all, FALSE);
	json_object_put(all);
}

static void print_text(FILE *out, const char *heading, struct json_object *status, gint64 now_us)
{
	struct json_object *view = json_object_new_object();

	json_object_object_foreach(status, name, value)
	{
		json_object_object_add(view, name, json_object_get(value));
	}
	add_age(view, "since_text", status, "state_since_us", now_us);
	add_last_request(view, status, now_us);
	add_counters(view, status);
	add_age(view, "frozen_text", status, "frozen_since_us", now_us);
	add_deadline(view, status, now_us);
	add_config(view, status);
	add_last(view, status, now_us);
	hvctl_fcopy_add_status(view, status, now_us);
	fprintf(out, "%s\n", heading);
	output_fields(out, view, fields);
	print_pools(out, output_member(status, "pools"));
	print_mounts(out, output_member(status, "last"));
	json_object_put(view);
}

void hvctl_status_print(FILE *out, gboolean json, const HvctlStatuses *statuses, gint64 now_us)
{
	const struct {
		const char *heading;
		struct json_object *status;
	} daemons[] = {
		{ "hv_kvp_daemon: key-value pairs", statuses->kvp },
		{ "hv_vss_daemon: backups", statuses->vss },
		{ "hv_fcopy_daemon: files from the host", statuses->fcopy },
	};
	gboolean first = TRUE;

	if (json) {
		print_json(out, statuses);
		return;
	}
	for (gsize i = 0; i < G_N_ELEMENTS(daemons); i++) {
		if (!daemons[i].status)
			continue;
		if (!first)
			fputc('\n', out);
		print_text(out, daemons[i].heading, daemons[i].status, now_us);
		first = FALSE;
	}
}
