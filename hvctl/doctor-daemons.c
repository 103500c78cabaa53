/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl doctor: our daemons, their units, and others in their place. */
#include "config.h"

#include <string.h>
#include <unistd.h>

#include "hvctl/call.h"
#include "hvctl/doctor-checks.h"
#include "hvctl/status.h"
#include "kvpd/options.h"
#include "kvpd/policy.h"
#include "transport/chardev.h"
#include "util/duration.h"
#include "util/output.h"
#include "util/process.h"

#define ANSWER_MS 3000 /* ours: a daemon answers from memory */
#define IDLE_US                                                                                    \
	(G_GINT64_CONSTANT(600) * G_USEC_PER_SEC) /* ours: then a host that asks would have asked */

/* Other distributions' names of the same service; links to ours are ours. */
static const struct {
	const char *service, *unit;
} others[] = {
	{ "kvp", "hypervkvpd.service" },
	{ "kvp", "hv_kvp_daemon.service" },
	{ "kvp", "hv-kvp.service" },
	{ "kvp", "hyperv-daemons.hv-kvp-daemon.service" },
	{ "vss", "hypervvssd.service" },
	{ "vss", "hv_vss_daemon.service" },
	{ "vss", "hv-vss.service" },
	{ "vss", "hyperv-daemons.hv-vss-daemon.service" },
	{ "fcopy", "hypervfcopyd.service" },
	{ "fcopy", "hv_fcopy_daemon.service" },
	{ "fcopy", "hv_fcopy_uio_daemon.service" },
	{ "fcopy", "hv-fcopy.service" },
	{ "fcopy", "hyperv-daemons.hv-fcopy-daemon.service" },
};

/* What processes are called that serve it, as far as the kernel keeps a name. */
static const struct {
	const char *service, *name;
} programs[] = {
	{ "kvp", "hv_kvp_daemon" },
	{ "kvp", "hypervkvpd" },
	{ "vss", "hv_vss_daemon" },
	{ "vss", "hypervvssd" },
	{ "fcopy", "hv_fcopy_daemon" },
	{ "fcopy", "hypervfcopyd" },
	{ "fcopy", "hv_fcopy_uio_da" },
};

static char *unit_of(const DoctorService *service)
{
	return g_strconcat(service->served->unit, ".service", NULL);
}

static const char *text_of(struct json_object *object, const char *member)
{
	const char *text = json_object_get_string(output_member(object, member));

	return text ? text : "";
}

gboolean doctor_is_offered(const Doctor *doctor, const DoctorService *service)
{
	g_autofree char *device = doctor_offer(doctor, service->class);

	return device != NULL;
}

gboolean doctor_is_installed(Doctor *doctor, const DoctorService *service)
{
	g_autofree char *unit = unit_of(service);

	if (doctor_has_systemd(doctor))
		return !g_str_equal(doctor_unit(doctor, unit, "LoadState"), "not-found");
	return doctor_exists(doctor, HVIS_SBIN_DIR "/%s", service->daemon->name) ||
	       doctor_exists(doctor, "/usr/sbin/%s", service->daemon->name);
}

gboolean doctor_hears_systemd(Doctor *doctor)
{
	return *doctor_unit(doctor, "hv-kvp-daemon.service", "LoadState") != '\0';
}

/* A masked unit is one that nobody wants. */
static gboolean is_masked(Doctor *doctor, const DoctorService *service)
{
	g_autofree char *unit = unit_of(service);

	return g_str_equal(doctor_unit(doctor, unit, "LoadState"), "masked");
}

static gboolean is_disabled(Doctor *doctor, const DoctorService *service)
{
	g_autofree char *unit = unit_of(service);

	return g_str_equal(doctor_unit(doctor, unit, "UnitFileState"), "disabled") &&
	       !g_str_equal(doctor_unit(doctor, unit, "ActiveState"), "active");
}

/* --- units --- */

