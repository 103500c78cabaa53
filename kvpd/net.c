/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libnl's cache manager keeps links, addresses and routes; after a change all of it is turned into
 * a NetState once, in an idle callback, however many events came. Of the routes only default ones
 * of the main table are kept: a router may have a million others.
 *
 * When events are lost (the socket ran over) the caches cannot be trusted: they are thrown away and
 * built anew.
 */
#include "config.h"

#include "kvpd/net.h"

#include <gio/gio.h>
#include <glib-unix.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/cache.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <string.h>
#include <sys/socket.h>

#include <util/file.h>

#define RECEIVE_BUFFER (512 * 1024)
#define RETRY_S 5
#define RESOLV_CONF_MAX (64u * 1024u) /* ours: real ones have less than 1 KiB */

struct KvpNet {
	KvpNetChanged changed;
	gpointer data;
	struct nl_cache_mngr *manager; /* NULL while netlink is not to be had */
	struct nl_cache *links, *addresses, *routes; /* of the manager */
	NetState *state;
	char *resolv_conf;
	HvisFileStamp resolv_stamp; /* which state of it @state has */
	GFileMonitor *monitor; /* of resolv.conf */
	guint source, retry, rebuild;
};

static gboolean open_netlink(KvpNet *net); /* an event may lead back to it */

/* --- from caches to the state --- */

static void copy_address(struct nl_addr *from, NetAddress *to)
{
	gsize len = MIN(nl_addr_get_len(from), sizeof(to->bytes));

	memcpy(to->bytes, nl_addr_get_binary_addr(from), len);
	to->family = nl_addr_get_family(from);
	to->prefix = (guint8)nl_addr_get_prefixlen(from);
}

static void add_link(struct nl_object *object, void *data)
{
	struct rtnl_link *link = (struct rtnl_link *)object;
	struct nl_addr *mac = rtnl_link_get_addr(link);
	NetInterface *interface;

	if (rtnl_link_get_family(link) != AF_UNSPEC)
		return; /* a bridge's view of its port */
	interface = net_state_interface(data, rtnl_link_get_ifindex(link));
	interface->master = rtnl_link_get_master(link);
	interface->loopback = (rtnl_link_get_flags(link) & IFF_LOOPBACK) != 0;
	interface->up = (rtnl_link_get_flags(link) & IFF_UP) != 0;
	if (mac && nl_addr_get_len(mac) == sizeof(interface->mac)) {
		memcpy(interface->mac, nl_addr_get_binary_addr(mac), sizeof(interface->mac));
		interface->has_mac = TRUE;
	}
}

static void add_address(struct nl_object *object, void *data)
{
	struct rtnl_addr *addr = (struct rtnl_addr *)object;
	struct nl_addr *local = rtnl_addr_get_local(addr);
	unsigned int flags = rtnl_addr_get_flags(addr);
	NetInterface *interface;
	NetAddress address = { 0 };

	if (!local || (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)))
		return;
	interface = net_state_interface(data, rtnl_addr_get_ifindex(addr));
	copy_address(local, &address);
	address.prefix = (guint8)rtnl_addr_get_prefixlen(addr);
	address.dynamic = (flags & IFA_F_PERMANENT) == 0;
	if (address.family == AF_INET || address.family == AF_INET6)
		g_array_append_val(interface->addresses, address);
}

static gboolean is_default_route(struct rtnl_route *route)
{
	struct nl_addr *dst = rtnl_route_get_dst(route);

	return rtnl_route_get_table(route) == RT_TABLE_MAIN &&
	       rtnl_route_get_type(route) == RTN_UNICAST &&
	       (!dst || nl_addr_get_prefixlen(dst) == 0);
}

static int by_priority(gconstpointer a, gconstpointer b)
{
	uint32_t left = rtnl_route_get_priority(*(struct rtnl_route *const *)a);
	uint32_t right = rtnl_route_get_priority(*(struct rtnl_route *const *)b);

	return left < right ? -1 : left > right;
}

