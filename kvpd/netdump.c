/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Links and addresses are taken whole. Of the routes only default ones are looked into: a router may
 * have a million others. The kernel says when something changed while it told; then it is asked
 * again.
 */
#include "config.h"

#include "kvpd/netdump.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/cache.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <string.h>

#include <util/error.h>

#include "kvpd/netfiles.h"

#define TRIES 3

typedef struct nl_sock NlSock;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NlSock, nl_socket_free)
typedef struct nl_cache NlCache;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NlCache, nl_cache_free)

typedef struct {
	const char *root;
	NetState *state;
	GPtrArray *routes; /* of struct rtnl_route, default ones */
} Dump;

/* --- links --- */

static void add_link(struct nl_object *object, void *data)
{
	struct rtnl_link *link = (struct rtnl_link *)object;
	struct nl_addr *mac = rtnl_link_get_addr(link);
	Dump *dump = data;
	NetInterface *interface;

	/* No look at the family: libnl gives a bridge that of its ports. */
	interface = net_state_interface(dump->state, rtnl_link_get_ifindex(link));
	g_free(interface->name);
	interface->name = g_strdup(rtnl_link_get_name(link));
	interface->master = rtnl_link_get_master(link);
	interface->loopback = (rtnl_link_get_flags(link) & IFF_LOOPBACK) != 0;
	interface->up = (rtnl_link_get_flags(link) & IFF_UP) != 0;
	if (mac && nl_addr_get_len(mac) == sizeof(interface->mac)) {
		memcpy(interface->mac, nl_addr_get_binary_addr(mac), sizeof(interface->mac));
		interface->has_mac = TRUE;
	}
	if (interface->name && !interface->loopback)
		net_files_driver(dump->root, interface);
}

/* --- addresses --- */

static void copy_address(struct nl_addr *from, NetAddress *to)
{
	gsize len = MIN(nl_addr_get_len(from), sizeof(to->bytes));

	memcpy(to->bytes, nl_addr_get_binary_addr(from), len);
	to->family = nl_addr_get_family(from);
	to->prefix = (guint8)nl_addr_get_prefixlen(from);
}

static const void *attribute(struct nlattr **attrs, int type, gsize size)
{
	return attrs[type] && (gsize)nla_len(attrs[type]) >= size ? nla_data(attrs[type]) : NULL;
}

/* The interface's own end: of IPv6 the kernel names that alone, of IPv4 the other end, too. */
static gboolean take_local(struct nlattr **attrs, int family, NetAddress *address)
{
	gsize size = family == AF_INET ? 4 : 16;
	const void *local = attribute(attrs, IFA_LOCAL, size);

	if (!local)
		local = attribute(attrs, IFA_ADDRESS, size);
	if (!local || (family != AF_INET && family != AF_INET6))
		return FALSE;
	address->family = family;
	memcpy(address->bytes, local, size);
	return TRUE;
}

static void take_flags(struct nlattr **attrs, guint32 flags, NetAddress *address)
{
	const void *all = attribute(attrs, IFA_FLAGS, sizeof(flags));

	if (all)
		memcpy(&flags, all, sizeof(flags));
	address->dynamic = (flags & IFA_F_PERMANENT) == 0;
	address->deprecated = (flags & IFA_F_DEPRECATED) != 0;
	/* For IPv4 the bit says that the address is a further one of its network. */
	address->temporary = address->family == AF_INET6 && (flags & IFA_F_TEMPORARY) != 0;
	address->unusable = (flags & IFA_F_DADFAILED) != 0 ||
			    (flags & (IFA_F_TENTATIVE | IFA_F_OPTIMISTIC)) == IFA_F_TENTATIVE;
}

/* Not by libnl's cache of addresses, which knows nothing of IFA_PROTO. */
static int on_address(struct nl_msg *msg, void *data)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);
	struct nlattr *attrs[IFA_MAX + 1];
	NetAddress address = { 0 };
	struct ifaddrmsg body;
	const guint8 *proto;
	Dump *dump = data;

	if (header->nlmsg_type != RTM_NEWADDR ||
		nlmsg_parse(header, sizeof(body), attrs, IFA_MAX, NULL) < 0)
		return NL_OK;
	memcpy(&body, nlmsg_data(header), sizeof(body));
	if (!take_local(attrs, body.ifa_family, &address))
		return NL_OK;
	address.prefix = body.ifa_prefixlen;
	take_flags(attrs, body.ifa_flags, &address);
	proto = attribute(attrs, IFA_PROTO, sizeof(*proto));
	address.proto = proto ? *proto : IFAPROT_UNSPEC;
	g_array_append_val(
		net_state_interface(dump->state, (int)body.ifa_index)->addresses, address);
	return NL_OK;
}

