/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl kvp check: look at the pool files, and with --repair mend them under both locks. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hvctl/check.h"
#include "hvctl/command.h"
#include "kvpd/pools.h"
#include "kvpd/rewrite.h"
#include "util/fd.h"
#include "util/file.h"
#include "util/output.h"

#define KEY_SHOWN 32 /* characters of a key in the table; JSON has all */
#define FILE_MAX ((gsize)(KVP_POOL_RECORDS_MAX + 1024) * 2560) /* what is looked at */

typedef struct {
	const HvctlRequest *request;
	HvctlFindings findings;
	struct json_object *backups; /* paths */
	guint failed; /* pools that could not be mended */
} Check;

/* --- mending --- */

typedef struct {
	GByteArray *backup;
	char *path; /* of the backup; NULL until it is written */
	const char *pool;
} Mend;

/* With its name: a directory that cannot be synced (overlay, FUSE) is no failure. */
static gboolean fill_backup(const Mend *mend, int fd, const char *path, GError **error)
{
	g_autofree char *dir = g_path_get_dirname(path);
	hvis_autofd int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (!hvis_pwrite_all(fd, mend->backup->data, mend->backup->len, 0, error)) {
		g_prefix_error(error, "%s: ", path);
		return FALSE;
	}
	if (fsync(fd) < 0)
		return hvis_fail_errno(error, errno, "fsync %s", path);
	if (dir_fd >= 0 && fsync(dir_fd) < 0)
		g_debug("fsync %s: %s", dir, g_strerror(errno));
	return TRUE;
}

/* A name that is not there, for root alone to read, on the disk before the pool is touched. */
static gboolean write_backup(Mend *mend, GError **error)
{
	for (guint i = 0; i < 1000; i++) {
		g_autofree char *path = g_strdup_printf("%s.backup-%u", mend->pool, i);
		hvis_autofd int fd =
			open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

		if (fd < 0 && errno == EEXIST)
			continue;
		if (fd < 0)
			return hvis_fail_errno(error, errno, "create %s", path);
		if (!fill_backup(mend, fd, path, error)) {
			unlink(path);
			return FALSE;
		}
		mend->path = g_steal_pointer(&path);
		return TRUE;
	}
	return hvis_fail(error, HVIS_ERROR_EXISTS, "%s: a thousand backups are there", mend->pool);
}

static gboolean edit(GByteArray *bytes, gpointer data, GError **error)
{
	Mend *mend = data;

	return hvctl_mend_bytes(bytes, mend->backup) == 0 || write_backup(mend, error);
}

static gboolean mend_pool(Check *check, KvpPool *pool, GError **error)
{
	g_autoptr(GByteArray) backup = g_byte_array_new();
	Mend mend = { .backup = backup, .pool = kvp_pool_path(pool) };
	gboolean done = kvp_pool_rewrite(pool, edit, &mend, NULL, error);

	if (mend.path)
		json_object_array_add(check->backups, json_object_new_string(mend.path));
	g_free(mend.path);
	return done;
}

/* --- looking --- */

/* What --repair has done to findings from @first on. */
static void mark_mended(Check *check, gsize first)
{
	struct json_object *list = check->findings.list;

	for (gsize i = first; i < json_object_array_length(list); i++) {
		struct json_object *finding = json_object_array_get_idx(list, i);

		if (!output_member(finding, "repair"))
			continue;
		json_object_object_add(finding, "mended", json_object_new_boolean(TRUE));
		check->findings.remaining--;
	}
}

/* A file that cannot be read is a finding: the others are looked at all the same. */
static void add_unreadable(Check *check, const GError *why)
{
	const HvctlFinding finding = {
		.record = -1, .problem = "unreadable", .meaning = why->message
	};

	hvctl_findings_add(&check->findings, &finding);
}

