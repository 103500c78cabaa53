/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One lookup at a time. While it is on the way, at most one more is remembered. A lookup's task
 * outlives us if it must: it owns its name, and a cancelled one reports to nobody.
 */
#include "config.h"

#include "kvpd/hostname.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

#include <util/fd.h>

#include "kvpd/fqdn.h"

struct KvpHostName {
	const KvpHostNameOps *ops;
	HvisClock *clock;
	char *host; /* as of the last look */
	char *full; /* as resolved for @host; NULL = not yet, or no answer */
	GCancellable *lookup; /* the one on the way */
	gboolean again; /* look once more after it */
	gint64 looked_at; /* clock time of the last lookup's start */
	guint timer;
	guint source;
	int fd;
};

static void look(KvpHostName *name);

/* --- the real names --- */

static char *real_host_name(void)
{
	char buf[HOST_NAME_MAX + 1];

	if (gethostname(buf, sizeof(buf)) < 0)
		return g_strdup("localhost");
	buf[sizeof(buf) - 1] = '\0';
	return g_strdup(buf);
}

static char *ask_resolver(const char *host)
{
	const struct addrinfo hints = { .ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	char *canonical = NULL;

	if (getaddrinfo(host, NULL, &hints, &found) != 0)
		return NULL;
	if (found && found->ai_canonname)
		canonical = g_strdup(found->ai_canonname);
	freeaddrinfo(found);
	return canonical;
}

/* Where the unit keeps the network from us, its name service is there. */
static char *real_resolve(const char *host)
{
	char *name = NULL;

	if (kvp_fqdn_ask(KVP_FQDN_SOCKET, KVP_FQDN_WAIT_MS, &name) == KVP_FQDN_NO_SERVICE)
		return ask_resolver(host);
	return name;
}

const KvpHostNameOps *kvp_host_name_ops(void)
{
	static const KvpHostNameOps real = {
		.host_name = real_host_name,
		.resolve = real_resolve,
		.watch = "/proc/sys/kernel/hostname",
	};

	return &real;
}

/* --- looking up --- */

/* A hosts file that gives the host's name to 127.0.0.1 resolves it to "localhost": no answer. */
static gboolean is_useful(const char *full)
{
	return full && *full && g_utf8_validate(full, -1, NULL) &&
	       g_ascii_strncasecmp(full, "localhost", 9) != 0;
}

typedef struct {
	char *(*resolve)(const char *host);
	char *host;
} Lookup;

static void lookup_free(gpointer data)
{
	Lookup *lookup = data;

	g_free(lookup->host);
	g_free(lookup);
}

static void run_lookup(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
	Lookup *lookup = data;

	g_task_return_pointer(task, lookup->resolve(lookup->host), g_free);
}

static void on_looked_up(GObject *source, GAsyncResult *result, gpointer data)
{
	GTask *task = G_TASK(result);
	Lookup *lookup = g_task_get_task_data(task);
	g_autoptr(GError) error = NULL;
	g_autofree char *full = g_task_propagate_pointer(task, &error);
	KvpHostName *name = data;

	if (error)
		return; /* cancelled: @name is gone */
	g_clear_object(&name->lookup);
	if (g_str_equal(lookup->host, name->host) && is_useful(full)) {
		g_free(name->full);
		name->full = g_steal_pointer(&full);
	}
	if (name->again)
		look(name);
}

static void look(KvpHostName *name)
{
	g_autoptr(GTask) task = NULL;
	Lookup *lookup;

	if (name->lookup) {
		name->again = TRUE;
		return;
	}
	name->again = FALSE;
	name->looked_at = name->clock->now(name->clock);
	name->lookup = g_cancellable_new();
	task = g_task_new(NULL, name->lookup, on_looked_up, name);
	lookup = g_new0(Lookup, 1);
	lookup->resolve = name->ops->resolve;
	lookup->host = g_strdup(name->host);
	g_task_set_task_data(task, lookup, lookup_free);
	g_task_run_in_thread(task, run_lookup);
}

static void on_timer(gpointer data)
{
	KvpHostName *name = data;

	name->timer = 0;
	look(name);
}

void kvp_host_name_refresh(KvpHostName *name)
{
	g_autofree char *host = name->ops->host_name();
	gint64 due = name->looked_at + KVP_HOST_NAME_PAUSE_MS * 1000;
	gint64 now = name->clock->now(name->clock);

	if (!g_str_equal(host, name->host)) {
		g_free(name->host);
		name->host = g_steal_pointer(&host);
		g_clear_pointer(&name->full, g_free);
		look(name);
	} else if (name->timer == 0) {
		guint ms = due > now ? (guint)((due - now) / 1000) + 1 : 0;

		name->timer = name->clock->add(name->clock, ms, on_timer, name);
	}
}

/* --- life --- */

/* Polling takes note of the change by itself; there is nothing to read. */
static gboolean on_changed(int fd, GIOCondition condition, gpointer data)
{
	kvp_host_name_refresh(data);
	return G_SOURCE_CONTINUE;
}

KvpHostName *kvp_host_name_new(const KvpHostNameOps *ops, HvisClock *clock)
{
	KvpHostName *name = g_new0(KvpHostName, 1);

	name->ops = ops;
	name->clock = clock;
	name->fd = ops->watch ? open(ops->watch, O_RDONLY | O_CLOEXEC) : -1;
	if (name->fd >= 0)
		name->source = g_unix_fd_add(name->fd, G_IO_PRI, on_changed, name);
	name->host = ops->host_name();
	look(name);
	return name;
}

void kvp_host_name_free(KvpHostName *name)
{
	if (!name)
		return;
	g_clear_handle_id(&name->source, g_source_remove);
	hvis_fd_clear(&name->fd);
	name->clock->remove(name->clock, name->timer);
	if (name->lookup)
		g_cancellable_cancel(name->lookup);
	g_clear_object(&name->lookup);
	g_free(name->host);
	g_free(name->full);
	g_free(name);
}

const char *kvp_host_name_get(const KvpHostName *name)
{
	return name->full ? name->full : name->host;
}
