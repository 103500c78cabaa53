// SPDX-License-Identifier: GPL-2.0-only
/*
 * Table of connections. The main context changes it under the lock; processor threads look up under
 * the lock, so an eventfd is never closed while one writes to it.
 */
#include "config.h"

#include "host/vm/signals.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "util/error.h"
#include "util/fd.h"

typedef struct {
	Signals *signals;
	guint32 id;
	int eventfd;
	guint source_id;
} Connection;

struct Signals {
	GMutex lock;
	GHashTable *connections; /* id -> Connection, under the lock */
	void (*signalled)(gpointer data, guint32 id);
	gpointer data;
};

static void connection_free(gpointer data)
{
	Connection *connection = data;

	g_clear_handle_id(&connection->source_id, g_source_remove);
	hvis_fd_clear(&connection->eventfd);
	g_free(connection);
}

Signals *signals_new(void (*signalled)(gpointer data, guint32 id), gpointer data)
{
	Signals *signals = g_new0(Signals, 1);

	g_mutex_init(&signals->lock);
	signals->connections = g_hash_table_new_full(NULL, NULL, NULL, connection_free);
	signals->signalled = signalled;
	signals->data = data;
	return signals;
}

void signals_free(Signals *signals)
{
	if (!signals)
		return;
	g_hash_table_unref(signals->connections);
	g_mutex_clear(&signals->lock);
	g_free(signals);
}

static gboolean on_eventfd(gint fd, GIOCondition condition G_GNUC_UNUSED, gpointer data)
{
	Connection *connection = data;
	Signals *signals = connection->signals;
	eventfd_t count;

	if (eventfd_read(fd, &count) == 0)
		signals->signalled(signals->data, connection->id); /* may remove it */
	return G_SOURCE_CONTINUE;
}

int signals_add(Signals *signals, guint32 id, GError **error)
{
	Connection *connection;
	int fd;

	if (id > SIGNALS_ID_MAX || signals_find(signals, id) >= 0) {
		hvis_fail(error, id > SIGNALS_ID_MAX ? HVIS_ERROR_INVALID : HVIS_ERROR_EXISTS,
			"event connection %#x", id);
		return -1;
	}
	fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (fd < 0) {
		hvis_fail_errno(error, errno, "eventfd for connection %#x", id);
		return -1;
	}
	connection = g_new0(Connection, 1);
	*connection = (Connection){ signals, id, fd, 0 };
	connection->source_id = g_unix_fd_add(fd, G_IO_IN, on_eventfd, connection);
	g_mutex_lock(&signals->lock);
	g_hash_table_insert(signals->connections, GUINT_TO_POINTER(id), connection);
	g_mutex_unlock(&signals->lock);
	return fd;
}

void signals_remove(Signals *signals, guint32 id)
{
	g_mutex_lock(&signals->lock);
	g_hash_table_remove(signals->connections, GUINT_TO_POINTER(id));
	g_mutex_unlock(&signals->lock);
}

int signals_find(Signals *signals, guint32 id)
{
	const Connection *connection;
	int fd;

	g_mutex_lock(&signals->lock);
	connection = g_hash_table_lookup(signals->connections, GUINT_TO_POINTER(id));
	fd = connection ? connection->eventfd : -1;
	g_mutex_unlock(&signals->lock);
	return fd;
}

guint signals_count(Signals *signals)
{
	guint count;

	g_mutex_lock(&signals->lock);
	count = g_hash_table_size(signals->connections);
	g_mutex_unlock(&signals->lock);
	return count;
}

gboolean signals_foreach(Signals *signals,
	gboolean (*func)(guint32 id, int eventfd, gpointer data, GError **error), gpointer data,
	GError **error)
{
	GHashTableIter iter;
	gpointer value;

	/* Without the lock: only this context changes the table. */
	g_hash_table_iter_init(&iter, signals->connections);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const Connection *connection = value;

		if (!func(connection->id, connection->eventfd, data, error))
			return FALSE;
	}
	return TRUE;
}

gboolean signals_raise(Signals *signals, guint32 id)
{
	const Connection *connection;

	g_mutex_lock(&signals->lock);
	connection = g_hash_table_lookup(signals->connections, GUINT_TO_POINTER(id));
	if (connection)
		eventfd_write(connection->eventfd, 1);
	g_mutex_unlock(&signals->lock);
	return connection != NULL;
}
