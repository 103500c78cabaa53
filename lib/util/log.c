/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Log entries through GLib's structured log, with a writer of ours. GLib speaks the journal's
 * protocol; here are the fields, the levels and the choice of the way out.
 */
#include <util/log.h>

#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <util/error.h>

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

#define FIELDS_MAX 16 /* of an entry: ours are fewer, GLib's own are six */

static struct {
	const char *service;
	const char *program;
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

static void put(GLogField *fields, gsize *n, const char *key, const char *value)
{
	if (value)
		fields[(*n)++] = (GLogField){ key, value, -1 };
}

/* To the journal, with what every entry has, GLib's own included. */
static gboolean write_journal(GLogLevelFlags flags, const GLogField *fields, gsize n)
{
	GLogField all[FIELDS_MAX + 2];
	gsize count = MIN(n, FIELDS_MAX);

	memcpy(all, fields, count * sizeof(*fields));
	put(all, &count, "SYSLOG_IDENTIFIER", log_state.program);
	put(all, &count, "HVIS_SERVICE", log_state.service);
	return g_log_writer_journald(flags, all, count, NULL) == G_LOG_WRITER_HANDLED;
}

static gboolean is_dropped(GLogLevelFlags flags, const char *domain)
{
	return priority_of(flags) == LOG_DEBUG && !log_state.debug &&
	       g_log_writer_default_would_drop(flags, domain);
}

static GLogWriterOutput write_entry(
	GLogLevelFlags flags, const GLogField *fields, gsize n, gpointer data G_GNUC_UNUSED)
{
	const char *message = field_of(fields, n, "MESSAGE");

	if (is_dropped(flags, field_of(fields, n, "GLIB_DOMAIN")))
		return G_LOG_WRITER_HANDLED;
	if (log_state.journal && write_journal(flags, fields, n))
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
	log_state.program = g_get_prgname();
	log_state.debug = debug;
	log_state.journal = g_log_writer_is_journald(STDERR_FILENO);
	log_state.prefix = is_managed() && !isatty(STDERR_FILENO);
	g_log_set_writer_func(write_entry, NULL, NULL);
}

gboolean hvis_log_shows(HvisLogLevel level)
{
	return !is_dropped(levels[level].flags, NULL);
}

/*
 * Texts of the host or of files may be in it: one entry stays one line, and drives no terminal, which C1 controls and
 * marks of the direction do, too.
 */
static void flatten(char *text)
{
	while (*text) {
		gunichar c = g_utf8_get_char_validated(text, -1);
		gsize len = c < 0x110000u ? (gsize)(g_utf8_next_char(text) - text) : 1;

		if (c >= 0x110000u || !g_unichar_isprint(c))
			memset(text, ' ', len);
		text += len;
	}
}

/* Numbers as text, which has to live as long as the fields. */
typedef struct {
	char transaction[24], result[16], size[24], duration[24];
} Numbers;

static void put_context(
	GLogField *fields, gsize *n, const HvisLogContext *context, Numbers *numbers)
{
	if (context->transaction)
		sprintf(numbers->transaction, "%" G_GUINT64_FORMAT, context->transaction);
	if (context->result)
		sprintf(numbers->result, "0x%08x", context->result);
	sprintf(numbers->size, "%" G_GUINT64_FORMAT, context->size);
	sprintf(numbers->duration, "%" G_GINT64_FORMAT, context->duration_us);
	put(fields, n, "MESSAGE_ID", context->message_id);
	put(fields, n, "HVIS_TRANSACTION", context->transaction ? numbers->transaction : NULL);
	put(fields, n, "HVIS_MESSAGE", context->message_type);
	put(fields, n, "HVIS_POOL", context->pool);
	put(fields, n, "HVIS_KEY", context->key);
	put(fields, n, "HVIS_INTERFACE", context->interface);
	put(fields, n, "HVIS_FILE", context->file);
	put(fields, n, "HVIS_SIZE", context->file ? numbers->size : NULL);
	put(fields, n, "HVIS_SHA256", context->sha256);
	put(fields, n, "HVIS_DURATION_USEC", context->duration_us ? numbers->duration : NULL);
	put(fields, n, "HVIS_RESULT", context->result ? numbers->result : NULL);
}

static void log_text(HvisLogLevel level, const HvisLogContext *context, char *text)
{
	GLogField fields[FIELDS_MAX];
	Numbers numbers;
	char priority[16];
	gsize n = 0;

	flatten(text);
	g_snprintf(priority, sizeof(priority), "%d", levels[level].priority);
	put(fields, &n, "PRIORITY", priority);
	put(fields, &n, "MESSAGE", text);
	if (context)
		put_context(fields, &n, context, &numbers);
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

gboolean hvis_log_limit(HvisLogLimit *limit, const char *message, gint64 now)
{
	gint64 pause = g_strcmp0(message, limit->last) == 0 ? 600 : 1; /* ours: seconds */

	if (limit->last && now - limit->at < pause * G_USEC_PER_SEC)
		return FALSE;
	g_free(limit->last);
	limit->last = g_strdup(message);
	limit->at = now;
	return TRUE;
}

void hvis_log_limit_clear(HvisLogLimit *limit)
{
	g_clear_pointer(&limit->last, g_free);
}

int hvis_log_die(const char *message_id, const GError *error)
{
	const HvisLogContext context = { .message_id = message_id };

	if (!log_state.journal && !log_state.prefix)
		return hvis_die(hvis_exit_status(error), error);
	hvis_log_with(HVIS_LOG_ERROR, &context, "%s", error ? error->message : "unknown failure");
	return (int)hvis_exit_status(error);
}