static void collect(struct nl_object *object, void *data)
{
	g_ptr_array_add(data, object);
}

static void add_nexthop(struct rtnl_nexthop *hop, void *data)
{
	struct nl_addr *gateway = rtnl_route_nh_get_gateway(hop);
	NetInterface *interface = net_state_interface(data, rtnl_route_nh_get_ifindex(hop));
	NetAddress address = { 0 };

	if (!gateway)
		return;
	copy_address(gateway, &address);
	g_array_append_val(interface->gateways, address);
}

static void add_route(struct rtnl_route *route, NetState *state)
{
	rtnl_route_foreach_nexthop(route, add_nexthop, state);
	if (rtnl_route_get_protocol(route) != RTPROT_DHCP)
		return;
	for (int i = 0; i < rtnl_route_get_nnexthops(route); i++) {
		struct rtnl_nexthop *hop = rtnl_route_nexthop_n(route, i);

		net_state_interface(state, rtnl_route_nh_get_ifindex(hop))->dhcp_route = TRUE;
	}
}

static int by_index(gconstpointer a, gconstpointer b)
{
	const NetInterface *left = *(const NetInterface *const *)a;
	const NetInterface *right = *(const NetInterface *const *)b;

	return left->index - right->index;
}

static char **read_dns(const char *path)
{
	g_autofree char *text = hvis_file_read(path, RESOLV_CONF_MAX, NULL, NULL);

	if (!text)
		return g_new0(char *, 1);
	return net_parse_resolv_conf(text);
}

static void fill_dns(KvpNet *net, NetState *state)
{
	net->resolv_stamp = hvis_file_stamp(net->resolv_conf);
	g_strfreev(state->dns);
	state->dns = read_dns(net->resolv_conf);
}

static NetState *make_state(KvpNet *net)
{
	NetState *state = net_state_new();
	g_autoptr(GPtrArray) routes = g_ptr_array_new();

	fill_dns(net, state);
	if (!net->manager)
		return state;
	nl_cache_foreach(net->links, add_link, state);
	nl_cache_foreach(net->addresses, add_address, state);
	nl_cache_foreach(net->routes, collect, routes);
	g_ptr_array_sort(routes, by_priority);
	for (guint i = 0; i < routes->len; i++)
		add_route(g_ptr_array_index(routes, i), state);
	g_ptr_array_sort(state->interfaces, by_index);
	return state;
}

static gboolean on_rebuild(gpointer data)
{
	KvpNet *net = data;

	net->rebuild = 0;
	net_state_free(net->state);
	net->state = make_state(net);
	net->changed(net->data);
	return G_SOURCE_REMOVE;
}

static void schedule_rebuild(KvpNet *net)
{
	if (net->rebuild == 0)
		net->rebuild = g_idle_add(on_rebuild, net);
}

/* --- events --- */

static void on_change(struct nl_cache *cache, struct nl_object *object, int action, void *data)
{
	schedule_rebuild(data);
}

static void on_route(struct nl_cache *cache, struct nl_object *object, int action, void *data)
{
	if (is_default_route((struct rtnl_route *)object))
		schedule_rebuild(data);
	else if (action == NL_ACT_NEW)
		nl_cache_remove(object);
}

static void drop_other_routes(struct nl_cache *routes)
{
	struct nl_object *next;

	for (struct nl_object *object = nl_cache_get_first(routes); object; object = next) {
		next = nl_cache_get_next(object);
		if (!is_default_route((struct rtnl_route *)object))
			nl_cache_remove(object);
	}
}

static gboolean on_retry(gpointer data)
{
	KvpNet *net = data;

	if (!open_netlink(net))
		return G_SOURCE_CONTINUE;
	net->retry = 0;
	schedule_rebuild(net);
	return G_SOURCE_REMOVE;
}

static void close_netlink(KvpNet *net)
{
	g_clear_handle_id(&net->source, g_source_remove);
	g_clear_pointer(&net->manager, nl_cache_mngr_free);
	net->links = net->addresses = net->routes = NULL;
}