static gboolean look_at(Check *check, KvpPool *pool, GError **error)
{
	g_autoptr(GError) failed = NULL;
	g_autofree char *bytes = NULL;
	gsize len, first = json_object_array_length(check->findings.list), found;

	bytes = hvis_file_read(kvp_pool_path(pool), FILE_MAX, &len, &failed);
	if (!bytes) {
		add_unreadable(check, failed);
		return TRUE;
	}
	hvctl_check_bytes(&check->findings, (const guint8 *)bytes, len);
	found = json_object_array_length(check->findings.list) - first;
	if (!check->request->repair || found == 0)
		return TRUE;
	if (!mend_pool(check, pool, error))
		return FALSE;
	mark_mended(check, first);
	return TRUE;
}

/* One that cannot be mended is a finding, too: the others are mended all the same. */
static void note_failure(Check *check, GError *why, GError **error)
{
	const HvctlFinding finding = {
		.record = -1, .problem = "not-mended", .meaning = why->message
	};

	hvctl_findings_add(&check->findings, &finding);
	if (check->failed++ == 0)
		g_propagate_error(error, g_error_copy(why));
}

/* Made here, so that what is said about it is what has happened. */
static gboolean check_dir(Check *check, GError **error)
{
	const HvctlRequest *request = check->request;
	const char *dir = request->pool_dir;
	const HvctlFinding finding = { .record = -1,
		.problem = "missing",
		.meaning = "the directory was not there",
		.repair = "created",
		.mended = TRUE };
	struct stat st;

	if (!request->repair || lstat(dir, &st) == 0 || errno != ENOENT) {
		hvctl_check_dir(&check->findings, dir, request->repair);
		return TRUE;
	}
	if (g_mkdir_with_parents(dir, 0755) < 0 || chmod(dir, 0755) < 0)
		return hvis_fail_errno(error, errno, "create directory %s", dir);
	hvctl_findings_add(&check->findings, &finding);
	return TRUE;
}

static gboolean create_pool(Check *check, KvpPool *pool, GError **error)
{
	const HvctlFinding finding = { .record = -1,
		.problem = "missing",
		.meaning = "the file was not there",
		.repair = "created",
		.mended = TRUE };

	if (!kvp_pool_create(pool, error))
		return FALSE;
	hvctl_findings_add(&check->findings, &finding);
	return TRUE;
}

static gboolean check_file(Check *check, KvpPool *pool, GError **error)
{
	const char *path = kvp_pool_path(pool);
	struct stat st;

	if (check->request->repair && lstat(path, &st) < 0 && errno == ENOENT)
		return create_pool(check, pool, error);
	hvctl_check_file(&check->findings, path, check->request->repair);
	if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return TRUE;
	hvctl_check_lock(&check->findings, path);
	if (check->request->repair && !kvp_pool_finish(pool, error))
		return FALSE;
	return look_at(check, pool, error);
}

static void check_pool(Check *check, KvpPool *pool, GError **error)
{
	g_autoptr(GError) failed = NULL;

	check->findings.path = kvp_pool_path(pool);
	if (!check_file(check, pool, &failed))
		note_failure(check, failed, error);
}

/* --- printing --- */

static char *record_text(struct json_object *value)
{
	return value ? output_value(value) : NULL;
}

/* A damaged key may be long, and is not to push off the screen what is wrong with it. */
static char *key_text(struct json_object *value)
{
	const char *key = value ? json_object_get_string(value) : NULL;
	g_autofree char *start = NULL, *shown = NULL;

	if (!key || g_utf8_strlen(key, -1) <= KEY_SHOWN)
		return record_text(value);
	start = g_utf8_substring(key, 0, KEY_SHOWN);
	shown = output_escape(start);
	return g_strconcat(shown, "…", NULL);
}

static char *base_name(struct json_object *value)
{
	return g_path_get_basename(json_object_get_string(value));
}

static const char *problem_style(struct json_object *value)
{
	return g_str_equal(json_object_get_string(value), "locked") ? OUTPUT_YELLOW : OUTPUT_RED;
}

