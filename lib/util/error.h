/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How user space reports failure: GError with one domain, a short list of codes, and the exit
 * status that each code becomes. A library returns errors and prints nothing.
 */
#pragma once

#include <glib.h>

#define HVIS_ERROR hvis_error_quark()
GQuark hvis_error_quark(void);

typedef enum {
	HVIS_ERROR_FAILED, /* anything without a better name */
	HVIS_ERROR_NOT_FOUND,
	HVIS_ERROR_EXISTS,
	HVIS_ERROR_INVALID, /* a value from a user or a file is wrong */
	HVIS_ERROR_PROTOCOL, /* the peer sent what it must not; count it and go on */
	HVIS_ERROR_IO,
	HVIS_ERROR_NO_SPACE,
	HVIS_ERROR_PERMISSION,
	HVIS_ERROR_BUSY,
	HVIS_ERROR_TIMEOUT,
	HVIS_ERROR_CLOSED, /* the other end is gone; reopening may help */
	HVIS_ERROR_UNSUPPORTED,
	HVIS_ERROR_N,
} HvisErrorCode;

/* Exit status of every program of the suite. */
typedef enum {
	HVIS_EXIT_OK = 0,
	HVIS_EXIT_FALSE = 1, /* not found, or the answer is no */
	HVIS_EXIT_USAGE = 2,
	HVIS_EXIT_IO = 3,
	HVIS_EXIT_PERMISSION = 4,
	HVIS_EXIT_TIMEOUT = 5,
} HvisExit;

/* Set @error and return FALSE, for "return hvis_fail(error, HVIS_ERROR_…, "…")". */
gboolean hvis_fail(GError **error, HvisErrorCode code, const char *format, ...) G_GNUC_PRINTF(3, 4);

/*
 * As hvis_fail() with the code that fits errno value @err; its text is appended after ": ". That there are no
 * descriptors is told to who watches for it, too (util/shortage.h).
 */
gboolean hvis_fail_errno(GError **error, int err, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Put @text behind the message of *@error, as g_prefix_error() puts one before it: a hint. */
void hvis_error_append(GError **error, const char *text);

gboolean hvis_error_is(const GError *error, HvisErrorCode code);

/* The exit status for @error; any domain. HVIS_EXIT_OK for NULL. */
HvisExit hvis_exit_status(const GError *error);

/* Print "PROGRAM: MESSAGE" to standard error once and return @status. */
int hvis_die(HvisExit status, const GError *error);
