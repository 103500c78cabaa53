/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hvctl doctor: backups. Whether anything is frozen now can only be told from what others say and wait for: the
 * kernel has no question for it, and whoever tries by writing waits, too. So nothing is tried here.
 */
#include <string.h>

#include "hvctl/doctor-checks.h"
#include "hvctl/vss.h"
#include "util/output.h"
#include "util/process.h"
#include "vssd/hooks.h"
#include "vssd/marker.h"
#include "vssd/options.h"

#define ANSWER_MS 3000 /* ours: of the plan */
#define WAIT_US 300000 /* ours: who waits for an instant is not stuck */

static struct json_object *status_of(Doctor *doctor)
{
	return doctor_status(doctor, doctor_service("vss"), NULL);
}

static const char *text_of(struct json_object *object, const char *member)
{
	const char *text = json_object_get_string(output_member(object, member));

	return text ? text : "";
}

/* Neither offered nor served: then nobody wants to know. */
static gboolean is_relevant(Doctor *doctor)
{
	return doctor_is_offered(doctor, doctor_service("vss")) || status_of(doctor);
}

/* It runs, but has not answered once: it is not asked again. */
static gboolean hangs(Doctor *doctor)
{
	const GError *why = NULL;

	return !doctor_status(doctor, doctor_service("vss"), &why) &&
	       hvis_error_is(why, HVIS_ERROR_TIMEOUT);
}

/* --- the plan --- */

static guint count_frozen(struct json_object *plan)
{
	struct json_object *items = output_member(plan, "file_systems");
	gsize n = json_object_is_type(items, json_type_array) ? json_object_array_length(items) : 0;
	guint frozen = 0;

	for (gsize i = 0; i < n; i++)
		frozen += g_str_equal(
			text_of(json_object_array_get_idx(items, i), "verdict"), "freeze");
	return frozen;
}

void doctor_check_plan(Doctor *doctor)
{
	g_autofree char *socket =
		*doctor->root ? doctor_path(doctor, VSS_SOCKET) : g_strdup(HVCTL_SOCKET);
	const HvctlRequest request = { .root = doctor->root,
		.socket = socket,
		.timeout_ms = ANSWER_MS,
		.fallback = TRUE,
		.quiet = TRUE };
	g_autoptr(GError) error = NULL;
	struct json_object *plan;
	guint frozen;

	if (!is_relevant(doctor) || hangs(doctor))
		return;
	plan = hvctl_vss_fetch_plan(&request, &error);
	frozen = count_frozen(plan);
	if (!plan)
		doctor_say(doctor, "unknown", "vss", "hvctl vss plan",
			"what a backup would freeze cannot be told: %s", error->message);
	else if (output_member(plan, "problem"))
		doctor_say(doctor, "impossible", "vss", "hvctl vss plan",
			"no backup is possible: %s", text_of(plan, "problem"));
	else
		doctor_say(doctor, "ok", "vss", NULL,
			"a backup is possible, and freezes %u file system%s", frozen,
			frozen == 1 ? "" : "s");
	json_object_put(plan);
}

/* --- what is frozen now --- */

/* Where the kernel lets processes wait that write to what is frozen (6.1, 6.12). */
static gboolean is_waiting_to_write(const Doctor *doctor, const char *pid)
{
	static const char *const places[] = { "percpu_rwsem_wait", "__percpu_down_read",
		"sb_start_write", "__sb_start_write", "mnt_want_write", NULL };
	g_autofree char *stat = doctor_read(doctor, "/proc/%s/stat", pid);
	const char *state = stat ? strrchr(stat, ')') : NULL;
	g_autofree char *place = NULL;

	if (!state || !g_str_has_prefix(state, ") D"))
		return FALSE;
	place = doctor_read(doctor, "/proc/%s/wchan", pid);
	return place && g_strv_contains(places, place);
}

