/* SPDX-License-Identifier: GPL-2.0-only */
/* See doctor-tree.h, and the head of doctor.cases for the lines. Whatever is wrong with them ends the program. */
#include "config.h"

#include "doctor-tree.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <hvis/kvp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kvpd/journal.h"
#include "remove-tree.h"

/* --- files --- */

static char *place(DoctorTree *tree, const char *path)
{
	g_autofree char *full = g_strconcat(tree->root, path, NULL);
	g_autofree char *dir = g_path_get_dirname(full);

	if (g_mkdir_with_parents(dir, 0755) < 0)
		g_error("%s cannot be made", dir);
	return g_steal_pointer(&full);
}

static void add_file(DoctorTree *tree, const char *path, const char *escaped, int mode)
{
	g_autofree char *full = place(tree, path), *text = g_strcompress(escaped);

	if (!g_file_set_contents(full, text, -1, NULL) || chmod(full, (mode_t)mode) < 0)
		g_error("%s cannot be written", full);
}

static void add_dir(DoctorTree *tree, const char *path)
{
	g_autofree char *full = place(tree, path);

	if (g_mkdir_with_parents(full, 0755) < 0)
		g_error("%s cannot be made", full);
}

static void add_link(DoctorTree *tree, const char *path, const char *target)
{
	g_autofree char *full = place(tree, path);

	if (symlink(target, full) < 0)
		g_error("%s cannot be linked", full);
}

static void drop(DoctorTree *tree, const char *path)
{
	g_autofree char *full = place(tree, path);

	if (!g_file_test(full, G_FILE_TEST_EXISTS) && !g_file_test(full, G_FILE_TEST_IS_SYMLINK))
		g_error("%s is not there to be removed", full);
	if (g_file_test(full, G_FILE_TEST_IS_SYMLINK))
		g_unlink(full);
	else
		remove_tree(full);
}

static void set_mode(DoctorTree *tree, const char *path, const char *octal)
{
	g_autofree char *full = place(tree, path);

	if (chmod(full, (mode_t)strtoul(octal, NULL, 8)) < 0)
		g_error("%s has no mode", full);
}

/* --- pools --- */

static void append(const char *path, const void *data, gsize len)
{
	FILE *file = fopen(path, "ae");

	if (!file || fwrite(data, 1, len, file) != len || fclose(file) != 0)
		g_error("%s cannot be written", path);
}

static void add_record(DoctorTree *tree, const char *path, const char *key)
{
	g_autofree char *full = place(tree, path);
	struct hvis_kvp_record record = { 0 };

	memcpy(&record, key, strlen(key));
	append(full, &record, sizeof(record));
}

static void leave_unfinished(DoctorTree *tree, const char *dir)
{
	g_autofree char *name = g_build_filename(dir, KVP_JOURNAL_NAME, NULL);
	g_autofree char *full = place(tree, name);
	struct hvis_kvp_record records[2] = { 0 };
	guint8 slot[KVP_JOURNAL_HEADS] = { 0 }, data[2 * sizeof(records)];
	const KvpJournalEntry entry = { .number = 1,
		.op = KVP_JOURNAL_REPLACE,
		.count = 1,
		.new = (const guint8 *)&records[0],
		.old = (const guint8 *)&records[1] };

	kvp_journal_encode(&entry, slot + kvp_journal_header_offset(1), data);
	append(full, slot, sizeof(slot));
}

/* Until it is killed. It is there when its end of the pipe is closed. */
static void lock_file(DoctorTree *tree, const char *path)
{
	g_autofree char *full = place(tree, path);
	int ready[2];
	pid_t pid;
	char c;

	if (pipe(ready) < 0)
		g_error("no pipe");
	pid = fork();
	if (pid == 0) {
		int fd = open(full, O_RDWR | O_CLOEXEC);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (fd < 0 || flock(fd, LOCK_EX) < 0)
			_exit(1);
		close(ready[0]);
		close(ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) != 0)
		g_error("%s cannot be locked", full);
	close(ready[0]);
	g_array_append_val(tree->servers, pid);
}

/* --- sockets --- */

/* Answers that the server has: METHOD JSON, one per line. The last word of the method counts. */
static char *answer_to(const char *call, const char *answers)
{
	g_auto(GStrv) lines = g_strsplit(answers, "\n", -1);

	for (char **line = lines; *line && **line; line++) {
		const char *blank = strchr(*line, ' ');
		g_autofree char *method = g_strdup_printf(".%.*s\"", (int)(blank - *line), *line);

		if (strstr(call, method))
			return g_strdup_printf("{\"parameters\":%s}", blank + 1);
	}
	return g_strdup("{\"error\":\"org.varlink.service.MethodNotFound\",\"parameters\":{}}");
}

static void serve_one(int fd, const char *answers)
{
	g_autoptr(GString) call = g_string_new(NULL);
	char c;

	while (read(fd, &c, 1) == 1) {
		g_autofree char *answer = NULL;

		if (c) {
			g_string_append_c(call, c);
			continue;
		}
		answer = answer_to(call->str, answers);
		if (write(fd, answer, strlen(answer) + 1) < 0)
			return;
		g_string_truncate(call, 0);
	}
}

