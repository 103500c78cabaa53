/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Plans. Both ways in collect a plan entry by entry and end in check(), so that the rules hold
 * whoever asks.
 */
#include <wire/ip-plan.h>

#include <string.h>

#include <util/error.h>

IpPlan *ip_plan_new(void)
{
	IpPlan *plan = g_new0(IpPlan, 1);

	plan->addresses = g_array_new(FALSE, TRUE, sizeof(IpAddress));
	plan->dns = g_array_new(FALSE, TRUE, sizeof(IpAddress));
	plan->warnings = g_ptr_array_new_with_free_func(g_free);
	return plan;
}

void ip_plan_free(IpPlan *plan)
{
	if (!plan)
		return;
	g_array_unref(plan->addresses);
	g_array_unref(plan->dns);
	g_ptr_array_unref(plan->warnings);
	g_free(plan);
}

guint ip_plan_index(int family)
{
	return family == AF_INET ? IP_V4 : IP_V6;
}

guint ip_plan_count(const IpPlan *plan, int family)
{
	guint n = 0;

	for (guint i = 0; i < plan->addresses->len; i++)
		n += g_array_index(plan->addresses, IpAddress, i).family == family;
	return n;
}

static void warn(IpPlan *plan, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void warn(IpPlan *plan, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	g_ptr_array_add(plan->warnings, g_strdup_vprintf(format, ap));
	va_end(ap);
}

/* --- entries --- */

static const IpAddress *find(const GArray *list, const IpAddress *address)
{
	for (guint i = 0; i < list->len; i++) {
		const IpAddress *other = &g_array_index(list, IpAddress, i);

		if (ip_address_equal(other, address))
			return other;
	}
	return NULL;
}

static gboolean add_address(IpPlan *plan, const IpAddress *address, GError **error)
{
	g_autofree char *text = ip_address_cidr(address);
	const IpAddress *other = find(plan->addresses, address);

	if (!ip_address_is_host(address) || address->prefix == 0)
		return hvis_fail(
			error, HVIS_ERROR_INVALID, "%s is no address for an adapter", text);
	if (ip_address_is_network(address))
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"%s is a network or its broadcast address", text);
	if (other && other->prefix != address->prefix)
		return hvis_fail(
			error, HVIS_ERROR_INVALID, "%s is there with another prefix", text);
	if (other)
		warn(plan, "%s is named twice", text);
	else
		g_array_append_val(plan->addresses, *address);
	return TRUE;
}

static gboolean add_gateway(IpPlan *plan, const char *text, GError **error)
{
	IpAddress address;
	guint i;

	if (!ip_address_parse(text, &address, error))
		return FALSE;
	i = ip_plan_index(address.family);
	if (!ip_address_is_host(&address))
		return hvis_fail(error, HVIS_ERROR_INVALID, "%s cannot be a gateway", text);
	if (plan->has_gateway[i] && !ip_address_equal(&plan->gateway[i], &address))
		return hvis_fail(
			error, HVIS_ERROR_INVALID, "more than one gateway for IPv%c", "46"[i]);
	if (plan->has_gateway[i])
		warn(plan, "the gateway %s is named twice", text);
	plan->has_gateway[i] = TRUE;
	plan->gateway[i] = address;
	return TRUE;
}

/* Unlike an adapter, a name server may be on this machine. */
static gboolean is_server(const IpAddress *address)
{
	static const IpAddress v6_loopback = { AF_INET6, { [15] = 1 }, 128 };

	return ip_address_is_host(address) || ip_address_equal(address, &v6_loopback) ||
	       (address->family == AF_INET && address->bytes[0] == 127);
}

static gboolean add_dns(IpPlan *plan, const char *text, GError **error)
{
	IpAddress address;

	if (!ip_address_parse(text, &address, error))
		return FALSE;
	if (!is_server(&address))
		return hvis_fail(error, HVIS_ERROR_INVALID, "%s cannot be a name server", text);
	if (find(plan->dns, &address))
		warn(plan, "the name server %s is named twice", text);
	else
		g_array_append_val(plan->dns, address);
	return TRUE;
}

/* --- the whole --- */

