/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hvctl vss rehearse: the daemon freezes and thaws, and a process of ours writes to one of the file systems
 * meanwhile, to see how long that is held up. Where that cannot be, the rest is done all the same.
 */
#include <sys/sysmacros.h>
#include <unistd.h>

#include "hvctl/call.h"
#include "hvctl/vss-stall.h"
#include "hvctl/vss.h"
#include "util/duration.h"
#include "util/json.h"
#include "util/output.h"
#include "vssd/mount-table.h"
#include "vssd/options.h"

#define THAW_LOOK_US 50000u /* ours: between two looks whether all is thawed */

typedef struct {
	HvctlStall *stall; /* NULL: none, and @problem says why */
	char *path, *problem;
} Writer;

static void writer_clear(Writer *writer)
{
	hvctl_stall_free(writer->stall);
	g_free(writer->path);
	g_free(writer->problem);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Writer, writer_clear)

/* --- where to write --- */

/* Where superblock @device ("8:1") can be seen by this process; NULL where it cannot. */
static char *find_mount(struct libmnt_table *table, const char *device)
{
	g_autoptr(MountIter) iter = mnt_new_iter(MNT_ITER_BACKWARD);
	struct libmnt_fs *fs;

	while (mnt_table_next_fs(table, iter, &fs) == 0) {
		g_autofree char *number = g_strdup_printf(
			"%u:%u", major(mnt_fs_get_devno(fs)), minor(mnt_fs_get_devno(fs)));

		if (g_str_equal(number, device) && mnt_fs_get_target(fs))
			return g_strdup(mnt_fs_get_target(fs));
	}
	return NULL;
}

static void try_to_write(Writer *writer, struct libmnt_table *table, struct json_object *item)
{
	struct json_object *verdict = output_member(item, "verdict");
	struct json_object *device = output_member(item, "device");
	g_autoptr(GError) error = NULL;

	if (!verdict || !device || !g_str_equal(json_object_get_string(verdict), "freeze"))
		return;
	g_free(writer->path);
	writer->path = find_mount(table, json_object_get_string(device));
	if (!writer->path)
		return;
	writer->stall = hvctl_stall_new(writer->path, &error);
	if (writer->stall)
		return;
	g_free(writer->problem);
	writer->problem = g_strdup(error->message);
}

/* On the first of @plan that can be written to: what is frozen first is thawed last. */
static void writer_start(Writer *writer, struct json_object *plan)
{
	g_autoptr(MountTable) table = mnt_new_table();
	struct json_object *items = output_member(plan, "file_systems");
	gsize n = json_object_is_type(items, json_type_array) ? json_object_array_length(items) : 0;

	writer->problem = g_strdup("none of the file systems can be seen from here");
	if (mnt_table_parse_file(table, "/proc/self/mountinfo") != 0)
		return;
	for (gsize i = 0; i < n && !writer->stall; i++)
		try_to_write(writer, table, json_object_array_get_idx(items, i));
}

/* --- what is said --- */

/* Type of the member "writer": { path, longest_stall_us, writes } or null. */
static struct json_object *writer_json(const Writer *writer, const HvctlStallResult *result)
{
	struct json_object *object = json_object_new_object();
	g_autofree char *path = g_utf8_make_valid(writer->path, -1);

	json_object_object_add(object, "path", json_object_new_string(path));
	json_object_object_add(
		object, "longest_stall_us", json_object_new_int64(result->longest_us));
	json_object_object_add(object, "writes", hvis_json_count(result->writes));
	return object;
}

static void add_writer(struct json_object *backup, Writer *writer)
{
	g_autoptr(GError) error = NULL;
	HvctlStallResult result;

	json_object_object_add(backup, "writer", NULL);
	if (json_object_get_int64(output_member(backup, "frozen")) == 0)
		return; /* nothing held it up */
	if (writer->stall && hvctl_stall_stop(writer->stall, &result, &error))
		json_object_object_add(backup, "writer", writer_json(writer, &result));
	else
		fprintf(stderr, "hvctl: how long a writer is held up was not measured: %s\n",
			error ? error->message : writer->problem);
}

static void print_backup(FILE *out, struct json_object *backup)
{
	g_autofree char *result = output_value(output_member(backup, "result"));
	g_autofree char *message = output_value(output_member(backup, "message"));
	struct json_object *path = output_member(backup, "writer.path");
	struct json_object *problem = hvctl_vss_hooks_text(backup);

	fprintf(out, "%s: %s\n", result, message);
	hvctl_vss_print_mounts(out, backup);
	if (problem) {
		g_autofree char *text = output_value(problem);

		fprintf(out, "Problem: %s\n", text);
	}
	json_object_put(problem);
	if (path) {
		g_autofree char *shown = output_value(path);
		g_autofree char *ms =
			hvctl_vss_duration_text(output_member(backup, "writer.longest_stall_us"));

		fprintf(out, "The longest that a write to %s took was %s.\n", shown, ms);
	}
}

/* --- what is asked --- */

