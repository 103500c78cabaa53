/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the daemon tells the journal. While something is frozen nothing is: who reads that may stand on it;
 * it is kept, and told afterwards. When that is so is the coordinator's to say.
 */
#pragma once

#include <json-c/json.h>

#include <util/log.h>

#include "vssd/session.h"

typedef struct VssJournal VssJournal;

VssJournal *vss_journal_new(void);

/* What is kept is told to nobody any more. NULL is fine. */
void vss_journal_free(VssJournal *journal);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VssJournal, vss_journal_free)

/* Tell @text, with a message's id or NULL, @now or by vss_journal_release(). */
void vss_journal_say(VssJournal *journal, gboolean now, HvisLogLevel level, const char *message_id,
	const char *text);
void vss_journal_say_now(HvisLogLevel level, const char *message_id, const char *text);

/*
 * Whether @problem, NULL for none, is another one than that of the last call, or was told ten minutes before @now
 * (clock time): a host may ask as often as it likes.
 */
gboolean vss_journal_is_news(VssJournal *journal, const char *problem, gint64 now);

/* Tell @what the host does not get, "No freeze", and why. */
void vss_journal_refused(const char *what, const char *problem);

/* Tell what is kept. */
void vss_journal_release(VssJournal *journal);

/* Tell how a session ended, which is @entry of the history. */
void vss_journal_outcome(struct json_object *entry, const VssOutcome *outcome, gboolean rehearsal);
