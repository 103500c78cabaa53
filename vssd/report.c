/* SPDX-License-Identifier: GPL-2.0-only */
/* Words for outcomes. */
#include "config.h"

#include "vssd/report.h"

#include <errno.h>

#include <util/duration.h>
#include <util/messages.h>

static const char *const actions[VSS_ACTION_N] = { "open", "sync", "freeze", "thaw" };

/* What an errno says here; the system's words where it says nothing of its own. */
static const char *reason_of(int err, enum vss_action action)
{
	switch (err) {
	case EBUSY:
		return "somebody else has frozen it";
	case EINVAL:
		return action == VSS_THAW ? "somebody else has thawed it" : g_strerror(err);
	case EOPNOTSUPP:
	case ENOTTY:
		return action == VSS_FREEZE ? "the kernel cannot freeze it" : g_strerror(err);
	case EEXIST:
		return "what is left over of a former backup has to be undone first";
	case ESTALE:
		return "something else is mounted there by now";
	case ETIMEDOUT:
		return action == VSS_THAW ? "the host did not ask to thaw in time"
					  : "it took too long";
	case ECANCELED:
		return "it was called off";
	case EOWNERDEAD:
		return "a process of ours was killed";
	case ENOENT:
		return action == VSS_FREEZE ? "no file system could be frozen" : g_strerror(err);
	default:
		return g_strerror(err);
	}
}

char *vss_report_error(enum vss_action action, int err)
{
	return g_strdup_printf("%s: %s", actions[action], reason_of(err, action));
}

gint64 vss_report_frozen_us(const VssOutcome *outcome)
{
	gint64 first = 0, last = 0;

	for (guint i = 0; i < outcome->events->len; i++) {
		const struct vss_msg *event = &g_array_index(outcome->events, struct vss_msg, i);

		if (event->err != 0)
			continue;
		if (event->action == VSS_FREEZE && (first == 0 || event->at_us < first))
			first = event->at_us;
		if (event->action == VSS_THAW)
			last = MAX(last, event->at_us + event->took_us);
	}
	return first == 0 || last == 0 ? 0 : last - first;
}

char *vss_report_text(const VssOutcome *outcome)
{
	g_autofree char *error = NULL;

	if (outcome->err == 0) {
		g_autofree char *took = hvis_duration_text(vss_report_frozen_us(outcome));

		return g_strdup_printf("%u file system%s frozen for %s", outcome->n_frozen,
			outcome->n_frozen == 1 ? " was" : "s were", took);
	}
	error = vss_report_error(outcome->action, outcome->err);
	if (outcome->what)
		return g_strdup_printf("%s: %s", outcome->what, error);
	return g_steal_pointer(&error);
}

/* It could not be opened, or the kernel has no freeze for it: neither ends a backup that does not require it. */
static gboolean is_left_out(const struct vss_msg *event)
{
	if (event->action == VSS_FREEZE)
		return event->err == EOPNOTSUPP || event->err == ENOTTY;
	return event->action == VSS_OPEN && event->err != 0;
}

char *vss_report_left_out(const VssOutcome *outcome)
{
	GString *text = NULL;

	for (guint i = 0; i < outcome->events->len; i++) {
		const struct vss_msg *event = &g_array_index(outcome->events, struct vss_msg, i);

		if (!is_left_out(event) || event->index >= outcome->targets->len)
			continue;
		text = text ? g_string_append(text, ", ") : g_string_new(NULL);
		g_string_append_printf(text, "%s (%s)",
			(const char *)g_ptr_array_index(outcome->targets, event->index),
			reason_of(event->err, event->action));
	}
	return text ? g_string_free(text, FALSE) : NULL;
}

/* @at_us of CLOCK_BOOTTIME as the time of the day. */
static char *clock_text(gint64 at_us)
{
	gint64 real = g_get_real_time() - (vss_now() - at_us);
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(real / G_USEC_PER_SEC);
	g_autofree char *text = g_date_time_format(time, "%H:%M:%S");

	return g_strdup_printf("%s.%03d", text, (int)(real % G_USEC_PER_SEC / 1000));
}

char *vss_report_event(const VssOutcome *outcome, const struct vss_msg *event)
{
	g_autofree char *at = NULL, *took = NULL;

	if (event->index >= outcome->targets->len || event->action >= VSS_ACTION_N)
		return NULL;
	at = clock_text(event->at_us);
	took = hvis_duration_text(event->took_us);
	return g_strdup_printf("%s: %s at %s in %s%s%s",
		(const char *)g_ptr_array_index(outcome->targets, event->index),
		actions[event->action], at, took, event->err == 0 ? "" : ": ",
		event->err == 0 ? "" : reason_of(event->err, event->action));
}

const char *vss_report_message_id(const VssOutcome *outcome, gboolean well)
{
	if (well)
		return HVIS_MESSAGE_BACKUP_DONE;
	if (outcome->err == ETIMEDOUT && outcome->action == VSS_THAW)
		return HVIS_MESSAGE_BACKUP_LATE;
	return HVIS_MESSAGE_BACKUP_FAILED;
}
