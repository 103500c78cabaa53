/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Turning addresses into the text that hosts parse: lists joined by ';', IPv4 masks dotted, IPv6
 * prefixes as "/64". A list that does not fit its field ends after the last item that does.
 */
#include "config.h"

#include "kvpd/netstate.h"

#include <arpa/inet.h>
#include <string.h>

static void interface_free(gpointer data)
{
	NetInterface *interface = data;

	g_array_unref(interface->addresses);
	g_array_unref(interface->gateways);
	g_free(interface);
}

NetState *net_state_new(void)
{
	NetState *state = g_new0(NetState, 1);

	state->interfaces = g_ptr_array_new_with_free_func(interface_free);
	state->dns = g_new0(char *, 1);
	return state;
}

void net_state_free(NetState *state)
{
	if (!state)
		return;
	g_ptr_array_unref(state->interfaces);
	g_strfreev(state->dns);
	g_free(state);
}

NetInterface *net_state_interface(NetState *state, int index)
{
	NetInterface *interface;

	for (guint i = 0; i < state->interfaces->len; i++) {
		interface = g_ptr_array_index(state->interfaces, i);
		if (interface->index == index)
			return interface;
	}
	interface = g_new0(NetInterface, 1);
	interface->index = index;
	interface->addresses = g_array_new(FALSE, FALSE, sizeof(NetAddress));
	interface->gateways = g_array_new(FALSE, FALSE, sizeof(NetAddress));
	g_ptr_array_add(state->interfaces, interface);
	return interface;
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

static gboolean list_has(const GString *list, const char *item)
{
	g_auto(GStrv) items = g_strsplit(list->str, ";", -1);

	return g_strv_contains((const char *const *)items, item);
}

static const char *address_text(const NetAddress *address, char text[INET6_ADDRSTRLEN])
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

char *net_state_list(const NetState *state, int family)
{
	GString *list = g_string_new(NULL);

	for (guint i = 0; i < state->interfaces->len; i++) {
		const NetInterface *interface = g_ptr_array_index(state->interfaces, i);

		if (interface->loopback || !interface->up)
			continue;
		for (guint k = 0; k < interface->addresses->len; k++) {
			const NetAddress *address =
				&g_array_index(interface->addresses, NetAddress, k);
			char text[INET6_ADDRSTRLEN];

			if (address->family != family)
				continue;
			address_text(address, text);
			if (!list_has(list, text) &&
				!list_add(list, text, HVIS_KVP_VALUE_UNITS_MAX))
				return g_string_free(list, FALSE);
		}
	}
	return g_string_free(list, FALSE);
}

/* --- one adapter --- */

static gboolean parse_mac(const char *text, guint8 mac[6])
{
	for (int i = 0; i < 6; i++) {
		if (i > 0 && (*text == ':' || *text == '-'))
			text++;
		if (!g_ascii_isxdigit(text[0]) || !g_ascii_isxdigit(text[1]))
			return FALSE;
		mac[i] = (guint8)(g_ascii_xdigit_value(text[0]) << 4 |
				  g_ascii_xdigit_value(text[1]));
		text += 2;
	}
	return *text == '\0';
}

/* How well an interface with the right MAC address stands for the adapter. */
static int rank(const NetInterface *interface)
{
	return (interface->master == 0 ? 2 : 0) + (interface->addresses->len > 0 ? 1 : 0);
}

const NetInterface *net_state_find(const NetState *state, const char *text)
{
	const NetInterface *best = NULL;
	guint8 mac[6];

	if (!parse_mac(text, mac))
		return NULL;
	for (guint i = 0; i < state->interfaces->len; i++) {
		const NetInterface *interface = g_ptr_array_index(state->interfaces, i);

		if (!interface->has_mac || memcmp(interface->mac, mac, sizeof(mac)) != 0)
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

static void fill_addresses(const NetInterface *interface, KvpIp *ret)
{
	GString *addresses = g_string_new(NULL), *masks = g_string_new(NULL);

	for (guint i = 0; i < interface->addresses->len; i++) {
		const NetAddress *address = &g_array_index(interface->addresses, NetAddress, i);
		g_autofree char *mask = mask_text(address);
		char text[INET6_ADDRSTRLEN];

		/* Masks pair with addresses and are never longer than an IPv4 address is. */
		if (masks->len + strlen(mask) + 1 > room(sizeof(ret->subnet)) ||
			!list_add(
				addresses, address_text(address, text), room(sizeof(ret->address))))
			break;
		list_add(masks, mask, room(sizeof(ret->subnet)));
		ret->family |=
			address->family == AF_INET ? HVIS_KVP_FAMILY_IPV4 : HVIS_KVP_FAMILY_IPV6;
		if (address->family == AF_INET && address->dynamic)
			ret->dhcp = TRUE;
	}
	put(addresses, ret->address, sizeof(ret->address));
	put(masks, ret->subnet, sizeof(ret->subnet));
}

static void fill_gateways(const NetInterface *interface, KvpIp *ret)
{
	GString *gateways = g_string_new(NULL);

	for (guint i = 0; i < interface->gateways->len; i++) {
		char text[INET6_ADDRSTRLEN];

		address_text(&g_array_index(interface->gateways, NetAddress, i), text);
		if (!list_has(gateways, text))
			list_add(gateways, text, room(sizeof(ret->gateway)));
	}
	put(gateways, ret->gateway, sizeof(ret->gateway));
}

void net_state_fill(const NetState *state, const NetInterface *interface, KvpIp *ret)
{
	GString *dns = g_string_new(NULL);

	ret->family = HVIS_KVP_FAMILY_NONE;
	ret->dhcp = interface->dhcp_route;
	fill_addresses(interface, ret);
	fill_gateways(interface, ret);
	for (char **server = state->dns; *server; server++)
		list_add(dns, *server, room(sizeof(ret->dns)));
	put(dns, ret->dns, sizeof(ret->dns));
}

/* --- resolv.conf --- */

static gboolean is_address(const char *text)
{
	guint8 bytes[16];

	return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

char **net_parse_resolv_conf(const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	g_autoptr(GStrvBuilder) servers = g_strv_builder_new();

	for (char **line = lines; *line; line++) {
		g_auto(GStrv) words = g_strsplit_set(g_strstrip(*line), " \t", -1);
		char **word = words;

		if (!*word || !g_str_equal(*word, "nameserver"))
			continue;
		do
			word++;
		while (*word && **word == '\0');
		if (*word && is_address(*word))
			g_strv_builder_add(servers, *word);
	}
	return g_strv_builder_end(servers);
}
