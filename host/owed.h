/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's own watchdog: what one side owes the other, and since when.
 *
 * Linux waits without time-out for most answers of a VMBus host, so a lost one looks like a guest
 * that hangs. Whoever receives a request enters the answer that is due; whoever sends the answer
 * crosses it out. What stays longer than the limit is reported once, and "ctl info" lists it all.
 */
#pragma once

#include <glib.h>

/*
 * @who waits ("guest", "host") for @what ("OPEN_RESULT for kvp, relid 4"). @limit_ms: report after
 * that long. Returns an id that is never 0.
 */
guint64 owed_add(const char *who, guint limit_ms, const char *what, ...) G_GNUC_PRINTF(3, 4);
void owed_done(guint64 id); /* 0 and unknown ids are ignored */
void owed_clear(void);	    /* the guest is gone */

typedef void (*OwedReport)(const char *who, const char *what, gint64 waited_ms, gpointer data);
void owed_set_report(OwedReport report, gpointer data);

struct json_object *owed_describe(void);
