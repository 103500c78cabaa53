/* SPDX-License-Identifier: GPL-2.0-only */
/* Lines. */
#include "config.h"

#include "fcopyd/journal.h"

#include <string.h>

#include <util/messages.h>

void fcopy_journal_clear(FcopyJournal *journal)
{
	hvis_log_limit_clear(&journal->ends);
	hvis_log_limit_clear(&journal->malformed);
}

void fcopy_journal_begun(const FcopyTransfer *transfer)
{
	const HvisLogContext context = { .message_id = HVIS_MESSAGE_FILE_BEGUN,
		.message_type = "START",
		.file = transfer->target,
		.size = transfer->size };
	g_autofree char *size = fcopy_transfer_size(transfer);

	hvis_log_with(
		HVIS_LOG_INFO, &context, "The host copies a file: %s, %s", transfer->target, size);
}

static void tell_received(const FcopyTransfer *transfer)
{
	const HvisLogContext context = { .message_id = HVIS_MESSAGE_FILE_RECEIVED,
		.message_type = "COMPLETE",
		.file = transfer->target,
		.size = transfer->size,
		.sha256 = transfer->sha256,
		.duration_us = transfer->end_us - transfer->begin_us };
	g_autofree char *pace = fcopy_transfer_pace(transfer);

	hvis_log_with(HVIS_LOG_NOTICE, &context, "File received: %s, %s, SHA-256 %s",
		transfer->target, pace, transfer->sha256);
}

/* The reason names the file itself, more often than not. */
static const char *reason_of(const FcopyTransfer *transfer, const char *where)
{
	gsize len = strlen(where);

	if (len > 0 && g_str_has_prefix(transfer->message, where) &&
		g_str_has_prefix(transfer->message + len, ": "))
		return transfer->message + len + 2;
	return transfer->message;
}

static void tell_failed(const FcopyTransfer *transfer, guint omitted)
{
	gboolean refused = transfer->result == FCOPY_RESULT_REFUSED;
	g_autofree char *where = fcopy_transfer_where(transfer);
	g_autofree char *others =
		omitted == 0
			? g_strdup("")
			: g_strdup_printf(" (%u before it not logged: see \"hvctl fcopy history\")",
				  omitted);
	const HvisLogContext context = { .message_id = refused ? HVIS_MESSAGE_FILE_REFUSED
							       : HVIS_MESSAGE_FILE_FAILED,
		.file = where,
		.size = transfer->size,
		.duration_us = transfer->end_us - transfer->begin_us };
	HvisLogLevel level =
		transfer->result == FCOPY_RESULT_CANCELLED ? HVIS_LOG_NOTICE : HVIS_LOG_WARNING;

	hvis_log_with(level, &context, "File %s: %s: %s%s", refused ? "refused" : "not received",
		where, reason_of(transfer, where), others);
}

void fcopy_journal_ended(FcopyJournal *journal, const FcopyTransfer *transfer, gint64 now)
{
	if (transfer->result == FCOPY_RESULT_OK) {
		tell_received(transfer);
	} else if (!hvis_log_limit(&journal->ends, transfer->message, now)) {
		journal->omitted++;
	} else {
		tell_failed(transfer, journal->omitted);
		journal->omitted = 0;
	}
}

void fcopy_journal_malformed(FcopyJournal *journal, const GError *error, gint64 now)
{
	const HvisLogContext context = { .message_id = HVIS_MESSAGE_FILE_REFUSED };

	if (hvis_log_limit(&journal->malformed, error->message, now))
		hvis_log_with(HVIS_LOG_WARNING, &context,
			"The host has sent what is no message: %s", error->message);
}

void fcopy_journal_late(const char *target)
{
	const HvisLogContext context = { .message_id = HVIS_MESSAGE_FILE_LATE, .file = target };

	hvis_log_with(HVIS_LOG_WARNING, &context,
		"A file is there after all, though it had been given up: %s", target);
}

void fcopy_journal_swept(guint count)
{
	if (count > 0)
		hvis_log(HVIS_LOG_NOTICE,
			"%u file%s that %s not whole %s removed: a former daemon was killed", count,
			count == 1 ? "" : "s", count == 1 ? "was" : "were",
			count == 1 ? "has been" : "have been");
}
