/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The error domain and its two tables: errno to code, code to exit status. Tests read both tables
 * whole, so a new code without a row fails there.
 */
#include <util/error.h>

#include <errno.h>
#include <stdio.h>

#include <util/output.h>
#include <util/shortage.h>

/* Not by G_DEFINE_QUARK: clang-format takes the hyphens of its argument for subtractions. */
GQuark hvis_error_quark(void)
{
	return g_quark_from_static_string("hvis-error-quark");
}

gboolean hvis_fail(GError **error, HvisErrorCode code, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list ap;

	va_start(ap, format);
	text = g_strdup_vprintf(format, ap);
	va_end(ap);
	g_set_error_literal(error, HVIS_ERROR, (gint)code, text);
	return FALSE;
}

/* A list, and long because errno is. */
static HvisErrorCode code_of_errno(int err)
{
	switch (err) {
	case ENOENT:
	case ENOTDIR:
	case ENODEV:
	case ENXIO:
		return HVIS_ERROR_NOT_FOUND;
	case EEXIST:
		return HVIS_ERROR_EXISTS;
	case EINVAL:
	case ENAMETOOLONG:
	case ELOOP:
	case EILSEQ:
	case ERANGE:
		return HVIS_ERROR_INVALID;
	case EPROTO:
	case EBADMSG:
	case EMSGSIZE:
		return HVIS_ERROR_PROTOCOL;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return HVIS_ERROR_NO_SPACE;
	case EACCES:
	case EPERM:
	case EROFS:
		return HVIS_ERROR_PERMISSION;
	case EBUSY:
	case ETXTBSY:
	case EADDRINUSE:
		return HVIS_ERROR_BUSY;
	case ETIMEDOUT:
	case ETIME:
		return HVIS_ERROR_TIMEOUT;
	case EPIPE:
	case ECONNRESET:
	case ECONNABORTED:
	case ECONNREFUSED:
	case ENOTCONN:
	case ESHUTDOWN:
		return HVIS_ERROR_CLOSED;
	case ENOSYS:
	case EOPNOTSUPP:
	case ENOTTY:
	case EAFNOSUPPORT:
	case EPROTONOSUPPORT:
		return HVIS_ERROR_UNSUPPORTED;
	case EIO:
		return HVIS_ERROR_IO;
	}
	return HVIS_ERROR_FAILED;
}

gboolean hvis_fail_errno(GError **error, int err, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list ap;

	hvis_shortage_note(err);
	va_start(ap, format);
	text = g_strdup_vprintf(format, ap);
	va_end(ap);
	g_set_error(error, HVIS_ERROR, (gint)code_of_errno(err), "%s: %s", text, g_strerror(err));
	return FALSE;
}

void hvis_error_append(GError **error, const char *text)
{
	char *message;

	if (!error || !*error)
		return;
	message = g_strconcat((*error)->message, text, NULL);
	g_free((*error)->message);
	(*error)->message = message;
}

gboolean hvis_error_is(const GError *error, HvisErrorCode code)
{
	return g_error_matches(error, HVIS_ERROR, (gint)code);
}

static HvisExit exit_of_code(HvisErrorCode code)
{
	switch (code) {
	case HVIS_ERROR_NOT_FOUND:
		return HVIS_EXIT_FALSE;
	case HVIS_ERROR_INVALID:
		return HVIS_EXIT_USAGE;
	case HVIS_ERROR_PERMISSION:
		return HVIS_EXIT_PERMISSION;
	case HVIS_ERROR_TIMEOUT:
		return HVIS_EXIT_TIMEOUT;
	case HVIS_ERROR_FAILED:
	case HVIS_ERROR_EXISTS:
	case HVIS_ERROR_PROTOCOL:
	case HVIS_ERROR_IO:
	case HVIS_ERROR_NO_SPACE:
	case HVIS_ERROR_BUSY:
	case HVIS_ERROR_CLOSED:
	case HVIS_ERROR_UNSUPPORTED:
	case HVIS_ERROR_N:
		break;
	}
	return HVIS_EXIT_IO;
}

/* GLib's own calls fail in other domains; only what a user can act on is told apart. */
static HvisExit exit_of_foreign(const GError *error)
{
	if (error->domain == G_OPTION_ERROR)
		return HVIS_EXIT_USAGE;
	if (g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_ACCES) ||
		g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_PERM))
		return HVIS_EXIT_PERMISSION;
	if (g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
		return HVIS_EXIT_FALSE;
	return HVIS_EXIT_IO;
}

HvisExit hvis_exit_status(const GError *error)
{
	if (!error)
		return HVIS_EXIT_OK;
	if (error->domain == HVIS_ERROR)
		return exit_of_code((HvisErrorCode)error->code);
	return exit_of_foreign(error);
}

/* Texts of files and of others may be in it; a new line is ours, for a hint. */
static char *printable(const char *message)
{
	g_auto(GStrv) lines = g_strsplit(message, "\n", -1);

	for (char **line = lines; *line; line++) {
		char *shown = output_escape(*line);

		g_free(*line);
		*line = shown;
	}
	return g_strjoinv("\n", lines);
}

int hvis_die(HvisExit status, const GError *error)
{
	const char *program = g_get_prgname();
	g_autofree char *message = printable(error ? error->message : "unknown failure");

	fprintf(stderr, "%s: %s\n", program ? program : "hvis", message);
	return (int)status;
}