static gboolean check_gateway(IpPlan *plan, guint i, GError **error)
{
	const IpAddress *gateway = &plan->gateway[i];
	g_autofree char *text = ip_address_text(gateway);
	gboolean on_link = gateway->family == AF_INET6 && ip_address_is_link_local(gateway);

	if (ip_plan_count(plan, gateway->family) == 0)
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"the gateway %s, but no IPv%c address to reach it by", text, "46"[i]);
	if (find(plan->addresses, gateway))
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"the gateway %s is the adapter's own address", text);
	for (guint a = 0; a < plan->addresses->len && !on_link; a++)
		on_link = ip_address_in(gateway, &g_array_index(plan->addresses, IpAddress, a));
	plan->off_link[i] = !on_link;
	if (!on_link)
		warn(plan, "the gateway %s is in none of the adapter's networks", text);
	return TRUE;
}

static gboolean check(IpPlan *plan, GError **error)
{
	if (plan->dhcp)
		return (plan->addresses->len == 0 && plan->dns->len == 0 &&
			       !plan->has_gateway[IP_V4] && !plan->has_gateway[IP_V6]) ||
		       hvis_fail(error, HVIS_ERROR_INVALID,
			       "DHCP stands alone, with no addresses, gateways or name servers "
			       "beside it");
	if (plan->addresses->len == 0)
		return hvis_fail(error, HVIS_ERROR_INVALID, "neither an address nor DHCP");
	for (guint i = 0; i < IP_N_FAMILIES; i++) {
		if (plan->has_gateway[i] && !check_gateway(plan, i, error))
			return FALSE;
	}
	return TRUE;
}

/* --- from the host --- */

/* Entries of a list; some hosts leave a ';' at its end, none may be empty before it. */
static char **split(const char *list, const char *what, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(list, ";", IP_PLAN_LIST_MAX + 2);
	guint n = g_strv_length(parts);

	if (n > 0 && parts[n - 1][0] == '\0')
		g_clear_pointer(&parts[--n], g_free);
	if (n > IP_PLAN_LIST_MAX) {
		hvis_fail(error, HVIS_ERROR_INVALID, "more than %u %s", IP_PLAN_LIST_MAX, what);
		return NULL;
	}
	for (guint i = 0; i < n; i++) {
		g_strstrip(parts[i]);
		if (parts[i][0] == '\0') {
			hvis_fail(error, HVIS_ERROR_INVALID, "an empty one among the %s", what);
			return NULL;
		}
	}
	return g_steal_pointer(&parts);
}

