/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The journal of a daemon: structured entries where standard error is the journal, lines with a
 * priority prefix where the service manager reads them in another way, plain lines for everybody
 * else. For the top of a program only; libraries return errors. GLib's own messages take the same
 * way.
 */
#pragma once

#include <glib.h>

typedef enum {
	HVIS_LOG_ERROR, /* an administrator must act */
	HVIS_LOG_WARNING, /* something does not work as configured */
	HVIS_LOG_NOTICE, /* a change that matters: the device came, the device went */
	HVIS_LOG_INFO,
	HVIS_LOG_DEBUG, /* dropped unless asked for */
	HVIS_LOG_N,
} HvisLogLevel;

/* What an entry is about; every member may be zero. */
typedef struct {
	const char *message_id; /* MESSAGE_ID, one of util/messages.h */
	guint64 transaction; /* HVIS_TRANSACTION */
	const char *message_type; /* HVIS_MESSAGE: "SET", "FREEZE" */
	const char *pool; /* HVIS_POOL: "external" */
	const char *key; /* HVIS_KEY: of a pair */
	const char *interface; /* HVIS_INTERFACE: "eth0" */
	const char *file; /* HVIS_FILE: a path, and then … */
	guint64 size; /* … HVIS_SIZE: its bytes */
	const char *sha256; /* HVIS_SHA256: of its content */
	gint64 duration_us; /* HVIS_DURATION_USEC */
	guint32 result; /* HVIS_RESULT: what the host is told, as "0x80004005" */
} HvisLogContext;

/*
 * Once, first in main(). @service ("kvp") is the field HVIS_SERVICE of every entry, the program's
 * name SYSLOG_IDENTIFIER.
 */
void hvis_log_init(const char *service, gboolean debug);

/* FALSE where an entry of @level would be dropped: what is for that alone need not be made. */
gboolean hvis_log_shows(HvisLogLevel level);

void hvis_log(HvisLogLevel level, const char *format, ...) G_GNUC_PRINTF(2, 3);
void hvis_log_with(HvisLogLevel level, const HvisLogContext *context, const char *format, ...)
	G_GNUC_PRINTF(3, 4);

/*
 * For what others may cause as often as they like: the last message that was worth a line. Zeroed at first; cleared with
 * hvis_log_limit_clear().
 */
typedef struct {
	char *last;
	gint64 at;
} HvisLogLimit;

/*
 * TRUE where @message is worth a line at @now (clock time, in microseconds), and then it is the last one: the same comes
 * once in ten minutes, another one a second after the one before it.
 */
gboolean hvis_log_limit(HvisLogLimit *limit, const char *message, gint64 now);
void hvis_log_limit_clear(HvisLogLimit *limit);

/*
 * The end of a program that cannot go on: @error as an entry with @message_id where the service
 * manager started us, else as hvis_die() prints it. Returns the exit status.
 */
int hvis_log_die(const char *message_id, const GError *error);
