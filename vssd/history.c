/* SPDX-License-Identifier: GPL-2.0-only */
/* Entries are JSON from the beginning: nothing but answers is made of them. */
#include "config.h"

#include "vssd/history.h"

#include <errno.h>
#include <string.h>

#include <hvis/kvp.h>
#include <util/json.h>
#include <util/utf16.h>

#include "vssd/report.h"

#define PLAIN (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

static const struct {
	const char *word;
	const char *early; /* of what was thawed before its time */
} enders[VSS_ENDER_N] = {
	[VSS_ENDER_FAILURE] = { "failure", "it did not stay frozen" },
	[VSS_ENDER_HOST] = { "host", "the host called it off" },
	[VSS_ENDER_NEXT] = { "host", "the host began another backup and did not ask to thaw" },
	[VSS_ENDER_TIME] = { "time", "the time was over" },
	[VSS_ENDER_DEADLINE] = { "deadline", "the host did not ask to thaw in time" },
	[VSS_ENDER_HAND] = { "hand", "it was thawed by hand" },
	[VSS_ENDER_CALLER] = { "caller", "who asked for it did not wait any longer" },
	[VSS_ENDER_DEVICE] = { "device", "the device was lost" },
	[VSS_ENDER_DAEMON] = { "daemon", "the daemon was stopped" },
};

static struct json_object *text_of(const char *bytes)
{
	g_autofree char *text = bytes ? g_utf8_make_valid(bytes, -1) : NULL;

	return hvis_json_text(text);
}

/* --- the mounts --- */

static const struct vss_msg *event_of(
	const VssOutcome *outcome, guint index, enum vss_action action)
{
	for (guint i = 0; i < outcome->events->len; i++) {
		const struct vss_msg *event = &g_array_index(outcome->events, struct vss_msg, i);

		if (event->index == index && event->action == action && event->err == 0)
			return event;
	}
	return NULL;
}

static struct json_object *error_of(const VssOutcome *outcome, guint index)
{
	for (guint i = 0; i < outcome->events->len; i++) {
		const struct vss_msg *event = &g_array_index(outcome->events, struct vss_msg, i);

		if (event->index == index && event->err != 0 && event->action < VSS_ACTION_N) {
			g_autofree char *text = vss_report_error(event->action, event->err);

			return text_of(text);
		}
	}
	return NULL;
}

static struct json_object *took(const struct vss_msg *event)
{
	return event ? json_object_new_int64(event->took_us) : NULL;
}

/* @real_us is the time of the day at the beginning of CLOCK_BOOTTIME. */
static struct json_object *mount_json(const VssOutcome *outcome, guint index, gint64 real_us)
{
	const struct vss_msg *freeze = event_of(outcome, index, VSS_FREEZE);
	const struct vss_msg *thaw = event_of(outcome, index, VSS_THAW);
	struct json_object *object = json_object_new_object();

	json_object_object_add(
		object, "mount", text_of((const char *)g_ptr_array_index(outcome->targets, index)));
	json_object_object_add(object, "sync_us", took(event_of(outcome, index, VSS_SYNC)));
	json_object_object_add(object, "freeze_at_us",
		freeze ? json_object_new_int64(real_us + freeze->at_us) : NULL);
	json_object_object_add(object, "freeze_us", took(freeze));
	json_object_object_add(object, "thaw_us", took(thaw));
	json_object_object_add(object, "frozen_us",
		freeze && thaw ? json_object_new_int64(thaw->at_us + thaw->took_us - freeze->at_us)
			       : NULL);
	json_object_object_add(object, "error", error_of(outcome, index));
	return object;
}

/* --- entries --- */

static struct json_object *entry_new(const char *kind, gint64 began_us, const char *result)
{
	struct json_object *entry = json_object_new_object();

	json_object_object_add(entry, "kind", json_object_new_string(kind));
	json_object_object_add(entry, "time_us", json_object_new_int64(began_us));
	json_object_object_add(entry, "end_us", json_object_new_int64(g_get_real_time()));
	json_object_object_add(entry, "result", json_object_new_string(result));
	return entry;
}

static const char *result_of(const VssRun *run, const VssOutcome *outcome)
{
	if (outcome->err == 0)
		return run->in_time ? "ok" : "aborted";
	return outcome->err == ECANCELED ? "aborted" : "failed";
}

static struct json_object *message_of(const VssRun *run, const VssOutcome *outcome)
{
	g_autofree char *text = vss_report_text(outcome), *whole = NULL;

	if (outcome->err == 0 && !run->in_time)
		whole = g_strconcat(text, "; ", enders[run->ender].early, NULL);
	return text_of(whole ? whole : text);
}

struct json_object *vss_history_entry(const VssRun *run, const VssOutcome *outcome)
{
	struct json_object *mounts = json_object_new_array();
	struct json_object *entry = entry_new(
		run->rehearsal ? "rehearsal" : "backup", run->began_us, result_of(run, outcome));
	gint64 real_us = g_get_real_time() - vss_now(); /* one for all: they can be compared */

