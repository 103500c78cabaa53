/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An event says only that there is news, then everything is looked at anew: nothing that the kernel
 * leaves out (it does not tell of the IPv4 routes that an interface takes with it), and no event that
 * was lost, makes the state wrong for long. A storm of events is as dear as ten looks a second: after
 * a look there is a pause, in which nothing is read from the socket either, and after a look that took
 * long a longer one. When it is quiet again there is one look more: the kernel sends some events
 * before it has done what they tell of.
 *
 * One look at a time, in a thread. It outlives us if it must: it owns its copy of the root.
 */
#include "config.h"

#include "kvpd/net.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <util/fd.h>
#include <util/quiet.h>

#include "kvpd/errand.h"
#include "kvpd/netdump.h"
#include "kvpd/netfiles.h"
#include "kvpd/netwatch.h"

#define RETRY_S 5
#define DRAIN_MAX 1000 /* ours: messages to take at a time, the rest at the next */
#define SHARE 10 /* the part of the time that looking may take: a tenth */

/* What the host is told of a state, prepared. */
typedef struct {
	char *addresses[2]; /* IPv4, IPv6 */
	char *all; /* everything, to see whether it changed */
} Told;

struct KvpNet {
	KvpNetChanged changed;
	gpointer data;
	char *root;
	NetPolicy *policy;
	NetState *state;
	Told told;
	NetWatch *watch;
	int fd; /* events; -1 while netlink is not to be had */
	guint source; /* of @fd */
	guint pause; /* until the next look may start */
	guint settle, retry;
	KvpErrand *look; /* the one on its way */
	gboolean news; /* since it started */
	gboolean is_last; /* the last look was the one after which it stays quiet */
	guint looks;
};

static void news(KvpNet *net);
static void look(KvpNet *net);

/* --- what the host is told --- */

static void told_clear(Told *told)
{
	g_free(told->addresses[0]);
	g_free(told->addresses[1]);
	g_free(told->all);
	*told = (Told){ 0 };
}

static void add_adapter(const NetState *state, const NetInterface *interface, GString *all)
{
	KvpIp ip = { 0 };

	if (!interface->has_mac || !net_policy_adapter(state->policy, interface, NULL, NULL))
		return;
	net_state_fill(state, interface, &ip);
	g_string_append_printf(all, "%d %s %s %s %s %d\n", interface->index, ip.address, ip.subnet,
		ip.gateway, ip.dns, ip.dhcp);
}

static Told told_of(const NetState *state)
{
	GString *all = g_string_new(NULL);
	Told told;

	told.addresses[0] = net_state_list(state, AF_INET);
	told.addresses[1] = net_state_list(state, AF_INET6);
	g_string_append_printf(all, "%s\n%s\n", told.addresses[0], told.addresses[1]);
	for (guint i = 0; i < state->interfaces->len; i++)
		add_adapter(state, g_ptr_array_index(state->interfaces, i), all);
	told.all = g_string_free(all, FALSE);
	return told;
}

/* Takes @told. */
static void tell(KvpNet *net, Told *told)
{
	gboolean is_new = g_strcmp0(told->all, net->told.all) != 0;

	told_clear(&net->told);
	net->told = *told;
	*told = (Told){ 0 };
	if (is_new)
		net->changed(net->data);
}

/* --- a look --- */

typedef struct {
	char *root;
	NetPolicy *policy;
	NetState *state;
	Told told;
	gboolean failed;
	gint64 took_us;
} Look;

static void look_free(gpointer data)
{
	Look *l = data;

	told_clear(&l->told);
	net_state_free(l->state);
	net_policy_unref(l->policy);
	g_free(l->root);
	g_free(l);
}

static Look *look_new(const KvpNet *net)
{
	Look *l = g_new0(Look, 1);

	l->root = g_strdup(net->root);
	l->policy = net->policy ? net_policy_ref(net->policy) : NULL;
	return l;
}

static void look_run(gpointer data)
{
	Look *l = data;
	gint64 start = g_get_monotonic_time();
	g_autoptr(GError) error = NULL;

	l->failed = !net_dump(l->root, &l->state, &error);
	if (l->failed)
		g_debug("%s", error->message);
	l->state->policy = l->policy;
	l->told = told_of(l->state);
	l->took_us = g_get_monotonic_time() - start;
}

static void take(KvpNet *net, Look *l)
{
	net_state_free(net->state);
	net->state = g_steal_pointer(&l->state);
	net->looks++;
	if (l->policy != net->policy) { /* another one since */
		net->state->policy = net->policy;
		told_clear(&l->told);
		l->told = told_of(net->state);
	}
	tell(net, &l->told);
}

/* --- events --- */

/* Of routes only default ones are of interest. */
static gboolean is_news(const guint8 *msg, const struct nlmsghdr *header)
{
	struct rtmsg route;

	if (header->nlmsg_type != RTM_NEWROUTE && header->nlmsg_type != RTM_DELROUTE)
		return TRUE;
	if (header->nlmsg_len < NLMSG_LENGTH(sizeof(route)))
		return TRUE;
	memcpy(&route, msg + NLMSG_HDRLEN, sizeof(route));
	return route.rtm_dst_len == 0;
}

static gboolean has_news(const guint8 *buf, gsize len)
{
	while (len >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr header;
		gsize size;

		memcpy(&header, buf, sizeof(header));
		if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > len ||
			is_news(buf, &header))
			return TRUE;
		size = MIN((gsize)NLMSG_ALIGN(header.nlmsg_len), len);
		buf += size;
		len -= size;
	}
	return FALSE;
}

