/* SPDX-License-Identifier: GPL-2.0-only */
/* The course of a change; see the header. What undoes it is decided before anything is done. */
#include "config.h"

#include "ipd/change.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <util/error.h>
#include <util/file.h>

#include "ipd/command.h"

#define PROBE_EVERY_MS 250u /* ours */
#define SAVED_MAX (256u * 1024u) /* ours: bytes of a file that is replaced */

const char *ip_step_name(IpStep step)
{
	static const char *const names[IP_STEP_N] = { "idle", "applying", "confirming",
		"rolling-back", "hook" };

	return names[step];
}

/* --- a change as data --- */

IpChange *ip_change_new(const char *root, IpPlan *plan, const char *wanted, GError **error)
{
	g_autoptr(IpChange) change = g_new0(IpChange, 1);

	change->plan = plan;
	if (!ip_target_find(root, plan->mac, &change->target, error) ||
		!ip_backend_choose(root, &change->target, wanted, &change->backend, error))
		return NULL;
	change->work = ip_backend_render(change->backend, root, &change->target, plan, error);
	return change->work ? g_steal_pointer(&change) : NULL;
}

void ip_change_free(IpChange *change)
{
	if (!change)
		return;
	ip_plan_free(change->plan);
	ip_work_free(change->work);
	g_free(change);
}

static void add_string(struct json_object *object, const char *name, const char *value)
{
	json_object_object_add(object, name, json_object_new_string(value));
}

static void add_commands(struct json_object *list, const GPtrArray *commands)
{
	for (guint i = 0; i < commands->len; i++) {
		g_autofree char *text = ip_command_text(((IpCommand *)commands->pdata[i])->argv);

		json_object_array_add(list, json_object_new_string(text));
	}
}

static void add_warnings(struct json_object *list, const GPtrArray *warnings)
{
	for (guint i = 0; i < warnings->len; i++)
		json_object_array_add(list, json_object_new_string(warnings->pdata[i]));
}

struct json_object *ip_change_to_json(const IpChange *change, gboolean detail)
{
	struct json_object *json = json_object_new_object();
	struct json_object *commands = json_object_new_array(), *warnings = json_object_new_array();

	add_string(json, "interface", change->target.name);
	add_string(json, "manager", ip_backend_name(change->backend));
	json_object_object_add(json, "plan", ip_plan_to_json(change->plan));
	add_warnings(warnings, change->plan->warnings);
	add_warnings(warnings, change->work->warnings);
	json_object_object_add(json, "warnings", warnings);
	if (detail)
		json_object_object_add(json, "files", ip_files_to_json(change->work->files));
	add_commands(commands, change->work->before);
	add_commands(commands, change->work->after);
	if (detail)
		json_object_object_add(json, "commands", commands);
	else
		json_object_put(commands);
	return json;
}

/* --- files --- */

static char *real_path(const IpChangeContext *context, const char *path)
{
	return g_strconcat(context->root, path, NULL);
}

/* What @file is now: a new IpFile, without content where there is none. */
static IpFile *load(const IpChangeContext *context, const IpFile *file, GError **error)
{
	g_autofree char *real = real_path(context, file->path);
	g_autofree char *text = NULL;
	struct stat st;
	gsize len;

	if (lstat(real, &st) < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return ip_file_new(file->path, NULL, file->mode);
		hvis_fail_errno(error, errno, "look at %s", file->path);
		return NULL;
	}
	if (!S_ISREG(st.st_mode)) {
		hvis_fail(error, HVIS_ERROR_UNSUPPORTED,
			"%s is a link or something else that is not to be replaced", file->path);
		return NULL;
	}
	text = hvis_file_read(real, SAVED_MAX, &len, error);
	if (!text)
		return NULL;
	if (strlen(text) != len) {
		hvis_fail(error, HVIS_ERROR_UNSUPPORTED, "%s is no text", file->path);
		return NULL;
	}
	return ip_file_new(file->path, text, st.st_mode & 07777);
}

static GPtrArray *save(const IpChangeContext *context, const IpWork *work, GError **error)
{
	g_autoptr(GPtrArray) saved = ip_files_new();

	for (guint i = 0; i < work->files->len; i++) {
		IpFile *file = load(context, work->files->pdata[i], error);

		if (!file)
			return NULL;
		g_ptr_array_add(saved, file);
	}
	return g_steal_pointer(&saved);
}

static gboolean store(const IpChangeContext *context, const IpFile *file, GError **error)
{
	g_autofree char *real = real_path(context, file->path);
	g_autofree char *dir = g_path_get_dirname(real);

	if (!file->content)
		return unlink(real) == 0 || errno == ENOENT ||
		       hvis_fail_errno(error, errno, "remove %s", file->path);
	if (g_mkdir_with_parents(dir, 0755) < 0)
		return hvis_fail_errno(error, errno, "make %s", dir);
	return hvis_file_write(real, file->content, strlen(file->content), file->mode, error);
}

