/* SPDX-License-Identifier: GPL-2.0-only */
/* What became of a backup, for people and as an exit status. */
#include "config.h"

#include <string.h>

#include <hvis/hresult.h>

#include "host/ctl-private.h"
#include "util/duration.h"

/* The guest's answer in words; a hold has none. */
static char *status_text(struct json_object *value)
{
	guint32 status = (guint32)json_object_get_int64(value);
	const char *name = hvis_status_name(status);

	if (!value)
		return g_strdup("-");
	return name ? g_strdup(name) : g_strdup_printf("0x%08x", status);
}

static char *time_text(struct json_object *value)
{
	return hvis_duration_text(json_object_get_int64(value));
}

static const OutputColumn step_columns[] = {
	{ "Step", "step", FALSE, NULL, NULL },
	{ "Answer", "status", FALSE, status_text, NULL },
	{ "Time", "us", TRUE, time_text, NULL },
	{ NULL, NULL, FALSE, NULL, NULL },
};

static char *recovery_text(struct json_object *value)
{
	return g_strdup(json_object_get_boolean(value) ? "no, the guest says" : "not ruled out");
}

static const OutputColumn result_columns[] = {
	{ "Result", "result", FALSE, NULL, NULL },
	{ "Auto recovery", "no_auto_recovery", FALSE, recovery_text, NULL },
	{ NULL, NULL, FALSE, NULL, NULL },
};

void ctl_print_backup(FILE *stream, struct json_object *answer)
{
	output_table(stream, output_member(answer, "backup.steps"), step_columns);
	fputc('\n', stream);
	output_fields(stream, output_member(answer, "backup"), result_columns);
}

static const struct {
	const char *result;
	HvisExit status;
	HvisErrorCode code;
} results[] = {
	{ "refused", HVIS_EXIT_FALSE, HVIS_ERROR_FAILED },
	{ "timeout", HVIS_EXIT_TIMEOUT, HVIS_ERROR_TIMEOUT },
	{ "gone", HVIS_EXIT_IO, HVIS_ERROR_CLOSED },
	{ "failed", HVIS_EXIT_FALSE, HVIS_ERROR_FAILED },
	{ "impossible", HVIS_EXIT_IO, HVIS_ERROR_FAILED },
};

HvisExit ctl_judge_backup(struct json_object *answer, GError **error)
{
	const char *result = json_object_get_string(output_member(answer, "backup.result"));
	const char *message = json_object_get_string(output_member(answer, "backup.message"));

	for (gsize i = 0; result && i < G_N_ELEMENTS(results); i++)
		if (!strcmp(results[i].result, result)) {
			hvis_fail(error, results[i].code, "backup: %s", message ? message : result);
			return results[i].status;
		}
	return HVIS_EXIT_OK;
}