/* A server without answers is one that hangs. */
G_NORETURN static void serve_on(int fd, const char *answers)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		int client = *answers ? accept(fd, NULL, NULL) : -1;

		if (client < 0) {
			pause();
			continue;
		}
		serve_one(client, answers);
		close(client);
	}
}

static void serve(DoctorTree *tree, const char *path, const char *escaped)
{
	g_autofree char *full = place(tree, path), *answers = g_strcompress(escaped);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	g_strlcpy(address.sun_path, full, sizeof(address.sun_path));
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(fd, 10) < 0 || chmod(full, 0666) < 0)
		g_error("%s cannot be listened at", full);
	pid = fork();
	if (pid == 0)
		serve_on(fd, answers);
	close(fd);
	g_array_append_val(tree->servers, pid);
}

/* --- lines --- */

#define HOUR_US (G_GINT64_CONSTANT(3600) * G_USEC_PER_SEC)

/* What is as this tree was configured, or as the clock is, stands between two "@". */
static char *fill_in(const char *line)
{
	const gint64 now = g_get_real_time();
	g_autofree char *now_text = g_strdup_printf("%" G_GINT64_FORMAT, now);
	g_autofree char *ago_text = g_strdup_printf("%" G_GINT64_FORMAT, now - HOUR_US);
	g_autofree char *later_text = g_strdup_printf("%" G_GINT64_FORMAT, now + HOUR_US);
	const char *const words[][2] = { { "@VERSION@", PACKAGE_VERSION }, { "@NOW@", now_text },
		{ "@AGO@", ago_text }, { "@LATER@", later_text }, { "@POOLS@", HVIS_POOL_DIR },
		{ "@SBIN@", HVIS_SBIN_DIR }, { "@ETC@", HVIS_SYSCONF_DIR } };
	GString *text = g_string_new(line);

	for (guint i = 0; i < G_N_ELEMENTS(words); i++)
		g_string_replace(text, words[i][0], words[i][1], 0);
	return g_string_free(text, FALSE);
}

static void do_line(DoctorTree *tree, const char *raw)
{
	g_autofree char *line = fill_in(raw);
	g_auto(GStrv) words = g_strsplit(line, " ", 3);
	const char *verb = words[0], *path = words[0] && words[1] ? words[1] : "";
	const char *rest = *path && words[2] ? words[2] : "";

	if (g_str_equal(verb, "file"))
		add_file(tree, path, rest, 0644);
	else if (g_str_equal(verb, "program"))
		add_file(tree, path, rest, 0755);
	else if (g_str_equal(verb, "dir"))
		add_dir(tree, path);
	else if (g_str_equal(verb, "link"))
		add_link(tree, path, rest);
	else if (g_str_equal(verb, "remove"))
		drop(tree, path);
	else if (g_str_equal(verb, "mode"))
		set_mode(tree, path, rest);
	else if (g_str_equal(verb, "serve"))
		serve(tree, path, rest);
	else if (g_str_equal(verb, "record"))
		add_record(tree, path, rest);
	else if (g_str_equal(verb, "lock"))
		lock_file(tree, path);
	else if (g_str_equal(verb, "unfinished"))
		leave_unfinished(tree, path);
	else if (g_str_equal(verb, "nobody"))
		tree->nobody = TRUE;
	else
		g_error("\"%s\" is no line of a case", line);
}

static char **lines_of(const char *file)
{
	g_autofree char *text = NULL;

	if (!g_file_get_contents(file, &text, NULL, NULL))
		g_error("%s cannot be read", file);
	return g_strsplit(text, "\n", -1);
}

static gboolean is_case(const char *line)
{
	return g_str_has_prefix(line, "case ");
}

GPtrArray *doctor_tree_cases(const char *file)
{
	GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);
	g_auto(GStrv) lines = lines_of(file);

	for (char **line = lines; *line; line++)
		if (is_case(*line))
			g_ptr_array_add(ids, g_strdup(*line + strlen("case ")));
	return ids;
}

void doctor_tree_make(DoctorTree *tree, const char *file, const char *id)
{
	g_auto(GStrv) lines = lines_of(file);
	gboolean is_ours = TRUE, found = FALSE;

	*tree = (DoctorTree){ .root = g_dir_make_tmp("doctor-XXXXXX", NULL),
		.servers = g_array_new(FALSE, FALSE, sizeof(pid_t)) };
	if (!tree->root || chmod(tree->root, 0755) < 0)
		g_error("no directory can be made");
	for (char **line = lines; *line; line++) {
		if (is_case(*line)) {
			is_ours = g_str_equal(*line + strlen("case "), id);
			found = found || is_ours;
		} else if (is_ours && **line && **line != '#') {
			do_line(tree, *line);
		}
	}
	if (!found)
		g_error("%s has no case %s", file, id);
}

void doctor_tree_remove(DoctorTree *tree)
{
	for (guint i = 0; i < tree->servers->len; i++) {
		pid_t pid = g_array_index(tree->servers, pid_t, i);

		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	g_array_unref(tree->servers);
	remove_tree(tree->root);
	g_free(tree->root);
	*tree = (DoctorTree){ 0 };
}
