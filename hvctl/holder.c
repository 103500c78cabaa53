/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /proc/locks has every lock, but OFD locks without a process, and for many a process that has ended
 * (the flock(1) of a shell's "flock 9"). Then the descriptors of all processes are looked at; without
 * root's rights only one's own can be.
 */
#include "hvctl/holder.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "kvpd/lock.h"
#include "util/process.h"

#define LOOKS 10 /* ours */
#define PAUSE_US 20000 /* ours: 200 ms in all */

static char *command_of(gint64 pid)
{
	return hvis_process_name("/proc", pid);
}

static gboolean is_daemon(gint64 pid)
{
	g_autofree char *command = command_of(pid);

	return g_strcmp0(command, "hv_kvp_daemon") == 0;
}

static gint64 holder_in(const char *locks, const struct stat *st, gint64 except)
{
	return kvp_lock_holder(locks, major(st->st_dev), minor(st->st_dev), st->st_ino, except);
}

/* A daemon that has the first of the two locks waits for whoever has the second. */
static gint64 look(const struct stat *st)
{
	g_autofree char *locks = NULL;
	gint64 pid, other = 0;

	if (!g_file_get_contents("/proc/locks", &locks, NULL, NULL))
		return 0;
	pid = holder_in(locks, st, 0);
	if (pid > 0 && is_daemon(pid))
		other = holder_in(locks, st, pid);
	return other ? other : pid;
}

/* A descriptor's own locks stand in its lines "lock:\t", as in /proc/locks. */
static gboolean has_lock(const char *fdinfo, const struct stat *st)
{
	g_autofree char *text = NULL;
	const char *line;

	if (!g_file_get_contents(fdinfo, &text, NULL, NULL))
		return FALSE;
	line = strstr(text, "lock:\t");
	return line && holder_in(line + strlen("lock:\t"), st, 0) != 0;
}

static gboolean process_has_lock(const char *pid, const struct stat *st)
{
	g_autofree char *path = g_build_filename("/proc", pid, "fdinfo", NULL);
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *fdinfo = g_build_filename(path, name, NULL);

		if (has_lock(fdinfo, st))
			return TRUE;
	}
	return FALSE;
}

static gint64 search_all(const struct stat *st)
{
	g_autoptr(GDir) dir = g_dir_open("/proc", 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		gint64 pid = g_ascii_strtoll(name, NULL, 10);

		if (pid > 0 && process_has_lock(name, st) && !is_daemon(pid))
			return pid;
	}
	return 0;
}

static gboolean stays(const struct stat *st, gint64 pid)
{
	for (guint i = 0; i < LOOKS; i++) {
		g_usleep(PAUSE_US);
		if (look(st) != pid)
			return FALSE;
	}
	return TRUE;
}

gboolean hvctl_holder_find(const char *path, HvctlHolder *ret)
{
	struct stat st;
	gint64 pid, found;
	char *command;

	if (stat(path, &st) < 0)
		return FALSE;
	pid = look(&st);
	if (pid == 0 || !stays(&st, pid))
		return FALSE;
	command = pid > 0 ? command_of(pid) : NULL;
	found = command ? 0 : search_all(&st);
	if (found > 0)
		command = command_of(found);
	*ret = (HvctlHolder){ .pid = found > 0 ? found : MAX(pid, 0), .command = command };
	return TRUE;
}

void hvctl_holder_clear(HvctlHolder *holder)
{
	g_clear_pointer(&holder->command, g_free);
}

char *hvctl_holder_text(const HvctlHolder *holder)
{
	if (holder->pid == 0)
		return g_strdup("a process that only root can see");
	return g_strdup_printf("process %" G_GINT64_FORMAT " (%s)", holder->pid,
		holder->command ? holder->command : "unknown");
}
