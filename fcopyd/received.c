/* SPDX-License-Identifier: GPL-2.0-only */
/* The name of a unit, and a child. */
#include "config.h"

#include "fcopyd/received.h"

#include <string.h>

#include <util/log.h>

#define UNIT_MAX 255u /* systemd's limit for the name of a unit */

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

static void on_started(GPid pid, gint status, gpointer data)
{
	g_autofree char *unit = data;
	g_autoptr(GError) error = NULL;

	if (!g_spawn_check_wait_status(status, &error))
		hvis_log(HVIS_LOG_WARNING, "%s was not started: systemctl: %s", unit,
			error->message);
}

void fcopy_received_start(const char *target)
{
	g_autofree char *unit = fcopy_received_unit(target);
	const char *argv[] = { "systemctl", "--no-block", "--quiet", "start", unit, NULL };
	g_autoptr(GError) error = NULL;
	GPid pid;

	if (!unit)
		hvis_log(HVIS_LOG_WARNING,
			"Nothing is started for %s: its name is too long for that of a unit",
			target);
	else if (g_spawn_async(NULL, (char **)argv, NULL,
			 G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD |
				 G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL,
			 NULL, NULL, &pid, &error))
		g_child_watch_add(pid, on_started, g_steal_pointer(&unit));
	else
		hvis_log(HVIS_LOG_WARNING, "%s was not started: %s", unit, error->message);
}
