/* SPDX-License-Identifier: GPL-2.0-only */
/* Files from the host in words: what has come, how fast, and what became of it. */
#include "hvctl/fcopy.h"

#include "hvctl/status.h"
#include "hvctl/vss.h"
#include "util/duration.h"
#include "util/output.h"

static const char *word_of(struct json_object *object, const char *name)
{
	struct json_object *value = output_member(object, name);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

static gint64 number_of(struct json_object *object, const char *name)
{
	return json_object_get_int64(output_member(object, name));
}

/* --- sizes --- */

static char *size_text(gint64 bytes)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	gdouble size = (gdouble)bytes / 1024;
	guint unit = 0;

	if (bytes < 1024)
		return g_strdup_printf(
			"%" G_GINT64_FORMAT " %s", bytes, bytes == 1 ? "byte" : "bytes");
	for (; size >= 1024 && unit + 1 < G_N_ELEMENTS(units); unit++)
		size /= 1024;
	return g_strdup_printf("%.*f %s", size < 100 ? 1 : 0, size, units[unit]);
}

char *hvctl_size_text(struct json_object *bytes)
{
	return bytes ? size_text(json_object_get_int64(bytes)) : g_strdup("-");
}

/* "36.0 MiB/s"; NULL where it took no time, as far as one can tell. */
static char *rate_text(gint64 bytes, gint64 us)
{
	g_autofree char *size = NULL;

	if (us < 1000 || bytes <= 0)
		return NULL;
	size = size_text((gint64)((gdouble)bytes * G_USEC_PER_SEC / (gdouble)us));
	return g_strconcat(size, "/s", NULL);
}

/* --- one transfer --- */

/* Where it is, or, where no place was found for it, what the host has said. */
static char *file_of(struct json_object *transfer)
{
	const char *target = word_of(transfer, "target");

	if (*target)
		return g_strdup(target);
	return g_strdup_printf(
		"%s (%s)", word_of(transfer, "directory"), word_of(transfer, "name"));
}

/* "41 % (1.2 GiB of 2.9 GiB) in 34 s, 36.0 MiB/s" */
static char *progress_of(struct json_object *transfer, gint64 now_us)
{
	gint64 received = number_of(transfer, "received"), size = number_of(transfer, "size");
	gint64 us = MAX(0, now_us - number_of(transfer, "begin_us"));
	g_autofree char *has = size_text(received), *of = size_text(size);
	g_autofree char *time = hvis_duration_text(us), *rate = rate_text(received, us);
	gint64 percent = size > 0 ? (gint64)((gdouble)received * 100 / (gdouble)size) : 100;

	return g_strdup_printf("%" G_GINT64_FORMAT " %% (%s of %s) in %s%s%s", percent, has, of,
		time, rate ? ", " : "", rate ? rate : "");
}

/* "3.0 GiB in 34 s, 90.4 MiB/s" of one that is there, else why it is not. */
static char *outcome_of(struct json_object *transfer)
{
	gint64 us = MAX(0, number_of(transfer, "end_us") - number_of(transfer, "begin_us"));
	gint64 size = number_of(transfer, "size");
	g_autofree char *text = size_text(size), *time = hvis_duration_text(us);
	g_autofree char *rate = rate_text(size, us);

	if (!g_str_equal(word_of(transfer, "result"), "ok"))
		return g_strdup(word_of(transfer, "message"));
	return g_strdup_printf("%s in %s%s%s", text, time, rate ? ", " : "", rate ? rate : "");
}

/* --- within a status --- */

static void add_text(struct json_object *view, const char *name, const char *text)
{
	json_object_object_add(view, name, json_object_new_string(text));
}

static void add_current(struct json_object *view, struct json_object *transfer, gint64 now_us)
{
	g_autofree char *file = NULL, *progress = NULL;

	if (!json_object_is_type(transfer, json_type_object))
		return;
	file = file_of(transfer);
	progress = progress_of(transfer, now_us);
	add_text(view, "file_text", file);
	add_text(view, "progress_text", progress);
}

/* Of one that is not there the reason mostly begins with the file, and in the same escapes. */
static gboolean names_file(const char *reason, struct json_object *transfer)
{
	g_autofree char *whole =
		g_strconcat(word_of(transfer, "directory"), word_of(transfer, "name"), ": ", NULL);
	g_autofree char *shown = output_escape(whole);

	return g_str_has_prefix(reason, shown);
}