/* What is there, up to a limit. What did not fit the socket (ENOBUFS) is news, too. */
static gboolean drain(int fd)
{
	gboolean found = FALSE;

	for (int i = 0; i < DRAIN_MAX; i++) {
		guint8 buf[16384];
		ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

		if (n > 0)
			found |= has_news(buf, (gsize)n);
		else if (n < 0 && errno == ENOBUFS)
			found = TRUE;
		else if (n == 0 || errno != EINTR)
			break;
	}
	return found;
}

static gboolean on_netlink(int fd, GIOCondition condition, gpointer data)
{
	KvpNet *net = data;

	if (drain(fd))
		news(net);
	return net->source ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void listen_on(KvpNet *net)
{
	if (net->fd >= 0 && net->source == 0)
		net->source = hvis_quiet_add(net->fd, G_IO_IN | G_IO_ERR, on_netlink, net);
}

static gboolean open_netlink(KvpNet *net)
{
	const struct sockaddr_nl address = { .nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
			     RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE };

	net->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (net->fd < 0)
		return FALSE;
	if (bind(net->fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		hvis_fd_clear(&net->fd);
		return FALSE;
	}
	listen_on(net);
	return TRUE;
}

static gboolean on_retry(gpointer data)
{
	KvpNet *net = data;

	net->retry = 0;
	if (net->fd < 0 && !open_netlink(net)) {
		net->retry = g_timeout_add_seconds(RETRY_S, on_retry, net);
		return G_SOURCE_REMOVE;
	}
	news(net);
	return G_SOURCE_REMOVE;
}

/* --- when to look --- */

static gboolean on_settle(gpointer data)
{
	KvpNet *net = data;

	net->settle = 0;
	look(net);
	net->is_last = TRUE;
	return G_SOURCE_REMOVE;
}

static gboolean on_pause(gpointer data)
{
	KvpNet *net = data;

	net->pause = 0;
	if (net->fd >= 0 && drain(net->fd))
		net->news = TRUE;
	listen_on(net);
	if (net->news)
		look(net);
	else if (!net->is_last)
		net->settle = g_timeout_add(KVP_NET_SETTLE_MS, on_settle, net);
	return G_SOURCE_REMOVE;
}

static void start_pause(KvpNet *net, gint64 took_us)
{
	guint ms = (guint)MIN(took_us / 1000 * SHARE, 60 * 1000);

	g_clear_handle_id(&net->source, hvis_quiet_remove);
	net->pause = g_timeout_add(MAX(ms, KVP_NET_PAUSE_MS), on_pause, net);
}

static void retry_later(KvpNet *net)
{
	if (net->retry == 0)
		net->retry = g_timeout_add_seconds(RETRY_S, on_retry, net);
}

static void on_looked(gpointer work, gpointer owner)
{
	Look *l = work;
	KvpNet *net = owner;

	net->look = NULL;
	start_pause(net, l->took_us);
	if (l->failed)
		retry_later(net);
	take(net, l);
}

static void look(KvpNet *net)
{
	static const KvpErrandOps ops = { look_run, on_looked, look_free };

	net->news = FALSE;
	net->is_last = FALSE;
	net->look = kvp_errand_start(&ops, look_new(net), net);
	if (!net->look)
		retry_later(net);
}

static void news(KvpNet *net)
{
	g_clear_handle_id(&net->settle, g_source_remove);
	if (net->look || net->pause)
		net->news = TRUE;
	else
		look(net);
}

static void on_files(gpointer data)
{
	news(data);
}

/* --- life --- */

/* Events first, then the look: nothing is missed in between. */
KvpNet *kvp_net_new(const char *root, KvpNetChanged changed, gpointer data)
{
	KvpNet *net = g_new0(KvpNet, 1);
	Look *l;

	net->changed = changed;
	net->data = data;
	net->root = g_strdup(root);
	net->watch = net_watch_new(root, net_files_watched, on_files, net);
	open_netlink(net);
	l = look_new(net);
	look_run(l);
	if (l->failed || net->fd < 0)
		retry_later(net);
	net->state = g_steal_pointer(&l->state);
	net->told = l->told;
	l->told = (Told){ 0 };
	look_free(l);
	return net;
}

void kvp_net_free(KvpNet *net)
{
	if (!net)
		return;
	kvp_errand_give_up(net->look);
	g_clear_handle_id(&net->source, hvis_quiet_remove);
	g_clear_handle_id(&net->pause, g_source_remove);
	g_clear_handle_id(&net->settle, g_source_remove);
	g_clear_handle_id(&net->retry, g_source_remove);
	hvis_fd_clear(&net->fd);
	net_watch_free(net->watch);
	net_state_free(net->state);
	net_policy_unref(net->policy);
	told_clear(&net->told);
	g_free(net->root);
	g_free(net);
}

void kvp_net_set_policy(KvpNet *net, NetPolicy *policy)
{
	Told told;

	net_policy_unref(net->policy);
	net->policy = policy;
	net->state->policy = policy;
	told = told_of(net->state);
	tell(net, &told);
}

void kvp_net_refresh(KvpNet *net)
{
	news(net);
}

const NetState *kvp_net_state(KvpNet *net)
{
	return net->state;
}

const char *kvp_net_addresses(KvpNet *net, int family)
{
	return net->told.addresses[family == AF_INET ? 0 : 1];
}

guint kvp_net_looks(const KvpNet *net)
{
	return net->looks;
}