/* The first of *@ret_n processes that wait, new; NULL where none does. */
static char *find_waiting(const Doctor *doctor, guint *ret_n)
{
	g_autofree char *proc = doctor_path(doctor, "/proc");
	g_autoptr(GDir) dir = g_dir_open(proc, 0, NULL);
	const char *pid;
	char *first = NULL;

	*ret_n = 0;
	while (dir && (pid = g_dir_read_name(dir))) {
		if (!g_ascii_isdigit(*pid) || !is_waiting_to_write(doctor, pid))
			continue;
		if ((*ret_n)++ == 0) {
			g_autofree char *name =
				hvis_process_name(proc, g_ascii_strtoll(pid, NULL, 10));

			first = g_strdup_printf("%s (pid %s)", name ? name : "?", pid);
		}
	}
	return first;
}

static gboolean nobody_waits(Doctor *doctor)
{
	guint n;
	char *first = find_waiting(doctor, &n);

	if (first) {
		g_free(first);
		g_usleep(WAIT_US);
		first = find_waiting(doctor, &n);
	}
	if (first)
		doctor_say(doctor, "waiting", "vss",
			"find which one it is (lsof -p PID), then: fsfreeze --unfreeze MOUNT-POINT",
			"%u process%s as one does that writes to a frozen file system, and it "
			"is not "
			"hv_vss_daemon that has frozen it: %s",
			n, n == 1 ? " waits" : "es wait", first);
	g_free(first);
	return first == NULL;
}

/* A device mapper's device that is suspended holds all writers up, too. */
static gboolean nothing_is_suspended(Doctor *doctor)
{
	g_autofree char *path = doctor_path(doctor, "/sys/block");
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *suspended =
			doctor_read(doctor, "/sys/block/%s/dm/suspended", name);
		g_autofree char *device = doctor_read(doctor, "/sys/block/%s/dm/name", name);
		g_autofree char *todo =
			g_strdup_printf("dmsetup resume %s", device ? device : name);

		if (g_strcmp0(suspended, "1") != 0)
			continue;
		doctor_say(doctor, "suspended", "vss", todo,
			"device %s (%s) is suspended: whatever is written to it waits",
			device ? device : "", name);
		return FALSE;
	}
	return TRUE;
}

/* TRUE where hv_vss_daemon has it frozen; all is said then. */
static gboolean is_by_us(Doctor *doctor)
{
	struct json_object *status = status_of(doctor);
	gint64 deadline = json_object_get_int64(output_member(status, "deadline_us"));
	gint64 left = (deadline - g_get_real_time()) / G_USEC_PER_SEC;

	if (!output_member(status, "frozen_since_us"))
		return FALSE;
	if (deadline > 0 && left < 0)
		doctor_say(doctor, "overdue", "vss", "hvctl vss thaw",
			"file systems are frozen for a backup, and should have been thawed "
			"%" G_GINT64_FORMAT " s ago",
			-left);
	else
		doctor_say(doctor, "backup", "vss", NULL,
			"file systems are frozen for a backup, for %" G_GINT64_FORMAT
			" s more at the longest",
			left);
	return TRUE;
}

void doctor_check_frozen(Doctor *doctor)
{
	g_autofree char *marker = doctor_path(doctor, VSS_MARKER);
	gboolean good;

	if (is_by_us(doctor))
		return;
	if (vss_marker_is_there(marker) && !vss_marker_is_held(marker)) {
		doctor_say(doctor, "left", "vss", "hvctl vss thaw",
			"file systems may have been left frozen by a daemon that was killed");
		return;
	}
	good = nothing_is_suspended(doctor);
	if (!doctor->is_root)
		doctor_say(doctor, "unknown", "vss", "sudo hvctl doctor frozen",
			"whether somebody else has frozen a file system only root can see");
	else if (nobody_waits(doctor) && good)
		doctor_say(doctor, "ok", "vss", NULL, "nobody waits for a frozen file system");
}

/* --- the daemon's view --- */

