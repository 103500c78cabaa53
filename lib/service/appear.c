/* SPDX-License-Identifier: GPL-2.0-only */
/* Waiting for a path; see the header. */
#include <service/appear.h>

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <glib-unix.h>

#include <util/fd.h>

struct HvisAppear {
	char *path;
	HvisClock *clock;
	gboolean (*there)(gpointer data); /* NULL = the path itself */
	void (*func)(gpointer data);
	gpointer data;
	int fd;
	int watch; /* -1 = none */
	char *watched; /* the directory it is on */
	guint source, idle, timer;
};

#define WATCH_MASK                                                                                 \
	(IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

static gboolean exists(const HvisAppear *a)
{
	return a->there ? a->there(a->data) : access(a->path, F_OK) == 0;
}

static char *nearest_directory(const char *path)
{
	char *dir = g_path_get_dirname(path);

	while (!g_file_test(dir, G_FILE_TEST_IS_DIR) && strcmp(dir, "/") && strcmp(dir, ".")) {
		char *up = g_path_get_dirname(dir);

		g_free(dir);
		dir = up;
	}
	return dir;
}

static void on_timer(gpointer data);

/* Without inotify, or without a watch: look again after a while. */
static void fall_back(HvisAppear *a)
{
	if (!a->timer)
		a->timer = a->clock->add(a->clock, HVIS_APPEAR_FALLBACK_MS, on_timer, a);
}

/* Watch the nearest directory; again while it changes under us, so that no creation is missed. */
static void rearm(HvisAppear *a)
{
	for (guint tries = 0; tries < 16; tries++) {
		g_autofree char *dir = nearest_directory(a->path);

		if (a->watch >= 0 && g_strcmp0(dir, a->watched) == 0)
			return;
		if (a->watch >= 0)
			inotify_rm_watch(a->fd, a->watch);
		a->watch = inotify_add_watch(a->fd, dir, WATCH_MASK);
		if (a->watch < 0)
			continue;
		g_free(a->watched);
		a->watched = g_steal_pointer(&dir);
	}
	if (a->watch < 0)
		fall_back(a);
}

static void look(HvisAppear *a)
{
	rearm(a);
	if (exists(a))
		a->func(a->data); /* last: it may free us */
}

static void on_timer(gpointer data)
{
	HvisAppear *a = data;

	a->timer = 0;
	if (a->fd < 0)
		fall_back(a);
	look(a);
}

static gboolean on_idle(gpointer data)
{
	HvisAppear *a = data;

	a->idle = 0;
	look(a);
	return G_SOURCE_REMOVE;
}

/* Forget a watch that the kernel took away, together with its directory. */
static void note_event(HvisAppear *a, const struct inotify_event *event)
{
	if (event->wd == a->watch && (event->mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF)))
		a->watch = -1;
}

static void drain(HvisAppear *a)
{
	guint8 buf[sizeof(struct inotify_event) + NAME_MAX + 1];
	ssize_t n;

	while ((n = read(a->fd, buf, sizeof(buf))) > 0) {
		for (gsize at = 0; at + sizeof(struct inotify_event) <= (gsize)n;) {
			struct inotify_event event;

			memcpy(&event, buf + at, sizeof(event));
			note_event(a, &event);
			at += sizeof(event) + event.len;
		}
	}
}

static gboolean on_inotify(
	gint fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED, gpointer data)
{
	HvisAppear *a = data;

	drain(a);
	look(a);
	return G_SOURCE_CONTINUE;
}

HvisAppear *hvis_appear_new_near(const char *path, HvisClock *clock,
	gboolean (*there)(gpointer data), void (*func)(gpointer data), gpointer data)
{
	HvisAppear *a = g_new0(HvisAppear, 1);

	a->path = g_strdup(path);
	a->clock = clock;
	a->there = there;
	a->func = func;
	a->data = data;
	a->watch = -1;
	a->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (a->fd >= 0)
		a->source = g_unix_fd_add(a->fd, G_IO_IN, on_inotify, a);
	else
		fall_back(a);
	rearm(a);
	if (exists(a))
		a->idle = g_idle_add(on_idle, a);
	return a;
}

HvisAppear *hvis_appear_new(
	const char *path, HvisClock *clock, void (*func)(gpointer data), gpointer data)
{
	return hvis_appear_new_near(path, clock, NULL, func, data);
}

void hvis_appear_free(HvisAppear *a)
{
	if (!a)
		return;
	g_clear_handle_id(&a->source, g_source_remove);
	g_clear_handle_id(&a->idle, g_source_remove);
	a->clock->remove(a->clock, a->timer);
	hvis_fd_clear(&a->fd);
	g_free(a->watched);
	g_free(a->path);
	g_free(a);
}