/* --- routes --- */

static int on_route(struct nl_msg *msg, void *data)
{
	const struct nlmsghdr *header = nlmsg_hdr(msg);
	struct rtnl_route *route = NULL;
	struct rtmsg body;

	if (header->nlmsg_type != RTM_NEWROUTE || header->nlmsg_len < NLMSG_LENGTH(sizeof(body)))
		return NL_OK;
	memcpy(&body, NLMSG_DATA(header), sizeof(body));
	if (body.rtm_dst_len != 0 || body.rtm_type != RTN_UNICAST ||
		(body.rtm_flags & RTM_F_CLONED) != 0)
		return NL_OK;
	if (rtnl_route_parse(nlmsg_hdr(msg), &route) == 0)
		g_ptr_array_add(data, route);
	return NL_OK;
}

static int by_priority(gconstpointer a, gconstpointer b)
{
	guint32 left = rtnl_route_get_priority(*(struct rtnl_route *const *)a);
	guint32 right = rtnl_route_get_priority(*(struct rtnl_route *const *)b);

	return left < right ? -1 : left > right;
}

typedef struct {
	NetState *state;
	gboolean is_main, is_dhcp;
} Route;

static void add_nexthop(struct rtnl_nexthop *hop, void *data)
{
	struct nl_addr *gateway = rtnl_route_nh_get_gateway(hop);
	const Route *route = data;
	NetInterface *interface = net_state_interface(route->state, rtnl_route_nh_get_ifindex(hop));
	NetAddress address = { 0 };

	if (route->is_dhcp)
		interface->dhcp = "a default route of DHCP";
	if (!gateway)
		gateway = rtnl_route_nh_get_via(hop); /* IPv4 through an IPv6 router */
	if (!gateway)
		return;
	copy_address(gateway, &address);
	if (address.family != AF_INET && address.family != AF_INET6)
		return;
	g_array_append_val(
		route->is_main ? interface->gateways : interface->other_gateways, address);
}

static void add_routes(Dump *dump)
{
	g_ptr_array_sort(dump->routes, by_priority);
	for (guint i = 0; i < dump->routes->len; i++) {
		struct rtnl_route *route = g_ptr_array_index(dump->routes, i);
		Route about = { .state = dump->state,
			.is_main = rtnl_route_get_table(route) == RT_TABLE_MAIN,
			.is_dhcp = rtnl_route_get_protocol(route) == RTPROT_DHCP };

		rtnl_route_foreach_nexthop(route, add_nexthop, &about);
	}
}

/* --- asking --- */

static int ask_for(NlSock *sock, int type, nl_recvmsg_msg_cb_t on_message, void *data)
{
	int ret = nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_message, data);

	if (ret >= 0)
		ret = nl_rtgen_request(sock, type, AF_UNSPEC, NLM_F_DUMP);
	if (ret >= 0)
		ret = nl_recvmsgs_default(sock);
	return ret;
}

static int ask(Dump *dump)
{
	g_autoptr(NlSock) sock = nl_socket_alloc();
	g_autoptr(NlCache) links = NULL;
	int ret = sock ? nl_connect(sock, NETLINK_ROUTE) : -NLE_NOMEM;

	if (ret >= 0)
		ret = rtnl_link_alloc_cache(sock, AF_UNSPEC, &links);
	if (ret >= 0)
		ret = ask_for(sock, RTM_GETADDR, on_address, dump);
	if (ret >= 0)
		ret = ask_for(sock, RTM_GETROUTE, on_route, dump->routes);
	if (links)
		nl_cache_foreach(links, add_link, dump);
	add_routes(dump);
	return ret;
}

static void route_free(gpointer route)
{
	rtnl_route_put(route);
}

static NetState *dump_once(const char *root, int *ret)
{
	g_autoptr(GPtrArray) routes = g_ptr_array_new_with_free_func(route_free);
	Dump dump = { root, net_state_new(), routes };

	*ret = ask(&dump);
	net_state_complete(dump.state);
	net_files_read(root, dump.state);
	return dump.state;
}

gboolean net_dump(const char *root, NetState **ret_state, GError **error)
{
	NetState *state = NULL;
	int ret = 0;

	for (int i = 0; i < TRIES && (i == 0 || ret == -NLE_DUMP_INTR); i++) {
		net_state_free(state);
		state = dump_once(root, &ret);
	}
	*ret_state = state;
	if (ret >= 0)
		return TRUE;
	return hvis_fail(error, ret == -NLE_DUMP_INTR ? HVIS_ERROR_BUSY : HVIS_ERROR_IO,
		"ask the kernel for its network: %s", nl_geterror(ret));
}
