/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's own watchdog: what one side owes the other, and since when.
 *
 * Linux waits without time-out for most answers of a VMBus host, so a lost one looks like a guest
 * that hangs. Whoever receives a request enters the answer that is due; whoever sends the answer
 * crosses it out. What stays longer than the limit is reported once, and "ctl info" lists it all.
 * All of this belongs to the thread of the default main context.
 */
#pragma once

#include <glib.h>

/*
 * @who waits ("guest", "host") for @what ("OPEN_RESULT for kvp, relid 4"). @limit_ms: report after
 * that long; 0 = never, only list it. Returns an id that is never 0.
 */
guint64 owed_add(const char *who, guint limit_ms, const char *what, ...) G_GNUC_PRINTF(3, 4);
void owed_done(guint64 id); /* 0 and unknown ids are ignored */
void owed_clear(void); /* the guest is gone */

/* Report after @limit_ms whatever is added from now on, instead of each one's own limit; 0 = not. */
void owed_set_limit(guint limit_ms);

typedef void (*OwedReport)(const char *who, const char *what, gint64 waited_ms, gpointer data);
void owed_set_report(OwedReport report, gpointer data);

/* [ { who, what, waited_ms, reported } ], the oldest first. */
struct json_object *owed_describe(void);

/* For tests: another clock than g_get_monotonic_time(), and one look at it. While a clock is set
 * nothing is reported but by owed_check(). NULL = the real one. */
void owed_set_clock(gint64 (*now_us)(void));
void owed_check(void);
