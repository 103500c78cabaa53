/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hvctl vss plan, status, history, thaw. What a backup would freeze, and thawing what was left frozen, need
 * no daemon: both are done by its own code here.
 */
#include "hvctl/vss.h"

#include <unistd.h>

#include "hvctl/call.h"
#include "hvctl/status.h"
#include "util/output.h"
#include "vssd/guard.h"
#include "vssd/options.h"
#include "vssd/plan-json.h"

/* --- plan --- */

/* Put the file systems of @page behind those of @all. Returns where the next page begins, -1 = nowhere. */
static gint64 join(struct json_object *all, struct json_object *page, gint64 from, GError **error)
{
	struct json_object *items =
		hvctl_answer_member(page, "file_systems", json_type_array, error);
	struct json_object *next = output_member(page, "next");
	struct json_object *list = output_member(all, "file_systems");

	if (!items)
		return -1;
	for (gsize i = 0; list != items && i < json_object_array_length(items); i++)
		json_object_array_add(list, json_object_get(json_object_array_get_idx(items, i)));
	if (!next)
		return -1;
	if (json_object_get_int64(next) > from)
		return json_object_get_int64(next);
	hvis_fail(error, HVIS_ERROR_PROTOCOL, "the daemon's plan does not go on where it ended");
	return -1;
}

static struct json_object *ask_plan(const HvctlRequest *request, GError **error)
{
	g_autoptr(GError) failed = NULL;
	struct json_object *all = NULL;

	for (gint64 from = 0; from >= 0;) {
		struct json_object *params = json_object_new_object(), *page;

		json_object_object_add(params, "from", json_object_new_int64(from));
		page = hvctl_call_to(&hvctl_vss_daemon, request, "Plan", params, &failed);
		if (page && !all)
			all = json_object_get(page);
		from = page ? join(all, page, from, &failed) : -1;
		json_object_put(page);
	}
	if (!failed) {
		json_object_object_del(all, "next");
		return all;
	}
	json_object_put(all);
	g_propagate_error(error, g_steal_pointer(&failed));
	return NULL;
}

static struct json_object *compute_plan(const HvctlRequest *request, GError **error)
{
	g_autoptr(HvisConfig) config = hvis_config_load(vss_config_keys, request->root, error);
	g_autoptr(VssSurvey) survey = NULL;

	if (config)
		survey = vss_survey_new(config, request->root, error);
	return survey ? vss_plan_json(survey) : NULL;
}

struct json_object *hvctl_vss_fetch_plan(const HvctlRequest *request, GError **error)
{
	g_autoptr(GError) cause = NULL;
	struct json_object *plan = ask_plan(request, &cause);

	if (plan)
		return plan;
	if (!request->fallback || !hvis_error_is(cause, HVIS_ERROR_CLOSED)) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return NULL;
	}
	if (!request->quiet)
		fprintf(stderr, "hvctl: %s: this is what it would do\n", cause->message);
	return compute_plan(request, error);
}

HvisExit hvctl_vss_plan(const HvctlRequest *request, GError **error)
{
	struct json_object *plan = hvctl_vss_fetch_plan(request, error);
	HvisExit status;

	if (!plan)
		return HVIS_EXIT_IO;
	status = output_member(plan, "problem") ? HVIS_EXIT_FALSE : HVIS_EXIT_OK;
	if (request->json)
		output_json(request->out, plan, FALSE);
	else
		hvctl_vss_print_plan(request->out, plan);
	output_finish(request->out, error);
	json_object_put(plan);
	return status;
}

/* --- history --- */

HvisExit hvctl_vss_history(const HvctlRequest *request, GError **error)
{
	struct json_object *params = json_object_new_object(), *answer, *backups = NULL;

	if (request->lines >= 0)
		json_object_object_add(params, "count", json_object_new_int64(request->lines));
	answer = hvctl_call_to(&hvctl_vss_daemon, request, "History", params, error);
	if (answer)
		backups = hvctl_answer_member(answer, "backups", json_type_array, error);
	if (backups && request->json)
		output_json(request->out, backups, FALSE);
	else if (backups && json_object_array_length(backups) == 0 && request->lines != 0)
		fputs("no backup since the daemon started\n", request->out);
	else if (backups)
		hvctl_vss_print_history(request->out, backups);
	if (backups)
		output_finish(request->out, error);
	json_object_put(answer);
	return HVIS_EXIT_OK;
}

/* --- thaw --- */

static HvisExit thaw_by_marker(const HvctlRequest *request, GError **error)
{
	int result;

	if (geteuid() != 0) {
		hvis_fail(error, HVIS_ERROR_PERMISSION, "only root can thaw");
		return HVIS_EXIT_PERMISSION;
	}
	result = vss_guard_thaw_left_over(request->marker); /* names on stderr what it thaws */
	if (result == 2)
		hvis_fail(error, HVIS_ERROR_IO, "something may still be frozen: see %s",
			request->marker);
	else if (result == 0)
		fputs("nothing was left frozen\n", request->out);
	return result == 1 ? HVIS_EXIT_OK : HVIS_EXIT_FALSE;
}

/* A daemon that does not answer is as good as none: nobody may write meanwhile. */
static gboolean is_gone(const GError *error)
{
	return hvis_error_is(error, HVIS_ERROR_CLOSED) || hvis_error_is(error, HVIS_ERROR_TIMEOUT);
}

HvisExit hvctl_vss_thaw(const HvctlRequest *request, GError **error)
{
	g_autoptr(GError) cause = NULL;
	struct json_object *answer =
		hvctl_call_to(&hvctl_vss_daemon, request, "Thaw", NULL, &cause);
	HvisExit status = HVIS_EXIT_OK;

	if (answer) {
		struct json_object *message = output_member(answer, "backup.message");
		g_autofree char *text = output_value(message);

		fprintf(request->out, "thawed%s%s\n", message ? ": " : "", message ? text : "");
	} else if (is_gone(cause) && (request->fallback || request->names_marker)) {
		fprintf(stderr, "hvctl: %s\n", cause->message);
		status = thaw_by_marker(request, error);
	} else {
		g_propagate_error(error, g_steal_pointer(&cause));
	}
	if (!*error)
		output_finish(request->out, error);
	json_object_put(answer);
	return status;
}
