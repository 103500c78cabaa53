/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hvctl status, vss status, fcopy status: what the daemons say of themselves, or, where one does not run, what
 * can be seen without it; and in both cases what to do about a state that does not serve the host.
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

char *hvctl_stopped_advice(const HvctlService *service, HvisIsolation isolation)
{
	if (service != &hvctl_service_vss && isolation != HVIS_ISOLATION_NONE)
		return g_strdup_printf(
			"this is a confidential VM (%s): its host is served only where "
			"ConfidentialVM= says so, see hvis.conf(5)",
			hvis_isolation_name(isolation));
	return g_strdup_printf("start it: \"systemctl enable --now %s\"; "
			       "its log: \"journalctl -u %s\"",
		service->unit, service->unit);
}

static gboolean lacks_name(const char *root, const HvctlService *service)
{
	g_autofree char *path = g_strconcat(root, HVCTL_FCOPY_NAME, NULL);

	return service == &hvctl_service_fcopy && !g_file_test(path, G_FILE_TEST_EXISTS);
}

char *hvctl_status_advice(
	const char *root, const HvctlService *service, const char *state, const char *device)
{
	HvctlDevice found = hvctl_find_device(root, service);

	if (g_str_equal(state, "ready") || g_str_equal(state, "registering"))
		return NULL;
	if (g_str_equal(state, "busy"))
		return advice_busy(root, device);
	if (!hvctl_is_device(service, device)) /* a link's socket: no kernel has a part in it */
		return NULL;
	if (found != HVCTL_DEVICE_THERE)
		return g_strdup(hvctl_device_text(service, found));
	if (!g_str_equal(state, NOT_RUNNING))
		return NULL;
	if (lacks_name(root, service)) /* and the unit would not start */
		return g_strdup(
			"the device is there, but not under the name that the service's unit "
			"waits for, " HVCTL_FCOPY_NAME
			": \"udevadm control --reload\", then \"udevadm trigger "
			"--subsystem-match=misc --subsystem-match=uio\"");
	return hvctl_stopped_advice(service, hvis_isolation_detect(NULL, NULL));
}

struct json_object *hvctl_status_not_running(
	const char *root, const HvctlService *service, const char *detail)
{
	struct json_object *status = json_object_new_object();
	g_autofree char *advice = hvctl_status_advice(root, service, NOT_RUNNING, service->device);

	set_text(status, "state", NOT_RUNNING);
	set_text(status, "device", service->device);
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

/* What @answer to GetStatus says, with our advice; takes @answer. */
static struct json_object *open_answer(const HvctlRequest *request, const HvctlService *service,
	struct json_object *answer, GError **error)
{
	struct json_object *status = NULL;
	g_autofree char *advice = NULL;

	if (answer)
		status = hvctl_answer_member(answer, "status", json_type_object, error);
	if (status) {
		advice = hvctl_status_advice(request->root, service, get_text(status, "state"),
			get_text(status, "device"));
		set_text(status, "advice", advice);
		json_object_get(status);
	}
	json_object_put(answer);
	return status;
}

/* The exit status that @status stands for, or *@status and HVIS_EXIT_IO where no daemon runs. */
static HvisExit judge(const HvctlRequest *request, const HvctlService *service,
	struct json_object **status, GError **cause, GError **error)
{
	g_autofree char *advice = NULL;

	if (*status)
		return g_str_equal(get_text(*status, "state"), "ready") ? HVIS_EXIT_OK
									: HVIS_EXIT_FALSE;
	if (!hvis_error_is(*cause, HVIS_ERROR_CLOSED)) {
		g_propagate_error(error, g_steal_pointer(cause));
		return HVIS_EXIT_IO;
	}
	*status = hvctl_status_not_running(request->root, service, (*cause)->message);
	if (!g_str_equal(request->socket, HVCTL_SOCKET)) {
		advice = g_strdup_printf("no daemon listens at %s: look for a slip in the path, or "
					 "leave --socket out to ask the service \"%s\"",
			request->socket, service->unit);
		set_text(*status, "advice", advice);
	}
	return HVIS_EXIT_IO;
}

static HvisExit ask_kvp(const HvctlRequest *request, struct json_object **ret, GError **error)
{
	g_autoptr(GError) cause = NULL;
	struct json_object *answer = hvctl_call(request, "GetStatus", NULL, &cause);

	*ret = open_answer(request, &hvctl_service_kvp, answer, cause ? NULL : &cause);
	if (*ret)
		add_holders(output_member(*ret, "pools"));
	return judge(request, &hvctl_service_kvp, ret, &cause, error);
}

static HvisExit ask(const HvctlDaemon *daemon, const HvctlService *service,
	const HvctlRequest *request, struct json_object **ret, GError **error)
{
	g_autoptr(GError) cause = NULL;
	struct json_object *answer = hvctl_call_to(daemon, request, "GetStatus", NULL, &cause);

	*ret = open_answer(request, service, answer, cause ? NULL : &cause);
	return judge(request, service, ret, &cause, error);
}

/* Beside the first one: what is wrong with this one is shown, and no failure. */
static struct json_object *ask_beside(
	const HvctlDaemon *daemon, const HvctlService *service, const HvctlRequest *request)
{
	g_autoptr(GError) error = NULL;
	struct json_object *status = NULL;

	ask(daemon, service, request, &status, &error);
	if (status)
		return status;
	status = json_object_new_object();
	set_text(status, "state", "not answering");
	set_text(status, "device", service->device);
	set_text(status, "detail", error->message);
	return status;
}

static void print(const HvctlRequest *request, const HvctlStatuses *statuses, GError **error)
{
	hvctl_status_print(request->out, request->json, statuses, g_get_real_time());
	output_finish(request->out, error);
	json_object_put(statuses->kvp);
	json_object_put(statuses->vss);
	json_object_put(statuses->fcopy);
}

HvisExit hvctl_status(const HvctlRequest *request, GError **error)
{
	HvctlStatuses all = { NULL };
	HvisExit code = ask_kvp(request, &all.kvp, error);

	if (!all.kvp)
		return code;
	if (g_str_equal(request->socket, HVCTL_SOCKET)) { /* who names one means that daemon */
		all.vss = ask_beside(&hvctl_vss_daemon, &hvctl_service_vss, request);
		all.fcopy = ask_beside(&hvctl_fcopy_daemon, &hvctl_service_fcopy, request);
	}
	print(request, &all, error);
	return code;
}

HvisExit hvctl_vss_status(const HvctlRequest *request, GError **error)
{
	HvctlStatuses all = { NULL };
	HvisExit code = ask(&hvctl_vss_daemon, &hvctl_service_vss, request, &all.vss, error);

	if (all.vss)
		print(request, &all, error);
	return code;
}

HvisExit hvctl_fcopy_status(const HvctlRequest *request, GError **error)
{
	HvctlStatuses all = { NULL };
	HvisExit code = ask(&hvctl_fcopy_daemon, &hvctl_service_fcopy, request, &all.fcopy, error);

	if (all.fcopy)
		print(request, &all, error);
	return code;
}
