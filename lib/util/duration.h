/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long something takes, as text: what a user or a file of settings has, and what people read. One way for all
 * programs. It has nothing to do with the time of the day.
 */
#pragma once

#include <glib.h>

/* The longest time that a user may ask for: a day. */
#define HVIS_DURATION_MAX_MS (24 * 3600 * 1000)

/* How a time is written, for messages that want another one. */
#define HVIS_DURATION_FORMS "a time such as 90s, 15min or 500ms"

/*
 * A time as a user or a file of settings has it, in milliseconds, rounded up: digits, a fraction if need be, and ms,
 * s, min or h; seconds where no unit is there. FALSE for everything else.
 */
gboolean hvis_duration_parse(const char *text, gint64 *ret_ms);

/*
 * The same of an option: more than 0 and at most HVIS_DURATION_MAX_MS, else HVIS_ERROR_INVALID with @what (its name) and
 * @text in it.
 */
gboolean hvis_duration_parse_option(
	const char *what, const char *text, guint *ret_ms, GError **error);

/* A time in the unit that suits it, for people: "0.4 ms", "2.1 s", "15 min", which hvis_duration_parse() would read without
 * the blank. New string. */
char *hvis_duration_text(gint64 us);
