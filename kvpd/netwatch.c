/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Directories are watched, never files: files are replaced by renaming. For each path that is the
 * directory it is in, and of one that is missing the nearest above it that exists; a symbolic link
 * is followed step by step, each step watched; a directory is watched itself. Names that nobody asked
 * for are passed over; so is the renaming of a directory further above. After news all watches are
 * made anew, then news are passed on: nothing can happen in between unseen, because a directory is
 * watched before it is looked into.
 */
#include "config.h"

#include "kvpd/netwatch.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <util/fd.h>
#include <util/quiet.h>

#define EVENTS                                                                                     \
	(IN_CREATE | IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF |   \
		IN_MOVE_SELF | IN_ONLYDIR)
#define LINKS_MAX 8 /* of symbolic links to follow, as many as have a use */

/* A directory that is watched. */
typedef struct {
	GHashTable *names; /* those in it that matter */
	gboolean all; /* all of them do */
	guint round; /* when it was last wanted */
} Directory;

struct NetWatch {
	char *root;
	const char *const *paths;
	void (*changed)(gpointer data);
	gpointer data;
	int fd;
	guint source;
	guint round;
	GHashTable *directories; /* watch descriptor to Directory */
};

static void directory_free(gpointer data)
{
	Directory *directory = data;

	g_hash_table_unref(directory->names);
	g_free(directory);
}

/* Watch directory @path for @name, or (NULL) for all names. FALSE where it is no directory. */
static gboolean want(NetWatch *watch, const char *path, const char *name)
{
	int wd = inotify_add_watch(watch->fd, path, EVENTS);
	Directory *directory;

	if (wd < 0)
		return FALSE;
	directory = g_hash_table_lookup(watch->directories, GINT_TO_POINTER(wd));
	if (!directory) {
		directory = g_new0(Directory, 1);
		directory->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
		g_hash_table_insert(watch->directories, GINT_TO_POINTER(wd), directory);
	}
	if (directory->round != watch->round) {
		directory->round = watch->round;
		directory->all = FALSE;
		g_hash_table_remove_all(directory->names);
	}
	if (name)
		g_hash_table_add(directory->names, g_strdup(name));
	else
		directory->all = TRUE;
	return TRUE;
}

/* Watch the directory of @path, or the nearest above it that exists. TRUE where it is the first. */
static gboolean want_parent(NetWatch *watch, const char *path)
{
	g_autofree char *dir = g_path_get_dirname(path);
	g_autofree char *name = g_path_get_basename(path);

	if (want(watch, dir, name))
		return TRUE;
	if (g_str_equal(dir, path) || (errno != ENOENT && errno != ENOTDIR))
		return FALSE;
	/* Made in between, its directory is here now: once more from there. */
	return want_parent(watch, dir) && access(dir, F_OK) == 0 && want(watch, dir, name);
}

static void want_path(NetWatch *watch, const char *start)
{
	g_autofree char *path = g_strdup(start);

	for (int i = 0; i < LINKS_MAX && want_parent(watch, path); i++) {
		g_autofree char *target = g_file_read_link(path, NULL);
		g_autofree char *dir = g_path_get_dirname(path);
		struct stat st;

		if (!target) {
			if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
				want(watch, path, NULL);
			return;
		}
		g_free(path);
		path = g_path_is_absolute(target) ? g_steal_pointer(&target)
						  : g_build_filename(dir, target, NULL);
	}
}

static gboolean is_stale(gpointer wd, gpointer data, gpointer user_data)
{
	const NetWatch *watch = user_data;

	if (((Directory *)data)->round == watch->round)
		return FALSE;
	inotify_rm_watch(watch->fd, GPOINTER_TO_INT(wd));
	return TRUE;
}

static void arm(NetWatch *watch)
{
	watch->round++;
	for (const char *const *path = watch->paths; *path; path++) {
		g_autofree char *full = g_build_filename(watch->root, *path, NULL);

		want_path(watch, full);
	}
	g_hash_table_foreach_remove(watch->directories, is_stale, watch);
}

/* --- events --- */

static gboolean matters(NetWatch *watch, const struct inotify_event *event, const char *name)
{
	Directory *directory = g_hash_table_lookup(watch->directories, GINT_TO_POINTER(event->wd));

	if (event->mask & IN_Q_OVERFLOW)
		return TRUE;
	if (!directory)
		return FALSE; /* of a watch that was given up */
	if (event->mask & IN_IGNORED)
		g_hash_table_remove(watch->directories, GINT_TO_POINTER(event->wd));
	if (event->mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF))
		return TRUE;
	return directory->all || g_hash_table_contains(directory->names, name);
}

static gboolean take_events(NetWatch *watch)
{
	char buf[4096];
	gboolean news = FALSE;
	ssize_t n;

	while ((n = read(watch->fd, buf, sizeof(buf))) > 0) {
		for (gsize at = 0; at + sizeof(struct inotify_event) <= (gsize)n;) {
			struct inotify_event event;

			memcpy(&event, buf + at, sizeof(event));
			at += sizeof(event);
			news |= matters(watch, &event, event.len ? buf + at : "");
			at += event.len;
		}
	}
	return news;
}

static gboolean on_events(int fd, GIOCondition condition, gpointer data)
{
	NetWatch *watch = data;

	if (!take_events(watch))
		return G_SOURCE_CONTINUE;
	arm(watch);
	watch->changed(watch->data);
	return G_SOURCE_CONTINUE;
}

NetWatch *net_watch_new(
	const char *root, const char *const *paths, void (*changed)(gpointer data), gpointer data)
{
	NetWatch *watch = g_new0(NetWatch, 1);

	watch->root = g_strdup(root);
	watch->paths = paths;
	watch->changed = changed;
	watch->data = data;
	watch->directories = g_hash_table_new_full(NULL, NULL, NULL, directory_free);
	watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch->fd < 0)
		return watch;
	arm(watch);
	watch->source = hvis_quiet_add(watch->fd, G_IO_IN, on_events, watch);
	return watch;
}

void net_watch_free(NetWatch *watch)
{
	if (!watch)
		return;
	g_clear_handle_id(&watch->source, hvis_quiet_remove);
	hvis_fd_clear(&watch->fd);
	g_hash_table_unref(watch->directories);
	g_free(watch->root);
	g_free(watch);
}