/* Is the file what @wanted says? Its mode is left to whoever administers it. */
static gboolean is_there(const IpChangeContext *context, const IpFile *wanted)
{
	g_autoptr(IpFile) there = load(context, wanted, NULL);

	return there && g_strcmp0(there->content, wanted->content) == 0;
}

static gboolean are_there(const IpChangeContext *context, const GPtrArray *files)
{
	for (guint i = 0; i < files->len; i++) {
		if (!is_there(context, files->pdata[i]))
			return FALSE;
	}
	return TRUE;
}

/* --- taking it back --- */

static gboolean run_all(const IpChangeContext *context, const GPtrArray *commands, GError **error)
{
	for (guint i = 0; i < commands->len; i++) {
		const IpCommand *command = commands->pdata[i];
		g_autoptr(GError) failed = NULL;

		if (!context->ops->run(command, context->data, &failed) && !command->optional) {
			g_propagate_error(error, g_steal_pointer(&failed));
			return FALSE;
		}
	}
	return TRUE;
}

/* A file that is as it was needs no room on a full disk. */
static gboolean put_back(const IpChangeContext *context, const IpFile *saved, GError **error)
{
	return is_there(context, saved) || store(context, saved, error);
}

/* Every step is tried, whatever the ones before it did; the first failure is told. */
static void keep_first(GError **first, GError *next)
{
	if (!*first)
		*first = next;
	else
		g_clear_error(&next);
}

static gboolean undo(
	const IpChangeContext *context, const IpWork *work, const GPtrArray *saved, GError **error)
{
	GError *first = NULL;

	context->ops->enter(IP_STEP_ROLLING_BACK, context->data);
	for (guint i = 0; i < work->undo_before->len; i++)
		context->ops->run(work->undo_before->pdata[i], context->data, NULL);
	for (guint i = saved->len; i > 0; i--) {
		GError *failed = NULL;

		put_back(context, saved->pdata[i - 1], &failed);
		keep_first(&first, failed);
	}
	for (guint i = 0; i < work->undo_after->len; i++) {
		const IpCommand *command = work->undo_after->pdata[i];
		GError *failed = NULL;

		context->ops->run(command, context->data, &failed);
		if (command->optional)
			g_clear_error(&failed);
		keep_first(&first, failed);
	}
	if (first)
		g_propagate_error(error, first);
	return !first;
}

/* --- the journal --- */

static struct json_object *record_new(const IpChange *change, const GPtrArray *saved)
{
	struct json_object *record = ip_change_to_json(change, FALSE);

	json_object_object_add(record, "time_us", json_object_new_int64(g_get_real_time()));
	json_object_object_add(record, "work", ip_work_to_json(change->work));
	json_object_object_add(record, "saved", ip_files_to_json(saved));
	return record;
}

/* The entry of the history for @record: who, what, how it ended. */
static void note(const IpChangeContext *context, struct json_object *record, const char *result,
	const char *reason)
{
	static const char *const names[] = { "interface", "manager", "plan" };
	struct json_object *entry = json_object_new_object();

	json_object_object_add(entry, "time_us", json_object_new_int64(g_get_real_time()));
	for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
		json_object_object_add(
			entry, names[i], json_object_get(json_object_object_get(record, names[i])));
	add_string(entry, "result", result);
	json_object_object_add(entry, "reason", reason ? json_object_new_string(reason) : NULL);
	ip_journal_note(context->journal, entry, NULL); /* a history is not worth a failure */
}

/* Tell @failed, and where what was there before can be found. */
static void set_aside(const IpChangeContext *context, GError **error, GError *failed)
{
	g_autofree char *path = ip_journal_set_aside(context->journal);
	g_autofree char *hint = g_strdup_printf("; what was there before is in %s", path);

	hvis_error_append(&failed, hint);
	g_propagate_error(error, failed);
}

/* Undo what @record says, and be done with it whatever comes of that. */
static gboolean undo_record(const IpChangeContext *context, struct json_object *record,
	const char *result, const char *reason, GError **error)
{
	g_autoptr(GPtrArray) saved = ip_files_new();
	g_autoptr(GError) failed = NULL;
	g_autoptr(IpWork) work = ip_work_from_json(json_object_object_get(record, "work"), &failed);
	gboolean done =
		work &&
		ip_files_from_json(json_object_object_get(record, "saved"), saved, &failed) &&
		undo(context, work, saved, &failed);

	if (done)
		ip_journal_drop(context->journal);
	note(context, record, done ? result : "failed", done ? reason : failed->message);
	context->ops->enter(IP_STEP_IDLE, context->data);
	if (!done)
		set_aside(context, error, g_steal_pointer(&failed));
	return done;
}

/* --- doing it --- */

static gboolean apply(const IpChangeContext *context, const IpChange *change, GError **error)
{
	context->ops->enter(IP_STEP_APPLYING, context->data);
	if (!run_all(context, change->work->before, error))
		return FALSE;
	for (guint i = 0; i < change->work->files->len; i++) {
		if (!store(context, change->work->files->pdata[i], error))
			return FALSE;
	}
	return run_all(context, change->work->after, error);
}