/* Build everything anew: at once, or from time to time where that fails. */
static void start_over(KvpNet *net)
{
	close_netlink(net);
	schedule_rebuild(net);
	if (!open_netlink(net) && net->retry == 0)
		net->retry = g_timeout_add_seconds(RETRY_S, on_retry, net);
}

static gboolean on_netlink(int fd, GIOCondition condition, gpointer data)
{
	KvpNet *net = data;
	int ret = nl_cache_mngr_data_ready(net->manager);

	if (ret >= 0 || ret == -NLE_AGAIN || ret == -NLE_INTR)
		return G_SOURCE_CONTINUE;
	g_debug("netlink: %s; starting over", nl_geterror(ret));
	net->source = 0;
	start_over(net);
	return G_SOURCE_REMOVE;
}

static gboolean add_caches(KvpNet *net)
{
	return nl_cache_mngr_add(net->manager, "route/link", on_change, net, &net->links) == 0 &&
	       nl_cache_mngr_add(net->manager, "route/addr", on_change, net, &net->addresses) ==
		       0 &&
	       nl_cache_mngr_add(net->manager, "route/route", on_route, net, &net->routes) == 0;
}

static gboolean open_netlink(KvpNet *net)
{
	if (nl_cache_mngr_alloc(NULL, NETLINK_ROUTE, 0, &net->manager) < 0)
		return FALSE;
	setsockopt(nl_cache_mngr_get_fd(net->manager), SOL_SOCKET, SO_RCVBUF,
		&(int){ RECEIVE_BUFFER }, sizeof(int)); /* fewer fresh starts; not vital */
	if (!add_caches(net)) {
		close_netlink(net);
		return FALSE;
	}
	drop_other_routes(net->routes);
	net->source = g_unix_fd_add(
		nl_cache_mngr_get_fd(net->manager), G_IO_IN | G_IO_ERR, on_netlink, net);
	return TRUE;
}

/* --- resolv.conf --- */

static void on_resolv_conf(
	GFileMonitor *monitor, GFile *file, GFile *other, GFileMonitorEvent event, gpointer data)
{
	schedule_rebuild(data);
}

/* What a link points to is what is written to. A link that is turned, or leads to nothing yet, is not
 * seen here but when somebody asks. */
static GFileMonitor *watch(KvpNet *net)
{
	g_autofree char *real = realpath(net->resolv_conf, NULL);
	g_autoptr(GFile) file = g_file_new_for_path(real ? real : net->resolv_conf);
	GFileMonitor *monitor = g_file_monitor_file(file, G_FILE_MONITOR_NONE, NULL, NULL);

	if (monitor)
		g_signal_connect(monitor, "changed", G_CALLBACK(on_resolv_conf), net);
	return monitor;
}

KvpNet *kvp_net_new(const char *root, KvpNetChanged changed, gpointer data)
{
	KvpNet *net = g_new0(KvpNet, 1);

	net->changed = changed;
	net->data = data;
	net->resolv_conf = g_build_filename(root, "etc/resolv.conf", NULL);
	net->monitor = watch(net);
	if (!open_netlink(net))
		net->retry = g_timeout_add_seconds(RETRY_S, on_retry, net);
	net->state = make_state(net);
	return net;
}

void kvp_net_free(KvpNet *net)
{
	if (!net)
		return;
	close_netlink(net);
	g_clear_handle_id(&net->retry, g_source_remove);
	g_clear_handle_id(&net->rebuild, g_source_remove);
	if (net->monitor)
		g_signal_handlers_disconnect_by_data(net->monitor, net);
	g_clear_object(&net->monitor);
	net_state_free(net->state);
	g_free(net->resolv_conf);
	g_free(net);
}

const NetState *kvp_net_state(KvpNet *net)
{
	HvisFileStamp now = hvis_file_stamp(net->resolv_conf);

	if (!hvis_file_stamp_equal(&now, &net->resolv_stamp)) {
		fill_dns(net, net->state);
		schedule_rebuild(net); /* for those who want to be told */
	}
	return net->state;
}
