/* SPDX-License-Identifier: GPL-2.0-only */
/* The checks' table, running them, and saying what they find. See doctor.h; the checks are in doctor-AREA.c. */
#include "hvctl/doctor-checks.h"

#include <string.h>
#include <unistd.h>

static const DoctorKind kinds_guest[] = { { "ok", DOCTOR_OK }, { "none", DOCTOR_PROBLEM },
	{ "container", DOCTOR_PROBLEM }, { NULL, DOCTOR_OK } };
static const DoctorKind kinds_kernel[] = { { "ok", DOCTOR_OK }, { "old", DOCTOR_PROBLEM },
	{ "replaced", DOCTOR_WARNING }, { NULL, DOCTOR_OK } };
static const DoctorKind kinds_vmbus[] = { { "ok", DOCTOR_OK }, { "unloaded", DOCTOR_PROBLEM },
	{ "absent", DOCTOR_PROBLEM }, { "empty", DOCTOR_PROBLEM }, { NULL, DOCTOR_OK } };
static const DoctorKind kinds_utils[] = { { "ok", DOCTOR_OK }, { "unloaded", DOCTOR_PROBLEM },
	{ "absent", DOCTOR_PROBLEM }, { NULL, DOCTOR_OK } };
static const DoctorKind kinds_offer[] = { { "ok", DOCTOR_OK }, { "off", DOCTOR_NOTE },
	{ "missing", DOCTOR_WARNING }, { NULL, DOCTOR_OK } };
static const DoctorKind kinds_driver[] = { { "ok", DOCTOR_OK }, { "none", DOCTOR_PROBLEM },
	{ "other", DOCTOR_WARNING }, { NULL, DOCTOR_OK } };
static const DoctorKind kinds_device[] = { { "ok", DOCTOR_OK }, { "missing", DOCTOR_PROBLEM },
	{ "rights", DOCTOR_WARNING }, { "unnamed", DOCTOR_WARNING }, { NULL, DOCTOR_OK } };
static const DoctorKind kinds_uio[] = { { "ok", DOCTOR_OK }, { "absent", DOCTOR_PROBLEM },
	{ "unloaded", DOCTOR_PROBLEM }, { "unbound", DOCTOR_PROBLEM }, { "other", DOCTOR_PROBLEM },
	{ "unnamed", DOCTOR_WARNING }, { NULL, DOCTOR_OK } };

static const DoctorKind kinds_unit[] = { { "ok", DOCTOR_OK }, { "missing", DOCTOR_NOTE },
	{ "masked", DOCTOR_NOTE }, { "failed", DOCTOR_PROBLEM }, { "disabled", DOCTOR_WARNING },
	{ "transient", DOCTOR_WARNING }, { "restarted", DOCTOR_WARNING },
	{ "changed", DOCTOR_NOTE }, { "unknown", DOCTOR_UNKNOWN }, { NULL, DOCTOR_OK } };
static const DoctorKind kinds_daemon[] = { { "ok", DOCTOR_OK }, { "registering", DOCTOR_NOTE },
	{ "busy", DOCTOR_PROBLEM }, { "waiting", DOCTOR_PROBLEM }, { "stopped", DOCTOR_PROBLEM },
	{ "held", DOCTOR_PROBLEM }, { "silent", DOCTOR_PROBLEM }, { "denied", DOCTOR_UNKNOWN },
	{ NULL, DOCTOR_OK } };
static const DoctorKind kinds_conflict[] = { { "ok", DOCTOR_OK }, { "running", DOCTOR_PROBLEM },
	{ "enabled", DOCTOR_WARNING }, { "foreign", DOCTOR_WARNING }, { NULL, DOCTOR_OK } };
static const DoctorKind kinds_request[] = { { "ok", DOCTOR_OK }, { "none", DOCTOR_NOTE },
	{ "late", DOCTOR_WARNING }, { "malformed", DOCTOR_NOTE }, { NULL, DOCTOR_OK } };
static const DoctorKind kinds_version[] = { { "ok", DOCTOR_OK }, { "old", DOCTOR_WARNING },
	{ "replaced", DOCTOR_WARNING }, { NULL, DOCTOR_OK } };
static const DoctorKind kinds_trust[] = { { "ok", DOCTOR_OK }, { "off", DOCTOR_NOTE },
	{ NULL, DOCTOR_OK } };
static const DoctorKind kinds_pools[] = { { "ok", DOCTOR_OK }, { "missing", DOCTOR_NOTE },
	{ "locked", DOCTOR_NOTE }, { "rights", DOCTOR_WARNING }, { "records", DOCTOR_NOTE },
	{ "damaged", DOCTOR_WARNING }, { "unfinished", DOCTOR_WARNING }, { NULL, DOCTOR_OK } };
static const DoctorKind kinds_sockets[] = { { "ok", DOCTOR_OK }, { "open", DOCTOR_PROBLEM },
	{ "shut", DOCTOR_WARNING }, { NULL, DOCTOR_OK } };
