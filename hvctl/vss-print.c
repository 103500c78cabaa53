/* SPDX-License-Identifier: GPL-2.0-only */
/* Plans and backups as tables. */
#include "hvctl/vss.h"

#include "util/duration.h"
#include "util/output.h"

char *hvctl_vss_duration_text(struct json_object *us)
{
	return us ? hvis_duration_text(json_object_get_int64(us)) : g_strdup("-");
}

static const char *word_of(struct json_object *value)
{
	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

/* --- the plan --- */

static const char *verdict_style(struct json_object *value)
{
	const char *verdict = word_of(value);

	return g_str_equal(verdict, "freeze") ? OUTPUT_GREEN
	       : g_str_equal(verdict, "deny") ? OUTPUT_RED
					      : OUTPUT_YELLOW;
}

static const OutputColumn plan_columns[] = {
	{ .heading = "VERDICT", .member = "verdict", .style = verdict_style },
	{ .heading = "LEVEL", .member = "level", .right = TRUE },
	{ .heading = "MOUNT POINT", .member = "at" },
	{ .heading = "TYPE", .member = "type" },
	{ .heading = "SOURCE", .member = "source" },
	{ .heading = "WHY", .member = "reason_text" },
	{ .heading = NULL },
};

/* "/srv (+2)"; of a mount in another namespace "/srv in process 1234 (+2)" */
static struct json_object *place_of(struct json_object *item)
{
	struct json_object *mounts = output_member(item, "mounts");
	struct json_object *process = output_member(item, "process");
	gint64 n = json_object_get_int64(output_member(item, "mount_count"));
	g_autoptr(GString) text =
		g_string_new(json_object_is_type(mounts, json_type_array)
				     ? word_of(json_object_array_get_idx(mounts, 0))
				     : "");

	if (process)
		g_string_append_printf(
			text, " in process %" G_GINT64_FORMAT, json_object_get_int64(process));
	if (n > 1)
		g_string_append_printf(text, " (+%" G_GINT64_FORMAT ")", n - 1);
	return json_object_new_string(text->str);
}

static struct json_object *why_of(struct json_object *item)
{
	const char *why = word_of(output_member(item, "why"));
	const char *detail = word_of(output_member(item, "detail"));
	gboolean required = g_str_equal(word_of(output_member(item, "reason")), "required");
	g_autofree char *text = required ? g_strdup_printf("is required (%s), but %s", detail, why)
					 : g_strconcat(why, *detail ? ": " : "", detail, NULL);

	return json_object_new_string(text);
}

static struct json_object *plan_row(struct json_object *item)
{
	static const char *const members[] = { "verdict", "level", "type", "source" };
	struct json_object *row = json_object_new_object();

	for (guint i = 0; i < G_N_ELEMENTS(members); i++)
		json_object_object_add(
			row, members[i], json_object_get(output_member(item, members[i])));
	json_object_object_add(row, "at", place_of(item));
	json_object_object_add(row, "reason_text", why_of(item));
	return row;
}

static void print_verdict(FILE *out, struct json_object *plan)
{
	struct json_object *problem = output_member(plan, "problem");
	gint64 unseen = json_object_get_int64(output_member(plan, "unseen"));
	g_autofree char *text = output_value(problem);

	if (unseen > 0)
		fprintf(out,
			"The mounts of %" G_GINT64_FORMAT " processes could not be looked at.\n",
			unseen);
	if (problem)
		fprintf(out, "No backup is possible: %s.\n", text);
	else
		fputs("A backup is possible.\n", out);
}

void hvctl_vss_print_plan(FILE *out, struct json_object *plan)
{
	struct json_object *items = output_member(plan, "file_systems");
	struct json_object *rows = json_object_new_array();
	gsize n = json_object_is_type(items, json_type_array) ? json_object_array_length(items) : 0;
	guint hidden = 0;

	for (gsize i = 0; i < n; i++) {
		struct json_object *item = json_object_array_get_idx(items, i);

		if (g_str_equal(word_of(output_member(item, "reason")), "pseudo"))
			hidden++;
		else
			json_object_array_add(rows, plan_row(item));
	}
	output_table(out, rows, plan_columns);
	if (hidden > 0)
		fprintf(out, "%s%u on no disk, such as proc and tmpfs, %s skipped, too.\n",
			json_object_array_length(rows) > 0 ? "\n" : "", hidden,
			hidden == 1 ? "is" : "are");
	print_verdict(out, plan);
	json_object_put(rows);
}

/* --- backups --- */

const char *hvctl_vss_result_style(struct json_object *result)
{
	const char *word = word_of(result);

	return g_str_equal(word, "ok")        ? OUTPUT_GREEN
	       : g_str_equal(word, "aborted") ? OUTPUT_YELLOW
					      : OUTPUT_RED;
}

static char *time_text(struct json_object *us)
{
	g_autoptr(GDateTime) time =
		us ? g_date_time_new_from_unix_local(json_object_get_int64(us) / G_USEC_PER_SEC)
		   : NULL;

	return time ? g_date_time_format(time, "%F %T") : NULL;
}

static const char *error_style(struct json_object *value)
{
	return value ? OUTPUT_RED : NULL;
}

static const OutputColumn history_columns[] = {
	{ .heading = "TIME", .member = "time_us", .format = time_text },
	{ .heading = "KIND", .member = "kind" },
	{ .heading = "RESULT", .member = "result", .style = hvctl_vss_result_style },
	{ .heading = "ENDED BY", .member = "ended_by" },
	{ .heading = "FROZEN", .member = "frozen", .right = TRUE },
	{ .heading = "FOR",
		.member = "frozen_us",
		.right = TRUE,
		.format = hvctl_vss_duration_text },
	{ .heading = "MESSAGE", .member = "message" },
	{ .heading = "PROBLEM", .member = "problem", .style = error_style },
	{ .heading = NULL },
};

/* One of @hooks: "hook 20-b: thaw: exit status 3". Of an older daemon there may be none. */
static void append_hook(GString *text, struct json_object *problem)
{
	g_string_append_printf(text, "%shook %s: %s: %s", text->len > 0 ? "; " : "",
		word_of(output_member(problem, "hook")), word_of(output_member(problem, "verb")),
		word_of(output_member(problem, "error")));
}

struct json_object *hvctl_vss_hooks_text(struct json_object *backup)
{
	struct json_object *hooks = output_member(backup, "hooks");
	gsize n = json_object_is_type(hooks, json_type_array) ? json_object_array_length(hooks) : 0;
	g_autoptr(GString) text = g_string_new(NULL);

	for (gsize i = 0; i < n; i++)
		append_hook(text, json_object_array_get_idx(hooks, i));
	return n > 0 ? json_object_new_string(text->str) : NULL;
}

/* Where nothing was frozen it was for no time, rather than for 0 ms. */
static struct json_object *history_row(struct json_object *backup)
{
	struct json_object *row = json_object_new_object();
	gboolean frozen = json_object_get_int64(output_member(backup, "frozen")) > 0;

	for (const OutputColumn *c = history_columns; c->heading; c++)
		if (frozen || !g_str_equal(c->member, "frozen_us"))
			json_object_object_add(
				row, c->member, json_object_get(output_member(backup, c->member)));
	json_object_object_add(row, "problem", hvctl_vss_hooks_text(backup));
	return row;
}

void hvctl_vss_print_history(FILE *out, struct json_object *backups)
{
	struct json_object *rows = json_object_new_array();

	for (gsize i = 0; i < json_object_array_length(backups); i++)
		json_object_array_add(rows, history_row(json_object_array_get_idx(backups, i)));
	output_table(out, rows, history_columns);
	json_object_put(rows);
}

static const OutputColumn mount_columns[] = {
	{ .heading = "MOUNT POINT", .member = "mount" },
	{ .heading = "SYNC",
		.member = "sync_us",
		.right = TRUE,
		.format = hvctl_vss_duration_text },
	{ .heading = "FREEZE",
		.member = "freeze_us",
		.right = TRUE,
		.format = hvctl_vss_duration_text },
	{ .heading = "FROZEN",
		.member = "frozen_us",
		.right = TRUE,
		.format = hvctl_vss_duration_text },
	{ .heading = "THAW",
		.member = "thaw_us",
		.right = TRUE,
		.format = hvctl_vss_duration_text },
	{ .heading = "PROBLEM", .member = "error", .style = error_style },
	{ .heading = NULL },
};

void hvctl_vss_print_mounts(FILE *out, struct json_object *backup)
{
	output_table(out, output_member(backup, "mounts"), mount_columns);
}