static gboolean check_unit(Doctor *doctor, const DoctorService *service)
{
	g_autofree char *unit = unit_of(service);
	g_autofree char *enable =
		g_strdup_printf("systemctl enable --now %s", service->served->unit);
	g_autofree char *unmask =
		g_strdup_printf("systemctl unmask %s; %s", service->served->unit, enable);
	g_autofree char *restart =
		g_strdup_printf("journalctl -b -u %s; systemctl restart %s", unit, unit);

	if (!doctor_is_installed(doctor, service))
		doctor_say(doctor, "missing", service->name,
			"install it, or have the host offer it no more",
			"the host offers %s, and %s is not installed", service->title,
			service->daemon->name);
	else if (is_masked(doctor, service))
		doctor_say(doctor, "masked", service->name, unmask,
			"%s is masked: %s are not wanted", unit, service->title);
	else if (g_str_equal(doctor_unit(doctor, unit, "ActiveState"), "failed"))
		doctor_say(doctor, "failed", service->name, restart, "%s has failed (%s)", unit,
			doctor_unit(doctor, unit, "Result"));
	else if (is_disabled(doctor, service))
		doctor_say(doctor, "disabled", service->name, enable,
			"the host offers %s, but %s is not enabled (\"systemctl mask %s\" says "
			"that "
			"it is not wanted)",
			service->title, unit, service->served->unit);
	else if (g_str_equal(doctor_unit(doctor, unit, "UnitFileState"), "disabled"))
		doctor_say(doctor, "transient", service->name, enable,
			"%s runs, but is not enabled: it will not after a reboot", unit);
	else if (g_ascii_strtoll(doctor_unit(doctor, unit, "NRestarts"), NULL, 10) > 0)
		doctor_say(doctor, "restarted", service->name, "hvctl logs",
			"%s has failed, and was started again: %s times since the boot", unit,
			doctor_unit(doctor, unit, "NRestarts"));
	else if (g_str_equal(doctor_unit(doctor, unit, "NeedDaemonReload"), "yes"))
		doctor_say(doctor, "changed", service->name, "systemctl daemon-reload",
			"%s has changed since systemd read it", unit);
	else
		return TRUE;
	return FALSE;
}

void doctor_check_unit(Doctor *doctor)
{
	g_autoptr(GString) good = g_string_new(NULL);

	if (doctor_has_systemd(doctor) && !doctor_hears_systemd(doctor)) {
		doctor_say(doctor, "unknown", NULL, "systemctl status",
			"systemd does not answer, so nothing is known of its units");
		return;
	}
	for (const DoctorService *service = doctor_services; service->name; service++) {
		if (!service->served || !doctor_is_offered(doctor, service))
			continue;
		if (check_unit(doctor, service) && doctor_has_systemd(doctor))
			g_string_append_printf(
				good, "%s%s", good->len ? ", " : "", service->served->unit);
	}
	if (good->len)
		doctor_say(doctor, "ok", NULL, NULL, "enabled: %s", good->str);
}

/* --- daemons --- */

/* GetStatus of @service's daemon, or NULL; asked once. */
static struct json_object *ask(Doctor *doctor, const DoctorService *service, GError **error)
{
	g_autofree char *path =
		*doctor->root ? doctor_path(doctor, "%s", service->daemon->socket) : NULL;
	const HvctlRequest request = { .root = doctor->root,
		.socket = path ? path : (char *)(guintptr)HVCTL_SOCKET,
		.timeout_ms = ANSWER_MS };
	struct json_object *answer =
		hvctl_call_to(service->daemon, &request, "GetStatus", NULL, error);
	struct json_object *status =
		answer ? hvctl_answer_member(answer, "status", json_type_object, error) : NULL;

	json_object_get(status);
	json_object_put(answer);
	return status;
}

struct json_object *doctor_status(Doctor *doctor, const DoctorService *service, const GError **why)
{
	DoctorAnswer *answer = g_hash_table_lookup(doctor->answers, service->name);

	if (!answer) {
		answer = g_new0(DoctorAnswer, 1);
		answer->status = ask(doctor, service, &answer->error);
		g_hash_table_insert(doctor->answers, (gpointer)(guintptr)service->name, answer);
	}
	if (why)
		*why = answer->error;
	return answer->status;
}