static gboolean is_over(const HvctlRequest *request)
{
	struct json_object *status =
		hvctl_call_to(&hvctl_vss_daemon, request, "GetStatus", NULL, NULL);
	struct json_object *backup = output_member(status, "status.backup");
	gboolean over = backup && !g_str_equal(json_object_get_string(backup), "rehearsing") &&
			!output_member(status, "status.frozen_since_us");

	json_object_put(status);
	return over;
}

/* --timeout was over first: the daemon has seen us hang up, and thaws. */
static void tell_called_off(const HvctlRequest *request, GError **error)
{
	gint64 until = g_get_monotonic_time() + HVCTL_TIMEOUT_MS * 1000LL;
	g_autofree char *timeout = hvis_duration_text(request->timeout_ms * 1000LL);
	HvctlRequest look = *request;
	gboolean over;

	look.timeout_ms = HVCTL_TIMEOUT_MS;
	while (!(over = is_over(&look)) && g_get_monotonic_time() < until)
		g_usleep(THAW_LOOK_US);
	g_clear_error(error);
	hvis_fail(error, HVIS_ERROR_TIMEOUT,
		"the rehearsal was not over within %s: it was called off, %s", timeout,
		over ? "and all is thawed" : "and may not be thawed yet: see \"hvctl vss status\"");
}

static struct json_object *ask(const HvctlRequest *request, GError **error)
{
	struct json_object *params = json_object_new_object(), *answer;

	json_object_object_add(params, "duration_ms", json_object_new_int64(request->duration_ms));
	answer = hvctl_call_to(&hvctl_vss_daemon, request, "Rehearse", params, error);
	if (!answer && hvis_error_is(*error, HVIS_ERROR_TIMEOUT))
		tell_called_off(request, error);
	return answer;
}

static HvisExit show(const HvctlRequest *request, struct json_object *backup, GError **error)
{
	struct json_object *result = output_member(backup, "result");

	if (request->json)
		output_json(request->out, backup, FALSE);
	else
		print_backup(request->out, backup);
	output_finish(request->out, error);
	return result && g_str_equal(json_object_get_string(result), "ok") ? HVIS_EXIT_OK
									   : HVIS_EXIT_FALSE;
}

/*
 * Where something is frozen the daemon will refuse, and nobody should wait for a write before that. Returns
 * FALSE where there is no daemon to ask.
 */
static gboolean prepare(const HvctlRequest *request, Writer *writer, GError **error)
{
	struct json_object *status, *plan, *frozen;

	status = hvctl_call_to(&hvctl_vss_daemon, request, "GetStatus", NULL, error);
	plan = status ? hvctl_call_to(&hvctl_vss_daemon, request, "Plan", NULL, error) : NULL;
	frozen = output_member(status, "status.frozen_since_us");
	if (plan && !frozen)
		writer_start(writer, plan);
	json_object_put(status);
	json_object_put(plan);
	return plan != NULL;
}

/* As far as it can be known without doing it: a --yes that would be refused is not to be asked for. */
static gboolean would_do(const HvctlRequest *request, GError **error)
{
	struct json_object *status =
		hvctl_call_to(&hvctl_vss_daemon, request, "GetStatus", NULL, error);
	struct json_object *limit = output_member(status, "status.frozen_max_ms");
	gint64 deadline_ms = limit ? json_object_get_int64(limit) : HVIS_DURATION_MAX_MS;
	g_autofree char *duration = hvis_duration_text(request->duration_ms * 1000LL);
	g_autofree char *deadline = hvis_duration_text(deadline_ms * 1000);

	if (!status)
		return FALSE;
	json_object_put(status);
	if (geteuid() != 0)
		return hvis_fail(error, HVIS_ERROR_PERMISSION, "only root can rehearse");
	return request->duration_ms < deadline_ms ||
	       hvis_fail(error, HVIS_ERROR_INVALID,
		       "--duration of %s: a rehearsal takes less than the %s of Deadline=",
		       duration, deadline);
}

HvisExit hvctl_vss_rehearse(const HvctlRequest *request, GError **error)
{
	g_auto(Writer) writer = { 0 };
	struct json_object *answer, *backup = NULL;
	HvisExit status = HVIS_EXIT_IO;

	if (!request->yes && !would_do(request, error))
		return HVIS_EXIT_IO;
	if (!request->yes) {
		g_autofree char *duration = hvis_duration_text(request->duration_ms * 1000LL);

		hvis_fail(error, HVIS_ERROR_INVALID,
			"for %s every program that writes to a file system of \"hvctl vss "
			"plan\" will stand still; --yes does it",
			duration);
		return HVIS_EXIT_USAGE;
	}
	if (!prepare(request, &writer, error))
		return status;
	answer = ask(request, error);
	if (answer)
		backup = hvctl_answer_member(answer, "backup", json_type_object, error);
	if (backup) {
		add_writer(backup, &writer);
		status = show(request, backup, error);
	}
	json_object_put(answer);
	return status;
}