void doctor_check_sandbox(Doctor *doctor)
{
	const char *pid = doctor_unit(doctor, "hv-vss-daemon.service", "MainPID");
	g_autofree char *ours = NULL, *theirs = NULL;

	if (!*pid || g_str_equal(pid, "0"))
		return;
	ours = doctor_link(doctor, "/proc/1/ns/mnt");
	theirs = doctor_link(doctor, "/proc/%s/ns/mnt", pid);
	if (!ours || !theirs)
		doctor_say(doctor, "unknown", "vss", "sudo hvctl doctor sandbox",
			"whether hv_vss_daemon sees the system's mounts only root can see");
	else if (!g_str_equal(ours, theirs))
		doctor_say(doctor, "hides", "vss",
			"systemctl cat hv-vss-daemon; take out of its drop-ins what makes a "
			"sandbox "
			"(ProtectSystem=, PrivateTmp=, …)",
			"hv_vss_daemon has mounts of its own: what a sandbox hides from it cannot "
			"be in "
			"a backup");
	else
		doctor_say(doctor, "ok", "vss", NULL, "hv_vss_daemon sees the system's mounts");
}

/* --- hooks --- */

static char *hooks_folder(const Doctor *doctor)
{
	g_autoptr(HvisConfig) config = hvis_config_load(vss_config_keys, doctor->root, NULL);

	if (!config || !hvis_config_bool(config, "vss", "Hooks"))
		return NULL; /* one that is wrong is told by config */
	return g_strdup(hvis_config_string(config, "vss", "HooksDirectory"));
}

static void check_hooks(Doctor *doctor, const GPtrArray *hooks)
{
	gboolean good = TRUE;

	for (guint i = 0; i < hooks->len; i++) {
		const VssHook *hook = hooks->pdata[i];

		if (!hook->problem)
			continue;
		good = FALSE;
		doctor_say(doctor, "refused", "vss", "man hvis-freeze.d",
			"hook %s is not run, so that no backup is possible: %s", hook->name,
			hook->problem);
	}
	if (good && hooks->len > 0)
		doctor_say(doctor, "ok", "vss", NULL, "%u hook%s may be run", hooks->len,
			hooks->len == 1 ? "" : "s");
}

void doctor_check_hooks(Doctor *doctor)
{
	g_autofree char *folder = hooks_folder(doctor);
	g_autoptr(GPtrArray) hooks = NULL;
	g_autoptr(GError) error = NULL;

	if (!folder || !is_relevant(doctor))
		return;
	hooks = vss_hooks_read(doctor->root, folder, &error);
	if (hooks)
		check_hooks(doctor, hooks);
	else if (!doctor->is_root &&
		 (hvis_error_is(error, HVIS_ERROR_PERMISSION) ||
			 g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_ACCES)))
		doctor_say(
			doctor, "unknown", "vss", "sudo hvctl doctor hooks", "%s", error->message);
	else
		doctor_say(doctor, "folder", "vss", "man hvis-freeze.d", "%s: no hook is run: %s",
			folder, error->message);
}

/* --- the last backup --- */

void doctor_check_backup(Doctor *doctor)
{
	struct json_object *last = output_member(status_of(doctor), "last");
	const char *result = text_of(last, "result"), *kind = text_of(last, "kind");

	if (!last || g_str_equal(kind, "rehearsal"))
		return;
	if (g_str_equal(result, "ok"))
		doctor_say(
			doctor, "ok", "vss", NULL, "the last backup: %s", text_of(last, "message"));
	else if (g_str_equal(result, "aborted"))
		doctor_say(doctor, "aborted", "vss", "hvctl vss history",
			"the last backup was called off: %s", text_of(last, "message"));
	else
		doctor_say(doctor, "failed", "vss", "hvctl vss history; man hvis-backup",
			"the last backup was %s: %s",
			g_str_equal(result, "refused") ? "refused" : "no success",
			text_of(last, "message"));
}