static const DoctorKind kinds_config[] = { { "ok", DOCTOR_OK }, { "wrong", DOCTOR_PROBLEM },
	{ "hidden", DOCTOR_UNKNOWN }, { "older", DOCTOR_WARNING }, { NULL, DOCTOR_OK } };
static const DoctorKind kinds_plan[] = { { "ok", DOCTOR_OK }, { "impossible", DOCTOR_PROBLEM },
	{ "unknown", DOCTOR_UNKNOWN }, { NULL, DOCTOR_OK } };
static const DoctorKind kinds_frozen[] = { { "ok", DOCTOR_OK }, { "backup", DOCTOR_NOTE },
	{ "overdue", DOCTOR_PROBLEM }, { "left", DOCTOR_PROBLEM }, { "waiting", DOCTOR_WARNING },
	{ "suspended", DOCTOR_WARNING }, { "unknown", DOCTOR_UNKNOWN }, { NULL, DOCTOR_OK } };
static const DoctorKind kinds_sandbox[] = { { "ok", DOCTOR_OK }, { "hides", DOCTOR_WARNING },
	{ "unknown", DOCTOR_UNKNOWN }, { NULL, DOCTOR_OK } };
static const DoctorKind kinds_hooks[] = { { "ok", DOCTOR_OK }, { "refused", DOCTOR_WARNING },
	{ "folder", DOCTOR_WARNING }, { "unknown", DOCTOR_UNKNOWN }, { NULL, DOCTOR_OK } };
static const DoctorKind kinds_backup[] = { { "ok", DOCTOR_OK }, { "aborted", DOCTOR_NOTE },
	{ "failed", DOCTOR_WARNING }, { NULL, DOCTOR_OK } };
static const DoctorKind kinds_clocksource[] = { { "ok", DOCTOR_OK }, { "slow", DOCTOR_WARNING },
	{ "only", DOCTOR_NOTE }, { NULL, DOCTOR_OK } };
static const DoctorKind kinds_ptp[] = { { "ok", DOCTOR_OK }, { "missing", DOCTOR_WARNING },
	{ "unnamed", DOCTOR_NOTE }, { NULL, DOCTOR_OK } };
static const DoctorKind kinds_clock[] = { { "ok", DOCTOR_OK }, { "two", DOCTOR_WARNING },
	{ "none", DOCTOR_NOTE }, { "unused", DOCTOR_NOTE }, { NULL, DOCTOR_OK } };
static const DoctorKind kinds_jumps[] = { { "ok", DOCTOR_OK }, { "often", DOCTOR_WARNING },
	{ "unknown", DOCTOR_UNKNOWN }, { NULL, DOCTOR_OK } };
static const DoctorKind kinds_boot[] = { { "ok", DOCTOR_OK }, { "slow", DOCTOR_WARNING },
	{ "waiting", DOCTOR_WARNING }, { NULL, DOCTOR_OK } };
static const DoctorKind kinds_journal[] = { { "ok", DOCTOR_OK }, { "errors", DOCTOR_NOTE },
	{ "unknown", DOCTOR_UNKNOWN }, { NULL, DOCTOR_OK } };
static const DoctorKind kinds_denials[] = { { "ok", DOCTOR_OK }, { "denied", DOCTOR_WARNING },
	{ "unknown", DOCTOR_UNKNOWN }, { NULL, DOCTOR_OK } };

