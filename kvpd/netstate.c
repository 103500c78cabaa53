/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Turning addresses into the text that hosts parse: lists joined by ';', IPv4 masks dotted, IPv6
 * prefixes as "/64". A list that does not fit its field ends after the last item that does.
 */
#include "config.h"

#include "kvpd/netstate.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <string.h>

#include <wire/ip-address.h>

static void interface_free(gpointer data)
{
	NetInterface *interface = data;

	g_free(interface->name);
	g_array_unref(interface->addresses);
	g_array_unref(interface->gateways);
	g_array_unref(interface->other_gateways);
	g_strfreev(interface->dns);
	g_free(interface);
}

NetState *net_state_new(void)
{
	NetState *state = g_new0(NetState, 1);

	state->interfaces = g_ptr_array_new_with_free_func(interface_free);
	state->by_index = g_hash_table_new(NULL, NULL);
	state->dns = g_new0(char *, 1);
	return state;
}

void net_state_free(NetState *state)
{
	if (!state)
		return;
	g_hash_table_unref(state->by_index);
	g_ptr_array_unref(state->interfaces);
	g_strfreev(state->dns);
	g_free(state);
}

NetInterface *net_state_interface(NetState *state, int index)
{
	NetInterface *interface = g_hash_table_lookup(state->by_index, GINT_TO_POINTER(index));

	if (interface)
		return interface;
	interface = g_new0(NetInterface, 1);
	interface->index = index;
	interface->addresses = g_array_new(FALSE, FALSE, sizeof(NetAddress));
	interface->gateways = g_array_new(FALSE, FALSE, sizeof(NetAddress));
	interface->other_gateways = g_array_new(FALSE, FALSE, sizeof(NetAddress));
	g_ptr_array_add(state->interfaces, interface);
	g_hash_table_insert(state->by_index, GINT_TO_POINTER(index), interface);
	return interface;
}

const NetInterface *net_state_get(const NetState *state, int index)
{
	return g_hash_table_lookup(state->by_index, GINT_TO_POINTER(index));
}

/* --- SR-IOV --- */

static int by_index(gconstpointer a, gconstpointer b)
{
	const NetInterface *left = *(const NetInterface *const *)a;
	const NetInterface *right = *(const NetInterface *const *)b;

	return left->index < right->index ? -1 : left->index > right->index;
}

static GBytes *mac_bytes(const NetInterface *interface)
{
	return g_bytes_new_static(interface->mac, sizeof(interface->mac));
}

/* Hardware address to synthetic interface. */
static GHashTable *synthetic_by_mac(const NetState *state)
{
	GHashTable *table = g_hash_table_new_full(
		g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref, NULL);

	for (guint i = 0; i < state->interfaces->len; i++) {
		NetInterface *interface = g_ptr_array_index(state->interfaces, i);

		if (interface->is_synthetic && interface->has_mac)
			g_hash_table_insert(table, mac_bytes(interface), interface);
	}
	return table;
}

/* The kernel makes a function a part of its master (netvsc_vf_join), an administrator may have made
 * it a part of a bond instead: then its being hardware with the same address tells. */
static int master_of_function(
	const NetState *state, GHashTable *synthetic, const NetInterface *interface)
{
	const NetInterface *master = net_state_get(state, interface->master);
	g_autoptr(GBytes) mac = mac_bytes(interface);

	if (!interface->has_mac || interface->is_synthetic)
		return 0;
	if (master && master->is_synthetic && master->has_mac &&
		memcmp(master->mac, interface->mac, sizeof(master->mac)) == 0)
		return master->index;
	master = interface->is_hardware ? g_hash_table_lookup(synthetic, mac) : NULL;
	return master ? master->index : 0;
}

void net_state_complete(NetState *state)
{
	g_autoptr(GHashTable) synthetic = synthetic_by_mac(state);

	g_ptr_array_sort(state->interfaces, by_index);
	for (guint i = 0; i < state->interfaces->len; i++) {
		NetInterface *interface = g_ptr_array_index(state->interfaces, i);

		interface->function_of = master_of_function(state, synthetic, interface);
	}
}