/* "ok, 3 s ago: /srv/image: 3.0 GiB in 34 s, 90.4 MiB/s" */
static void add_last(struct json_object *view, struct json_object *transfer, gint64 now_us)
{
	g_autofree char *age = NULL, *file = NULL, *outcome = NULL, *text = NULL;

	if (!json_object_is_type(transfer, json_type_object))
		return;
	age = hvctl_age_text(now_us - number_of(transfer, "end_us"));
	file = file_of(transfer);
	outcome = outcome_of(transfer);
	if (names_file(outcome, transfer))
		text = g_strdup_printf("%s, %s: %s", word_of(transfer, "result"), age, outcome);
	else
		text = g_strdup_printf(
			"%s, %s: %s: %s", word_of(transfer, "result"), age, file, outcome);
	add_text(view, "last_copy_text", text);
	if (*word_of(transfer, "sha256"))
		add_text(view, "last_sum_text", word_of(transfer, "sha256"));
}

static void add_list(
	struct json_object *view, const char *name, struct json_object *list, const char *none)
{
	g_autofree char *text = NULL;

	if (!json_object_is_type(list, json_type_array))
		return;
	if (json_object_array_length(list) > 0)
		text = output_value(list);
	else if (none)
		text = g_strdup(none);
	else
		return;
	add_text(view, name, text);
}

void hvctl_fcopy_add_status(struct json_object *view, struct json_object *status, gint64 now_us)
{
	const char *copy = word_of(status, "copy");

	if (!*copy)
		return;
	/* the daemon is ready for the next file, and a word that looks like a fault of its own is not for people */
	if (g_str_equal(copy, "failed") &&
		!json_object_is_type(output_member(status, "current"), json_type_object))
		copy = "idle, and refuses the rest of the last one, where any comes";
	add_text(view, "copy_text", copy);
	add_current(view, output_member(status, "current"), now_us);
	add_list(
		view, "allowed_text", output_member(status, "allowed"), "nowhere: Allow= is empty");
	add_list(view, "denied_text", output_member(status, "denied"), NULL);
	add_last(view, output_member(status, "last"), now_us);
}

/* "cancelled: /srv/image, 1.2 GiB of 2.9 GiB had come", or "failed: /srv/image: " and why. */
void hvctl_fcopy_print_end(FILE *out, struct json_object *transfer)
{
	g_autofree char *file = file_of(transfer),
			*has = size_text(number_of(transfer, "received"));
	g_autofree char *of = size_text(number_of(transfer, "size"));
	g_autofree char *shown = output_escape(file);
	const char *result = word_of(transfer, "result");

	if (g_str_equal(result, "cancelled"))
		fprintf(out, "%s: %s, %s of %s had come\n", result, shown, has, of);
	else
		fprintf(out, "%s: %s: %s\n", result, shown, word_of(transfer, "message"));
}

/* --- the table --- */

static char *time_text(struct json_object *us)
{
	g_autoptr(GDateTime) time =
		us ? g_date_time_new_from_unix_local(json_object_get_int64(us) / G_USEC_PER_SEC)
		   : NULL;

	return time ? g_date_time_format(time, "%F %T") : NULL;
}

static const char *result_style(struct json_object *value)
{
	const char *word = json_object_get_string(value);

	return !g_strcmp0(word, "ok")          ? OUTPUT_GREEN
	       : !g_strcmp0(word, "cancelled") ? OUTPUT_YELLOW
					       : OUTPUT_RED;
}

static const OutputColumn columns[] = {
	{ .heading = "TIME", .member = "begin_us", .format = time_text },
	{ .heading = "RESULT", .member = "result", .style = result_style },
	{ .heading = "ENDED BY", .member = "ended_by" },
	{ .heading = "SIZE", .member = "size", .right = TRUE, .format = hvctl_size_text },
	{ .heading = "CAME", .member = "received", .right = TRUE, .format = hvctl_size_text },
	{ .heading = "FOR", .member = "us", .right = TRUE, .format = hvctl_vss_duration_text },
	{ .heading = "FILE", .member = "file" },
	{ .heading = "MESSAGE", .member = "message" },
	{ .heading = NULL },
};

static struct json_object *row_of(struct json_object *transfer)
{
	struct json_object *row = json_object_new_object();
	g_autofree char *file = file_of(transfer);
	gint64 us = number_of(transfer, "end_us") - number_of(transfer, "begin_us");

	for (const OutputColumn *c = columns; c->heading; c++)
		json_object_object_add(
			row, c->member, json_object_get(output_member(transfer, c->member)));
	json_object_object_add(row, "us", json_object_new_int64(MAX(0, us)));
	json_object_object_add(row, "file", json_object_new_string(file));
	return row;
}

void hvctl_fcopy_print_history(FILE *out, struct json_object *transfers)
{
	struct json_object *rows = json_object_new_array();

	for (gsize i = 0; i < json_object_array_length(transfers); i++)
		json_object_array_add(rows, row_of(json_object_array_get_idx(transfers, i)));
	output_table(out, rows, columns);
	json_object_put(rows);
}
