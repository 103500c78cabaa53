/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Log entries through GLib's structured log, with a writer of ours. GLib speaks the journal's
 * protocol; here are the fields, the levels and the choice of the way out.
 */
#include <util/log.h>

#include <stdio.h>
#include <syslog.h>
#include <unistd.h>

static const struct {
	GLogLevelFlags flags;
	int priority;
} levels[HVIS_LOG_N] = {
	[HVIS_LOG_ERROR] = { G_LOG_LEVEL_CRITICAL, LOG_ERR },
	[HVIS_LOG_WARNING] = { G_LOG_LEVEL_WARNING, LOG_WARNING },
	[HVIS_LOG_NOTICE] = { G_LOG_LEVEL_MESSAGE, LOG_NOTICE },
	[HVIS_LOG_INFO] = { G_LOG_LEVEL_INFO, LOG_INFO },
	[HVIS_LOG_DEBUG] = { G_LOG_LEVEL_DEBUG, LOG_DEBUG },
};

static struct {
	const char *service;
	gboolean debug;
	gboolean journal;
	gboolean prefix; /* whoever reads standard error knows what "<4>" is */
} log_state;

static int priority_of(GLogLevelFlags flags)
{
	for (int i = 0; i < HVIS_LOG_N; i++) {
		if (flags & levels[i].flags)
			return levels[i].priority;
	}
	return LOG_ERR; /* G_LOG_LEVEL_ERROR: about to abort */
}

static const char *field_of(const GLogField *fields, gsize n, const char *key)
{
	for (gsize i = 0; i < n; i++) {
		if (g_strcmp0(fields[i].key, key) == 0 && fields[i].length < 0)
			return fields[i].value;
	}
	return NULL;
}

static void write_line(GLogLevelFlags flags, const char *message)
{
	if (log_state.prefix)
		fprintf(stderr, "<%d>", priority_of(flags));
	fprintf(stderr, "%s\n", message);
	fflush(stderr);
}

static GLogWriterOutput write_entry(
	GLogLevelFlags flags, const GLogField *fields, gsize n, gpointer data G_GNUC_UNUSED)
{
	const char *message = field_of(fields, n, "MESSAGE");

	if (priority_of(flags) == LOG_DEBUG && !log_state.debug &&
		g_log_writer_default_would_drop(flags, field_of(fields, n, "GLIB_DOMAIN")))
		return G_LOG_WRITER_HANDLED;
	if (log_state.journal &&
		g_log_writer_journald(flags, fields, n, NULL) == G_LOG_WRITER_HANDLED)
		return G_LOG_WRITER_HANDLED;
	write_line(flags, message ? message : "(no message)");
	return G_LOG_WRITER_HANDLED;
}

/* The service manager names the process that it started; what we are run by inherits its journal. */
static gboolean is_managed(void)
{
	const char *pid = g_getenv("SYSTEMD_EXEC_PID");

	return pid && g_ascii_strtoll(pid, NULL, 10) == getpid();
}

void hvis_log_init(const char *service, gboolean debug)
{
	log_state.service = service;
	log_state.debug = debug;
	log_state.journal = g_log_writer_is_journald(STDERR_FILENO);
	log_state.prefix = is_managed() && !isatty(STDERR_FILENO);
	g_log_set_writer_func(write_entry, NULL, NULL);
}

static void put(GLogField *fields, gsize *n, const char *key, const char *value)
{
	if (value)
		fields[(*n)++] = (GLogField){ key, value, -1 };
}

static void log_text(HvisLogLevel level, const HvisLogContext *context, const char *text)
{
	GLogField fields[6];
	char transaction[24], priority[4];
	gsize n = 0;

	g_snprintf(priority, sizeof(priority), "%d", levels[level].priority);
	put(fields, &n, "PRIORITY", priority);
	put(fields, &n, "MESSAGE", text);
	put(fields, &n, "HVIS_SERVICE", log_state.service);
	if (context && context->transaction) {
		g_snprintf(transaction, sizeof(transaction), "%" G_GUINT64_FORMAT,
			context->transaction);
		put(fields, &n, "HVIS_TRANSACTION", transaction);
	}
	put(fields, &n, "HVIS_MESSAGE", context ? context->message_type : NULL);
	put(fields, &n, "MESSAGE_ID", context ? context->message_id : NULL);
	g_log_structured_array(levels[level].flags, fields, n);
}

void hvis_log(HvisLogLevel level, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list ap;

	va_start(ap, format);
	text = g_strdup_vprintf(format, ap);
	va_end(ap);
	log_text(level, NULL, text);
}

void hvis_log_with(HvisLogLevel level, const HvisLogContext *context, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list ap;

	va_start(ap, format);
	text = g_strdup_vprintf(format, ap);
	va_end(ap);
	log_text(level, context, text);
}