/* A process that is called as a daemon of @service, "hypervkvpd (pid 12)"; new, or NULL. */
static char *find_program(const Doctor *doctor, const DoctorService *service)
{
	g_autofree char *proc = doctor_path(doctor, "/proc");
	g_autoptr(GDir) dir = g_dir_open(proc, 0, NULL);
	const char *pid;

	while (dir && (pid = g_dir_read_name(dir))) {
		g_autofree char *name = NULL;

		if (!g_ascii_isdigit(*pid))
			continue;
		name = hvis_process_name(proc, g_ascii_strtoll(pid, NULL, 10));
		for (guint i = 0; name && i < G_N_ELEMENTS(programs); i++)
			if (g_str_equal(programs[i].service, service->name) &&
				g_str_equal(programs[i].name, name))
				return g_strdup_printf("%s (pid %s)", name, pid);
	}
	return NULL;
}

/* Who has the device, or may have it. */
static char *find_holder(const Doctor *doctor, const DoctorService *service)
{
	g_autofree char *proc = doctor_path(doctor, "/proc");
	char *holder = hvis_chardev_holder(proc, service->served->device);

	return holder ? holder : find_program(doctor, service);
}

/* Whether the process that @holder names is that of our unit. */
static gboolean is_of_unit(Doctor *doctor, const DoctorService *service, const char *holder)
{
	g_autofree char *unit = unit_of(service);
	g_autofree char *ours = g_strdup_printf("(pid %s)", doctor_unit(doctor, unit, "MainPID"));

	return g_str_has_suffix(holder, ours);
}

static void say_stopped(Doctor *doctor, const DoctorService *service)
{
	g_autofree char *holder = find_holder(doctor, service);
	g_autofree char *stop = NULL, *advice = NULL;

	if (holder && is_of_unit(doctor, service, holder)) {
		stop = g_strdup_printf("systemctl restart %s", service->served->unit);
		doctor_say(doctor, "silent", service->name, stop,
			"%s runs, but nobody is behind %s", service->daemon->name,
			service->daemon->socket);
		return;
	}
	if (holder) {
		stop = g_strdup_printf(
			"stop it, and disable what started it; then: systemctl restart %s",
			service->served->unit);
		doctor_say(doctor, "held", service->name, stop,
			"%s does not run, and another daemon is in its place: %s",
			service->daemon->name, holder);
		return;
	}
	if (doctor_isolation(doctor) != HVIS_ISOLATION_NONE &&
		service->served != &hvctl_service_vss)
		return; /* which trust tells */
	if (is_masked(doctor, service) || is_disabled(doctor, service) ||
		!doctor_is_installed(doctor, service))
		return; /* which unit has told */
	advice = doctor_has_systemd(doctor)
			 ? g_strdup_printf("systemctl start %s; journalctl -b -u %s",
				   service->served->unit, service->served->unit)
			 : g_strdup_printf("start %s", service->daemon->name);
	doctor_say(
		doctor, "stopped", service->name, advice, "%s does not run", service->daemon->name);
}

/* It does not answer. */
static void say_why(Doctor *doctor, const DoctorService *service, const GError *why)
{
	g_autofree char *restart = g_strdup_printf("systemctl restart %s", service->served->unit);

	if (hvis_error_is(why, HVIS_ERROR_CLOSED))
		say_stopped(doctor, service);
	else if (hvis_error_is(why, HVIS_ERROR_PERMISSION))
		doctor_say(doctor, "denied", service->name, NULL, "%s", why->message);
	else
		doctor_say(doctor, "silent", service->name, restart,
			"%s runs, but does not answer: %s", service->daemon->name, why->message);
}

static void say_state(Doctor *doctor, const DoctorService *service, struct json_object *status)
{
	const char *state = text_of(status, "state"), *detail = text_of(status, "detail");
	const char *protocol = text_of(status, "kernel_protocol");
	g_autofree char *logs = g_strdup_printf("journalctl -b -u %s", service->served->unit);
	g_autofree char *advice = hvctl_status_advice(
		doctor->root, service->served, state, text_of(status, "device"));

	if (g_str_equal(state, "ready"))
		doctor_say(doctor, "ok", service->name, NULL, "%s serves the host%s%s",
			service->daemon->name, *protocol ? ", protocol " : "", protocol);
	else if (g_str_equal(state, "registering"))
		doctor_say(doctor, "registering", service->name, "hvctl doctor daemon",
			"%s has its device, and waits for the kernel's answer",
			service->daemon->name);
	else if (g_str_equal(state, "busy"))
		doctor_say(doctor, "busy", service->name, advice, "%s waits for its device: %s",
			service->daemon->name, *detail ? detail : "another process has it");
	else
		doctor_say(doctor, "waiting", service->name, advice ? advice : logs,
			"%s does not serve the host: it is %s%s%s", service->daemon->name, state,
			*detail ? ": " : "", detail);
}

