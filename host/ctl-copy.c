/* SPDX-License-Identifier: GPL-2.0-only */
/* "ctl copy": where the file goes, its descriptor, how far it has come, and what became of it. */
#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <hvis/hresult.h>

#include "host/ctl-private.h"
#include "util/duration.h"
#include "util/fd.h"

#define BAR_WIDTH 30

static const char *local_string(const CtlCall *call, const char *name)
{
	return json_object_get_string(json_object_object_get(call->local, name));
}

static void add_string(struct json_object *o, const char *name, const char *value)
{
	json_object_object_add(o, name, json_object_new_string(value));
}

/* "/srv/in/" keeps the file's own name, "/srv/in/name" gives it another. */
gboolean ctl_prepare_copy(CtlCall *call, GError **error)
{
	const char *dest = local_string(call, "dest"), *slash;
	g_autofree char *own = NULL, *path = NULL;

	if (!dest || dest[0] != '/')
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"DEST \"%s\": the whole path in the guest is wanted, from \"/\" on",
			dest ? dest : "");
	slash = strrchr(dest, '/');
	own = g_path_get_basename(local_string(call, "source"));
	path = g_strndup(dest, (gsize)(slash - dest) + 1);
	add_string(call->params, "path", path);
	add_string(call->params, "name", slash[1] ? slash + 1 : own);
	return TRUE;
}

/* Not blocked by a FIFO; what is no regular file is refused here, where its name is known. */
gboolean ctl_open_source(CtlCall *call, GError **error)
{
	const char *source = local_string(call, "source");
	struct stat st;

	call->fd = hvis_open(source, O_RDONLY | O_NONBLOCK | O_NOCTTY, error);
	if (call->fd < 0)
		return FALSE;
	if (fstat(call->fd, &st) == 0 && S_ISREG(st.st_mode))
		return TRUE;
	return hvis_fail(error, HVIS_ERROR_INVALID, "%s is %s", source,
		S_ISDIR(st.st_mode) ? "a directory" : "not a regular file");
}

static double number(struct json_object *answer, const char *path)
{
	return json_object_get_double(output_member(answer, path));
}

void ctl_progress_copy(FILE *terminal, struct json_object *answer)
{
	double sent = number(answer, "progress.sent"), size = number(answer, "progress.size");
	double seconds = number(answer, "progress.us") / G_USEC_PER_SEC;
	int filled = size > 0 ? (int)(BAR_WIDTH * sent / size) : 0;
	g_autofree char *bar = g_strnfill(BAR_WIDTH, ' ');

	if (!answer) {
		fputs("\r\033[K", terminal);
	} else if (size > 0) {
		memset(bar, '#', (gsize)CLAMP(filled, 0, BAR_WIDTH));
		fprintf(terminal, "\r[%s] %3.0f %%  %.1f of %.1f MB  %.1f MB/s\033[K", bar,
			100 * sent / size, sent / 1e6, size / 1e6,
			seconds > 0 ? sent / 1e6 / seconds : 0);
	}
	fflush(terminal);
}

static char *time_text(struct json_object *value)
{
	return hvis_duration_text(json_object_get_int64(value));
}

static char *rate_text(struct json_object *value)
{
	return g_strdup_printf("%.2f MB/s", json_object_get_double(value));
}

/* Left out where there is none. */
static char *optional_text(struct json_object *value)
{
	return value ? g_strdup(json_object_get_string(value)) : NULL;
}

static const OutputColumn copy_columns[] = {
	{ "Result", "result", FALSE, NULL, NULL },
	{ "Size", "size", FALSE, NULL, NULL },
	{ "Sent", "sent", FALSE, NULL, NULL },
	{ "Time", "us", FALSE, time_text, NULL },
	{ "Rate", "mb_per_s", FALSE, rate_text, NULL },
	{ "Cancel", "cancel", FALSE, optional_text, NULL },
	{ "SHA-256", "sha256", FALSE, optional_text, NULL },
	{ NULL, NULL, FALSE, NULL, NULL },
};

void ctl_print_copy(FILE *stream, struct json_object *answer)
{
	output_fields(stream, output_member(answer, "copy"), copy_columns);
}

static const struct {
	const char *result;
	HvisExit status;
	HvisErrorCode code;
} results[] = {
	{ "refused", HVIS_EXIT_FALSE, HVIS_ERROR_FAILED },
	{ "failed", HVIS_EXIT_FALSE, HVIS_ERROR_FAILED },
	{ "source", HVIS_EXIT_IO, HVIS_ERROR_IO },
	{ "timeout", HVIS_EXIT_TIMEOUT, HVIS_ERROR_TIMEOUT },
	{ "gone", HVIS_EXIT_IO, HVIS_ERROR_CLOSED },
	{ "impossible", HVIS_EXIT_IO, HVIS_ERROR_FAILED },
};

#define ASK_THE_GUEST "; \"hvctl fcopy history\" there has the reason, where it is hvis that serves"

/* What the guest may mean; what it has said is in the message. With no operation, whichever has failed. */
static const struct {
	const char *operation;
	guint32 status;
	const char *hint;
} hints[] = {
	{ "START", HVIS_E_ALREADY_EXISTS,
		"; --overwrite replaces the file that is there; where it is a directory, \"/\" at "
		"the end of DEST puts the file in it" },
	{ "START", HVIS_E_FAIL,
		": no daemon serves there, a directory is missing (--create-path makes it), or the "
		"file cannot or may not be made" ASK_THE_GUEST },
	{ "START", HVIS_E_INVALIDARG,
		": it takes no such path or name; none has \".\" or \"..\" in it, or more than 255 "
		"bytes" },
	{ "START", HVIS_E_NOT_CONNECTED, ": no daemon serves there" },
	{ "START", HVIS_E_DISK_FULL, ": there is no room for it" },
	{ "WRITE", HVIS_E_DISK_FULL, ": there is no room for all of it" },
	{ NULL, HVIS_E_FAIL, ASK_THE_GUEST },
};

static const char *hint_for(struct json_object *answer)
{
	const char *operation = json_object_get_string(output_member(answer, "copy.operation"));
	gint64 status = json_object_get_int64(output_member(answer, "copy.status"));

	for (gsize i = 0; operation && i < G_N_ELEMENTS(hints); i++)
		if (hints[i].status == status &&
			(!hints[i].operation || !strcmp(hints[i].operation, operation)))
			return hints[i].hint;
	return "";
}

HvisExit ctl_judge_copy(struct json_object *answer, GError **error)
{
	const char *result = json_object_get_string(output_member(answer, "copy.result"));
	const char *message = json_object_get_string(output_member(answer, "copy.message"));

	for (gsize i = 0; result && i < G_N_ELEMENTS(results); i++)
		if (!strcmp(results[i].result, result)) {
			hvis_fail(error, results[i].code, "copy: %s%s", message ? message : result,
				hint_for(answer));
			return results[i].status;
		}
	return HVIS_EXIT_OK;
}
