/* SPDX-License-Identifier: GPL-2.0-only */
/* Every reason comes from netpolicy.c. */
#include "config.h"

#include "kvpd/info.h"

#include <arpa/inet.h>

#include <util/json.h>

/* --- host and guest --- */

/* Where a key is there twice the last one counts, as for Get. */
static struct json_object *pairs(const KvpRecords *records)
{
	struct json_object *object = json_object_new_object();

	for (guint i = 0; records && i < kvp_records_count(records); i++)
		json_object_object_add(object, kvp_records_key(records, i),
			json_object_new_string(kvp_records_value(records, i)));
	return object;
}

struct json_object *kvp_info_json(const KvpRecords *host, const KvpRecords *guest)
{
	struct json_object *info = json_object_new_object();

	json_object_object_add(info, "host", pairs(host));
	json_object_object_add(info, "guest", pairs(guest));
	return info;
}

/* --- interfaces --- */

static void add_bool(struct json_object *object, const char *name, gboolean value)
{
	json_object_object_add(object, name, json_object_new_boolean(value));
}

static struct json_object *address_json(
	const NetState *state, const NetAddress *address, const char *why_interface)
{
	struct json_object *object = json_object_new_object();
	g_autofree char *why = NULL;
	char text[INET6_ADDRSTRLEN];
	gboolean reported;

	reported = net_policy_address(state->policy, address, &why) && !why_interface;
	json_object_object_add(
		object, "address", json_object_new_string(net_address_text(address, text)));
	json_object_object_add(object, "prefix", json_object_new_int(address->prefix));
	json_object_object_add(object, "origin", hvis_json_text(net_address_origin(address)));
	add_bool(object, "reported", reported);
	json_object_object_add(object, "why", hvis_json_text(why_interface ? why_interface : why));
	return object;
}

static void add_addresses(struct json_object *nic, const NetState *state,
	const NetInterface *interface, const char *why)
{
	struct json_object *list = json_object_new_array();
	guint n = MIN(interface->addresses->len, KVP_INFO_ADDRESSES_MAX);

	for (guint i = 0; i < n; i++)
		json_object_array_add(
			list, address_json(state,
				      &g_array_index(interface->addresses, NetAddress, i), why));
	json_object_object_add(nic, "addresses", list);
	json_object_object_add(
		nic, "omitted", json_object_new_int((int)(interface->addresses->len - n)));
}

static struct json_object *gateways_json(const NetInterface *interface)
{
	const GArray *gateways = net_interface_gateways(interface);
	struct json_object *list = json_object_new_array();

	for (guint i = 0; i < MIN(gateways->len, KVP_INFO_ADDRESSES_MAX); i++) {
		char text[INET6_ADDRSTRLEN];

		net_address_text(&g_array_index(gateways, NetAddress, i), text);
		json_object_array_add(list, json_object_new_string(text));
	}
	return list;
}

static struct json_object *texts_json(char **texts)
{
	struct json_object *list = json_object_new_array();

	for (char **text = texts; *text; text++)
		json_object_array_add(list, json_object_new_string(*text));
	return list;
}

static const char *name_of(const NetState *state, int index)
{
	const NetInterface *interface = index ? net_state_get(state, index) : NULL;

	return interface ? interface->name : NULL;
}

/* With the hardware address, and whether a question for it is answered with this interface. */
static void add_mac(struct json_object *nic, const NetState *state, const NetInterface *interface)
{
	const guint8 *b = interface->mac;
	g_autofree char *mac = NULL;

	if (interface->has_mac)
		mac = g_strdup_printf(
			"%02X:%02X:%02X:%02X:%02X:%02X", b[0], b[1], b[2], b[3], b[4], b[5]);
	json_object_object_add(nic, "mac", hvis_json_text(mac));
	add_bool(nic, "adapter", mac && net_state_find(state, mac) == interface);
}

static struct json_object *nic_json(const NetState *state, const NetInterface *interface)
{
	struct json_object *nic = json_object_new_object();
	const char *dhcp = net_interface_dhcp(interface);
	g_autofree char *why = NULL;

	add_bool(nic, "reported",
		net_policy_interface(
			state->policy, interface, name_of(state, interface->function_of), &why));
	json_object_object_add(nic, "why", hvis_json_text(why));
	json_object_object_add(nic, "name", json_object_new_string(interface->name));
	json_object_object_add(nic, "index", json_object_new_int(interface->index));
	json_object_object_add(nic, "master", hvis_json_text(name_of(state, interface->master)));
	add_mac(nic, state, interface);
	add_addresses(nic, state, interface, why);
	json_object_object_add(nic, "gateways", gateways_json(interface));
	json_object_object_add(nic, "dns", texts_json(net_state_dns(state, interface)));
	add_bool(nic, "dhcp", dhcp != NULL);
	json_object_object_add(nic, "dhcp_by", hvis_json_text(dhcp));
	return nic;
}

struct json_object *kvp_info_nics(const NetState *state, gint64 from, gsize room, gint64 *ret_next)
{
	struct json_object *list = json_object_new_array();
	gint64 n = state->interfaces->len;

	for (gint64 i = MAX(from, 0); i < n; i++) {
		const NetInterface *interface = g_ptr_array_index(state->interfaces, i);
		struct json_object *nic;
		gsize size;

		if (!interface->name)
			continue;
		nic = nic_json(state, interface);
		json_object_to_json_string_length(nic, JSON_C_TO_STRING_PLAIN, &size);
		if (size + 1 > room && json_object_array_length(list) > 0) {
			json_object_put(nic);
			*ret_next = i;
			return list;
		}
		room -= MIN(room, size + 1);
		json_object_array_add(list, nic);
	}
	*ret_next = -1;
	return list;
}