	for (guint i = 0; i < outcome->targets->len; i++)
		json_object_array_add(mounts, mount_json(outcome, i, real_us));
	json_object_object_add(entry, "message", message_of(run, outcome));
	json_object_object_add(entry, "ended_by", json_object_new_string(enders[run->ender].word));
	json_object_object_add(entry, "frozen", hvis_json_count(outcome->n_frozen));
	json_object_object_add(
		entry, "frozen_us", json_object_new_int64(vss_report_frozen_us(outcome)));
	json_object_object_add(entry, "mounts", mounts);
	json_object_object_add(entry, "hooks", json_object_new_array());
	return entry;
}

static struct json_object *entry_without_outcome(const char *kind, gint64 began_us,
	const char *result, const char *message, const char *ended_by)
{
	struct json_object *entry = entry_new(kind, began_us, result);

	json_object_object_add(entry, "message", text_of(message));
	json_object_object_add(entry, "ended_by", hvis_json_text(ended_by));
	json_object_object_add(entry, "frozen", json_object_new_int(0));
	json_object_object_add(entry, "frozen_us", json_object_new_int(0));
	json_object_object_add(entry, "mounts", json_object_new_array());
	json_object_object_add(entry, "hooks", json_object_new_array());
	return entry;
}

struct json_object *vss_history_refusal(const char *kind, const char *message)
{
	return entry_without_outcome(kind, g_get_real_time(), "refused", message, NULL);
}

struct json_object *vss_history_killed(gboolean rehearsal, gint64 began_us, gboolean thawed)
{
	const char *message = thawed ? "the daemon was killed as it was about to tell that all was "
				       "frozen until its thaw"
				     : "the daemon was killed before it was over";

	return entry_without_outcome(rehearsal ? "rehearsal" : "backup", began_us, "failed",
		message, enders[VSS_ENDER_FAILURE].word);
}

static const char *member_text(struct json_object *entry, const char *name)
{
	return json_object_get_string(json_object_object_get(entry, name));
}

const char *vss_history_result(struct json_object *entry)
{
	return member_text(entry, "result");
}

const char *vss_history_message(struct json_object *entry)
{
	return member_text(entry, "message");
}

gboolean vss_history_is_rehearsal(struct json_object *entry)
{
	return g_str_equal(member_text(entry, "kind"), "rehearsal");
}

gboolean vss_history_has_problems(struct json_object *entry)
{
	return json_object_array_length(json_object_object_get(entry, "hooks")) > 0;
}

/* --- for the host --- */

static void move(struct json_object *to, struct json_object *from, const char *name)
{
	json_object_object_add(to, name, json_object_get(json_object_object_get(from, name)));
}

static struct json_object *short_mounts(struct json_object *mounts)
{
	struct json_object *list = json_object_new_array();

	for (gsize i = 0; i < json_object_array_length(mounts); i++) {
		struct json_object *mount = json_object_array_get_idx(mounts, i);
		struct json_object *part = json_object_new_object();

		move(part, mount, "mount");
		move(part, mount, "freeze_us");
		move(part, mount, "frozen_us");
		move(part, mount, "thaw_us");
		json_object_array_add(list, part);
	}
	return list;
}

/* Whether a record holds it, and the host is given all of it. */
static gboolean fits(const char *text)
{
	return strlen(text) < HVIS_KVP_VALUE_MAX &&
	       hvis_utf16_units(text) <= (gssize)HVIS_KVP_VALUE_UNITS_MAX;
}

/* Those of @entry, if there are any: as many as fit; one, whatever it takes. */
static void add_problems(struct json_object *value, struct json_object *entry)
{
	struct json_object *all = json_object_object_get(entry, "hooks");
	struct json_object *list;

	if (!vss_history_has_problems(entry))
		return;
	list = json_object_new_array();
	json_object_object_add(value, "hooks", list);
	for (gsize i = 0; i < json_object_array_length(all); i++) {
		json_object_array_add(list, json_object_get(json_object_array_get_idx(all, i)));
		if (i > 0 && !fits(json_object_to_json_string_ext(value, PLAIN))) {
			json_object_array_del_idx(list, i, 1);
			break;
		}
	}
}

char *vss_history_value(struct json_object *entry)
{
	static const char *const members[] = { "kind", "result", "ended_by", "frozen", "frozen_us",
		"message" };
	static const char *const dispensable[] = { "mounts", "message", "hooks" };
	struct json_object *value = json_object_new_object();
	gint64 us = json_object_get_int64(json_object_object_get(entry, "time_us"));
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(us / G_USEC_PER_SEC);
	g_autofree char *text = g_date_time_format(time, "%FT%TZ");
	char *json;

	json_object_object_add(value, "time", json_object_new_string(text));
	for (guint i = 0; i < G_N_ELEMENTS(members); i++)
		move(value, entry, members[i]);
	add_problems(value, entry);
	json_object_object_add(
		value, "mounts", short_mounts(json_object_object_get(entry, "mounts")));
	for (guint i = 0; i < G_N_ELEMENTS(dispensable); i++)
		if (!fits(json_object_to_json_string_ext(value, PLAIN)))
			json_object_object_del(value, dispensable[i]);
	json = g_strdup(json_object_to_json_string_ext(value, PLAIN));
	json_object_put(value);
	return json;
}
