/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What other programs say, above all systemd: each is asked once, has a few seconds, and is killed after that. Of a
 * tree in the place of the machine its programs are asked.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hvctl/doctor.h"
#include "util/fd.h"

#define ANSWER_MS                                                                                  \
	10000 /* ours: of a program, and only once of one that hangs; a machine may be slow */
#define OUTPUT_MAX (8u << 20) /* ours: what is beyond is not read */
#define SHOW "systemctl show --no-pager "
#define END_LOOKS 50 /* ours, 10 ms each: one that waits for a disk may outlive SIGKILL */

/* Colours and pagers are for people; another language is for none of us. */
static char **environment(void)
{
	static const char *const settings[][2] = { { "LC_ALL", "C.UTF-8" },
		{ "SYSTEMD_COLORS", "0" }, { "SYSTEMD_PAGER", "" }, { "SYSTEMD_URLIFY", "0" } };
	char **env = g_get_environ();

	for (guint i = 0; i < G_N_ELEMENTS(settings); i++)
		env = g_environ_setenv(env, settings[i][0], settings[i][1], TRUE);
	return env;
}

static gboolean start(char **argv, GPid *pid, int *out)
{
	g_auto(GStrv) env = environment();

	return g_spawn_async_with_pipes("/", argv, env,
		G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDERR_TO_DEV_NULL, NULL,
		NULL, pid, NULL, out, NULL, NULL);
}

/* FALSE where it takes too long. */
static gboolean read_all(int fd, GString *text)
{
	gint64 until = g_get_monotonic_time() + ANSWER_MS * 1000;
	char buf[65536];

	for (;;) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };
		gint64 left_ms = (until - g_get_monotonic_time()) / 1000;
		int ready = left_ms > 0 ? poll(&pfd, 1, (int)left_ms) : 0;
		ssize_t n;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return FALSE;
		n = read(fd, buf, sizeof(buf));
		if (n <= 0 || text->len > OUTPUT_MAX)
			return n == 0;
		g_string_append_len(text, buf, n);
	}
}

/* Wait for its end, and kill it where it has not @told all. FALSE where it did not end well. */
static gboolean end(GPid pid, gboolean told)
{
	int status = 0;

	if (!told)
		kill(pid, SIGKILL);
	for (guint i = 0; i < END_LOOKS; i++) {
		if (waitpid(pid, &status, WNOHANG) != 0)
			return told && WIFEXITED(status) && WEXITSTATUS(status) == 0;
		g_usleep(10000);
	}
	kill(pid, SIGKILL);
	return FALSE;
}

/* What it says, also where it does not end well; *@ret_hangs where it takes too long. */
static char *ask(const Doctor *doctor, const char *line, gboolean *ret_hangs)
{
	g_auto(GStrv) argv = g_strsplit(line, " ", -1);
	g_autoptr(GString) text = g_string_new(NULL);
	hvis_autofd int out = -1;
	GPid pid;

	if (*doctor->root) {
		char *program = g_strconcat(doctor->root, "/usr/bin/", argv[0], NULL);

		g_free(argv[0]);
		argv[0] = program;
	}
	if (!start(argv, &pid, &out))
		return NULL;
	*ret_hangs = !read_all(out, text);
	if (!end(pid, !*ret_hangs) && (*ret_hangs || text->len == 0))
		return NULL;
	return g_strndup(text->str, text->len);
}

/* A program that hangs is not asked again, whatever the question: what it waits for may last. */
const char *doctor_output(Doctor *doctor, const char *line)
{
	g_autofree char *program = g_strndup(line, strcspn(line, " "));
	gboolean hangs = FALSE;
	gpointer text;

	if (g_hash_table_contains(doctor->hung, program))
		return NULL;
	if (!g_hash_table_lookup_extended(doctor->outputs, line, NULL, &text)) {
		text = ask(doctor, line, &hangs);
		g_hash_table_insert(doctor->outputs, g_strdup(line), text);
	}
	if (hangs)
		g_hash_table_add(doctor->hung, g_steal_pointer(&program));
	return text;
}

/* --- systemd --- */

gboolean doctor_has_systemd(const Doctor *doctor)
{
	return doctor_exists(doctor, "/run/systemd/system");
}

static GHashTable *parse_properties(const char *text)
{
	GHashTable *properties = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);

	for (char **line = lines; *line; line++) {
		const char *equals = strchr(*line, '=');

		if (equals)
			g_hash_table_insert(properties, g_strndup(*line, (gsize)(equals - *line)),
				g_strdup(equals + 1));
	}
	return properties;
}

/* A block for each, with an empty line between, in the order of asking. */
void doctor_ask_units(Doctor *doctor, const char *const *units)
{
	g_autofree char *names = g_strjoinv(" ", (char **)(guintptr)units);
	g_autofree char *line = g_strconcat(SHOW, names, NULL);
	const char *text = doctor_has_systemd(doctor) ? doctor_output(doctor, line) : NULL;
	g_auto(GStrv) blocks = g_strsplit(text ? text : "", "\n\n", -1);
	gboolean is_whole = g_strv_length(blocks) == g_strv_length((char **)(guintptr)units);

	for (guint i = 0; is_whole && units[i]; i++)
		g_hash_table_insert(doctor->units, g_strdup(units[i]), parse_properties(blocks[i]));
}

const char *doctor_unit(Doctor *doctor, const char *unit, const char *name)
{
	GHashTable *properties = g_hash_table_lookup(doctor->units, unit);
	const char *value;

	if (!properties) {
		g_autofree char *line = g_strconcat(SHOW, unit, NULL);

		properties = parse_properties(
			doctor_has_systemd(doctor) ? doctor_output(doctor, line) : NULL);
		g_hash_table_insert(doctor->units, g_strdup(unit), properties);
	}
	value = g_hash_table_lookup(properties, name);
	return value ? value : "";
}
