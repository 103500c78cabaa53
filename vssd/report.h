/* SPDX-License-Identifier: GPL-2.0-only */
/* What the journal is told of a backup: after its end, in words, with the times at which it was. */
#pragma once

#include "vssd/session.h"

/* One sentence of how it ended; to be freed. */
char *vss_report_text(const VssOutcome *outcome);

/* "/srv: frozen at 12:00:01.250 in 3.1 ms" of one entry, or NULL where it says nothing. */
char *vss_report_event(const VssOutcome *outcome, const struct vss_msg *event);

/* "freeze: somebody else has frozen it" of an action that failed with an errno; to be freed. */
char *vss_report_error(enum vss_action action, int err);

/* "/a (it took too long), /b (…)": what could not be opened or frozen, and did not need to be; or NULL. */
char *vss_report_left_out(const VssOutcome *outcome);

/* How long something was frozen: from the first freeze that was begun to the last thaw that was done. */
gint64 vss_report_frozen_us(const VssOutcome *outcome);

/* What the message catalog has on how it ended, well or not: one of util/messages.h. */
const char *vss_report_message_id(const VssOutcome *outcome, gboolean well);
