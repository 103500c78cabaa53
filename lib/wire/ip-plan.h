/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the host wants an adapter to be like, as checked data: made of the strings of SET_IP_INFO or
 * of JSON, and turned into JSON again. A plan that exists is consistent; nobody behind it looks at
 * text from the host. How a network manager is told is not known here.
 */
#pragma once

#include <glib.h>
#include <json-c/json.h>

#include <wire/ip-address.h>
#include <wire/kvp-device.h>

#define IP_PLAN_LIST_MAX (2 * HVIS_KVP_IP_ADDRESSES_MAX) /* entries, both families together */

enum {
	IP_V4 = 0,
	IP_V6 = 1,
	IP_N_FAMILIES = 2,
};

/*
 * With DHCP there are no addresses, gateways and name servers: IPv4 by DHCP, IPv6 as the routers say.
 * Without it there is one address at least; a family without an address is off for IPv4, and as the
 * routers say for IPv6.
 */
typedef struct {
	guint8 mac[6]; /* the adapter's */
	gboolean dhcp;
	GArray *addresses; /* of IpAddress, each once, the host's order */
	gboolean has_gateway[IP_N_FAMILIES];
	IpAddress gateway[IP_N_FAMILIES];
	gboolean off_link[IP_N_FAMILIES]; /* the gateway is in none of the networks */
	GArray *dns; /* of IpAddress */
	GPtrArray *warnings; /* char *: what was left out, what looks wrong */
} IpPlan;

IpPlan *ip_plan_new(void);
void ip_plan_free(IpPlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(IpPlan, ip_plan_free)

guint ip_plan_index(int family); /* AF_INET is IP_V4 */
guint ip_plan_count(const IpPlan *plan, int family); /* addresses of a family */

/*
 * The host's lists for the adapter @mac. HVIS_ERROR_INVALID for anything that is no address, for a
 * mask with a hole, lists that do not match, an address that no host can have, a second gateway of a
 * family or one without an address to reach it by. A host that asks for DHCP sends the present
 * addresses along: they are left out, with a warning.
 */
IpPlan *ip_plan_from_host(const KvpIp *ip, const guint8 mac[6], GError **error);

/* { adapter, dhcp, addresses: ["192.0.2.7/24"], gateways, dns }; a new object, and back. */
struct json_object *ip_plan_to_json(const IpPlan *plan);
IpPlan *ip_plan_from_json(struct json_object *object, GError **error);
