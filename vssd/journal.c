/* SPDX-License-Identifier: GPL-2.0-only */
/* A list of what waits, and the words for an outcome. */
#include "config.h"

#include "vssd/journal.h"

#include <util/messages.h>

#include "vssd/history.h"
#include "vssd/report.h"

typedef struct {
	HvisLogLevel level;
	const char *message_id;
	char *text;
} Kept;

struct VssJournal {
	GPtrArray *kept; /* of Kept */
	HvisLogLimit refusals;
};

static void kept_free(gpointer data)
{
	Kept *kept = data;

	g_free(kept->text);
	g_free(kept);
}

VssJournal *vss_journal_new(void)
{
	VssJournal *journal = g_new0(VssJournal, 1);

	journal->kept = g_ptr_array_new_with_free_func(kept_free);
	return journal;
}

void vss_journal_free(VssJournal *journal)
{
	if (!journal)
		return;
	g_ptr_array_unref(journal->kept);
	hvis_log_limit_clear(&journal->refusals);
	g_free(journal);
}

void vss_journal_say_now(HvisLogLevel level, const char *message_id, const char *text)
{
	const HvisLogContext context = { .message_id = message_id };

	hvis_log_with(level, &context, "%s", text);
}

void vss_journal_say(VssJournal *journal, gboolean now, HvisLogLevel level, const char *message_id,
	const char *text)
{
	Kept *kept;

	if (now) {
		vss_journal_say_now(level, message_id, text);
		return;
	}
	kept = g_new(Kept, 1);
	*kept = (Kept){ level, message_id, g_strdup(text) };
	g_ptr_array_add(journal->kept, kept);
}

void vss_journal_release(VssJournal *journal)
{
	for (guint i = 0; i < journal->kept->len; i++) {
		const Kept *kept = (const Kept *)g_ptr_array_index(journal->kept, i);

		vss_journal_say_now(kept->level, kept->message_id, kept->text);
	}
	g_ptr_array_set_size(journal->kept, 0);
}

void vss_journal_outcome(struct json_object *entry, const VssOutcome *outcome, gboolean rehearsal)
{
	const char *what = rehearsal ? "Rehearsal" : "Backup";
	gboolean well = g_str_equal(vss_history_result(entry), "ok");
	const HvisLogContext context = { .message_id = vss_report_message_id(outcome, well) };

	if (well)
		hvis_log_with(
			HVIS_LOG_NOTICE, &context, "%s: %s", what, vss_history_message(entry));
	else
		hvis_log_with(HVIS_LOG_WARNING, &context, "%s failed: %s", what,
			vss_history_message(entry));
	if (outcome->guarded)
		vss_journal_say_now(HVIS_LOG_WARNING, HVIS_MESSAGE_BACKUP_GUARD,
			"The guard had to thaw what was frozen");
	if (outcome->left_over)
		vss_journal_say_now(HVIS_LOG_WARNING, HVIS_MESSAGE_BACKUP_LEFT_OVER,
			"What was left frozen has been looked for and undone");
	for (guint i = 0; i < outcome->events->len; i++) {
		g_autofree char *line = vss_report_event(
			outcome, &g_array_index(outcome->events, struct vss_msg, i));

		if (line)
			hvis_log(HVIS_LOG_INFO, "%s", line);
	}
}

gboolean vss_journal_is_news(VssJournal *journal, const char *problem, gint64 now)
{
	if (g_strcmp0(problem, journal->refusals.last) != 0)
		hvis_log_limit_clear(&journal->refusals);
	return problem && hvis_log_limit(&journal->refusals, problem, now);
}

void vss_journal_refused(const char *what, const char *problem)
{
	g_autofree char *text = g_strdup_printf("%s: %s", what, problem);

	vss_journal_say_now(HVIS_LOG_WARNING, HVIS_MESSAGE_BACKUP_REFUSED, text);
}
