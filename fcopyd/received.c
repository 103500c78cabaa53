/* SPDX-License-Identifier: GPL-2.0-only */
/* The name of a unit, and a few children at a time. */
#include "config.h"

#include "fcopyd/received.h"

#include <string.h>

#include <util/log.h>

#define UNIT_MAX 255u /* systemd's limit for the name of a unit */
#define RUNNING_MAX 4u /* ours: of systemctl at a time */
#define WAITING_MAX 1000u /* ours: files for which it is still to be run */

static gboolean is_plain(char c)
{
	return g_ascii_isalnum(c) || c == ':' || c == '_' || c == '.';
}

/* systemd.unit(5), "String Escaping for Inclusion in Unit Names": of paths. */
static char *escape(const char *path)
{
	GString *text = g_string_new(NULL);

	while (*path == '/')
		path++;
	for (gboolean first = TRUE; *path; path++, first = FALSE) {
		if (*path == '/') {
			while (path[1] == '/')
				path++;
			if (path[1])
				g_string_append_c(text, '-');
		} else if (is_plain(*path) && !(first && *path == '.')) {
			g_string_append_c(text, *path);
		} else {
			g_string_append_printf(text, "\\x%02x", (guint8)*path);
		}
	}
	if (text->len == 0)
		g_string_append_c(text, '-');
	return g_string_free(text, FALSE);
}

char *fcopy_received_unit(const char *target)
{
	g_autofree char *instance = escape(target);
	g_autofree char *unit = g_strconcat("hvis-fcopy-received@", instance, ".service", NULL);

	return strlen(unit) <= UNIT_MAX ? g_steal_pointer(&unit) : NULL;
}

/* --- systemctl --- */

/* The host copies small files faster than a service manager under load answers. */
static struct {
	GQueue waiting; /* of names of units */
	guint running;
} starts = { G_QUEUE_INIT, 0 };

static void start_next(void);

static void on_started(GPid pid, gint status, gpointer data)
{
	g_autofree char *unit = data;
	g_autoptr(GError) error = NULL;

	if (!g_spawn_check_wait_status(status, &error))
		hvis_log(HVIS_LOG_WARNING, "%s was not started: systemctl: %s", unit,
			error->message);
	starts.running--;
	start_next();
}

/* Takes @unit. */
static void start(char *unit)
{
	const char *argv[] = { "systemctl", "--no-block", "--quiet", "start", unit, NULL };
	g_autoptr(GError) error = NULL;
	GPid pid;

	if (g_spawn_async(NULL, (char **)argv, NULL,
		    G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL |
			    G_SPAWN_STDERR_TO_DEV_NULL,
		    NULL, NULL, &pid, &error)) {
		starts.running++;
		g_child_watch_add(pid, on_started, unit);
		return;
	}
	hvis_log(HVIS_LOG_WARNING, "%s was not started: %s", unit, error->message);
	g_free(unit);
}

static void start_next(void)
{
	char *unit;

	while (starts.running < RUNNING_MAX && (unit = g_queue_pop_head(&starts.waiting)))
		start(unit);
}

void fcopy_received_start(const char *target)
{
	g_autofree char *unit = fcopy_received_unit(target);

	if (!unit) {
		hvis_log(HVIS_LOG_WARNING,
			"Nothing is started for %s: its name is too long for that of a unit",
			target);
	} else if (starts.waiting.length >= WAITING_MAX) {
		hvis_log(HVIS_LOG_WARNING,
			"Nothing is started for %s: the service manager is %u files behind", target,
			WAITING_MAX);
	} else {
		g_queue_push_tail(&starts.waiting, g_steal_pointer(&unit));
		start_next();
	}
}
