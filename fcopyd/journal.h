/* SPDX-License-Identifier: GPL-2.0-only */
/* What the journal is told of files: a line at the beginning, one at the end, with what is worth a field. It logs. */
#pragma once

#include <util/log.h>

#include "fcopyd/history.h"

/* What a host may cause as often as it likes is limited. Zeroed at first; cleared with fcopy_journal_clear(). */
typedef struct {
	HvisLogLimit ends, malformed;
	guint omitted; /* ends that were no line since the last one that was */
} FcopyJournal;

void fcopy_journal_clear(FcopyJournal *journal);

void fcopy_journal_begun(const FcopyTransfer *transfer);
void fcopy_journal_ended(FcopyJournal *journal, const FcopyTransfer *transfer, gint64 now);

/* The host sent something that is no message. */
void fcopy_journal_malformed(FcopyJournal *journal, const GError *error, gint64 now);

/* A file has got its name after the host was told that it has not. */
void fcopy_journal_late(const char *target);

/* @count files of a daemon that was killed have been removed. */
void fcopy_journal_swept(guint count);
