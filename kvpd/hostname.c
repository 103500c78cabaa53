/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One lookup at a time. While it is on the way, at most one more is remembered. One that takes too
 * long is given up: what it says later is not heard, but its thread lasts until the resolver returns,
 * so there are never more than KVP_HOST_NAME_LOOKUPS of them. A lookup outlives us if it must: it owns
 * its name.
 */
#include "config.h"

#include "kvpd/hostname.h"

#include <fcntl.h>
#include <glib-unix.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

#include <util/fd.h>

#include "kvpd/errand.h"
#include "kvpd/fqdn.h"

struct KvpHostName {
	const KvpHostNameOps *ops;
	HvisClock *clock;
	char *host; /* as of the last look */
	char *full; /* as resolved for @host; NULL = not yet, or no answer */
	KvpErrand *lookup; /* the one on the way */
	gboolean again; /* look once more after it */
	gint *running; /* lookups that have not returned, shared with them */
	guint patience; /* the timer after which a lookup is given up */
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
	/* "(none)" is the kernel's word for a name that nobody has set. */
	return buf[0] == '\0' || g_str_equal(buf, "(none)") ? g_strdup("localhost") : g_strdup(buf);
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
	static const char local[] = "localhost";
	gsize len = sizeof(local) - 1;

	if (!full || !*full || !g_utf8_validate(full, -1, NULL))
		return FALSE;
	return g_ascii_strncasecmp(full, local, len) != 0 ||
	       (full[len] != '\0' && full[len] != '.' && full[len] != '6');
}

typedef struct {
	char *(*resolve)(const char *host);
	char *host;
	char *full; /* the answer; NULL = none */
	gint *running;
} Lookup;

static void lookup_free(gpointer data)
{
	Lookup *lookup = data;

	g_atomic_rc_box_release(lookup->running);
	g_free(lookup->host);
	g_free(lookup->full);
	g_free(lookup);
}

static void run_lookup(gpointer data)
{
	Lookup *lookup = data;

	lookup->full = lookup->resolve(lookup->host);
	g_atomic_int_add(lookup->running, -1);
}

static void stop_patience(KvpHostName *name)
{
	name->clock->remove(name->clock, name->patience);
	name->patience = 0;
}

static void on_looked_up(gpointer work, gpointer owner)
{
	Lookup *lookup = work;
	KvpHostName *name = owner;

	name->lookup = NULL;
	stop_patience(name);
	if (g_str_equal(lookup->host, name->host) && is_useful(lookup->full)) {
		g_free(name->full);
		name->full = g_steal_pointer(&lookup->full);
	}
	if (name->again)
		look(name);
}

static void on_patience(gpointer data)
{
	KvpHostName *name = data;

	name->patience = 0;
	kvp_errand_give_up(g_steal_pointer(&name->lookup));
	if (name->again)
		look(name);
}

/* Without a thread it is as one that does not come back. */
static void start_lookup(KvpHostName *name)
{
	static const KvpErrandOps ops = { run_lookup, on_looked_up, lookup_free };
	Lookup *lookup = g_new0(Lookup, 1);

	lookup->resolve = name->ops->resolve;
	lookup->host = g_strdup(name->host);
	lookup->running = g_atomic_rc_box_acquire(name->running);
	g_atomic_int_inc(name->running);
	name->lookup = kvp_errand_start(&ops, lookup, name);
	if (name->lookup)
		return;
	g_atomic_int_add(name->running, -1);
	name->again = TRUE;
}

static void look(KvpHostName *name)
{
	if (name->lookup) {
		name->again = TRUE;
		return;
	}
	stop_patience(name);
	name->patience =
		name->clock->add(name->clock, KVP_HOST_NAME_PATIENCE_MS, on_patience, name);
	name->again = g_atomic_int_get(name->running) >= KVP_HOST_NAME_LOOKUPS;
	if (name->again)
		return; /* until then one may have returned */
	name->looked_at = name->clock->now(name->clock);
	start_lookup(name);
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
	name->running = g_atomic_rc_box_new0(gint);
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
	stop_patience(name);
	kvp_errand_give_up(name->lookup);
	g_atomic_rc_box_release(name->running);
	g_free(name->host);
	g_free(name->full);
	g_free(name);
}

const char *kvp_host_name_get(const KvpHostName *name)
{
	return name->full ? name->full : name->host;
}
