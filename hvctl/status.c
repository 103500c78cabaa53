/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hvctl status: what the daemon says of itself, or, where it does not run, what can be seen without
 * it; and in both cases what to do about a state that does not serve the host.
 */
#include "hvctl/call.h"
#include "hvctl/diagnose.h"
#include "hvctl/holder.h"
#include "hvctl/status.h"
#include "kvpd/look.h"
#include "transport/chardev.h"
#include "util/output.h"

#define NOT_RUNNING "not running"

static void set_text(struct json_object *object, const char *name, const char *text)
{
	if (text)
		json_object_object_add(object, name, json_object_new_string(text));
}

static const char *get_text(struct json_object *object, const char *name)
{
	struct json_object *value = output_member(object, name);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

static char *advice_busy(const char *root, const char *device)
{
	g_autofree char *proc = g_strconcat(root, "/proc", NULL);
	g_autofree char *holder = hvis_chardev_holder(proc, device);

	return g_strdup_printf(
		"%s has the device; only one process can. Stop it, and disable the service that "
		"started it",
		holder ? holder : "another process");
}

char *hvctl_stopped_advice(HvisIsolation isolation)
{
	if (isolation != HVIS_ISOLATION_NONE)
		return g_strdup_printf(
			"this is a confidential VM (%s): its host is served only where "
			"ConfidentialVM= says so, see hvis.conf(5)",
			hvis_isolation_name(isolation));
	return g_strdup("start it: \"systemctl enable --now hv-kvp-daemon\"; "
			"its log: \"journalctl -u hv-kvp-daemon\"");
}

char *hvctl_status_advice(const char *root, const char *state, const char *device)
{
	HvctlDevice found = hvctl_find_device(root);

	if (g_str_equal(state, "ready") || g_str_equal(state, "registering"))
		return NULL;
	if (g_str_equal(state, "busy"))
		return advice_busy(root, device);
	if (!g_str_equal(
		    device, HVCTL_KVP_DEVICE)) /* a link's socket: no kernel has a part in it */
		return NULL;
	if (found != HVCTL_DEVICE_THERE)
		return g_strdup(hvctl_device_text(found));
	if (g_str_equal(state, NOT_RUNNING))
		return hvctl_stopped_advice(hvis_isolation_detect(NULL, NULL));
	return NULL;
}

struct json_object *hvctl_status_not_running(const char *root, const char *detail)
{
	struct json_object *status = json_object_new_object();
	g_autofree char *advice = hvctl_status_advice(root, NOT_RUNNING, HVCTL_KVP_DEVICE);

	set_text(status, "state", NOT_RUNNING);
	set_text(status, "device", HVCTL_KVP_DEVICE);
	set_text(status, "detail", detail);
	set_text(status, "advice", advice);
	return status;
}

/* Add to @pool who keeps it locked. */
static void add_holder(struct json_object *pool)
{
	g_auto(HvctlHolder) holder = { 0 };
	const char *path = get_text(pool, "path");
	struct json_object *by;

	if (!*path || g_str_equal(get_text(pool, "problem"), KVP_LOOK_LATE) || /* nor would it us */
		!hvctl_holder_find(path, &holder))
		return;
	by = json_object_new_object();
	json_object_object_add(by, "pid", holder.pid ? json_object_new_int64(holder.pid) : NULL);
	json_object_object_add(
		by, "command", holder.command ? json_object_new_string(holder.command) : NULL);
	json_object_object_add(pool, "locked_by", by);
}

static void add_holders(struct json_object *pools)
{
	gsize n = json_object_is_type(pools, json_type_array) ? json_object_array_length(pools) : 0;

	for (gsize i = 0; i < n; i++)
		add_holder(json_object_array_get_idx(pools, i));
}

/* The daemon's own status with our advice; NULL and @error where it has none to give. */
static struct json_object *ask(const HvctlRequest *request, GError **error)
{
	struct json_object *answer = hvctl_call(request, "GetStatus", NULL, error);
	struct json_object *status = NULL;
	g_autofree char *advice = NULL;

	if (answer)
		status = hvctl_answer_member(answer, "status", json_type_object, error);
	if (status) {
		advice = hvctl_status_advice(
			request->root, get_text(status, "state"), get_text(status, "device"));
		set_text(status, "advice", advice);
		add_holders(output_member(status, "pools"));
		json_object_get(status);
	}
	json_object_put(answer);
	return status;
}

HvisExit hvctl_status(const HvctlRequest *request, GError **error)
{
	g_autoptr(GError) cause = NULL;
	struct json_object *status = ask(request, &cause);
	HvisExit code = HVIS_EXIT_IO;

	if (!status && !hvis_error_is(cause, HVIS_ERROR_CLOSED)) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return code;
	}
	if (status)
		code = g_str_equal(get_text(status, "state"), "ready") ? HVIS_EXIT_OK
								       : HVIS_EXIT_FALSE;
	else
		status = hvctl_status_not_running(request->root, cause->message);
	hvctl_status_print(request->out, request->json, status, g_get_real_time());
	output_finish(request->out, error);
	json_object_put(status);
	return code;
}