static gboolean take_addresses(IpPlan *plan, const KvpIp *ip, GError **error)
{
	g_auto(GStrv) hosts = split(ip->address, "addresses", error);
	g_auto(GStrv) nets = hosts ? split(ip->subnet, "subnets", error) : NULL;

	if (!nets)
		return FALSE;
	if (g_strv_length(hosts) != g_strv_length(nets))
		return hvis_fail(error, HVIS_ERROR_INVALID, "%u addresses and %u subnets",
			g_strv_length(hosts), g_strv_length(nets));
	for (guint i = 0; hosts[i]; i++) {
		IpAddress address;

		if (!ip_address_parse(hosts[i], &address, error) ||
			!ip_prefix_parse(nets[i], address.family, &address.prefix, error) ||
			!add_address(plan, &address, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean take_list(IpPlan *plan, const char *list, const char *what,
	gboolean (*add)(IpPlan *plan, const char *text, GError **error), GError **error)
{
	g_auto(GStrv) parts = split(list, what, error);

	for (guint i = 0; parts && parts[i]; i++) {
		if (!add(plan, parts[i], error))
			return FALSE;
	}
	return parts != NULL;
}

IpPlan *ip_plan_from_host(const KvpIp *ip, const guint8 mac[6], GError **error)
{
	g_autoptr(IpPlan) plan = ip_plan_new();

	memcpy(plan->mac, mac, sizeof(plan->mac));
	plan->dhcp = ip->dhcp;
	if (ip->dhcp) {
		if (ip->address[0] || ip->gateway[0] || ip->dns[0])
			warn(plan, "addresses, gateways and name servers beside DHCP are left out");
	} else if (!take_addresses(plan, ip, error) ||
		   !take_list(plan, ip->gateway, "gateways", add_gateway, error) ||
		   !take_list(plan, ip->dns, "name servers", add_dns, error)) {
		return NULL;
	}
	return check(plan, error) ? g_steal_pointer(&plan) : NULL;
}

/* --- JSON --- */

static struct json_object *list_json(const GArray *list, char *(*text_of)(const IpAddress *))
{
	struct json_object *json = json_object_new_array();

	for (guint i = 0; i < list->len; i++) {
		g_autofree char *text = text_of(&g_array_index(list, IpAddress, i));

		json_object_array_add(json, json_object_new_string(text));
	}
	return json;
}

struct json_object *ip_plan_to_json(const IpPlan *plan)
{
	struct json_object *json = json_object_new_object();
	struct json_object *gateways = json_object_new_array();
	char mac[IP_MAC_TEXT_SIZE];

	for (guint i = 0; i < IP_N_FAMILIES; i++) {
		g_autofree char *text =
			plan->has_gateway[i] ? ip_address_text(&plan->gateway[i]) : NULL;

		if (text)
			json_object_array_add(gateways, json_object_new_string(text));
	}
	ip_mac_text(plan->mac, mac);
	json_object_object_add(json, "adapter", json_object_new_string(mac));
	json_object_object_add(json, "dhcp", json_object_new_boolean(plan->dhcp));
	json_object_object_add(json, "addresses", list_json(plan->addresses, ip_address_cidr));
	json_object_object_add(json, "gateways", gateways);
	json_object_object_add(json, "dns", list_json(plan->dns, ip_address_text));
	return json;
}

static const char *string_of(struct json_object *value)
{
	const char *text =
		json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;

	return text && strlen(text) == (gsize)json_object_get_string_len(value) ? text : NULL;
}

static gboolean add_cidr(IpPlan *plan, const char *text, GError **error)
{
	IpAddress address;

	return ip_address_parse_cidr(text, &address, error) && add_address(plan, &address, error);
}

static gboolean take_json(IpPlan *plan, struct json_object *object, const char *name,
	gboolean (*add)(IpPlan *plan, const char *text, GError **error), GError **error)
{
	struct json_object *list = NULL;

	if (!json_object_object_get_ex(object, name, &list) || !list)
		return TRUE;
	if (!json_object_is_type(list, json_type_array) ||
		json_object_array_length(list) > IP_PLAN_LIST_MAX)
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"%s: a list of at most %u strings is wanted", name, IP_PLAN_LIST_MAX);
	for (gsize i = 0; i < json_object_array_length(list); i++) {
		const char *text = string_of(json_object_array_get_idx(list, i));

		if (!text)
			return hvis_fail(error, HVIS_ERROR_INVALID, "%s: not a string", name);
		if (!add(plan, text, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean take_head(IpPlan *plan, struct json_object *object, GError **error)
{
	struct json_object *adapter = NULL, *dhcp = NULL;
	const char *mac;

	json_object_object_get_ex(object, "adapter", &adapter);
	mac = string_of(adapter);
	if (!mac)
		return hvis_fail(error, HVIS_ERROR_INVALID, "adapter: a MAC address is wanted");
	if (json_object_object_get_ex(object, "dhcp", &dhcp) && dhcp &&
		!json_object_is_type(dhcp, json_type_boolean))
		return hvis_fail(error, HVIS_ERROR_INVALID, "dhcp: true or false is wanted");
	plan->dhcp = json_object_get_boolean(dhcp);
	return ip_mac_parse(mac, plan->mac, error);
}

IpPlan *ip_plan_from_json(struct json_object *object, GError **error)
{
	g_autoptr(IpPlan) plan = ip_plan_new();

	if (!take_head(plan, object, error) ||
		!take_json(plan, object, "addresses", add_cidr, error) ||
		!take_json(plan, object, "gateways", add_gateway, error) ||
		!take_json(plan, object, "dns", add_dns, error) || !check(plan, error))
		return NULL;
	return g_steal_pointer(&plan);
}