static gboolean is_reported(const NetState *state, const NetInterface *interface)
{
	return net_policy_interface(state->policy, interface, NULL, NULL);
}

/* --- text --- */

/* Append @item unless it makes the list longer than @max: FALSE then. */
static gboolean list_add(GString *list, const char *item, gsize max)
{
	gsize more = strlen(item) + (list->len ? 1 : 0);

	if (list->len + more > max)
		return FALSE;
	if (list->len)
		g_string_append_c(list, ';');
	g_string_append(list, item);
	return TRUE;
}

const char *net_address_origin(const NetAddress *address)
{
	switch (address->proto) {
	case IFAPROT_KERNEL_LO:
		return "loopback";
	case IFAPROT_KERNEL_RA:
		return "a router's announcement";
	case IFAPROT_KERNEL_LL:
		return "link-local, of the kernel's own";
	}
	return NULL; /* those of programs have no names */
}

const char *net_address_text(const NetAddress *address, char *text)
{
	return inet_ntop(address->family, address->bytes, text, INET6_ADDRSTRLEN);
}

static char *mask_text(const NetAddress *address)
{
	guint32 mask;

	if (address->family == AF_INET6)
		return g_strdup_printf("/%u", address->prefix);
	mask = address->prefix == 0 ? 0 : ~0u << (32 - MIN(address->prefix, 32));
	return g_strdup_printf(
		"%u.%u.%u.%u", mask >> 24, mask >> 16 & 0xff, mask >> 8 & 0xff, mask & 0xff);
}

/* FALSE once the list is full. */
static gboolean list_interface(const NetState *state, const NetInterface *interface, int family,
	GHashTable *seen, GString *list)
{
	for (guint i = 0; i < interface->addresses->len; i++) {
		const NetAddress *address = &g_array_index(interface->addresses, NetAddress, i);
		char text[INET6_ADDRSTRLEN];

		if (address->family != family || !net_policy_address(state->policy, address, NULL))
			continue;
		net_address_text(address, text);
		if (g_hash_table_contains(seen, text))
			continue;
		if (!list_add(list, text, HVIS_KVP_VALUE_UNITS_MAX))
			return FALSE;
		g_hash_table_add(seen, g_strdup(text));
	}
	return TRUE;
}

char *net_state_list(const NetState *state, int family)
{
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	GString *list = g_string_new(NULL);

	for (guint i = 0; i < state->interfaces->len; i++) {
		const NetInterface *interface = g_ptr_array_index(state->interfaces, i);

		if (is_reported(state, interface) &&
			!list_interface(state, interface, family, seen, list))
			break;
	}
	return g_string_free(list, FALSE);
}

/* --- one adapter --- */

/* How well an interface with the right MAC address stands for the adapter. */
static int rank(const NetInterface *interface)
{
	return (interface->master == 0 ? 2 : 0) + (interface->addresses->len > 0 ? 1 : 0);
}

const NetInterface *net_state_find(const NetState *state, const char *text)
{
	const NetInterface *best = NULL;
	guint8 mac[6];
	const char *rest = ip_mac_read(text, mac);

	if (!rest || *rest)
		return NULL;
	for (guint i = 0; i < state->interfaces->len; i++) {
		const NetInterface *interface = g_ptr_array_index(state->interfaces, i);

		if (!interface->has_mac || memcmp(interface->mac, mac, sizeof(mac)) != 0 ||
			!net_policy_adapter(state->policy, interface, NULL, NULL))
			continue;
		if (!best || rank(interface) > rank(best))
			best = interface;
	}
	return best;
}

static void put(GString *list, char *field, gsize size)
{
	memset(field, 0, size);
	memcpy(field, list->str, list->len);
	g_string_free(list, TRUE);
}

/* The kernel makes UTF-16 of a field in as many bytes, so half of it is what can be used. */
static gsize room(gsize size)
{
	return size / 2 - 1;
}