void doctor_check_daemon(Doctor *doctor)
{
	for (const DoctorService *service = doctor_services; service->name; service++) {
		const GError *why = NULL;
		struct json_object *status;

		if (!service->served || !doctor_is_offered(doctor, service))
			continue;
		status = doctor_status(doctor, service, &why);
		if (status)
			say_state(doctor, service, status);
		else
			say_why(doctor, service, why);
	}
}

/* --- others in their place --- */

static gboolean check_other(Doctor *doctor, const char *service, const char *unit)
{
	g_autofree char *ours = g_strdup_printf("hv-%s-daemon.service", service);
	g_autofree char *todo = g_strdup_printf(
		"systemctl disable --now %s; systemctl restart hv-%s-daemon", unit, service);
	const char *state = doctor_unit(doctor, unit, "UnitFileState");

	if (!g_str_equal(doctor_unit(doctor, unit, "LoadState"), "loaded") ||
		g_str_equal(doctor_unit(doctor, unit, "Id"), ours))
		return TRUE;
	if (g_str_equal(doctor_unit(doctor, unit, "ActiveState"), "active"))
		doctor_say(doctor, "running", service, todo,
			"another daemon for the same device runs: %s", unit);
	else if (g_str_equal(state, "enabled"))
		doctor_say(doctor, "enabled", service, todo,
			"another daemon for the same device is enabled: %s", unit);
	else
		return TRUE;
	return FALSE;
}

/* A unit of our name that is another package's: it starts what is not ours. */
static gboolean check_ours(Doctor *doctor, const DoctorService *service)
{
	g_autofree char *unit = unit_of(service);
	g_autofree char *ours =
		g_strdup_printf("path=" HVIS_SBIN_DIR "/%s ", service->daemon->name);
	g_autofree char *todo = g_strdup_printf("systemctl cat %s", unit);
	const char *start = doctor_unit(doctor, unit, "ExecStart");

	if (!*start || strstr(start, ours))
		return TRUE;
	doctor_say(doctor, "foreign", service->name, todo,
		"%s does not start " HVIS_SBIN_DIR "/%s: it is another package's, or was changed",
		unit, service->daemon->name);
	return FALSE;
}

void doctor_check_conflict(Doctor *doctor)
{
	const char *units[G_N_ELEMENTS(others) + 1] = { NULL };
	gboolean good = TRUE;

	if (!doctor_hears_systemd(doctor))
		return; /* who has the device is seen by daemon */
	for (guint i = 0; i < G_N_ELEMENTS(others); i++)
		units[i] = others[i].unit;
	doctor_ask_units(doctor, units);
	for (guint i = 0; i < G_N_ELEMENTS(others); i++)
		good = check_other(doctor, others[i].service, others[i].unit) && good;
	for (const DoctorService *service = doctor_services; service->name; service++)
		if (service->served)
			good = check_ours(doctor, service) && good;
	if (good)
		doctor_say(doctor, "ok", NULL, NULL, "no other package's daemon is in the way");
}

/* --- what the host asks --- */

static gint64 number_of(struct json_object *object, const char *member)
{
	return json_object_get_int64(output_member(object, member));
}