/* Whoever hung up takes the change for failed, so it must not stay. */
static gboolean is_wanted(const IpChangeContext *context, GError **error)
{
	return context->ops->is_wanted(context->data) ||
	       hvis_fail(error, HVIS_ERROR_CLOSED, "whoever asked for them has hung up");
}

static gboolean confirm(const IpChangeContext *context, const IpChange *change, GError **error)
{
	g_autofree char *why = NULL;

	context->ops->enter(IP_STEP_CONFIRMING, context->data);
	for (guint waited = 0;; waited += PROBE_EVERY_MS) {
		g_clear_pointer(&why, g_free);
		if (context->ops->probe(&change->target, change->plan, context->data, &why))
			return TRUE;
		if (waited >= context->confirm_ms)
			return hvis_fail(error, HVIS_ERROR_TIMEOUT, "%s after %u.%u s", why,
				context->confirm_ms / 1000, context->confirm_ms % 1000 / 100);
		if (!context->ops->pause(PROBE_EVERY_MS, context->data))
			return is_wanted(context, error) &&
			       hvis_fail(error, HVIS_ERROR_CLOSED,
				       "the helper was stopped before %s was seen to work",
				       change->target.name);
	}
}

/* Nothing to do: the files are there, and the network is as planned. */
static gboolean is_done(const IpChangeContext *context, const IpChange *change)
{
	g_autofree char *why = NULL;

	return are_there(context, change->work->files) &&
	       context->ops->probe(&change->target, change->plan, context->data, &why);
}

static gboolean fail_back(const IpChangeContext *context, struct json_object *record,
	const GError *cause, GError **error)
{
	g_autoptr(GError) failed = NULL;

	if (undo_record(context, record, "rolled back", cause->message, &failed))
		return hvis_fail(error, (HvisErrorCode)cause->code,
			"%s; the configuration before it is in force again", cause->message);
	return hvis_fail(error, (HvisErrorCode)cause->code,
		"%s; and the configuration before it could not be restored: %s", cause->message,
		failed->message);
}

gboolean ip_change_run(const IpChangeContext *context, const IpChange *change, GError **error)
{
	g_autoptr(GPtrArray) saved = NULL;
	g_autoptr(GError) failed = NULL;
	struct json_object *record;
	gboolean done = FALSE;

	if (is_done(context, change))
		return TRUE;
	if (!is_wanted(context, error))
		return FALSE;
	saved = save(context, change->work, error);
	if (!saved)
		return FALSE;
	record = record_new(change, saved);
	if (ip_journal_begin(context->journal, record, error)) {
		done = apply(context, change, &failed) && confirm(context, change, &failed) &&
		       is_wanted(context, &failed) && ip_journal_keep(context->journal, &failed);
		if (done)
			note(context, record, "done", NULL);
		else
			fail_back(context, record, failed, error);
	}
	context->ops->enter(IP_STEP_IDLE, context->data);
	json_object_put(record);
	return done;
}

/* --- later --- */

static char *interface_of(struct json_object *record)
{
	const char *name = json_object_get_string(json_object_object_get(record, "interface"));

	return g_strdup(name ? name : "?");
}

static gboolean is_untouched(
	const IpChangeContext *context, struct json_object *record, GError **error)
{
	g_autoptr(IpWork) work = ip_work_from_json(json_object_object_get(record, "work"), error);

	if (!work)
		return FALSE;
	if (are_there(context, work->files))
		return TRUE;
	return hvis_fail(error, HVIS_ERROR_EXISTS,
		"the files that were written for the host have been changed since; nothing is "
		"taken "
		"back");
}

gboolean ip_change_revert(const IpChangeContext *context, char **ret_interface, GError **error)
{
	g_autoptr(GError) failed = NULL;
	struct json_object *record = ip_journal_last(context->journal, &failed);
	gboolean done;

	if (!record && failed) {
		g_propagate_error(error, g_steal_pointer(&failed));
		return FALSE;
	}
	if (!record)
		return hvis_fail(error, HVIS_ERROR_NOT_FOUND, "there is nothing to take back");
	done = is_untouched(context, record, error) && ip_journal_reopen(context->journal, error) &&
	       undo_record(context, record, "taken back", NULL, error);
	if (done)
		*ret_interface = interface_of(record);
	json_object_put(record);
	return done;
}

gboolean ip_change_recover(const IpChangeContext *context, char **ret_interface, GError **error)
{
	g_autoptr(GError) failed = NULL;
	struct json_object *record = ip_journal_pending(context->journal, &failed);
	gboolean done;

	*ret_interface = NULL;
	if (!record && !failed)
		return TRUE;
	if (!record) { /* torn by a disk, not by us: it would come again at every start */
		set_aside(context, error, g_steal_pointer(&failed));
		return FALSE;
	}
	done = undo_record(context, record, "rolled back", "it was left unfinished", error);
	*ret_interface = interface_of(record);
	json_object_put(record);
	return done;
}