const DoctorCheck doctor_checks[] = {
	{ "guest", "Machine", "is this a guest of Hyper-V?", doctor_check_guest, kinds_guest },
	{ "kernel", "Machine", "the kernel fits, and its modules are there", doctor_check_kernel,
		kinds_kernel },
	{ "vmbus", "Machine", "the kernel has the VMBus and devices on it", doctor_check_vmbus,
		kinds_vmbus },
	{ "utils", "Machine", "the driver of the services is loaded", doctor_check_utils,
		kinds_utils },
	{ "offer", "Services", "which services the host offers", doctor_check_offer, kinds_offer },
	{ "driver", "Services", "what is offered has its driver", doctor_check_driver,
		kinds_driver },
	{ "device", "Services", "the device nodes are there", doctor_check_device, kinds_device },
	{ "uio", "Services", "file copy has its driver, from Linux 6.10 on", doctor_check_uio,
		kinds_uio },
	{ "unit", "Daemons", "the daemons' units are there, enabled, and have not failed",
		doctor_check_unit, kinds_unit },
	{ "daemon", "Daemons", "the daemons answer, and serve the host", doctor_check_daemon,
		kinds_daemon },
	{ "conflict", "Daemons", "no other package's daemon is in their place",
		doctor_check_conflict, kinds_conflict },
	{ "request", "Daemons", "when the host has asked last, and whether it was answered",
		doctor_check_request, kinds_request },
	{ "version", "Daemons", "what runs is what is installed", doctor_check_version,
		kinds_version },
	{ "trust", "Daemons", "whether the host is to be trusted", doctor_check_trust,
		kinds_trust },
	{ "pools", "Files", "the pool files are whole", doctor_check_pools, kinds_pools },
	{ "sockets", "Files", "nobody else can write where the sockets are", doctor_check_sockets,
		kinds_sockets },
	{ "config", "Files", "the configuration files are right, and in use", doctor_check_config,
		kinds_config },
	{ "plan", "Backups", "a backup is possible", doctor_check_plan, kinds_plan },
	{ "hooks", "Backups", "the hooks may be run", doctor_check_hooks, kinds_hooks },
	{ "sandbox", "Backups", "the daemon sees what is mounted", doctor_check_sandbox,
		kinds_sandbox },
	{ "frozen", "Backups", "nothing is frozen that should not be", doctor_check_frozen,
		kinds_frozen },
	{ "backup", "Backups", "how the last backup went", doctor_check_backup, kinds_backup },
	{ "clocksource", "Time", "the clock source is a fast one", doctor_check_clocksource,
		kinds_clocksource },
	{ "ptp", "Time", "the host's clock is there", doctor_check_ptp, kinds_ptp },
	{ "clock", "Time", "one program keeps the clock right", doctor_check_clock, kinds_clock },
	{ "jumps", "Time", "the clock is not set again and again", doctor_check_jumps,
		kinds_jumps },
	{ "boot", "System", "no boot waits for the services", doctor_check_boot, kinds_boot },
	{ "denials", "System", "SELinux or AppArmor denies them nothing", doctor_check_denials,
		kinds_denials },
	{ "journal", "System", "the services have logged no error", doctor_check_journal,
		kinds_journal },
	{ NULL, NULL, NULL, NULL, NULL },
};

static const char *const severity_names[] = { "ok", "note", "unknown", "warning", "problem" };

G_STATIC_ASSERT(G_N_ELEMENTS(severity_names) == DOCTOR_N);

const char *doctor_severity_name(DoctorSeverity severity)
{
	return severity_names[severity];
}

static void free_answer(gpointer data)
{
	DoctorAnswer *answer = data;

	json_object_put(answer->status);
	g_clear_error(&answer->error);
	g_free(answer);
}

void doctor_init(Doctor *doctor, const char *root)
{
	*doctor = (Doctor){ .root = root,
		.is_root = geteuid() == 0,
		.findings = json_object_new_array(),
		.units = g_hash_table_new_full(
			g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_hash_table_unref),
		.outputs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
		.hung = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
		.answers = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_answer) };
}

void doctor_deinit(Doctor *doctor)
{
	json_object_put(doctor->findings);
	g_clear_pointer(&doctor->units, g_hash_table_unref);
	g_clear_pointer(&doctor->outputs, g_hash_table_unref);
	g_clear_pointer(&doctor->answers, g_hash_table_unref);
	g_clear_pointer(&doctor->hung, g_hash_table_unref);
	*doctor = (Doctor){ 0 };
}

const DoctorCheck *doctor_find(const char *name)
{
	for (const DoctorCheck *check = doctor_checks; check->name; check++)
		if (g_str_equal(check->name, name))
			return check;
	return NULL;
}

void doctor_run(Doctor *doctor, const DoctorCheck *check)
{
	if (doctor->ended)
		return;
	doctor->check = check;
	check->run(doctor);
}

static const DoctorKind *kind_of(const DoctorCheck *check, const char *word)
{
	const DoctorKind *kind = check->kinds;

	while (kind->word && !g_str_equal(kind->word, word))
		kind++;
	if (!kind->word)
		g_error("%s.%s is not in the table", check->name, word);
	return kind;
}

/* What programs and files have told us goes into texts: valid UTF-8 for JSON. */
static struct json_object *text_of(const char *bytes)
{
	g_autofree char *valid = bytes ? g_utf8_make_valid(bytes, -1) : NULL;

	return valid ? json_object_new_string(valid) : NULL;
}

void doctor_say(Doctor *doctor, const char *word, const char *about, const char *todo,
	const char *format, ...)
{
	const DoctorCheck *check = doctor->check;
	const DoctorKind *kind = kind_of(check, word);
	struct json_object *finding = json_object_new_object();
	g_autofree char *id = g_strjoin(".", check->name, word, NULL);
	g_autofree char *what = NULL;
	va_list ap;

	va_start(ap, format);
	what = g_strdup_vprintf(format, ap);
	va_end(ap);
	json_object_object_add(finding, "id", json_object_new_string(id));
	json_object_object_add(finding, "check", json_object_new_string(check->name));
	json_object_object_add(finding, "area", json_object_new_string(check->area));
	json_object_object_add(finding, "about", text_of(about));
	json_object_object_add(
		finding, "severity", json_object_new_string(doctor_severity_name(kind->severity)));
	json_object_object_add(finding, "what", text_of(what));
	json_object_object_add(finding, "do", text_of(todo));
	json_object_array_add(doctor->findings, finding);
	doctor->counts[kind->severity]++;
}