#define COLUMNS_OF_A_FINDING                                                                       \
	{ .heading = "FILE", .member = "file", .format = base_name },                              \
		{ .heading = "RECORD", .member = "record", .right = TRUE, .format = record_text }, \
		{ .heading = "KEY", .member = "key", .format = key_text },                         \
	{                                                                                          \
		.heading = "PROBLEM", .member = "problem", .style = problem_style                  \
	}

/* "created" in a table of what was only looked at would be a lie, so its heading says when. */
static const OutputColumn columns_looked[] = {
	COLUMNS_OF_A_FINDING,
	{ .heading = "MEANING", .member = "meaning" },
	{ .heading = "WITH --repair", .member = "repair", .format = record_text },
	{ .heading = NULL },
};

static const OutputColumn columns_repaired[] = {
	COLUMNS_OF_A_FINDING,
	{ .heading = "MENDED", .member = "mended" },
	{ .heading = "MEANING", .member = "meaning" },
	{ .heading = "REPAIR", .member = "repair", .format = record_text },
	{ .heading = NULL },
};

/* The column of what --repair does has room for what it leaves to do; in JSON each is on its own. */
static void show_by_hand(struct json_object *findings)
{
	for (gsize i = 0; i < json_object_array_length(findings); i++) {
		struct json_object *finding = json_object_array_get_idx(findings, i);
		struct json_object *by_hand = output_member(finding, "by_hand");
		g_autofree char *text = NULL;

		if (!by_hand || output_member(finding, "repair"))
			continue;
		text = g_strconcat("nothing; by hand: ", json_object_get_string(by_hand), NULL);
		json_object_object_add(finding, "repair", json_object_new_string(text));
	}
}

static void print(const Check *check, gboolean failed)
{
	const HvctlRequest *request = check->request;
	gsize n = json_object_array_length(check->findings.list);
	struct json_object *all;

	if (request->json) {
		all = json_object_new_object();
		json_object_object_add(all, "good",
			json_object_new_boolean(check->findings.remaining == 0 && !failed));
		json_object_object_add(all, "findings", json_object_get(check->findings.list));
		json_object_object_add(all, "backups", json_object_get(check->backups));
		output_json(request->out, all, FALSE);
		json_object_put(all);
		return;
	}
	show_by_hand(check->findings.list);
	output_table(request->out, check->findings.list,
		request->repair ? columns_repaired : columns_looked);
	for (gsize i = 0; i < json_object_array_length(check->backups); i++)
		fprintf(request->out, "removed bytes are in %s\n",
			json_object_get_string(json_object_array_get_idx(check->backups, i)));
	if (n == 0 && !failed)
		fprintf(request->out, "good: %s\n", request->pool_dir);
}

void hvctl_check_pools(HvctlFindings *findings, const char *dir)
{
	const HvctlRequest request = { .pool_dir = (char *)(guintptr)dir };
	g_autoptr(KvpPools) pools = kvp_pools_new(dir, NULL);
	g_autoptr(GError) none = NULL; /* which only mending has */
	Check check = { .request = &request, .findings = *findings };

	check_dir(&check, &none);
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
		check_pool(&check, kvp_pools_get(pools, i), &none);
	findings->remaining = check.findings.remaining;
}

HvisExit hvctl_kvp_check(const HvctlRequest *request, GError **error)
{
	g_autoptr(KvpPools) pools = kvp_pools_new(request->pool_dir, NULL);
	Check check = { .request = request,
		.findings = { .list = json_object_new_array(), .path = request->pool_dir },
		.backups = json_object_new_array() };
	guint only = HVIS_KVP_POOL_N;

	if (request->pool)
		kvp_pools_parse(request->pool, &only, NULL);
	if (check_dir(&check, error))
		for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
			if (!request->pool || only == i)
				check_pool(&check, kvp_pools_get(pools, i), error);
	if (check.failed > 1)
		g_prefix_error(error, "%u pools could not be mended: ", check.failed);
	print(&check, *error != NULL);
	if (!*error)
		output_finish(request->out, error);
	json_object_put(check.findings.list);
	json_object_put(check.backups);
	return check.findings.remaining > 0 ? HVIS_EXIT_FALSE : HVIS_EXIT_OK;
}
