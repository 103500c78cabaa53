/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The network as the kernel has it: the carrier from sysfs, addresses and neighbours by netlink,
 * which anybody may read. A gateway is reached where the kernel knows it from an answer of late; so
 * that it asks, a datagram goes to the discard port.
 */
#include "config.h"

#include "ipd/probe.h"

#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <netinet/in.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/neighbour.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <util/fd.h>

#include "ipd/backend.h"

#define DISCARD_PORT 9

static gboolean has_carrier(const char *root, const IpTarget *target)
{
	g_autofree char *path = g_strdup_printf("/sys/class/net/%s/carrier", target->name);
	g_autofree char *text = ip_system_read(root, path);

	return text && text[0] == '1';
}

static struct nl_sock *connect_netlink(void)
{
	struct nl_sock *sock = nl_socket_alloc();

	if (sock && nl_connect(sock, NETLINK_ROUTE) == 0)
		return sock;
	nl_socket_free(sock);
	return NULL;
}

static gboolean take_address(struct nl_addr *from, IpAddress *ret)
{
	int family = from ? nl_addr_get_family(from) : AF_UNSPEC;

	if (family != AF_INET && family != AF_INET6)
		return FALSE;
	*ret = (IpAddress){ .family = family };
	if (nl_addr_get_len(from) > sizeof(ret->bytes))
		return FALSE;
	memcpy(ret->bytes, nl_addr_get_binary_addr(from), nl_addr_get_len(from));
	return TRUE;
}

/* --- addresses --- */

static GArray *usable_addresses(struct nl_sock *sock, int index)
{
	GArray *list = g_array_new(FALSE, TRUE, sizeof(IpAddress));
	struct nl_cache *cache = NULL;

	if (rtnl_addr_alloc_cache(sock, &cache) < 0)
		return list;
	for (struct nl_object *o = nl_cache_get_first(cache); o; o = nl_cache_get_next(o)) {
		struct rtnl_addr *a = (struct rtnl_addr *)o;
		IpAddress address;

		if (rtnl_addr_get_ifindex(a) == index &&
			!(rtnl_addr_get_flags(a) & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) &&
			take_address(rtnl_addr_get_local(a), &address))
			g_array_append_val(list, address);
	}
	nl_cache_free(cache);
	return list;
}

static gboolean contains(const GArray *list, const IpAddress *address)
{
	for (guint i = 0; i < list->len; i++) {
		if (ip_address_equal(&g_array_index(list, IpAddress, i), address))
			return TRUE;
	}
	return FALSE;
}

static gboolean has_addresses(
	struct nl_sock *sock, const IpTarget *target, const IpPlan *plan, char **ret_why)
{
	g_autoptr(GArray) list = usable_addresses(sock, target->index);

	for (guint i = 0; i < plan->addresses->len; i++) {
		const IpAddress *address = &g_array_index(plan->addresses, IpAddress, i);
		g_autofree char *text = ip_address_text(address);

		if (contains(list, address))
			continue;
		*ret_why = g_strdup_printf("%s does not have the address %s", target->name, text);
		return FALSE;
	}
	for (guint i = 0; plan->dhcp && i < list->len; i++) {
		if (!ip_address_is_link_local(&g_array_index(list, IpAddress, i)))
			return TRUE;
	}
	if (plan->dhcp)
		*ret_why = g_strdup_printf("%s got no address by DHCP", target->name);
	return !plan->dhcp;
}

/* --- gateways --- */

static void knock(const IpTarget *target, const IpAddress *gateway)
{
	hvis_autofd int fd = socket(gateway->family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(DISCARD_PORT) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(DISCARD_PORT),
		.sin6_scope_id = (guint32)target->index };
	gboolean is_v4 = gateway->family == AF_INET;

	if (fd < 0)
		return;
	memcpy(&in.sin_addr, gateway->bytes, sizeof(in.sin_addr));
	memcpy(&in6.sin6_addr, gateway->bytes, sizeof(in6.sin6_addr));
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, target->name,
		    (socklen_t)strlen(target->name)) < 0)
		return;
	(void)!sendto(fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT,
		is_v4 ? (struct sockaddr *)&in : (struct sockaddr *)&in6,
		is_v4 ? sizeof(in) : sizeof(in6));
}

static gboolean is_reachable(struct nl_sock *sock, const IpTarget *target, const IpAddress *gateway)
{
	struct nl_cache *cache = NULL;
	gboolean found = FALSE;

	if (rtnl_neigh_alloc_cache(sock, &cache) < 0)
		return FALSE;
	for (struct nl_object *o = nl_cache_get_first(cache); o && !found;
		o = nl_cache_get_next(o)) {
		struct rtnl_neigh *n = (struct rtnl_neigh *)o;
		IpAddress address;

		found = rtnl_neigh_get_ifindex(n) == target->index &&
			(rtnl_neigh_get_state(n) & (NUD_REACHABLE | NUD_PERMANENT | NUD_NOARP)) &&
			take_address(rtnl_neigh_get_dst(n), &address) &&
			ip_address_equal(&address, gateway);
	}
	nl_cache_free(cache);
	return found;
}

static gboolean has_gateways(
	struct nl_sock *sock, const IpTarget *target, const IpPlan *plan, char **ret_why)
{
	for (guint i = 0; i < IP_N_FAMILIES; i++) {
		g_autofree char *text = NULL;

		if (!plan->has_gateway[i] || is_reachable(sock, target, &plan->gateway[i]))
			continue;
		knock(target, &plan->gateway[i]);
		text = ip_address_text(&plan->gateway[i]);
		*ret_why = g_strdup_printf("the gateway %s does not answer", text);
		return FALSE;
	}
	return TRUE;
}

gboolean ip_probe(const char *root, const IpTarget *target, const IpPlan *plan, char **ret_why)
{
	struct nl_sock *sock;
	gboolean good;

	if (!has_carrier(root, target)) {
		*ret_why = g_strdup_printf("%s has no carrier", target->name);
		return FALSE;
	}
	if (root[0])
		return TRUE;
	sock = connect_netlink();
	if (!sock) {
		*ret_why = g_strdup("the kernel does not tell about the network");
		return FALSE;
	}
	good = has_addresses(sock, target, plan, ret_why) &&
	       has_gateways(sock, target, plan, ret_why);
	nl_socket_free(sock);
	return good;
}
