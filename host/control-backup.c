/* SPDX-License-Identifier: GPL-2.0-only */
/* A backup over the control socket: parameters to VssBackup, the report to JSON. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "host/control-private.h"
#include "host/service/vss.h"
#include "util/error.h"

#define HOLD_MAX_MS (3600 * 1000)

static struct json_object *step_json(VssStep step, const VssStepReport *report)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "step", json_object_new_string(vss_step_name(step)));
	json_object_object_add(o, "us", json_object_new_int64(report->us));
	json_object_object_add(
		o, "status", report->answered ? json_object_new_int64(report->status) : NULL);
	return o;
}

static struct json_object *report_json(const VssReport *report)
{
	struct json_object *o = json_object_new_object(), *steps = json_object_new_array();

	for (int i = 0; i < VSS_STEP_N; i++)
		if (report->step[i].taken)
			json_object_array_add(steps, step_json((VssStep)i, &report->step[i]));
	json_object_object_add(
		o, "result", json_object_new_string(vss_result_name(report->result)));
	json_object_object_add(
		o, "message", report->message ? json_object_new_string(report->message) : NULL);
	json_object_object_add(o, "no_auto_recovery",
		json_object_new_boolean(report->check_flags == HVIS_VSS_NO_AUTO_RECOVERY));
	json_object_object_add(o, "steps", steps);
	return o;
}

static void on_report(const VssReport *report, gpointer data)
{
	request_end(data, control_wrap("backup", report_json(report)), NULL);
}

/* Who asked has gone, or has had enough: the request ends when the guest is thawed. */
static void on_give_up(Request *request)
{
	vss_abort(request_data(request));
}

/* "PORT:TARGET:LUN" of a SCSI controller. */
static gboolean parse_lun(struct json_object *item, struct hvis_vss_lun *ret, GError **error)
{
	const char *text =
		json_object_is_type(item, json_type_string) ? json_object_get_string(item) : "";
	g_auto(GStrv) parts = g_strsplit(text, ":", -1);
	guint64 n[3];
	guint i = 0;

	while (i < 3 && parts[i] && g_ascii_string_to_unsigned(parts[i], 10, 0, 255, &n[i], NULL))
		i++;
	if (i < 3 || parts[i])
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"luns: \"%s\": PORT:TARGET:LUN is wanted, each 0 to 255", text);
	*ret = (struct hvis_vss_lun){ .bus = HVIS_VSS_BUS_SCSI,
		.port = (guint8)n[0],
		.target = (guint8)n[1],
		.lun = (guint8)n[2] };
	return TRUE;
}

/* @luns has room for all that the protocol has. */
static gboolean parse_luns(
	struct json_object *list, struct hvis_vss_lun *luns, guint *ret_n, GError **error)
{
	gsize n;

	if (!list)
		return TRUE;
	if (!json_object_is_type(list, json_type_array))
		return hvis_fail(error, HVIS_ERROR_INVALID, "luns: a list is wanted");
	n = json_object_array_length(list);
	if (n > HVIS_VSS_LUNS_MAX)
		return hvis_fail(
			error, HVIS_ERROR_INVALID, "luns: %zu, %u can be", n, HVIS_VSS_LUNS_MAX);
	for (gsize i = 0; i < n; i++)
		if (!parse_lun(json_object_array_get_idx(list, i), &luns[i], error))
			return FALSE;
	*ret_n = (guint)n;
	return TRUE;
}

static gboolean parse_silent(const char *name, VssStep *ret, GError **error)
{
	static const VssStep steps[] = { VSS_STEP_CHECK, VSS_STEP_FREEZE };

	*ret = VSS_STEP_N;
	for (gsize i = 0; name && i < G_N_ELEMENTS(steps); i++)
		if (!strcmp(vss_step_name(steps[i]), name))
			*ret = steps[i];
	return !name || *ret != VSS_STEP_N ||
	       hvis_fail(error, HVIS_ERROR_INVALID,
		       "silent_after \"%s\": check or freeze is wanted", name);
}

static gboolean parse_backup(
	VarlinkCall *call, struct json_object *params, VssBackup *ret, struct hvis_vss_lun *luns)
{
	const char *silent_after = NULL;
	gint64 hold_ms = VSS_HOLD_MS;
	g_autoptr(GError) error = NULL;

	if (!varlink_param_int_opt(call, "hold_ms", &hold_ms) ||
		!varlink_param_bool_opt(call, "abort", &ret->abort) ||
		!varlink_param_string_opt(call, "silent_after", &silent_after))
		return FALSE;
	if (hold_ms < 0 || hold_ms > HOLD_MAX_MS)
		hvis_fail(&error, HVIS_ERROR_INVALID, "hold_ms: 0 to %d is wanted", HOLD_MAX_MS);
	else if (parse_silent(silent_after, &ret->silent_after, &error))
		parse_luns(json_object_object_get(params, "luns"), luns, &ret->n_luns, &error);
	if (error) {
		varlink_call_gerror(call, CONTROL_INTERFACE, error);
		return FALSE;
	}
	ret->hold_ms = (guint)hold_ms;
	ret->luns = luns;
	return TRUE;
}

CONTROL_METHOD(backup)
{
	HostService *service = control_service(data, call, NULL, "vss");
	struct hvis_vss_lun luns[HVIS_VSS_LUNS_MAX];
	VssBackup backup = { 0 };
	g_autoptr(GError) error = NULL;
	Request *request;

	if (!service || !parse_backup(call, params, &backup, luns))
		return;
	request = request_new(data, call);
	if (!request)
		return;
	request_set_data(request, service, 0, NULL);
	request_on_give_up(request, on_give_up);
	if (!vss_backup(service, &backup, on_report, request, &error))
		request_end(request, NULL, error);
}