static void say_requests(
	Doctor *doctor, const DoctorService *service, struct json_object *status, gint64 now)
{
	gint64 last = number_of(status, "last_request_time_us");
	gint64 since = number_of(status, "state_since_us");
	g_autofree char *age = hvis_duration_text(MAX(0, now - (last ? last : since)));
	gint64 late = number_of(status, "counters.overdue");
	gint64 bad = number_of(status, "counters.malformed");

	if (late > 0)
		doctor_say(doctor, "late", service->name, "hvctl logs",
			"%" G_GINT64_FORMAT " requests of the host were answered with a failure, "
			"because the answer was too late",
			late);
	if (bad > 0)
		doctor_say(doctor, "malformed", service->name, "hvctl logs",
			"%" G_GINT64_FORMAT " requests of the host could not be understood", bad);
	if (last > 0)
		doctor_say(doctor, "ok", service->name, NULL, "the host has asked last %s ago: %s",
			age, text_of(status, "last_request"));
	else if (output_member(status, "last_request_time_us") == NULL && since > 0 &&
		 now - since > IDLE_US && service->served == &hvctl_service_kvp)
		doctor_say(doctor, "none", service->name, NULL,
			"the host has asked nothing for %s, since the daemon began to serve it",
			age);
}

void doctor_check_request(Doctor *doctor)
{
	for (const DoctorService *service = doctor_services; service->name; service++) {
		struct json_object *status =
			service->served ? doctor_status(doctor, service, NULL) : NULL;

		if (status && g_str_equal(text_of(status, "state"), "ready"))
			say_requests(doctor, service, status, g_get_real_time());
	}
}

/* --- an upgrade --- */

/* The file that the unit's process was started from is not there any more. */
static gboolean is_replaced(Doctor *doctor, const DoctorService *service)
{
	g_autofree char *unit = unit_of(service);
	g_autofree char *path =
		doctor_path(doctor, "/proc/%s/exe", doctor_unit(doctor, unit, "MainPID"));
	g_autofree char *exe = g_file_read_link(path, NULL);

	return exe && g_str_has_suffix(exe, " (deleted)");
}

static gboolean is_current(Doctor *doctor, const DoctorService *service, struct json_object *status)
{
	const char *version = text_of(status, "version");
	g_autofree char *restart = g_strdup_printf("systemctl restart %s", service->served->unit);

	if (*version && !g_str_equal(version, PACKAGE_VERSION))
		doctor_say(doctor, "old", service->name, restart,
			"%s that runs is version %s, installed is " PACKAGE_VERSION,
			service->daemon->name, version);
	else if (is_replaced(doctor, service))
		doctor_say(doctor, "replaced", service->name, restart,
			"%s was installed anew since it was started", service->daemon->name);
	else
		return TRUE;
	return FALSE;
}

void doctor_check_version(Doctor *doctor)
{
	gboolean any = FALSE, good = TRUE;

	for (const DoctorService *service = doctor_services; service->name; service++) {
		struct json_object *status =
			service->served ? doctor_status(doctor, service, NULL) : NULL;

		if (!status)
			continue;
		any = TRUE;
		good = is_current(doctor, service, status) && good;
	}
	if (any && good)
		doctor_say(doctor, "ok", NULL, NULL,
			"what runs is what is installed, " PACKAGE_VERSION);
}

/* --- confidential VMs --- */

/* What the configuration says to key-value pairs in a confidential VM. */
static KvpPolicy policy_of(const Doctor *doctor, HvisIsolation isolation)
{
	g_autoptr(HvisConfig) config = hvis_config_load(kvpd_config_keys, doctor->root, NULL);

	return config ? kvp_policy_for(
				isolation, hvis_config_string(config, "kvp", "ConfidentialVM"))
		      : KVP_POLICY_OFF;
}

void doctor_check_trust(Doctor *doctor)
{
	HvisIsolation isolation = doctor_isolation(doctor);
	KvpPolicy policy = policy_of(doctor, isolation);

	if (isolation == HVIS_ISOLATION_NONE)
		doctor_say(doctor, "ok", NULL, NULL, "no confidential VM: the host is trusted");
	else if (policy != KVP_POLICY_OFF)
		doctor_say(doctor, "ok", NULL, NULL,
			"a confidential VM (%s), whose host gets key-value pairs all the same: "
			"ConfidentialVM=%s",
			hvis_isolation_name(isolation), kvp_policy_names[policy]);
	else
		doctor_say(doctor, "off", NULL,
			"set ConfidentialVM= where the host is to be served all the same: man "
			"hvis.conf",
			"a confidential VM (%s): key-value pairs and file copy are off unless the "
			"configuration says otherwise",
			hvis_isolation_name(isolation));
}