static void fill_addresses(const NetState *state, const NetInterface *interface, KvpIp *ret)
{
	GString *addresses = g_string_new(NULL), *masks = g_string_new(NULL);

	/* What is down has settings, but no address that anybody could reach. */
	for (guint i = 0; interface->up && i < interface->addresses->len; i++) {
		const NetAddress *address = &g_array_index(interface->addresses, NetAddress, i);
		g_autofree char *mask = mask_text(address);
		char text[INET6_ADDRSTRLEN];

		if (!net_policy_address(state->policy, address, NULL))
			continue;
		/* Masks pair with addresses and are never longer than an IPv4 address is. */
		if (masks->len + strlen(mask) + 1 > room(sizeof(ret->subnet)) ||
			!list_add(addresses, net_address_text(address, text),
				room(sizeof(ret->address))))
			break;
		list_add(masks, mask, room(sizeof(ret->subnet)));
		ret->family |=
			address->family == AF_INET ? HVIS_KVP_FAMILY_IPV4 : HVIS_KVP_FAMILY_IPV6;
	}
	put(addresses, ret->address, sizeof(ret->address));
	put(masks, ret->subnet, sizeof(ret->subnet));
}

const GArray *net_interface_gateways(const NetInterface *interface)
{
	return interface->gateways->len > 0 ? interface->gateways : interface->other_gateways;
}

static gboolean is_earlier(const GArray *addresses, guint at)
{
	const NetAddress *wanted = &g_array_index(addresses, NetAddress, at);

	for (guint i = 0; i < at; i++) {
		const NetAddress *address = &g_array_index(addresses, NetAddress, i);

		if (address->family == wanted->family &&
			memcmp(address->bytes, wanted->bytes, sizeof(address->bytes)) == 0)
			return TRUE;
	}
	return FALSE;
}

static void fill_gateways(const NetInterface *interface, KvpIp *ret)
{
	const GArray *from = net_interface_gateways(interface);
	GString *gateways = g_string_new(NULL);

	for (guint i = 0; i < from->len; i++) {
		char text[INET6_ADDRSTRLEN];

		net_address_text(&g_array_index(from, NetAddress, i), text);
		if (!is_earlier(from, i) && !list_add(gateways, text, room(sizeof(ret->gateway))))
			break;
	}
	put(gateways, ret->gateway, sizeof(ret->gateway));
}

char **net_state_dns(const NetState *state, const NetInterface *interface)
{
	return interface->dns ? interface->dns : state->dns;
}

/* A lifetime is what the lease has: static addresses have none. Routers announce the others of IPv6,
 * but never a single address (RFC 4862 takes 64 bits of prefix). */
const char *net_interface_dhcp(const NetInterface *interface)
{
	if (interface->dhcp)
		return interface->dhcp;
	for (guint i = 0; i < interface->addresses->len; i++) {
		const NetAddress *address = &g_array_index(interface->addresses, NetAddress, i);

		if (address->dynamic && !address->temporary &&
			(address->family == AF_INET || address->prefix == 128))
			return "an address with a lifetime";
	}
	return NULL;
}

void net_state_fill(const NetState *state, const NetInterface *interface, KvpIp *ret)
{
	GString *dns = g_string_new(NULL);

	ret->family = HVIS_KVP_FAMILY_NONE;
	ret->dhcp = net_interface_dhcp(interface) != NULL;
	fill_addresses(state, interface, ret);
	fill_gateways(interface, ret);
	for (char **server = net_state_dns(state, interface); *server; server++) {
		if (!list_add(dns, *server, room(sizeof(ret->dns))))
			break;
	}
	put(dns, ret->dns, sizeof(ret->dns));
}

gboolean net_interface_has_ipv4(const NetInterface *interface, const char *text)
{
	guint8 bytes[4];

	if (inet_pton(AF_INET, text, bytes) != 1)
		return FALSE;
	for (guint i = 0; i < interface->addresses->len; i++) {
		const NetAddress *address = &g_array_index(interface->addresses, NetAddress, i);

		if (address->family == AF_INET && memcmp(address->bytes, bytes, sizeof(bytes)) == 0)
			return TRUE;
	}
	return FALSE;
}
