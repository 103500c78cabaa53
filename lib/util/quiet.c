/* SPDX-License-Identifier: GPL-2.0-only */
/* One epoll instance and a table of what is behind it. What it does not take is a source like any other. */
#include <util/quiet.h>

#include <assert.h>
#include <sys/epoll.h>

#define BATCH 8

typedef struct {
	guint id;
	int fd;
	GUnixFDSourceFunc func;
	gpointer data;
	guint source; /* 0: behind the common one */
} Quiet;

static struct {
	int epoll; /* -1: cannot be had */
	GHashTable *all; /* of Quiet by id; NULL = none was there yet */
	guint last_id;
} quiet;

static_assert((int)G_IO_IN == EPOLLIN && (int)G_IO_PRI == EPOLLPRI && (int)G_IO_ERR == EPOLLERR &&
		      (int)G_IO_HUP == EPOLLHUP,
	"one set of bits");

static void call(guint id, GIOCondition condition)
{
	Quiet *q = g_hash_table_lookup(quiet.all, GUINT_TO_POINTER(id));

	if (q && !q->func(q->fd, condition, q->data))
		hvis_quiet_remove(id);
}

/* Each is asked by its id: the ones before may have taken it away. */
static gboolean on_ready(gint fd, GIOCondition condition G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
	struct epoll_event events[BATCH];
	int n = epoll_wait(fd, events, BATCH, 0);

	for (int i = 0; i < n; i++)
		call(events[i].data.u32, (GIOCondition)events[i].events);
	return G_SOURCE_CONTINUE;
}

static gboolean on_alone(gint fd G_GNUC_UNUSED, GIOCondition condition, gpointer data)
{
	call(GPOINTER_TO_UINT(data), condition);
	return G_SOURCE_CONTINUE; /* where it was removed, GLib knows */
}

static void quiet_free(gpointer data)
{
	Quiet *q = data;

	if (q->source)
		g_source_remove(q->source);
	else
		epoll_ctl(quiet.epoll, EPOLL_CTL_DEL, q->fd, NULL);
	g_free(q);
}

static void init(void)
{
	g_autoptr(GSource) source = NULL;

	quiet.all = g_hash_table_new_full(NULL, NULL, NULL, quiet_free);
	quiet.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (quiet.epoll < 0)
		return;
	source = g_unix_fd_source_new(quiet.epoll, G_IO_IN);
	g_source_set_callback(source, G_SOURCE_FUNC(on_ready), NULL, NULL);
	g_source_attach(source, NULL);
}

guint hvis_quiet_add(int fd, GIOCondition condition, GUnixFDSourceFunc func, gpointer data)
{
	Quiet *q = g_new(Quiet, 1);
	struct epoll_event event = { .events = condition };

	if (!quiet.all)
		init();
	if (++quiet.last_id == 0)
		quiet.last_id = 1;
	*q = (Quiet){ quiet.last_id, fd, func, data, 0 };
	event.data.u32 = q->id;
	if (epoll_ctl(quiet.epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		q->source = g_unix_fd_add(fd, condition, on_alone, GUINT_TO_POINTER(q->id));
	g_hash_table_insert(quiet.all, GUINT_TO_POINTER(q->id), q);
	return q->id;
}

void hvis_quiet_remove(guint id)
{
	if (quiet.all)
		g_hash_table_remove(quiet.all, GUINT_TO_POINTER(id));
}
